/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_LASTOP_BPF_H
#define MAPRACE_LASTOP_BPF_H

/*
 * The operation that a goroutine entered last. For the moment in which the runtime ends the
 * process: which map it dies of is told by nothing else. The map's own record names who used it
 * last, which may be others by then; registers and stack hold maps of operations that are long
 * over. And for the goroutine on the other side: where its last operation was called from.
 *
 * A goroutine runs on one thread at a time, so its own notes come in order. Direct-mapped: one that
 * shares the place leaves a note whose check does not fit, as two do that write at the same time.
 */
#include "count.bpf.h"
#include "target.bpf.h"

static __always_inline struct mr_last_op *last_op_slot(__u64 g)
{
	return &latest[(__u32)((g * 0x9e3779b97f4a7c15ull) >> 48) & (MR_LAST_OPS - 1)];
}

static __always_inline void last_op_note(__u64 g, __u64 arg, __u8 slot, __u64 sp, __u32 epoch)
{
	volatile struct mr_last_op *l = last_op_slot(g);
	__u64 what = (__u64)epoch << 8 | slot;

	l->caller = 0; /* first: whoever reads it behind the others reads this one's, or none */
	l->arg = arg;
	l->what = what;
	l->sp = sp;
	l->check = arg ^ g ^ what ^ sp;
}

/*
 * The operation that g has just noted is looked at. A function of its own: the verifier goes
 * through it once.
 */
__noinline int last_op_look(__u64 g, __u64 caller, __u64 now)
{
	volatile struct mr_last_op *l = last_op_slot(g);
	__u64 check = l->check, goid = 0;
	__u32 cpu;

	if (check != (l->arg ^ g ^ l->what ^ l->sp))
		return 0; /* another goroutine's by now */
	if (target_u64(g + target_of(g)->g_goid, &goid)) {
		count(this_cpu(g, &cpu), MR_COUNT_G_FAULT);
		return 0;
	}
	goid = tagged(goid, tag_of(g));
	if (l->goid != goid) { /* no goroutine has the id of an earlier one of its target */
		l->since_ns = now;
		l->goid = goid;
	}
	l->time_ns = now;
	l->seal = caller ^ now ^ check;
	l->caller = caller;
	return 1;
}

struct last_op {
	__u64 arg, sp, caller, time_ns;
	__u32 slot;
};

/*
 * False: what g did last is not known. Where probes have been moved since, or are just being moved,
 * a later operation may have gone by unseen.
 */
static __always_inline bool last_op_read(__u64 g, struct last_op *to)
{
	volatile struct mr_last_op *l = last_op_slot(g);
	__u64 arg = l->arg, what = l->what, check = l->check;
	__u64 now = target_of(g)->epoch, seal;

	to->sp = l->sp;
	to->time_ns = l->time_ns;
	seal = l->seal;
	to->caller = l->caller;
	if (check != (arg ^ g ^ what ^ to->sp) || what >> 8 != now || now & 1)
		return false;
	if (seal != (to->caller ^ to->time_ns ^ check)) {
		to->caller = 0;
		to->time_ns = 0;
	}
	to->arg = arg;
	to->slot = what & (MR_SITE_SLOTS - 1);
	return true;
}

/* The id of the goroutine at g, if it has lived there from this time on; else 0. */
static __always_inline __u64 last_op_goid(__u64 g, __u64 from, struct mr_cpu *c)
{
	volatile struct mr_last_op *l = last_op_slot(g);
	/* in this order: last_op_look() writes them in the other one */
	__u64 known = l->goid, since = l->since_ns, goid = 0;

	if (target_u64(g + target_of(g)->g_goid, &goid)) {
		count(c, MR_COUNT_G_FAULT);
		return 0;
	}
	return tagged(goid, tag_of(g)) == known && (__s64)(since - from) <= 0 ? goid : 0;
}

#endif
