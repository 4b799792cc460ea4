/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TRACK_MAPROWS_H
#define MAPRACE_TRACK_MAPROWS_H

#include "report/model.h"
#include "track/tracker.h"

/*
 * The table of maps that matter: used by two goroutines and written by one, or proved racy; worst
 * first, at most max rows a process. Appends to report->maps. 0 or -ENOMEM.
 */
int maprows_append(struct report *report, struct tracker_source *source, size_t max);

/* Of the report's maps, those that a race of the report was on are racy, whatever else they were
 * found to be: a fatal error, say, is counted nowhere else. */
void maprows_prove(struct report *report);

/* How many maps have a record now. Walks the whole table: some hundred microseconds. */
size_t maprows_count(const struct tracker_source *source);

#endif
