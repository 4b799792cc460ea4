/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_DEATHBOOK_H
#define MAPRACE_SESSION_DEATHBOOK_H

#include <stdbool.h>

#include "report/metrics/metrics.h"

/* How many processes died by the runtime's hand, by cause and program. There is room for so many
 * rows: then the one that has been as it is for longest is given up, and what it counted is counted
 * with those that have none. */
struct deathbook {
	struct metrics_death *list; /* its strings are the book's own */
	uint64_t *noted;	    /* when each was counted last, by number */
	size_t n;
	uint64_t total, unlisted;
};

#define DEATHBOOK_MOST 500

/* One more; of names that are copied. True: worth a line, as the first ten of a row are, then the
 * 16th, 32nd, 64th … A service that dies again and again would fill any log. */
bool deathbook_note(struct deathbook *b, const struct metrics_death *death);
void deathbook_free(struct deathbook *b);

#endif
