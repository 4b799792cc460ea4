/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_DEATHBOOK_H
#define MAPRACE_SESSION_DEATHBOOK_H

#include "report/metrics/metrics.h"

/* How many processes died by the runtime's hand, by cause and program, as long as there is room:
 * then the others are counted only. */
struct deathbook {
	struct metrics_death *list; /* its strings are the book's own */
	size_t n;
	uint64_t unlisted;
};

#define DEATHBOOK_MOST 500

/* One more; of names that are copied. */
void deathbook_note(struct deathbook *b, const struct metrics_death *death);
void deathbook_free(struct deathbook *b);

#endif
