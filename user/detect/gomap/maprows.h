/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_MAPROWS_H
#define MAPRACE_DETECT_GOMAP_MAPROWS_H

#include "detect/gomap/tracker.h"
#include "model/model.h"

/*
 * The table of maps that matter: used by two goroutines and written by one, or proved racy; worst
 * first, at most max rows a process. Appends to report->maps. 0 or -ENOMEM.
 */
int maprows_append(struct report *report, struct tracker_source *source, size_t max);

/*
 * The source's target has ended: the table stays as it is now, and does not change any more when
 * others take its maps' records. 0 or -ENOMEM: without some rows then.
 */
int maprows_keep(struct tracker_source *source, size_t max);
void maprows_forget(struct tracker_source *source);

/* Whether the row is of the map that the race was on, and not of one that came to lie at its
 * address later. */
bool maprows_is_of(const struct report_maprow *row, const struct report_race *race);

/* Of the report's maps, those that a race of the report was on are racy, whatever else they were
 * found to be: a fatal error, say, is counted nowhere else. */
void maprows_prove(struct report *report);

/* How many maps have a record now. Walks the whole table, for all targets once in 50 ms. */
size_t maprows_count(const struct tracker_source *source);

#endif
