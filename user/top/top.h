/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TOP_TOP_H
#define MAPRACE_TOP_TOP_H

#include "base/err.h"
#include "session/watch.h"
#include "top/table.h"

/*
 * A watch that is looked at while it lasts: a table on the terminal, or, where standard output is
 * none, a line of JSON each interval.
 */
struct top_options {
	struct watch_options watch; /* first, as in settings.h */
	uint64_t interval_ns;
	unsigned int count; /* of tables; 0: until it is told to end */
	enum top_column sort;
};

struct top;

/* options must outlive it. 0, or -ENOMEM, or -ENOTTY: the terminal cannot be used. */
int top_open(struct top **out, struct watch *w, const struct top_options *options, struct err *err);
/* The watch is over. */
void top_close(struct top *t); /* NULL is fine */

#endif
