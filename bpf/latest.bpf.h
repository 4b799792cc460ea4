/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_LATEST_BPF_H
#define MAPRACE_LATEST_BPF_H

/*
 * The operation that a goroutine entered last, for the moment in which the runtime ends the process:
 * which map it dies of is told by nothing else. The map's own record names who used it last, which
 * may be others by then; registers and stack hold maps of operations that are long over.
 *
 * A goroutine runs on one thread at a time, so its own notes come in order. Direct-mapped: one that
 * shares the place leaves a note whose check does not fit, as two do that write at the same time.
 */
#include "tables.bpf.h"

static __always_inline struct mr_latest *latest_slot(__u64 g)
{
	return &latest[(__u32)((g * 0x9e3779b97f4a7c15ull) >> 48) & (MR_LATEST - 1)];
}

static __always_inline void latest_note(__u64 g, __u64 arg, __u8 slot)
{
	volatile struct mr_latest *l = latest_slot(g);
	__u64 what = (__u64)epoch << 8 | slot;

	l->arg = arg;
	l->what = what;
	l->check = arg ^ g ^ what;
}

/*
 * The argument that the goroutine gave to the function of *slot, or 0: not known. Where probes have
 * been moved since, or are just being moved, a later operation may have gone by unseen.
 */
static __always_inline __u64 latest_arg(__u64 g, __u32 *slot)
{
	volatile struct mr_latest *l = latest_slot(g);
	__u64 arg = l->arg, what = l->what, now = epoch;

	if (l->check != (arg ^ g ^ what) || what >> 8 != now || now & 1)
		return 0;
	*slot = what & (MR_SITE_SLOTS - 1);
	return arg;
}

#endif
