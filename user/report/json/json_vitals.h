/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_VITALS_H
#define MAPRACE_REPORT_JSON_VITALS_H

#include "model/vitals.h"
#include "report/json/json_value.h"

/* What a document may hold at the most: whoever fills a report stays well below. */
#define JSON_VITALS_MAX 20000
#define JSON_VITALS_PARTS_MAX 1000 /* places, and reasons, of one process */

/* The member "goroutines", and one element of it. NULL: no memory. */
json_t *json_build_vitals(const struct report *report);
json_t *json_build_vitals_of(const struct report_vitals *vitals);
/* A place that was named, for the log. */
json_t *json_build_leak(const struct report_maker *maker, const struct report_process *process,
			int64_t unix_ns);
/* Where the member is missing nobody asked for it. */
void json_read_vitals(struct json_reader *r, const json_t *o, struct report *report);

#endif
