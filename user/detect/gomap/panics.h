/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_PANICS_H
#define MAPRACE_DETECT_GOMAP_PANICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect/gomap/tracker.h"
#include "model/panic.h"

/*
 * Where programs panic, and what becomes of it (--panics): events and the kernel's table in, the
 * report's panics out. A row for each site and type of value in each process.
 */
struct panics;

#define PANICS_MOST 4096 /* rows, of all processes */

/* start_ns: CLOCK_MONOTONIC when the watch began. values: what they say is told. NULL: no memory. */
struct panics *panics_new(uint64_t start_ns, bool values);
void panics_free(struct panics *all);

/* One record of the ring buffer, not trusted to have the right form. 0 or -ENOMEM. */
int panics_event(struct panics *all, struct tracker_source *source, const void *data, size_t size);
/* What the kernel has counted by now. 0 or -ENOMEM. */
int panics_catch_up(struct panics *all, struct tracker_source *source);
/* For which part of the time they were watched. */
void panics_set_watched(struct panics *all, const struct tracker_source *source, double part);
/* Its process has ended, and was caught up with: of what is under way nothing more is known. */
void panics_conclude(struct panics *all, const struct tracker_source *source);

/*
 * Calls back with each row of which there is more than at the last call, once it is so old (it has
 * ended: whatever its age): news is what has come since, by outcome, and the number of panics whose
 * outcome will never be known.
 */
struct panics_news {
	bool first;
	uint64_t outcomes[REPORT_PANIC_OUTCOMES], unknown;
};
void panics_tell(struct panics *all, uint64_t older_than_ns, uint64_t now_ns,
		 void (*each)(void *ctx, const struct tracker_source *source,
			      const struct report_panic *panic, const struct panics_news *news),
		 void *ctx);

/* Fills the report's panics, most first. Copies nothing: report borrows their contents until the
 * next event; free report->panics with free() only. 0 or -ENOMEM. */
int panics_lend(struct panics *all, struct report *report);
/* Whether there are rows of it: their source has to stay then. */
bool panics_knows(const struct panics *all, const struct tracker_source *source);
/* All that there is of a source that is about to be freed. */
void panics_forget(struct panics *all, const struct tracker_source *source);

#endif
