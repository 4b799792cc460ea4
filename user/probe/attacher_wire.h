/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_ATTACHER_WIRE_H
#define MAPRACE_PROBE_ATTACHER_WIRE_H

/* What the two sides behind probe/attacher.h say to each other: who asks is attacher.c, who holds
 * the probes, in a process of its own, attacher_process.c. */
#include "probe/attacher.h"

enum attacher_command { PLACE, SETTLE, ADD, TAKE_BACK, OPEN, CLOSE, ROUSE, CALLS, REMOVE, WAIT };

struct attacher_request {
	enum attacher_command command;
	uint32_t slot, id;
	union {
		struct links_target target;
		bool cycled[MR_SITE_SLOTS];
		struct links_addition more;
		struct links_calls calls;
	};
};

struct attacher_answer {
	uint32_t slot, id;
	int result;
	uint64_t unwatched_ns; /* it had taken the probes away by itself so long ago */
	struct err err;
};

/*
 * The last sign of life, CLOCK_MONOTONIC, shared with all attachers: while one of them is waited
 * for nobody looks at the other targets, and still we live. 0: none yet.
 */
extern uint64_t *attacher_life_ns;

/* Of the child, for good: answers at this end of the socket until the other one is closed. */
_Noreturn void attacher_run(int own_end, const struct attacher_orders *orders);

#endif
