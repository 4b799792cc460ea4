/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_PROGRAMBOOK_H
#define MAPRACE_SESSION_PROGRAMBOOK_H

#include <stdbool.h>

#include "report/metrics/metrics.h"

/* What has happened in programs, by what it is and by program: processes that died, panics. There
 * is room for so many rows: then the one that has been as it is for longest is given up, and what
 * it counted is counted with those that have none. */
struct programbook {
	struct metrics_row *list; /* its strings are the book's own */
	uint64_t *noted;	  /* when each was counted last, by the number of notes */
	size_t n;
	uint64_t total, unlisted, notes;
};

#define PROGRAMBOOK_MOST 500

/* So many more; of names that are copied, but for what it is. How many of the row there are now; 0:
 * there is no row. */
uint64_t programbook_note(struct programbook *b, const struct metrics_row *more);
/* As the first ten of a row are, then the 16th, 32nd, 64th … A service that dies again and again
 * would fill any log. */
bool programbook_is_worth_a_line(uint64_t n);
void programbook_free(struct programbook *b);

#endif
