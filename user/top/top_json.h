/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TOP_TOP_JSON_H
#define MAPRACE_TOP_TOP_JSON_H

#include "top/table.h"

/* The table as one line of JSON, in its order and with its filter, and the races of each process;
 * flushed. now_ns: of the wall clock. 0 or negative errno. */
int top_json_print(FILE *out, const struct top_table *t, const struct report *report,
		   const struct top_work *work, size_t nwork, int64_t now_ns);

#endif
