/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_ACCESS_BPF_H
#define MAPRACE_ACCESS_BPF_H

/* What an event says of an operation: who, from where, on which map. */
#include "common/ring.bpf.h"
#include "operation.bpf.h"
#include "stack.bpf.h"

/* Fills in who this goroutine is and where it came from. False where it is none that could race:
 * the runtime itself on its g0. */
static __always_inline bool access_fill(struct pt_regs *ctx, const struct operation *o,
					struct mr_access *a)
{
	const volatile struct mr_target *t = o->target;
	__u64 lo = 0, hi = 0;

	a->g = o->g;
	a->time_ns = o->now;
	a->tid = o->tid;
	a->cpu = o->cpu;
	a->op = o->op;
	a->parent_goid = 0;
	a->gopc = 0;
	a->type = 0;
	a->labels = 0;
	a->collections = t->collections;
	a->pad = 0;
	if (target_u64(o->g + t->g_goid, &a->goid) || target_u64(o->g + t->g_stack_lo, &lo) ||
	    target_u64(o->g + t->g_stack_hi, &hi)) {
		count(o->c, MR_COUNT_G_FAULT);
		return false;
	}
	if (!a->goid) {
		count(o->c, MR_COUNT_NO_GOID);
		return false;
	}
	if (o->record && mr_addr(o->map) >= lo && mr_addr(o->map) < hi) {
		o->c->stack_maps++;
		if (o->record->addr == o->map)
			o->record->flags |= MR_MAP_STACK;
		return false;
	}
	/* where there is none its offset is another one's: the verifier would follow a branch */
	if (target_u64(o->g + t->g_gopc, &a->gopc) || target_u64(o->g + t->g_labels, &a->labels) ||
	    target_u64(o->g + t->g_parent_goid, &a->parent_goid))
		count(o->c, MR_COUNT_G_FAULT);
	a->parent_goid &= t->parent_goid_mask;
	stack_walk(ctx, a, hi, o, o->c);
	return true;
}

static __always_inline __u64 operation_type(struct pt_regs *ctx, const struct operation *o)
{
	int fault = 0;

	return site_arg(ctx, o->type_arg, o->target->iter_type, &fault);
}

/* How much of it there is now in to, which has room for MR_HEADER_MAX bytes; 0: it cannot be read. */
static __always_inline __u32 header_read(void *to, __u64 map, struct mr_cpu *c)
{
	/* 1 to MR_HEADER_MAX, without a branch */
	__u32 size = ((target_of(map)->map_size - 1) & (MR_HEADER_MAX - 1)) + 1;

	if (!target_read(to, size, map))
		return size;
	count(c, MR_COUNT_HEADER_FAULT);
	return 0;
}

static __always_inline struct mr_grown *grown_slot(__u64 map)
{
	__u32 index = mr_map_index(map, MR_GROWN - 1);

	return bpf_map_lookup_elem(&grown, &index);
}

/* What is noted of a growth at the address is forgotten if another map lies there now. Always
 * called, and tells nothing: each branch on it would multiply what the verifier has to go through.
 */
__noinline int grown_recognise(__u64 map)
{
	struct mr_grown *gr = grown_slot(map);
	struct mr_cpu *c;
	__u32 cpu, seed;

	if (!cfg.growth || !gr || !map || gr->map != map ||
	    gr->collected == target_of(map)->collections)
		return 0;
	c = this_cpu(map, &cpu);
	seed = seed_of(map, c);
	if (seed && seed == gr->seed && !seed_is_of_clones(seed, map, gr->collected)) {
		gr->collected = collections_now(map);
		return 0;
	}
	if (gr->under_way)
		count(c, MR_COUNT_GROWN_EVICTED);
	gr->under_way = 0;
	gr->map = 0;
	return 0;
}

/* A table grows in one go: a mark that has stood for longer is one whose end was not seen. */
#define TABLE_GROWS_NS 10000000ull

/* Of a Swiss map; a classic one has it in its header. */
static __always_inline bool growth_under_way(__u64 map, __u64 now)
{
	const volatile struct mr_target *t = target_of(map);
	const struct mr_grown *gr = t->map_old ? NULL : grown_slot(map);

	return gr && gr->map == map && gr->under_way && gr->epoch == t->epoch &&
	       now - gr->id < TABLE_GROWS_NS;
}

static __always_inline void header_copy(const struct operation *o, struct mr_event_race *e)
{
	e->map_header_size = header_read(e->map_header, o->map, o->c);
	e->growing = cfg.growth && growth_under_way(o->map, o->now);
	e->pad = 0;
}

/*
 * Of a pair of stacks. It ends with the tag: what a target makes its stacks look like is never the
 * pair of another one.
 */
static __always_inline __u64 pair_key(const struct mr_event_race *e, __u32 other_hash)
{
	__u64 both = (__u64)e->access[0].stack_hash << 32 | other_hash;

	return (both * 0x9e3779b97f4a7c15ull & ~0xffffull) | e->header.tag;
}

static __always_inline __u64 pair_tag(__u64 key)
{
	return key << MR_TAG_SHIFT;
}

static __always_inline struct mr_event_race *event_reserve(const struct operation *o)
{
	struct mr_event_race *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		count(o->c, MR_COUNT_RING_FULL);
		return NULL;
	}
	e->header.kind = MR_EVENT_RACE;
	e->header.tag = mr_tag(o->g);
	e->header.size = sizeof(*e);
	e->header.time_ns = o->now;
	e->map = o->map;
	return e;
}

#endif
