/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_STOPS_BPF_H
#define MAPRACE_STOPS_BPF_H

/*
 * Holds and the runtime's requests to stop. A function is probed in the middle of its stack check:
 * it has compared already. A request to preempt that comes during a hold there is not seen until
 * the next stack check, which may be inside the operation, with the map's writing flag set; there
 * the goroutine is parked, and whoever comes next dies of Go's own check. Without a hold the window
 * for that is some nanoseconds. (Go src/runtime/proc.go preemptone(), preempt.go suspendG(),
 * stack.go newstack(); src/internal/runtime/maps for inner functions with a stack check.)
 *
 * So a writer is held in front of all that: at the instruction that calls the function. Which one
 * that is tells the return address, the first time that it should be held; user space checks the
 * bytes, and adds a probe there (MR_EVENT_CALL). Until then, and where that cannot be, its holds
 * are short. Readers leave no flag behind. And as whoever waits for the world to stop waits for
 * the hold, each hold ends as soon as its goroutine is asked.
 */
#include "access.bpf.h"

/* What runtime.g's stackguard0 holds when the goroutine is to stop (Go src/runtime/stack.go,
 * stackPreempt and stackFork). No stack lies up there. */
#define STOP_GUARDS 0xfffffffffffff000ull

/*
 * Of a goroutine that is asked to stop in a test: whether somebody waits for it who has stopped all
 * others. Else it is the scheduler, which asks whoever has run for ten milliseconds, or the
 * collector for the goroutine's stack. A function of its own: the verifier goes through it once.
 */
__noinline int stop_hurries(__u64 g)
{
	__u64 where = target_of(g)->stop_world;
	__u8 waiting = 0;
	__u32 cpu;

	if (!where)
		return 1;
	if (target_read(&waiting, sizeof(waiting), where)) {
		count(this_cpu(g, &cpu), MR_COUNT_G_FAULT);
		return 1;
	}
	return waiting != 0;
}

/* stackguard0 follows the bounds of the stack. */
static __always_inline bool stop_asked(__u64 g)
{
	__u64 guard = 0;

	return !target_u64(g + target_of(g)->g_stack_hi + 8, &guard) && guard >= STOP_GUARDS &&
	       stop_hurries(g);
}

/*
 * Whether this thread has a lock of the runtime's, or has stopped the world: the runtime has maps
 * of its own that it uses so (the strings of a trace), and what a hold costs then is paid by all. A
 * function of its own: the verifier goes through it once.
 */
__noinline int runtime_locked(__u64 g)
{
	const volatile struct mr_target *t = target_of(g);
	__u64 m = 0, why = 0;
	__u32 locks = 0, cpu;

	/* why: the length of a string, for which it is not to be preempted */
	if (target_u64(g + t->g_m, &m) || target_read(&locks, sizeof(locks), m + t->m_locks) ||
	    target_u64(m + t->m_preemptoff + 8, &why)) {
		count(this_cpu(g, &cpu), MR_COUNT_G_FAULT);
		return 1;
	}
	if (!locks && !why)
		return 0;
	count(this_cpu(g, &cpu), MR_COUNT_HOLD_LOCKED);
	return 1;
}

/* A goroutine that passes a probed call was there so lately. */
#define CALL_NS 100000000

static __always_inline void call_ask(const struct operation *o, struct mr_caller *s, __u64 ret,
				     __u32 slot)
{
	struct mr_event_call *e;

	if (s->asked)
		return;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(o->c, MR_COUNT_CALL_UNASKED);
		return;
	}
	s->asked = 1;
	e->header.kind = MR_EVENT_CALL;
	e->header.tag = mr_tag(o->g);
	e->header.size = sizeof(*e);
	e->header.time_ns = o->now;
	e->ret = ret;
	e->slot = slot;
	e->pad = 0;
	ring_submit(&events, e);
}

/*
 * How long a hold of length may be here, of an operation of this kind: a writer that has passed a
 * probed call was held there or was not to be.
 */
static __always_inline __u64 stop_length(const struct operation *o, struct mr_caller *s, __u64 ret,
					 __u32 slot, __u64 length)
{
	__u64 most;

	if (o->at_call || !mr_op_writes(o->op))
		return length;
	/* but a record that this very operation has made was not there for the call to hold at */
	if ((__s64)(o->now - s->call_ns) < CALL_NS && o->record->first_ns != o->now)
		return 0;
	call_ask(o, s, ret, slot);
	most = later(cfg.bare_hold_ns, o->target->bold_hold_ns); /* the larger */
	return length < most ? length : most;
}

#endif
