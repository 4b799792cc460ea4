/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_FASTPATH_BPF_H
#define MAPRACE_FASTPATH_BPF_H

/*
 * The same goroutine through the same function on the same map as a moment ago: most operations of
 * a busy map are of this kind, and end here. The map's last access keeps an older time; what is
 * concluded from times (in_flight, suspects) asks for young ones and concludes less. An iterator
 * that has gone over to another map meanwhile passes by that map's hold, a few times at most: a
 * collision missed, never one invented.
 */
#include "mapstate.bpf.h"

static __always_inline struct mr_fastpath *fastpath_slot(__u32 cpu, __u64 arg)
{
	__u32 index = (cpu & (MR_CPUS - 1)) * MR_FASTPATH_SLOTS +
		      ((__u32)((arg * 0x9e3779b97f4a7c15ull) >> 48) & (MR_FASTPATH_SLOTS - 1));

	return bpf_map_lookup_elem(&fastpath, &index);
}

static __always_inline bool fastpath_passes(struct mr_fastpath *a, __u64 arg, __u64 g, __u8 slot)
{
	/* Once: another thread that is let in on this CPU meanwhile may say that none may. */
	__u32 index, skip = *(volatile __u32 *)&a->skip;
	struct mr_map *m;

	if (!skip || a->arg != arg || a->g != g || a->slot != slot)
		return false;
	index = a->index;
	m = bpf_map_lookup_elem(&maps, &index);
	if (!m || m->busy || m->addr != a->map || m->first_ns != a->born ||
	    *(volatile __u32 *)&a->skip != skip) /* another one's by now */
		return false;
	a->skip = skip - 1;
	a->passed++;
	return true;
}

/* What has passed goes to the record, if it still is that map's. */
static __always_inline void fastpath_flush(struct mr_fastpath *a)
{
	__u32 index = a->index;
	struct mr_map *m;

	if (!a->passed)
		return;
	m = bpf_map_lookup_elem(&maps, &index);
	if (m && m->addr == a->map && m->first_ns == a->born) {
		if (mr_op_writes(a->op))
			m->writes += a->passed;
		else
			m->reads += a->passed;
	}
	a->passed = 0;
}

/* From half of so many to all of them; of a map that one goroutine uses alone, where nobody asks
 * who calls, all of them. No branch: the verifier would follow both ways. */
static __always_inline __u32 lot_of(__u32 n, __u32 flags)
{
	__u32 alone = (flags & MR_MAP_SHARED) / MR_MAP_SHARED - 1;
	__u32 less = (n / 2 + 1) * (__u16)bpf_get_prandom_u32() >> 16;

	asm volatile("" : "+r"(alone));
	return n - (less & ~alone);
}

/*
 * An operation that was not looked at: as many as twice the last time may pass without asking the
 * clock, or fewer, by lot: what comes each time at the same distance behind another one would never
 * be asked who calls it. One that was, and late by more than the interval: they come seldom, and
 * each is to be seen.
 */
static __always_inline void fastpath_note(struct mr_fastpath *a, __u64 arg, __u64 g, __u8 slot,
					  __u8 op, const struct mr_map *m, __u32 index, bool look,
					  bool late)
{
	__u32 step = a->step, unless_racy;

	if (a->arg != arg || a->g != g || a->slot != slot || a->map != m->addr)
		step = 0;
	if (!look)
		step = step < POLICY_MAX_SKIP / 2 ? step * 2 + 1 : POLICY_MAX_SKIP;
	else
		step = late ? 0 : step / 2;
	/* Each of a racy map's is kept apart. No branch: the verifier would follow both ways. */
	unless_racy = (m->flags & MR_MAP_RACY) / MR_MAP_RACY - 1;
	asm volatile("" : "+r"(unless_racy));
	a->skip = look ? 0 : lot_of(step, m->flags) & unless_racy;
	a->step = step;
	a->arg = arg;
	a->g = g;
	a->slot = slot;
	a->op = op;
	a->map = m->addr;
	a->born = m->first_ns;
	a->index = index;
}

/*
 * A map that is about to be cloned, with its seed; the next time it may have another one. Always
 * called, a function of its own: the verifier would follow a branch both ways.
 */
__noinline int fastpath_cloned(__u64 map, __u32 op, __u32 cpu, __u64 arg)
{
	struct mr_fastpath *a;
	__u32 on;

	if (op != MR_OP_CLONE || target_of(map)->clone_copies == MR_CLONE_NOTHING)
		return 0;
	*seed_cloned(seed_of(map, this_cpu(map, &on)), map) =
		target_of(map)->collections + CLONE_LATE;
	a = fastpath_slot(cpu, arg);
	if (a)
		a->skip = 0;
	return 0;
}

#endif
