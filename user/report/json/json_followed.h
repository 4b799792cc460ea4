/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_JSON_FOLLOWED_H
#define MAPRACE_REPORT_JSON_JSON_FOLLOWED_H

#include <jansson.h>

#include "model/model.h"
#include "report/json/json_value.h"

/* What a command has started: "followed" and "processes" of the document. Nothing where nobody
 * looked. */
json_t *json_build_process(const struct report_process *process);
int json_put_followed(json_t *o, const struct report *report);
void json_read_followed(struct json_reader *r, const json_t *root, struct report *report);

#endif
