/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_WATCH_RINGS_H
#define MAPRACE_SESSION_WATCH_RINGS_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct watch;
struct watched;
struct ring;

/*
 * What the engines have to tell, in a ring each, which all targets of an engine share. They are
 * read at each step of a target's budget, 2 to 50 ms apart: bpf/common/ring.bpf.h tells why not at
 * each event.
 */
struct rings {
	struct watch *watch;
	struct event_base *base; /* is told to stop where one of these is set: */
	bool enough;		 /* the race that was waited for is there */
	int error;		 /* negative errno: the watch cannot go on */
	struct ring *first;
	/* the ends of targets that come together have one time for all of them */
	uint64_t end_until_ns;
};

/* That of the target's engine, be it that it is new. 0 or negative errno. */
int rings_find(struct rings *all, const struct watched *t, struct ring **out);
/* Some of what it holds; the others are not kept waiting for all of it. True: all. */
bool rings_drain(struct ring *ring);
/* The same, unless it was read just now. */
void rings_drain_if_due(struct ring *ring);
/* What a target has left behind. */
void rings_drain_at_end(struct ring *ring);
/* All of them, when the probes are gone; what there is no time for is counted. */
void rings_drain_last(struct rings *all);
void rings_close(struct rings *all);

#endif
