/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_NEAR_BPF_H
#define MAPRACE_NEAR_BPF_H

/*
 * Near misses arm call sites. Where two goroutines use a map within a short time and one of them
 * writes, it is hardly that map that is worth a hold, as it may be gone by the next time: it is the
 * pair of call sites, on whichever map they come. Both are armed: held at their next visits, first
 * each time and at full length, then less and less likely the more often nobody came (policy.h).
 * Nothing here is evidence: whatever arms a site wrongly costs a few holds.
 *
 * Of each map the call sites that were looked at last are kept, a reader's and a writer's. Written
 * without atomics: a torn note arms a site that did use the map, if not at that moment.
 */
#include "common/ring.bpf.h"
#include "operation.bpf.h"

#define NEAR_NS 100000000ull

/* Two records of call sites, told to user space, which has names for them that last. */
static __always_inline void near_tell(const struct mr_caller *s, const struct mr_caller *p,
				      __u64 tagged, __u64 now, __u32 ordered)
{
	struct mr_event_near *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		count_of(tagged, MR_COUNT_NEAR_UNTOLD);
		return;
	}
	e->header.kind = MR_EVENT_NEAR;
	e->header.tag = mr_tag(tagged);
	e->header.size = sizeof(*e);
	e->header.time_ns = now;
	e->key[0] = s->key;
	e->ret[0] = s->ret;
	e->key[1] = p->key;
	e->ret[1] = p->ret;
	e->ordered = ordered;
	e->pad = 0;
	ring_submit(&events, e);
}

static __always_inline void near_arm_one(struct mr_caller *s, __u32 partner, __u64 now)
{
	if (s->armed)
		return;
	s->partner = partner;
	s->next_ns = now;
	s->armed = 1;
}

/* g: whose target it is. A function of its own: the verifier goes through it once. */
__noinline int near_arm(__u64 key, __u64 other, __u64 g, __u64 now)
{
	__u32 index = mr_place(key, cfg.caller_mask), partner = mr_place(other, cfg.caller_mask);
	struct mr_caller *s = bpf_map_lookup_elem(&callers, &index);
	struct mr_caller *p = bpf_map_lookup_elem(&callers, &partner);

	if (!s || !p || s->key != key || p->key != other || (s->armed && p->armed))
		return 0;
	near_arm_one(s, partner, now);
	near_arm_one(p, index, now);
	near_tell(s, p, g, now, 0);
	return 1;
}

static __always_inline bool near_is_close(const volatile struct mr_near_access *a, __u64 g,
					  __u64 now)
{
	return a->key && a->g != g && same_target(a->g, g) &&
	       now - a->ns + NEAR_NS < 2 * NEAR_NS; /* another CPU may be ahead of us */
}

static __always_inline void near_begin(volatile struct mr_near *n, const struct mr_map *m,
				       __u64 now)
{
	if (n->map && n->map != m->addr && now - later(n->reader.ns, n->writer.ns) < NEAR_NS)
		count_of(n->map, MR_COUNT_NEAR_EVICTED);
	n->map = 0;
	n->reader.key = 0;
	n->writer.key = 0;
	n->born = m->first_ns;
	n->map = m->addr;
}

/* An operation of g from this call site is looked at. Always called, a function of its own: the
 * verifier would follow each branch of it through all that comes after. */
__noinline int near_look(__u32 index, __u64 key, __u64 g, __u64 now, __u32 op)
{
	const struct mr_map *m = bpf_map_lookup_elem(&maps, &index);
	__u32 place = index & (MR_NEARS - 1);
	volatile struct mr_near *n = bpf_map_lookup_elem(&nears, &place);
	volatile struct mr_near_access *own;

	if (!m || !n || !same_target(m->addr, g) || m->flags & (MR_MAP_RACY | MR_MAP_STACK))
		return 0;
	if (n->map != m->addr || n->born != m->first_ns)
		near_begin(n, m, now);
	if (near_is_close(&n->writer, g, now))
		near_arm(key, n->writer.key, g, now);
	if (mr_op_writes(op) && near_is_close(&n->reader, g, now))
		near_arm(key, n->reader.key, g, now);
	own = mr_op_writes(op) ? &n->writer : &n->reader;
	own->key = 0;
	own->g = g;
	own->ns = now;
	own->key = key;
	return 1;
}

/* The call site's record; NULL: it is another one's by now. */
static __always_inline struct mr_caller *near_caller(__u64 key)
{
	__u32 index = mr_place(key, cfg.caller_mask);
	struct mr_caller *s = bpf_map_lookup_elem(&callers, &index);

	return s && s->key == key ? s : NULL;
}

/* A hold begins. Functions of their own, as the following: their caller has no stack left. */
__noinline int near_holds(__u64 key, __u64 until)
{
	struct mr_caller *s = near_caller(key);

	if (s)
		s->held_until_ns = until;
	return 0;
}

#define NEAR_MET 16u /* beside how the hold ended, as wait_until() has it */

/* It is over: who comes now comes near, however long it was. */
__noinline int near_held(__u32 index, __u64 key, __u64 g, __u64 now, __u32 how)
{
	__u32 place = index & (MR_NEARS - 1);
	volatile struct mr_near *n = bpf_map_lookup_elem(&nears, &place);
	struct mr_caller *s = near_caller(key);

	if (!n || !s)
		return 0;
	s->held_until_ns = 0;
	policy_tried(s, how & (NEAR_MET - 1), !!(how & NEAR_MET));
	if (n->writer.key == key && n->writer.g == g)
		n->writer.ns = now;
	if (n->reader.key == key && n->reader.g == g)
		n->reader.ns = now;
	return 1;
}

/* Whether the call site had better wait: the other one of its pair is held, and a hold of both
 * would keep each from meeting the other. */
static __always_inline bool near_waits(__u64 key, __u64 now)
{
	const struct mr_caller *s = near_caller(key), *p;
	__u32 index;

	if (!s || !policy_armed(s))
		return 0;
	index = s->partner;
	p = bpf_map_lookup_elem(&callers, &index);
	return p && (__s64)(*(const volatile __u64 *)&p->held_until_ns - now) > 0;
}

/* The trials have met so many others at this call site, and its holds nobody. */
__noinline int near_ordered(__u64 key, __u64 g, __u64 now)
{
	struct mr_caller *s = near_caller(key), *p;
	__u32 index;

	if (!s || !s->armed || s->armed == MR_CALLER_ORDERED)
		return 0;
	s->armed = MR_CALLER_ORDERED;
	index = s->partner;
	p = bpf_map_lookup_elem(&callers, &index);
	if (p)
		near_tell(s, p, g, now, 1);
	return 1;
}

#endif
