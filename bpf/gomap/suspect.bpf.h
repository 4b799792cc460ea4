/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_SUSPECT_BPF_H
#define MAPRACE_SUSPECT_BPF_H

/*
 * --suspects: two goroutines use a map, one writes, and little time lies between. No proof; only
 * told where no verdict says that the map is ordered, which user space finds out at the end. A
 * sample, so that its cost is bounded: a CPU takes a target's stack at most every SUSPECT_PAUSE_NS,
 * on operations that are looked at anyway. Nothing of this is left in the program when nobody asked.
 */
#include "access.bpf.h"
#include "claim.bpf.h"

#define SUSPECT_PAUSE_NS 100000

static __always_inline struct mr_stack *stack_slot(const struct operation *o, bool writes,
						   __u32 *index)
{
	*index = (o->index & (MR_SUSPECT_SLOTS - 1)) * 2 + writes;
	return bpf_map_lookup_elem(&stacks, index);
}

/* Keeps this operation's stack for those who come after it. NULL: somebody else is about it, or
 * there is no goroutine. */
static __always_inline struct mr_stack *suspect_note(struct pt_regs *ctx, const struct operation *o)
{
	__u32 index;
	volatile struct mr_stack *s = stack_slot(o, mr_op_writes(o->op), &index);
	bool good;

	if (!s || !claim_take(index + CLAIM_STACKS))
		return NULL;
	s->seq++;
	store_fence();
	s->map = 0;
	good = access_fill(ctx, o, (struct mr_access *)&s->access);
	if (good)
		s->map = o->map;
	store_fence();
	s->seq++;
	claim_release(index + CLAIM_STACKS);
	return good ? (struct mr_stack *)s : NULL;
}

/* The last access by another goroutine that conflicts with this one. */
static __always_inline const struct mr_map_access *suspect_other(const struct operation *o)
{
	const struct mr_map *m = o->record;
	const struct mr_map_access *w = m->writer.g != o->g ? &m->writer : &m->writer_before;
	const struct mr_map_access *r = &m->reader;

	if (!mr_op_writes(o->op) || !r->g || r->g == o->g)
		return w;
	return !w->g || w->g == o->g || r->ns > w->ns ? r : w;
}

static __always_inline __u32 log2_of(__u64 ns)
{
	__u32 n = 0, i;

	for (i = 32; i; i >>= 1)
		if (ns >> i) {
			ns >>= i;
			n += i;
		}
	return n < MR_DISTANCES ? n : MR_DISTANCES - 1;
}

/* On the stack a new one would take the program past 512 bytes. */
static struct mr_suspect fresh_suspect;

/* 1 where the pair is new and should be told. */
__noinline int suspect_count(__u64 key, __u64 apart, __u64 now)
{
	volatile struct mr_target *t = target_of(pair_tag(key));
	struct mr_suspect *s = bpf_map_lookup_elem(&suspects, &key);
	__u32 n = log2_of(apart), cpu;
	int fresh = 0;

	if (!s) {
		/* as in pair_first() */
		if (t->suspects < MR_SUSPECTS_OWN || suspects_common < MR_SUSPECTS)
			fresh = !bpf_map_update_elem(&suspects, &key, &fresh_suspect, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&suspects, &key); /* or another CPU's that was faster */
	}
	if (!s) {
		count(this_cpu(pair_tag(key), &cpu), MR_COUNT_SUSPECTS_FULL);
		return 0;
	}
	if (fresh) {
		if (t->suspects >= MR_SUSPECTS_OWN)
			__sync_fetch_and_add(&suspects_common, 1);
		__sync_fetch_and_add((__u32 *)&t->suspects, 1);
		s->first_ns = now;
		s->tag = key & 0xffff;
	}
	s->count++;
	s->last_ns = now;
	if (n < MR_DISTANCES)
		s->distance[n]++;
	return fresh;
}

/* Fills in the other side's stack. False where that is not known, or too long ago. */
static __always_inline bool suspect_fill(const struct operation *o,
					 const struct mr_map_access *last, struct mr_event_race *e)
{
	volatile struct mr_stack *s;
	__u64 seq, map, then;
	__u32 index;

	if (!same_target(last->g, o->g) || last->g == o->g)
		return false;
	s = stack_slot(o, mr_op_writes(last->op & (MR_OP_MAX - 1)), &index);
	if (!s)
		return false;
	seq = s->seq;
	load_fence();
	map = s->map;
	if (seq & 1 || map != o->map)
		return false;
	if (bpf_probe_read_kernel(&e->access[1], sizeof(e->access[1]), (const void *)&s->access))
		return false;
	load_fence();
	/* The goroutine may have come once more since, from another line: it is the access of which
	 * there is a stack that was so close. */
	then = e->access[1].time_ns;
	if (s->seq != seq || e->access[1].g != last->g || o->now - then > cfg.window_ns ||
	    (__s64)(then - o->record->first_ns) < 0)
		return false;
	e->evidence = MR_EVIDENCE_WINDOW;
	e->held_ns = o->now - then;
	return true;
}

static __always_inline void suspect_look(struct pt_regs *ctx, const struct operation *o)
{
	struct mr_event_race *e;
	struct mr_stack *own;
	bool known;

	if ((o->record->flags & (MR_MAP_SHARED | MR_MAP_WRITTEN | MR_MAP_STACK)) !=
		    (MR_MAP_SHARED | MR_MAP_WRITTEN) ||
	    (__s64)(o->now - o->c->suspect_next_ns) < 0)
		return;
	o->c->suspect_next_ns = o->now + SUSPECT_PAUSE_NS;
	/* The event comes before it is known whether there will be one: a second test of e is more
	 * than the verifier of 5.10 follows. */
	e = event_reserve(o);
	if (!e)
		return;
	known = suspect_fill(o, suspect_other(o), e); /* first: the own stack may take its place */
	own = suspect_note(ctx, o);
	if (!known || !own ||
	    bpf_probe_read_kernel(&e->access[0], sizeof(e->access[0]), &own->access) ||
	    e->access[0].g != o->g || e->access[0].time_ns != o->now)
		goto discard; /* overwritten meanwhile */
	e->access[0].type = operation_type(ctx, o);
	e->pair = pair_key(e, e->access[1].stack_hash ^ 0x2e2e2e2e);
	if (!suspect_count(e->pair, e->held_ns, o->now))
		goto discard;
	header_copy(o, e);
	ring_submit(&events, e);
	return;
discard:
	ring_discard(&events, e);
}

#endif
