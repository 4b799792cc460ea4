/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_GROWTH_BPF_H
#define MAPRACE_GROWTH_BPF_H

/*
 * --growth: when maps grow, and who does the work. A classic map gets its new buckets at once and
 * is emptied into them step by step, by whoever writes next; a Swiss table is copied in one go. All
 * of it happens inside writes. The steps are many and short: they are counted at their entry alone.
 * What is done once, making new buckets or a table, is seen at its return too, which costs many
 * times as much. Nothing of this is left in the program when nobody asked.
 */
#include "access.bpf.h"

static __always_inline struct mr_grower *grower_slot(__u64 g, __u64 map)
{
	__u32 index = mr_map_index(g ^ map << 1, MR_GROWERS - 1);

	return bpf_map_lookup_elem(&growers, &index);
}

static __always_inline struct mr_inside *inside_slot(__u64 g)
{
	__u32 index = mr_map_index(g, MR_GROWERS - 1);

	return bpf_map_lookup_elem(&insides, &index);
}

/* map: whose growth it is, which may be another target's that we only tell of. */
static __always_inline struct mr_event_growth *growth_event(const struct operation *o, __u64 map,
							    __u32 what)
{
	struct mr_event_growth *e = bpf_ringbuf_reserve(&growth_events, sizeof(*e), 0);

	if (!e) {
		count_of(map, MR_COUNT_GROWTH_RING);
		return NULL;
	}
	e->header.kind = MR_EVENT_GROWTH;
	e->header.tag = mr_tag(map);
	e->header.size = sizeof(*e);
	e->header.time_ns = o->now;
	e->what = what;
	e->header_size = 0;
	e->since_ns = 0;
	return e;
}

/* An event that is not of a payer: who, but for the access. */
static __always_inline void event_of(const struct operation *o, struct mr_event_growth *e,
				     const struct mr_grown *gr)
{
	e->who.g = o->g;
	e->who.map = o->map;
	e->who.id = gr->id;
	e->who.old = gr->old;
	e->who.busy_ns = 0;
	e->who.steps = 0;
	e->who.told = 0;
	e->who.op = o->op;
	e->who.flags = gr->flags;
	e->who.header_size = header_read(e->who.header, o->map, o->c);
	e->who.access.nframes = 0;
	e->who.access.type = 0;
}

/* Says what this goroutine has done so far. with_header: and how the map looks now. */
static __always_inline void grower_tell(const struct operation *o, struct mr_grower *w, __u32 what,
					bool with_header)
{
	struct mr_event_growth *e = growth_event(o, w->map, what | (w->flags & MR_GROWTH_LATE));

	w->told = w->steps;
	if (!e)
		return;
	if (with_header)
		e->header_size = header_read(e->after, w->map, o->c);
	/* another CPU's may be taking the place just now: what is told is of one target */
	if (bpf_probe_read_kernel(&e->who, sizeof(e->who), w) ||
	    mr_tag(e->who.map) != e->header.tag) {
		count_of((__u64)e->header.tag << MR_TAG_SHIFT, MR_COUNT_GROWTH_RING);
		ring_discard(&growth_events, e);
		return;
	}
	ring_submit(&growth_events, e);
}

/* The map's place; another map's growth that is under way is forgotten, which is counted. */
static __always_inline void grown_set(const struct operation *o, __u64 old, __u32 flags)
{
	struct mr_grown *gr = grown_slot(o->map);

	if (!gr)
		return;
	if (gr->under_way && gr->map != o->map)
		count_of(gr->map, MR_COUNT_GROWN_EVICTED);
	gr->map = o->map;
	gr->id = o->now;
	gr->old = old;
	gr->under_way = 1;
	gr->flags = flags;
	gr->epoch = o->target->epoch;
	gr->seed = seed_of(o->map, o->c);
	gr->collected = collections_now(o->map);
}

/* A new part in a growth takes the place; what was there and is not told yet is told now. */
static __always_inline bool grower_begin(struct pt_regs *ctx, const struct operation *o,
					 const struct mr_probe_site *site, struct mr_grower *w)
{
	int fault = 0;

	if (w->g && w->told != w->steps)
		grower_tell(o, w, MR_GROWTH_PAID, false);
	w->g = 0;
	w->map = o->map;
	w->id = o->now;
	w->old = 0;
	w->busy_ns = 0;
	w->steps = 0;
	w->told = 0;
	w->op = site->op;
	w->flags = 0;
	w->header_size = header_read(w->header, o->map, o->c);
	/* a method of the table that grows has it in its first register */
	if (site->map_arg == MR_ARG_2 && target_read(w->table, sizeof(w->table), REG_ARG0(ctx)))
		count(o->c, MR_COUNT_HEADER_FAULT);
	if (!access_fill(ctx, o, &w->access))
		return false;
	w->access.type = site_arg(ctx, site->type_arg, o->target->iter_type, &fault);
	w->g = o->g;
	return true;
}

/* An old bucket is about to be emptied, or looked at again. */
static __always_inline void growth_move(struct pt_regs *ctx, const struct operation *o,
					const struct mr_probe_site *site, __u64 goid)
{
	struct mr_grower *w = grower_slot(o->g, o->map);
	struct mr_grown *gr = grown_slot(o->map);
	__u64 old = 0;
	bool known;

	if (!w || !gr) {
		count(o->c, MR_COUNT_RECORD_MISSING);
		return;
	}
	if (target_u64(o->map + o->target->map_old, &old)) {
		count(o->c, MR_COUNT_HEADER_FAULT);
		return;
	}
	known = gr->map == o->map && gr->old == old;
	if (known)
		gr->epoch = o->target->epoch;
	if (known && w->g == o->g && w->access.goid == goid && w->map == o->map &&
	    w->id == gr->id) {
		w->steps++;
		return;
	}
	if (!grower_begin(ctx, o, site, w))
		return;
	w->old = old;
	w->steps = 1;
	if (known) {
		w->id = gr->id;
		w->flags = gr->flags;
	} else { /* its begin was not seen: it is called by this step */
		w->flags = MR_GROWTH_LATE;
		grown_set(o, old, MR_GROWTH_LATE);
	}
}

/* A function whose stack check sends it through morestack is entered once more. */
#define ENTERED_AGAIN_NS 10000000ull

static __always_inline void growth_enter(struct pt_regs *ctx, const struct operation *o,
					 const struct mr_probe_site *site, __u64 goid)
{
	struct mr_inside *in = inside_slot(o->g);
	struct mr_grower *w = grower_slot(o->g, o->map);

	if (!in || !w) {
		count(o->c, MR_COUNT_RECORD_MISSING);
		return;
	}
	if (in->g == o->g && in->goid == goid && in->map == o->map &&
	    in->epoch == o->target->epoch && o->now - in->entered_ns < ENTERED_AGAIN_NS) {
		in->entered_ns = o->now;
		return;
	}
	if (in->g)
		count_of(in->g, MR_COUNT_GROWTH_UNPAIRED);
	in->g = 0;
	if (!grower_begin(ctx, o, site, w))
		return;
	grown_set(o, 0, 0);
	in->goid = goid;
	in->map = o->map;
	in->epoch = o->target->epoch;
	in->entered_ns = o->now;
	in->g = o->g;
}

static __always_inline void growth_return(struct operation *o, __u64 goid)
{
	struct mr_inside *in = inside_slot(o->g);
	struct mr_grower *w;
	struct mr_grown *gr;
	bool same;

	if (!in || in->g != o->g || in->goid != goid || in->epoch != o->target->epoch) {
		count(o->c, MR_COUNT_GROWTH_UNPAIRED); /* entered before the probes were there */
		return;
	}
	in->g = 0;
	o->map = in->map;
	w = grower_slot(o->g, o->map);
	gr = grown_slot(o->map);
	if (!w || !gr || w->g != o->g || w->map != o->map) {
		count(o->c, MR_COUNT_GROWTH_UNPAIRED);
		return;
	}
	w->busy_ns = o->now - in->entered_ns;
	same = gr->map == o->map && gr->id == w->id;
	if (!o->target->map_old) {
		w->steps = 1;
		if (same)
			gr->under_way = 0;
		grower_tell(o, w, MR_GROWTH_BEGAN | MR_GROWTH_PAID | MR_GROWTH_ENDED, true);
		w->g = 0;
		return;
	}
	if (target_u64(o->map + o->target->map_old, &w->old))
		count(o->c, MR_COUNT_HEADER_FAULT);
	if (same)
		gr->old = w->old;
	grower_tell(o, w, MR_GROWTH_BEGAN | MR_GROWTH_PAID, true);
}

/* Any operation on a classic map sees whether its growth is over; the end was in the write before. */
static __always_inline void growth_look(const struct operation *o)
{
	struct mr_grown *gr = grown_slot(o->map);
	struct mr_event_growth *e;
	__u64 old = 0;

	if (!gr || gr->map != o->map || !gr->under_way || !gr->old)
		return;
	if (target_u64(o->map + o->target->map_old, &old)) {
		count(o->c, MR_COUNT_HEADER_FAULT);
		return;
	}
	if (old == gr->old)
		return;
	gr->under_way = 0;
	if (gr->epoch != o->target->epoch)
		return; /* while nobody looked: not seen */
	e = growth_event(o, o->map, MR_GROWTH_ENDED | (gr->flags & MR_GROWTH_LATE));
	if (!e)
		return;
	event_of(o, e, gr);
	ring_submit(&growth_events, e);
}

static __always_inline struct mr_iterator *iterator_slot(__u64 it)
{
	__u32 index = mr_map_index(it, MR_ITERATORS - 1);

	return bpf_map_lookup_elem(&iterators, &index);
}

#define ITERATOR_FRESH_NS 1000000000ull

static __always_inline void iterator_begin(const struct operation *o, __u64 it, __u64 goid)
{
	struct mr_iterator *i = iterator_slot(it);

	if (!i) {
		count(o->c, MR_COUNT_RECORD_MISSING);
		return;
	}
	/* An iteration does not say when it is over: one that moved lately is taken to be open. */
	if (i->it && i->it != it && o->now - i->last_ns < ITERATOR_FRESH_NS)
		count_of(i->it, MR_COUNT_ITERATOR_EVICTED);
	i->it = it;
	i->g = o->g;
	i->goid = goid;
	i->map = o->map;
	i->first_ns = o->now;
	i->last_ns = o->now;
	i->told = 0;
	i->epoch = o->target->epoch;
}

/* It began before the growth and goes on after that: it was open. */
static __always_inline void iterator_step(struct pt_regs *ctx, const struct operation *o, __u64 it,
					  __u64 goid)
{
	struct mr_iterator *i = iterator_slot(it);
	const struct mr_grown *gr = grown_slot(o->map);
	struct mr_event_growth *e;

	if (!i || i->it != it || i->g != o->g || i->goid != goid || i->map != o->map ||
	    i->epoch != o->target->epoch)
		return;
	i->last_ns = o->now;
	if (!gr || gr->map != o->map || gr->id <= i->first_ns || gr->id == i->told)
		return;
	i->told = gr->id;
	e = growth_event(o, o->map, MR_GROWTH_ITERATOR | (gr->flags & MR_GROWTH_LATE));
	if (!e)
		return;
	event_of(o, e, gr);
	e->since_ns = i->first_ns;
	if (!access_fill(ctx, o, &e->who.access)) {
		ring_discard(&growth_events, e);
		return;
	}
	e->who.access.type = operation_type(ctx, o);
	ring_submit(&growth_events, e);
}

/* The map in the second register: the iterator comes third, else it is the receiver. */
static __always_inline void growth_iterate(struct pt_regs *ctx, const struct operation *o,
					   const struct mr_probe_site *site, __u64 goid)
{
	if (site->map_arg == MR_ARG_ITER)
		iterator_step(ctx, o, tagged(site_word(ctx, MR_ARG_0), tag_of(o->g)), goid);
	else
		iterator_begin(
			o,
			tagged(site_word(ctx, site->map_arg == MR_ARG_1 ? MR_ARG_2 : MR_ARG_0),
			       tag_of(o->g)),
			goid);
}

/* True where this was no operation, but a part of one. */
static __always_inline bool growth_saw(struct pt_regs *ctx, struct operation *o,
				       const struct mr_probe_site *site, __u32 slot)
{
	bool part = site->op >= MR_OP_GROW;
	__u64 goid = 0;
	int fault = 0;

	o->now = bpf_ktime_get_ns();
	o->op = part ? MR_OP_WRITE : site->op;
	o->type_arg = site->type_arg;
	if (part)
		tally(&o->c->hits[slot & (MR_SITE_SLOTS - 1)], 1);
	o->map = site->op == MR_OP_GROWN
			 ? 0
			 : tagged(site_arg(ctx, site->map_arg, o->target->iter_map, &fault),
				  tag_of(o->g));
	if (!mr_addr(o->map) && site->op != MR_OP_GROWN)
		return part; /* an operation says so itself */
	grown_recognise(o->map);
	if (!part && o->target->map_old)
		growth_look(o);
	if (!part && site->op != MR_OP_ITERATE)
		return false;
	if (target_u64(o->g + o->target->g_goid, &goid)) {
		count(o->c, MR_COUNT_G_FAULT);
		return part;
	}
	switch (site->op) {
	case MR_OP_ITERATE:
		growth_iterate(ctx, o, site, goid);
		break;
	case MR_OP_MOVE:
		growth_move(ctx, o, site, goid);
		break;
	case MR_OP_GROWN:
		growth_return(o, goid);
		break;
	default:
		growth_enter(ctx, o, site, goid);
	}
	return part;
}

#endif
