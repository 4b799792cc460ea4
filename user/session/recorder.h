/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_RECORDER_H
#define MAPRACE_SESSION_RECORDER_H

#include <stdbool.h>

#include "base/err.h"
#include "model/model.h"
#include "session/settings.h"

/*
 * Streams what a watch finds into recordings (-o FILE.mrec, --record). A race is written at the
 * first tick after it was found; how often it was seen, and the counters, are written after 1, 2,
 * 4, … seconds and at the end, so that a recording grows with the number of races and not with the
 * number of sightings.
 */
struct recorder;

/* Whose findings they are. */
struct recorder_source {
	void *ctx;
	int (*fill)(void *ctx, struct report *report); /* all that is known */
	int (*lend)(void *ctx, struct report *report); /* races and suspects only, cheaper */
	void (*drop)(struct report *report);	       /* after either, whatever came back */
};

/* Is this output streamed, and not written at the end? */
bool recorder_takes(const char *path, const struct output_options *options);

/* Opens the recordings that the options ask for. 0 (NULL when there is none to write) or a negative
 * errno with err set. */
int recorder_open(struct recorder **recorder, const struct output_options *options,
		  struct err *err);
/*
 * recorder may be NULL. A failure is told and returned once; nothing more is written then.
 * recorder_tick(): something may have happened until now_s, seconds since the start.
 * recorder_report(): what is known now; last: and the run is over.
 */
int recorder_tick(struct recorder *recorder, double now_s, const struct recorder_source *source);
int recorder_report(struct recorder *recorder, const struct report *report, bool last);
/* What the ticks write of the races at a time since the start; all: also what is not due yet. 0 or
 * a negative errno. */
int recorder_races(struct recorder *recorder, const struct report *report, double now_s, bool all);
int recorder_close(struct recorder *recorder);

#endif
