/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_RECORDER_H
#define MAPRACE_CMD_RECORDER_H

#include <stdbool.h>

#include "cmd/options.h"
#include "cmd/watch.h"

/*
 * Streams what a watch finds into recordings (-o FILE.mrec, --record). A race is written at the
 * first tick after it was found; how often it was seen, and the counters, are written after 1, 2,
 * 4, … seconds and at the end, so that a recording grows with the number of races and not with the
 * number of sightings.
 */
struct recorder;

/* Is this output streamed, and not written at the end? */
bool recorder_takes(const char *path, const struct watch_options *options);

/* Opens the recordings that the options ask for. 0 (NULL when there is none to write) or a negative
 * errno with err set. */
int recorder_open(struct recorder **recorder, const struct watch_options *options, struct err *err);
/* Something may have happened. Failures are told once, and make the watch fail. */
void recorder_tick(struct watch *w);
/* What is known now; last: and the run is over. */
void recorder_report(struct watch *w, const struct report *report, bool last);
/* What the ticks write of the races at a time since the start; all: also what is not due yet. 0 or
 * a negative errno. */
int recorder_races(struct recorder *r, const struct report *report, double now_s, bool all);
/* Tells of a failure, and makes the watch fail. */
void recorder_close(struct watch *w);

#endif
