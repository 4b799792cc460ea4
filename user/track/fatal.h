/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TRACK_FATAL_H
#define MAPRACE_TRACK_FATAL_H

#include <maprace/wire.h>

#include "report/model.h"
#include "track/tracker.h"

/*
 * The runtime's own verdict: a goroutine called runtime.fatal. Fills race (evidence fatal) where
 * the text is one of the map conflicts: the stack of the goroutine that dies, the map that it used
 * last, and from that map's record the last other accessor. -ENOENT: another error, or a text that
 * cannot be read. -ENOMEM.
 */
int fatal_race(struct tracker_source *source, const struct mr_event_fatal *e,
	       struct report_race *race);

/*
 * Where the dying goroutine's own note is gone: the one map among the words of its registers and
 * stack that it was seen at and that another goroutine has written to just now (*other). NULL when
 * there is none, or more than one. count: of the records, a power of two.
 */
const struct mr_map *fatal_only_map(const struct mr_map *maps, uint32_t count,
				    const struct mr_event_fatal *e, const struct mr_last **other);

#endif
