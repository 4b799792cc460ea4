/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_STACK_BPF_H
#define MAPRACE_STACK_BPF_H

#include "loss.bpf.h"
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
 * own. 0 when unreadable. */
static __always_inline __u64 stack_caller(struct pt_regs *ctx)
{
	__u64 ret = 0;

	if (target_u64(REG_SP(ctx), &ret))
		return 0;
	if (ret >= cfg.runtime_lo && ret < cfg.runtime_hi && target_u64(REG_FP(ctx) + 8, &ret))
		return 0;
	return ret;
}

/* Fills pcs, nframes, flags and stack_hash of a. hi is the end of the goroutine's stack, the bound
 * of every frame. */
static __always_inline void stack_walk(struct pt_regs *ctx, struct mr_access *a, __u64 hi,
				       struct mr_cpu *c)
{
	__u64 fp = REG_FP(ctx), floor = REG_SP(ctx), hash = REG_IP(ctx) * 0x9e3779b97f4a7c15ull;
	struct stack_frame frame;
	__u32 n = 1, flags = 0;
	int i;

	a->pcs[0] = REG_IP(ctx);
	if (target_u64(REG_SP(ctx), &a->pcs[1])) {
		flags = MR_ACCESS_BROKEN;
		goto out;
	}
	hash = (hash ^ a->pcs[1]) * 0x9e3779b97f4a7c15ull;
	n = 2;
	for (i = 2; i < MR_FRAMES; i++) {
		if (!fp)
			goto out; /* a goroutine's first frame has none before it */
		if (fp <= floor || fp > hi - sizeof(frame) || fp & 7 ||
		    target_read(&frame, sizeof(frame), fp)) {
			flags = MR_ACCESS_BROKEN;
			goto out;
		}
		if (!frame.ret)
			goto out;
		a->pcs[i] = frame.ret;
		n = i + 1;
		if (i < 6)
			hash = (hash ^ frame.ret) * 0x9e3779b97f4a7c15ull;
		floor = fp;
		fp = frame.fp;
	}
	if (fp)
		flags = MR_ACCESS_TRUNCATED;
out:
	a->nframes = n;
	a->flags = flags;
	a->stack_hash = (__u32)(hash >> 32);
	if (flags & MR_ACCESS_TRUNCATED)
		lose(c, MR_LOSS_STACK_TRUNCATED);
	if (flags & MR_ACCESS_BROKEN)
		lose(c, MR_LOSS_STACK_BROKEN);
}

#endif
