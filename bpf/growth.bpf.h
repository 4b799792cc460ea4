/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_GROWTH_BPF_H
#define MAPRACE_GROWTH_BPF_H

/*
 * --growth: when maps grow, and who does the work. A classic map gets its new buckets at once and
 * is emptied into them step by step, by whoever writes next; a Swiss table is copied at one go. All
 * of it happens inside writes, so that a goroutine is in one such function at a time, and what it
 * enters it leaves by its return (or it dies). Nothing of this is left in the program when nobody
 * asked.
 */
#include "access.bpf.h"

static __always_inline struct mr_grower *grower_slot(__u64 g)
{
	__u32 index = (__u32)((g * 0x9e3779b97f4a7c15ull) >> 40) & (MR_GROWERS - 1);

	return bpf_map_lookup_elem(&growers, &index);
}

static __always_inline struct mr_event_growth *growth_event(const struct operation *o, __u32 what)
{
	struct mr_event_growth *e = bpf_ringbuf_reserve(&growth_events, sizeof(*e), 0);

	if (!e) {
		lose(o->c, MR_LOSS_GROWTH_RING);
		return NULL;
	}
	e->header.kind = MR_EVENT_GROWTH;
	e->header.size = sizeof(*e);
	e->header.time_ns = o->now;
	e->what = what;
	e->header_size = 0;
	e->since_ns = 0;
	return e;
}

/* Says what this goroutine has done so far. with_header: and how the map looks now. */
static __always_inline void grower_tell(const struct operation *o, struct mr_grower *w, __u32 what,
					bool with_header)
{
	struct mr_event_growth *e = growth_event(o, what | (w->flags & MR_GROWTH_LATE));

	w->told = w->steps;
	if (!e)
		return;
	if (with_header)
		e->header_size = header_read(e->after, w->map, o->c);
	if (bpf_probe_read_kernel(&e->who, sizeof(e->who), w)) {
		lose(o->c, MR_LOSS_GROWTH_RING);
		bpf_ringbuf_discard(e, 0);
		return;
	}
	bpf_ringbuf_submit(e, 0);
}

/* The map's place; another map's growth that is under way is forgotten, which is counted. */
static __always_inline void grown_set(const struct operation *o, __u64 old, __u32 flags)
{
	struct mr_grown *gr = grown_slot(o->map);

	if (!gr)
		return;
	if (gr->under_way && gr->map != o->map)
		lose(o->c, MR_LOSS_GROWN_EVICTED);
	gr->map = o->map;
	gr->id = o->now;
	gr->old = old;
	gr->under_way = 1;
	gr->flags = flags;
}

/* Which growth is this a step of? One whose begin was not seen is called by its first step. */
static __always_inline void grower_join(const struct operation *o, struct mr_grower *w)
{
	struct mr_grown *gr = grown_slot(o->map);

	if (!gr || gr->map != o->map || gr->old != w->old) {
		grown_set(o, w->old, MR_GROWTH_LATE);
		w->flags = MR_GROWTH_LATE;
		return;
	}
	w->id = gr->id;
	w->flags = gr->flags;
}

/* A function whose stack check sends it through morestack is entered once more. */
#define ENTERED_AGAIN_NS 10000000ull

static __always_inline void growth_enter(struct pt_regs *ctx, struct operation *o,
					 const struct mr_probe_site *site)
{
	struct mr_grower *w = grower_slot(o->g);
	__u64 old = 0;
	int fault = 0;

	o->map = site_arg(ctx, site->map_arg, cfg.iter_map, &fault);
	if (!w || !o->map)
		return;
	if (site->op == MR_OP_MOVE) {
		if (target_u64(o->map + cfg.map_old, &old)) {
			lose(o->c, MR_LOSS_HEADER_FAULT);
			return;
		}
		if (w->g == o->g && w->map == o->map && w->old == old) {
			w->steps += !w->entered_ns; /* else it was sent through morestack */
			w->entered_ns = o->now;
			return;
		}
	} else if (w->g == o->g && w->map == o->map && w->op == site->op && !w->old &&
		   o->now - w->entered_ns < ENTERED_AGAIN_NS) {
		w->entered_ns = o->now;
		return;
	}
	if (w->g && w->told != w->steps) {
		if (w->old)
			grower_tell(o, w, MR_GROWTH_PAID, false);
		else
			lose(o->c, MR_LOSS_GROWTH_UNPAIRED);
	}
	w->g = 0;
	w->map = o->map;
	w->id = o->now;
	w->old = old;
	w->busy_ns = 0;
	w->steps = 1;
	w->told = 0;
	w->op = site->op;
	w->flags = 0;
	w->entered_ns = 0;
	w->header_size = header_read(w->header, o->map, o->c);
	/* a method of the table that grows has it in its first register */
	if (site->map_arg == MR_ARG_2 && target_read(w->table, sizeof(w->table), REG_ARG0(ctx)))
		lose(o->c, MR_LOSS_HEADER_FAULT);
	if (!access_fill(ctx, o, &w->access))
		return;
	w->access.type = site_arg(ctx, site->type_arg, cfg.iter_type, &fault);
	if (site->op == MR_OP_MOVE)
		grower_join(o, w);
	else
		grown_set(o, 0, 0);
	w->g = o->g;
	w->entered_ns = o->now;
}

static __always_inline void growth_return(struct operation *o)
{
	struct mr_grower *w = grower_slot(o->g);
	struct mr_grown *gr;
	__u64 old = 0;

	if (!w || w->g != o->g || !w->entered_ns) {
		lose(o->c, MR_LOSS_GROWTH_UNPAIRED); /* entered before the probes were there */
		return;
	}
	w->busy_ns += o->now - w->entered_ns;
	w->entered_ns = 0;
	o->map = w->map;
	gr = grown_slot(o->map);
	if (cfg.map_old && target_u64(o->map + cfg.map_old, &old)) {
		lose(o->c, MR_LOSS_HEADER_FAULT);
		return;
	}
	if (old && old == w->old)
		return;	      /* one step of many */
	if (old && !w->old) { /* the new buckets are there */
		w->old = old;
		if (gr && gr->map == o->map && gr->id == w->id)
			gr->old = old;
		grower_tell(o, w, MR_GROWTH_BEGAN | MR_GROWTH_PAID, true);
		return;
	}
	if (gr && gr->map == o->map && gr->id == w->id)
		gr->under_way = 0;
	grower_tell(o, w, MR_GROWTH_PAID | MR_GROWTH_ENDED | (w->old ? 0 : MR_GROWTH_BEGAN), true);
	w->g = 0;
}

static __always_inline struct mr_iterator *iterator_slot(__u64 it)
{
	__u32 index = (__u32)((it * 0x9e3779b97f4a7c15ull) >> 40) & (MR_ITERATORS - 1);

	return bpf_map_lookup_elem(&iterators, &index);
}

#define ITERATOR_FRESH_NS 1000000000ull

static __always_inline void iterator_begin(const struct operation *o, __u64 it)
{
	struct mr_iterator *i = iterator_slot(it);

	if (!i)
		return;
	/* An iteration does not say when it is over: one that moved lately is taken to be open. */
	if (i->it && i->it != it && o->now - i->last_ns < ITERATOR_FRESH_NS)
		lose(o->c, MR_LOSS_ITERATOR_EVICTED);
	i->it = it;
	i->g = o->g;
	i->map = o->map;
	i->first_ns = o->now;
	i->last_ns = o->now;
	i->told = 0;
}

/* It began before the growth and goes on after that: it was open. */
static __always_inline void iterator_step(struct pt_regs *ctx, const struct operation *o, __u64 it)
{
	struct mr_iterator *i = iterator_slot(it);
	const struct mr_grown *gr = grown_slot(o->map);
	struct mr_event_growth *e;

	if (!i || i->it != it || i->g != o->g || i->map != o->map)
		return;
	i->last_ns = o->now;
	if (!gr || gr->map != o->map || gr->id <= i->first_ns || gr->id == i->told)
		return;
	i->told = gr->id;
	e = growth_event(o, MR_GROWTH_ITERATOR | (gr->flags & MR_GROWTH_LATE));
	if (!e)
		return;
	e->since_ns = i->first_ns;
	if (!access_fill(ctx, o, &e->who.access)) {
		bpf_ringbuf_discard(e, 0);
		return;
	}
	e->who.g = o->g;
	e->who.map = o->map;
	e->who.id = gr->id;
	e->who.old = gr->old;
	e->who.entered_ns = 0;
	e->who.busy_ns = 0;
	e->who.steps = 0;
	e->who.told = 0;
	e->who.op = MR_OP_ITERATE;
	e->who.flags = gr->flags;
	e->who.header_size = header_read(e->who.header, o->map, o->c);
	e->who.access.type = operation_type(ctx, o);
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void growth_iterate(struct pt_regs *ctx, struct operation *o,
					   const struct mr_probe_site *site)
{
	int fault = 0;

	o->map = site_arg(ctx, site->map_arg, cfg.iter_map, &fault);
	if (fault || !o->map)
		return; /* the operation says so */
	if (site->map_arg == MR_ARG_ITER)
		iterator_step(ctx, o, site_word(ctx, MR_ARG_0));
	else /* the map in the second register: the iterator comes third, else it is the receiver */
		iterator_begin(o, site_word(ctx, site->map_arg == MR_ARG_1 ? MR_ARG_2 : MR_ARG_0));
}

/* True where this was no operation, but a part of one. */
static __always_inline bool growth_saw(struct pt_regs *ctx, struct operation *o,
				       const struct mr_probe_site *site, __u32 slot)
{
	if (site->op < MR_OP_GROW && site->op != MR_OP_ITERATE)
		return false;
	o->now = bpf_ktime_get_ns();
	if (site->op == MR_OP_ITERATE) {
		o->op = MR_OP_ITERATE;
		growth_iterate(ctx, o, site);
		return false;
	}
	o->c->hits[slot & (MR_SITE_SLOTS - 1)]++;
	o->op = MR_OP_WRITE;
	if (site->op == MR_OP_GROWN)
		growth_return(o);
	else
		growth_enter(ctx, o, site);
	return true;
}

#endif
