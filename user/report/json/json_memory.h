/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_MEMORY_H
#define MAPRACE_REPORT_JSON_MEMORY_H

#include "model/memory.h"
#include "report/json/json_value.h"

#define JSON_MEMORIES_MAX 1000 /* that a document may hold: whoever fills a report stays below */

/* One element of the member "memory", and all of it; seen: with goroutines. NULL: no memory. */
json_t *json_build_memory(const struct report_memory *m, bool seen);
json_t *json_build_memories(const struct report *report, bool seen);
/* Where the member is missing nobody asked for it. */
void json_read_memories(struct json_reader *r, const json_t *o, struct report *report);

#endif
