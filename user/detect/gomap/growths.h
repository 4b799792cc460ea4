/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_GROWTHS_H
#define MAPRACE_DETECT_GOMAP_GROWTHS_H

#include <stddef.h>
#include <stdint.h>

#include "detect/gomap/tracker.h"
#include "model/model.h"

/*
 * How maps grew (watch --growth): events in, the report's growths out. Of too many, those are kept
 * on which most time was spent.
 */
struct growths;

/* start_ns: CLOCK_MONOTONIC when the watch began. NULL: no memory. */
struct growths *growths_new(uint64_t start_ns);
void growths_free(struct growths *all);

/* One record of the ring buffer, not trusted to have the right form. 0 or -ENOMEM. */
int growths_event(struct growths *all, struct tracker_source *source, const void *data,
		  size_t size);
/* What goroutines have done and no event has told yet. 0 or -ENOMEM. */
int growths_catch_up(struct growths *all, struct tracker_source *source);

/*
 * Fills the report's growths. Copies nothing: report borrows their contents until the next event;
 * free report->growths with free() only. 0 or -ENOMEM.
 */
int growths_lend(struct growths *all, struct report *report);
/* Of those that are kept, how many were too much for the last report. */
size_t growths_left_out(const struct growths *all);

#endif
