/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_TRACKER_H
#define MAPRACE_DETECT_GOMAP_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <maprace/death.h>

#include "detect/gomap/resolve.h"
#include "model/model.h"
#include "probe/attach.h"

/*
 * Events in, races out. One tracker serves all watched processes; each is a source. Races, or
 * suspects, with the same two sites in one process are one race, however many paths lead there.
 */
struct tracker;

struct tracker_source { /* what an event's addresses refer to; owned by the caller, must outlive the
			   tracker */
	struct resolver resolver;
	const struct attachment *attachment; /* NULL: it has ended */
	bool check_fired;		     /* the process's own check has */
	bool flag_stays;		     /* a map's writing flag may, with nobody inside */
	bool may_miss;			     /* attachment_may_miss() */
	uint64_t bad_events;
	uint64_t dropped_races;	  /* beyond the number, or the bytes, that the tracker keeps */
	uint64_t dropped_growths; /* likewise of maps' growths, and of their parts */
	uint64_t dropped_panics;  /* and of sites of panics */
	/* What is in the kernel's tables is not asked for any more: maprows_keep() has read it. */
	bool ended;
	struct report_maprow *kept;
	size_t nkept, maps_at_end;
};

/* start_ns: CLOCK_MONOTONIC when the watch began. NULL: no memory. */
struct tracker *tracker_new(uint64_t start_ns);
void tracker_free(struct tracker *t);

/* One record of the ring buffer, not trusted to have the right form. 0 or -ENOMEM. */
int tracker_event(struct tracker *t, struct tracker_source *source, const void *data, size_t size);

/* Whether it has the right form. */
bool tracker_is_death(const struct mr_event_fatal *e);

/* Counts what is left in the ring when there is no time for it. */
void tracker_skip(struct tracker_source *source);

/* Brings counts and times of all races up to date from the kernel's table of pairs; those of a
 * source that has ended stay. */
void tracker_refresh(struct tracker *t);
void tracker_refresh_source(struct tracker *t, const struct tracker_source *source);

/* Races that are not to be told, or counted by tracker_races(): asked once for each, when it is
 * new. tracker_borrow() gives them all. */
void tracker_set_filter(struct tracker *t, bool (*hides)(const void *, const struct report_race *),
			const void *ctx);

size_t tracker_races(const struct tracker *t);
/* All that there is of a source that has ended, and is about to be freed: each race is given back
 * once more. They stay counted. */
void tracker_forget(struct tracker *t, const struct tracker_source *source,
		    void (*each)(void *ctx, const struct report_race *race), void *ctx);
/* Whether it has races, or suspects, of that source, which has to stay then. */
bool tracker_owes(const struct tracker *t, const struct tracker_source *source); /* to be taken */
bool tracker_knows(const struct tracker *t, const struct tracker_source *source);
/*
 * The next race that nobody has been told about and that was first seen at or before this time (ns
 * since the start); NULL when there is none. Marks it as told. Owned by the tracker, valid until
 * the next event.
 */
const struct report_race *tracker_take(struct tracker *t, uint64_t until_ns);

/*
 * Fills the report's races, calls its maps racy that one was on, and fills its suspects: pairs that
 * are no race, on maps that are not ordered. Copies nothing: report borrows their contents until
 * tracker_free(); free report->races and report->suspects with free() only. 0 or -ENOMEM.
 */
int tracker_borrow(struct tracker *t, struct report *report);

#endif
