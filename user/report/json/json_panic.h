/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_PANIC_H
#define MAPRACE_REPORT_JSON_PANIC_H

#include "model/panic.h"
#include "report/json/json_value.h"

/* What a document may hold at the most: whoever fills a report stays below. */
#define JSON_PANICS_MAX 20000

/* One element of the member "panics", and all of it. NULL: no memory. */
json_t *json_build_panic(const struct report_panic *panic);
json_t *json_build_panics(const struct report *report);
/* Where the member is missing nobody asked for panics. */
void json_read_panics(struct json_reader *r, const json_t *o, struct report *report);

#endif
