/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_LEAKBOOK_H
#define MAPRACE_SESSION_LEAKBOOK_H

#include <stdbool.h>

#include "report/metrics/metrics.h"

/* Places that make goroutines which do not end, by program, each with the number of processes in
 * which it was named. There is room for so many; those that come later are counted together. */
struct leakbook {
	struct metrics_leak *list; /* its strings are the book's own */
	size_t n;
	uint64_t unlisted;
};

#define LEAKBOOK_MOST 500

/* One more, of names that are copied. True: the first one of its row. */
bool leakbook_note(struct leakbook *b, const struct metrics_leak *leak);
void leakbook_free(struct leakbook *b);

#endif
