/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_HTML_PARTS_H
#define MAPRACE_REPORT_HTML_PARTS_H

#include <stdio.h>

#include "model/model.h"

/* The parts of the page. Everything is escaped where it is written; nothing is fetched. */

/* html_page.c: what is the same in every page */
void html_begin(FILE *out);
void html_end(FILE *out);

/* A share of a whole in percent, whatever the numbers are: 0 to 100. */
double html_percent(double part, double whole);

/* html_time.c: time lines, drawn to scale with boxes whose places are percentages */
void html_moment(FILE *out, const struct report_race *race); /* the conflict itself */
void html_run(FILE *out, const struct report_race *race, double duration_s); /* all sightings */
/* How far apart the two operations of conflicts were, by powers of two. */
void html_distances(FILE *out, const struct report *report);

/* html_growth.c: how maps grew, over the run and in a table; nothing when nobody asked for it */
void html_growths(FILE *out, const struct report *report);

/* html_deaths.c: processes that have died, and snapshots; nothing where there are none */
void html_deaths(FILE *out, const struct report *report);

/* html_signals.c: memory, panics and goroutines; nothing of what nobody asked for */
void html_signals(FILE *out, const struct report *report);

/* html_tables.c: maps, cost, losses */
void html_maps(FILE *out, const struct report *report);
void html_cost(FILE *out, const struct report *report);

/* "handler=add, tenant=seven" */
void html_labels(FILE *out, const struct report_label *labels, size_t n);

/* What one of the words_*() writes about a race, escaped. */
void html_words(FILE *out, void (*say)(FILE *, const struct report_race *),
		const struct report_race *race);
/* What words_who() or words_access() writes, escaped. */
void html_words_at(FILE *out, void (*say)(FILE *, const struct report_race *, size_t),
		   const struct report_race *race, size_t which);

#endif
