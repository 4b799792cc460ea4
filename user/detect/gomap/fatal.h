/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_FATAL_H
#define MAPRACE_DETECT_GOMAP_FATAL_H

#include <maprace/death.h>

#include "detect/gomap/tracker.h"
#include "model/model.h"

/* Whether these words are the runtime's for a conflict on a map. */
bool fatal_is_conflict(const char *message);

/*
 * The runtime's own verdict: a goroutine called runtime.fatal. Fills race (evidence fatal) where
 * the text is one of the map conflicts: the stack of the goroutine that dies and, where it is
 * certain which map it was in, that map, and whoever else was inside it, where that is certain as
 * well. -ENOENT: another error, or a text that cannot be read. -ENOMEM.
 */
int fatal_race(struct tracker_source *source, const struct mr_event_fatal *e,
	       struct report_race *race);

#endif
