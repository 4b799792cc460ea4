/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_FILTER_H
#define MAPRACE_REPORT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/model.h"

/*
 * Which races are not to be reported: those that a suppression names, and those that were known
 * before (the baseline).
 *
 * A suppressions file has one rule a line, as ThreadSanitizer and Go's race detector take them:
 *   race:PATTERN       a function or file of either stack matches; of kernel BPF maps: the name of
 *                      either program or process, or its executable
 *   race_top:PATTERN   the innermost frame outside the runtime, of either stack, matches
 *   map:TYPE           the map is of this type, with * for any text; of kernel BPF maps: has this
 *                      name
 * PATTERN matches anywhere in the name; * stands for any text, ^ and $ for its ends. Empty lines
 * and lines that begin with # are skipped, and so are ThreadSanitizer's kinds that are of no
 * concern here (deadlock, mutex, signal, thread, called_from_lib).
 */
struct filter;

struct filter *filter_new(void); /* lets everything through; NULL: no memory */
void filter_free(struct filter *filter);

/* Rules of a file. 0 or a negative errno with err set. */
int filter_read_suppressions(struct filter *filter, const char *path, struct err *err);
/* A filter of both files; either may be NULL. With neither *filter is NULL. 0 or a negative errno
 * with err set. */
int filter_open(struct filter **filter, const char *suppressions, const char *baseline,
		struct err *err);
/* The same of text that is in memory; name is for messages. */
int filter_add_suppressions(struct filter *filter, const char *name, const char *text, size_t len,
			    struct err *err);
/* The ids of a report's races; name is what hidden races are said to be known from. 0 or -ENOMEM. */
int filter_add_baseline(struct filter *filter, const char *name, const struct report *report);

/* filter: a struct filter, or NULL; as those take it who know of none (the detectors). */
bool filter_hides(const void *filter, const struct report_race *race);
/*
 * Moves what is hidden behind the races (and suspects) that are not, keeping both orders, and fills
 * report->hidden. The report keeps owning them. 0 or -ENOMEM.
 */
int filter_apply(const struct filter *filter, struct report *report);

#endif
