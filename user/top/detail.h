/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TOP_DETAIL_H
#define MAPRACE_TOP_DETAIL_H

#include "top/table.h"

/* A text of lines, all of it escaped. */
struct top_text {
	char *text; /* owned */
	char **lines;
	size_t n;
};

/* All that is known of one process: its races, its maps, and both stacks of each race. 0 or
 * -ENOMEM: then out is empty. */
int top_detail(struct top_text *out, const struct top_row *row, const struct report *report,
	       const struct top_work *work, size_t nwork);
void top_text_free(struct top_text *t);

#endif
