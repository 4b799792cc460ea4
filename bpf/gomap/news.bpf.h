/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_NEWS_BPF_H
#define MAPRACE_NEWS_BPF_H

#include "lastop.bpf.h"
#include "mapstate.bpf.h"

/* Where an operation at sp was called from, of a function that fp's frame calls: a wrapper of the
 * runtime's is not it. */
static __always_inline int called_from(const volatile struct mr_target *t, __u64 sp, __u64 fp,
				       __u64 *ret)
{
	return target_u64(sp, ret) ||
	       (*ret >= t->runtime_lo && *ret < t->runtime_hi && target_u64(fp + 8, ret));
}

/*
 * Whether an operation that was not going to be looked at comes from a call site that has never
 * been looked at on this map: the same goroutine through the same function as a moment ago, but
 * without the lock, say. Where it comes from was noted just now (lastop.bpf.h); fp: the frame of
 * whoever called; not: it is looked at anyway, or comes again. Always called, a function of its
 * own: the verifier would follow a branch both ways.
 */
__noinline int caller_is_news(__u32 index, __u64 g, __u64 fp, __u32 not )
{
	const volatile struct mr_last_op *last = last_op_slot(g);
	const volatile struct mr_target *t = target_of(g);
	struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	__u64 ip = t->sites[last->what & (MR_SITE_SLOTS - 1)].ip, ret = 0;
	__u64 key;
	__u32 cpu, place;

	if (not || !cfg.holds_enabled || !m ||
	    (m->flags & (MR_MAP_SHARED | MR_MAP_STACK)) != MR_MAP_SHARED)
		return 0;
	if (called_from(t, last->sp, fp, &ret)) {
		count(this_cpu(g, &cpu), MR_COUNT_CALLER_FAULT);
		return 0;
	}
	key = mr_caller_key(ip ^ tag_of(g), ret);
	place = site_place(m, key);
	return place < MR_MAP_SITES && m->sites[place] != mr_site_mark(key);
}

#define NIL_LOOKS 8 /* one of so many operations on nil maps is looked at */

/*
 * An operation on a nil map, at sp, of the function that fp's frame calls: nobody can race there,
 * but how often its call site comes is to be known (user/probe/attach_cold.c). A function of its
 * own, for the stack.
 */
__noinline int nil_look(__u64 g, __u32 slot, __u64 sp, __u64 fp)
{
	const volatile struct mr_target *t = target_of(g);
	struct mr_caller *s;
	struct mr_cpu *c;
	__u64 ret = 0;
	__u32 cpu;

	c = this_cpu(g, &cpu);
	if (c->nil_maps++ % NIL_LOOKS)
		return 0;
	if (called_from(t, sp, fp, &ret)) {
		count(c, MR_COUNT_CALLER_FAULT);
		return 0;
	}
	s = caller_record(t->sites[slot & (MR_SITE_SLOTS - 1)].ip ^ tag_of(g), ret, c);
	if (!s) {
		count(c, MR_COUNT_RECORD_MISSING);
		return 0;
	}
	s->looks++;
	return 1;
}

#endif
