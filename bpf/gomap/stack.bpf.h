/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_STACK_BPF_H
#define MAPRACE_STACK_BPF_H

#include "count.bpf.h"
#include "operation.bpf.h"
#include "target.bpf.h"

/*
 * Go keeps frame pointers. At a probe site the prologue has not run: [sp] is the return address and
 * fp still the caller's frame, {caller's fp, return address}. bpf_get_stack() would leave out the
 * immediate caller here.
 */
struct stack_frame {
	__u64 fp, ret;
};

/* The return address that tells call sites apart; behind a wrapper of the runtime's, the wrapper's
 * own. 0 when unreadable. *direct: the one on top of the stack, or 0: to be read. */
static __always_inline __u64 stack_caller(struct pt_regs *ctx, const struct operation *o,
					  __u64 *direct)
{
	__u64 ret = *direct;

	if (!ret && target_u64(REG_SP(ctx), &ret))
		return 0;
	*direct = ret;
	if (ret >= o->target->runtime_lo && ret < o->target->runtime_hi &&
	    target_u64(REG_FP(ctx) + 8, &ret))
		return 0;
	return ret;
}

struct stack_walker {
	struct mr_access *a;
	__u64 fp, floor, hi, hash;
	__u32 n, flags;
};

/* One frame up. 1: that was all. */
static __always_inline int stack_up(struct stack_walker *w, __u32 i)
{
	struct stack_frame frame;

	if (!w->fp)
		return 1; /* a goroutine's first frame has none before it */
	if (w->fp <= w->floor || w->fp > w->hi - sizeof(frame) || w->fp & 7 ||
	    target_read(&frame, sizeof(frame), w->fp)) {
		w->flags = MR_ACCESS_BROKEN;
		return 1;
	}
	if (!frame.ret) {
		w->fp = 0;
		return 1;
	}
	w->a->pcs[i & (MR_FRAMES - 1)] = frame.ret;
	w->n = i + 1;
	if (i < 6)
		w->hash = (w->hash ^ frame.ret) * 0x9e3779b97f4a7c15ull;
	w->floor = w->fp;
	w->fp = frame.fp;
	return 0;
}

static long stack_step(__u32 i, struct stack_walker *w)
{
	return stack_up(w, i + 2);
}

/*
 * Fills pcs, nframes, flags and stack_hash of a. hi is the end of the goroutine's stack, the bound
 * of every frame. o->by_helper, a constant: with bpf_loop(), whose body the kernel verifies once,
 * which makes for a fraction of the time that it takes to load the program. At a call instruction
 * the stack is the caller's still.
 */
static __always_inline void stack_walk(struct pt_regs *ctx, struct mr_access *a, __u64 hi,
				       const struct operation *o, struct mr_cpu *c)
{
	__u64 ip = o->at_call ? o->ip : plain(REG_IP(ctx));
	struct stack_walker w = {.a = a,
				 .fp = REG_FP(ctx),
				 .floor = REG_SP(ctx),
				 .hi = hi,
				 .hash = (ip ^ tag_of(o->g)) * 0x9e3779b97f4a7c15ull,
				 .n = 1};
	int i;

	a->pcs[0] = ip;
	if (o->at_call) {
		a->pcs[1] = o->ret;
	} else if (target_u64(REG_SP(ctx), &a->pcs[1])) {
		a->pcs[1] = 0;
		w.flags = MR_ACCESS_BROKEN;
	}
	if (a->pcs[1]) {
		w.hash = (w.hash ^ a->pcs[1]) * 0x9e3779b97f4a7c15ull;
		w.n = 2;
		if (o->by_helper) {
			bpf_loop(MR_FRAMES - 2, stack_step, &w, 0);
		} else {
			for (i = 2; i < MR_FRAMES; i++)
				if (stack_up(&w, i))
					break;
		}
		if (w.n == MR_FRAMES && w.fp)
			w.flags = MR_ACCESS_TRUNCATED;
	}
	a->nframes = w.n;
	a->flags = w.flags;
	a->stack_hash = (__u32)(w.hash >> 32);
	if (w.flags & MR_ACCESS_TRUNCATED)
		count(c, MR_COUNT_STACK_TRUNCATED);
	if (w.flags & MR_ACCESS_BROKEN)
		count(c, MR_COUNT_STACK_BROKEN);
}

#endif
