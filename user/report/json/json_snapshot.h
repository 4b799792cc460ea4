/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_SNAPSHOT_H
#define MAPRACE_REPORT_JSON_SNAPSHOT_H

#include "model/snapshot.h"
#include "report/json/json_value.h"

/* NULL when memory is short. */
json_t *json_build_snapshot(const struct report_snapshot *s);
json_t *json_build_snapshots(const struct report *report);
json_t *json_build_death(const struct report_death *d);
json_t *json_build_deaths(const struct report *report);

/* Readers fill what is zero, as those of json_parts.h do. The lists are members of root. */
void json_read_snapshot(struct json_reader *r, const json_t *o, struct report_snapshot *s);
void json_read_death(struct json_reader *r, const json_t *o, struct report_death *d);
void json_read_snapshots(struct json_reader *r, const json_t *root, struct report *report);
void json_read_deaths(struct json_reader *r, const json_t *root, struct report *report);

#endif
