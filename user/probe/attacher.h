/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_ATTACHER_H
#define MAPRACE_PROBE_ATTACHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "probe/links.h"

/*
 * A process of ours that places the probes, holds them, and takes them away when it is told to or
 * when we are gone. For the kernel gives up on taking a breakpoint out of a page of the target when
 * the process that asks for it is being killed (Linux kernel/events/uprobes.c: "failed to
 * unregister, leaking uprobe"): a maprace that changes its probes itself and is killed in that
 * millisecond leaves them behind. The attacher is not who gets killed: it has another name and a
 * session of its own, and goes last when memory runs out.
 *
 * One attacher has the probes of many targets, each by the slot that it is given for it. Only the
 * probes of the target that a request names are touched by it, by a thread of its own: one that
 * waits, for a file system that does not answer any more or for a lock, keeps nobody from anything
 * else. Least of all from taking probes away: also those of the target that it is about are, unless
 * it is the kernel itself that does not come back from changing them.
 *
 * It also lets processes go that a probe has stopped (struct mr_target, stopped_ns) and that nobody
 * has let go in time. And where it is killed itself the kernel does: see struct release.
 *
 * Nor do probes stay in a process while nobody keeps the account of what they cost: a maprace that
 * is stopped, or waits for somebody who reads what it prints, gives no sign of life
 * (attacher_beat()), and after ten seconds without one, or any other request, the attacher takes
 * them all away.
 */
struct attacher {
	struct attacher *next;
	pid_t pid; /* 0: none */
	int fd;
	uint32_t last_id;
	struct attacher_slot {
		uint32_t waits; /* id of the request that has no answer yet; 0: none */
		int result;	/* of the last one that had one */
		struct err err;
		/* for how long it had taken them away by itself, not told yet */
		uint64_t unwatched_ns;
	} slots[MR_TARGETS];
};

struct attacher_orders {
	const struct links *base; /* of links_begin() */
	bool perf;		  /* it keeps the privileges of privileges_drop(perf) only */
	/* Called by the attacher, in its own process, before it takes probes away by itself. */
	void (*before_sleep)(void *arg);
	void *arg;
	/* What the engine has of each slot's target, shared with it: which of them stand still.
	 * NULL: none is ever stopped. */
	volatile struct mr_target *targets;
	volatile uint64_t *keeper_ns; /* where it says that it is alive; with targets */
	uint32_t ntargets;	      /* that there may be at one time */
};

int attacher_start(struct attacher *k, const struct attacher_orders *orders, struct err *err);
/*
 * Requests. None is waited for very long: -EAGAIN, the slot waits for its answer, or for that of an
 * earlier request still, and goes on by itself; attacher_waits() tells until when. Then the same
 * may be asked for once more, which does no harm, but for attacher_add() and
 * attacher_change_calls(), which are done or not as *result says.
 */
bool attacher_waits(struct attacher *k, uint32_t slot, int *result);
/* Waits for it, while others wait for us. Its result, or -EAGAIN: it is under way still. */
int attacher_finish(struct attacher *k, uint32_t slot, struct err *err);
/* Has it place the probes of one more target, in a slot that is free. fd: the target's file, which
 * stays ours. After an error there are none, or there will be none once attacher_wait() returns. */
int attacher_place(struct attacher *k, uint32_t slot, const struct links_target *target, int fd,
		   struct err *err);
/* No target comes any more: it gives up the privileges that only those need. */
int attacher_settle(struct attacher *k, struct err *err);
/* See links_add(), links_take_back(). */
int attacher_add(struct attacher *k, uint32_t slot, const struct links_addition *more,
		 struct err *err);
int attacher_take_back(struct attacher *k, uint32_t slot, struct err *err);
/* See links_change_calls(), links_close(). Neither is waited for: the kernel takes some 50 ms to
 * take a probe away, and there may be hundreds of targets whose probes come and go. */
int attacher_change_calls(struct attacher *k, uint32_t slot, const struct links_calls *change,
			  struct err *err);
int attacher_open(struct attacher *k, uint32_t slot, struct err *err);
int attacher_close(struct attacher *k, uint32_t slot, const bool *cycled, struct err *err);
/* We live, says CLOCK_MONOTONIC: to all attachers. Each request to one of them says so too. */
void attacher_beat(uint64_t when_ns);
/* Has it put back what it took away of that target by itself. After an error some still are: see
 * links_close(). */
int attacher_reattach(struct attacher *k, uint32_t slot, struct err *err);
/* For how long those were gone that it took away and has put back since this was asked last. */
uint64_t attacher_unwatched(struct attacher *k, uint32_t slot);
/* The target's probes are to go, whatever else is under way. They do while others are asked for, or
 * taken away. */
void attacher_remove(struct attacher *k, uint32_t slot);
/* When this returns those are gone, and the slot is free. False: it was not worth waiting for any
 * longer. */
bool attacher_wait(struct attacher *k, uint32_t slot);
/* False: it was killed, and the probes are gone. */
bool attacher_alive(const struct attacher *k);
/* When this returns all probes are gone, and so is the attacher. False: some are not yet. */
bool attacher_end(struct attacher *k);

#endif
