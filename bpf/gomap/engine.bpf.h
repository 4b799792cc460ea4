/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_ENGINE_BPF_H
#define MAPRACE_ENGINE_BPF_H

/*
 * Hold and collide. A hold is published in a slot by its owner alone (the claim makes it alone);
 * its sequence number is odd while the slot changes. Whoever enters an operation on the same map
 * reads the slot between two looks at the sequence number: same and even means that map, goroutine,
 * kind and stack belong to one hold, and hold->map == map means that it lasted when we looked,
 * which was after we entered. So both goroutines stood inside an operation on the map at once:
 * nothing orders them.
 *
 * An owner cannot vanish in the middle: a BPF program runs to its end, also when the process is
 * killed meanwhile. The order of the plain stores and loads is that of x86 (stores in order, loads
 * in order); weaker machines need fences here.
 */
#include "access.bpf.h"
#include "claim.bpf.h"
#include "near.bpf.h"
#include "other.bpf.h"
#include "slowdown.bpf.h"
#include "stops.bpf.h"
#include "suspect.bpf.h"
#include "trial.bpf.h"

/* On the stack a new one would take the program past what 5.10 allows. */
static struct mr_pair fresh_pair;

/* 1 where this pair of stacks is new and its event should go out. A function of its own: the
 * verifier goes through it once. */
__noinline int pair_first(__u64 key, __u64 now)
{
	volatile struct mr_target *t = target_of(pair_tag(key));
	struct mr_pair *p = bpf_map_lookup_elem(&pairs, &key);
	__u32 cpu;
	int fresh = 0;

	if (!p) {
		/* as long as others have less than their own, some room is left to them */
		if (t->pairs < MR_PAIRS_OWN || pairs_common < MR_PAIRS)
			fresh = !bpf_map_update_elem(&pairs, &key, &fresh_pair, BPF_NOEXIST);
		p = bpf_map_lookup_elem(&pairs, &key); /* or another CPU's that was faster */
		if (!p) {
			count(this_cpu(pair_tag(key), &cpu), MR_COUNT_PAIRS_FULL);
			return 0;
		}
	}
	if (fresh) {
		if (t->pairs >= MR_PAIRS_OWN)
			__sync_fetch_and_add(&pairs_common, 1);
		__sync_fetch_and_add((__u32 *)&t->pairs, 1);
		p->first_ns = now;
		p->tag = key & 0xffff;
	}
	__sync_fetch_and_add(&p->count, 1);
	p->last_ns = now;
	return fresh;
}

/* An operation found its map's record held: is it a collision? */
static __always_inline void collide(struct pt_regs *ctx, const struct operation *o)
{
	__u32 index = o->index & (MR_HOLD_SLOTS - 1);
	volatile struct mr_hold *h = bpf_map_lookup_elem(&holds, &index);
	struct mr_event_race *e;
	__u64 seq;

	if (!h)
		return;
	seq = h->seq;
	load_fence();
	if (seq & 1 || h->map != o->map || h->access.g == o->g)
		return; /* not held, another map of the same record, or our own */
	if (!mr_op_writes(o->op) && !mr_op_writes(h->access.op)) {
		o->c->read_meets_read++;
		return;
	}
	o->record->flags |= MR_MAP_MET;
	e = event_reserve(o);
	if (!e)
		return;
	if (!access_fill(ctx, o, &e->access[0]))
		goto discard;
	e->access[0].type = operation_type(ctx, o);
	if (bpf_probe_read_kernel(&e->access[1], sizeof(e->access[1]), (const void *)&h->access)) {
		count(o->c, MR_COUNT_SNAPSHOT_TORN);
		goto discard;
	}
	load_fence();
	if (h->seq != seq) {
		count(o->c, MR_COUNT_SNAPSHOT_TORN);
		goto discard;
	}
	h->hit_seq = seq;
	o->c->collisions++;
	map_prove(o->index, o->map);
	e->evidence = MR_EVIDENCE_COLLISION;
	e->held_ns = o->now > e->access[1].time_ns ? o->now - e->access[1].time_ns : 0;
	e->pair = pair_key(e, e->access[1].stack_hash);
	if (!pair_first(e->pair, o->now))
		goto discard;
	header_copy(o, e);
	ring_submit(&events, e);
	return;
discard:
	ring_discard(&events, e);
}

/*
 * The header says that a writer is inside, and we are just entering: the runtime itself would throw
 * if its own look came now. If nobody else wrote lately, nothing is claimed: a write that a panic
 * cut short leaves the flag set. Whose write it is follows from the record only where one other
 * goroutine alone has written (other.bpf.h).
 */
static __always_inline void in_flight(struct pt_regs *ctx, const struct operation *o)
{
	struct mr_event_race *e;
	struct mr_access *other;
	bool alone;
	const struct mr_map_access *noted = other_writer(o, &alone);
	struct mr_map_access w = *noted;

	load_fence();
	if (w.g != noted->g || w.ns != noted->ns || !same_target(w.g, o->g) || w.g == o->g ||
	    o->now - w.ns > 1000000) {
		count(o->c, MR_COUNT_IN_FLIGHT_UNATTRIBUTED);
		return;
	}
	o->record->flags |= MR_MAP_MET;
	/* a fault may have left it there: who met whom is not known, or that anybody did */
	if (o->target->flag_stays) {
		count(o->c, MR_COUNT_IN_FLIGHT_UNATTRIBUTED);
		return;
	}
	e = event_reserve(o);
	if (!e)
		return;
	other = &e->access[1];
	if (!access_fill(ctx, o, &e->access[0]))
		goto discard;
	e->access[0].type = operation_type(ctx, o);
	other_unknown(other);
	if (alone)
		other_fill(o, &w, o->now, true, other);
	e->evidence = MR_EVIDENCE_IN_FLIGHT;
	e->held_ns = 0;
	e->pair = pair_key(e, other->stack_hash ^ 0x1f1f1f1f);
	if (!pair_first(e->pair, o->now))
		goto discard;
	header_copy(o, e);
	ring_submit(&events, e);
	return;
discard:
	ring_discard(&events, e);
}

/*
 * Waiting. Global functions are verified once, whatever the number of iterations around them, so
 * that the same code runs on kernels without bpf_loop() and stays small for the verifier. 64 x 64 x
 * 160 looks at the clock last at least 10 ms, and twelve times as many longer than any hold.
 */
__noinline int wait_turn(__u64 until)
{
	int i;

	for (i = 0; i < 160; i++)
		if ((__s64)(bpf_ktime_get_ns() - until) >= 0)
			return 1;
	return 0;
}

/* 0: go on; 1: the time is over; 2: somebody has collided; 3: the goroutine is to stop, or to make
 * way for a hold that promises more. */
__noinline int wait_round(__u64 until, __u32 index)
{
	volatile struct mr_hold *h = bpf_map_lookup_elem(&holds, &index);
	__u64 seq, g;
	__u32 way_for;
	int i;

	if (!h)
		return 1;
	seq = h->seq;
	g = h->access.g;
	way_for = h->way_for;
	for (i = 0; i < 64; i++) {
		if (h->hit_seq == seq)
			return 2;
		if (target_of(g)->long_holds & way_for || stop_asked(g))
			return 3;
		if (wait_turn(until))
			return 1;
	}
	return 0;
}

/* How somebody waits; also who, for delay_racy_op(). */
#define WAIT_WRITER 1u
#define WAIT_AT_CALL 2u	 /* at its call instruction */
#define WAIT_IF_EMPTY 4u /* for the flag of an empty map, too */

static __always_inline __u32 wait_how(const struct operation *o)
{
	return mr_op_writes(o->op) * WAIT_WRITER | o->at_call * WAIT_AT_CALL |
	       mr_op_asks_if_empty(o->op) * WAIT_IF_EMPTY;
}

/* 1: nobody is inside, or the goroutine is to stop. */
__noinline int wait_clear(__u64 map, __u64 g, __u32 how)
{
	int i;

	for (i = 0; i < 32; i++) {
		if (!another_inside(map, how & WAIT_IF_EMPTY) || (g && stop_asked(g)))
			return 1;
		wait_turn(bpf_ktime_get_ns() + cfg.grace_ns / 4);
	}
	return 0;
}

/*
 * Never let this goroutine go while another is inside: that would make them really run into each
 * other. Who is inside may be parked there by the scheduler, for milliseconds. A goroutine that is
 * to stop goes at once where it would stop without harm (at_call); elsewhere it waits a millisecond
 * more: if the one inside has stopped already, it goes on when all have.
 */
__noinline int wait_writers(__u64 until, __u64 map, __u64 g, __u32 how)
{
	int i;

	for (i = 0; i < 32 && !wait_turn(until); i++)
		;
	for (i = 0; i < 64 && !wait_clear(map, g, how); i++)
		;
	for (i = how & WAIT_AT_CALL ? 6 : 0; i < 6 && !wait_clear(map, 0, how); i++)
		;
	return 0;
}

/* As wait_round(), longer. */
__noinline int wait_rounds(__u64 until, __u32 index)
{
	int i, r = 0;

	for (i = 0; i < 64 && !r; i++)
		r = wait_round(until, index);
	return r;
}

__noinline int wait_until(__u64 until, __u32 index, __u64 map, __u64 g, __u32 how)
{
	__u64 now;
	int i, r = 0;

	for (i = 0; i < 12 && !r; i++)
		r = wait_rounds(until, index);
	now = bpf_ktime_get_ns();
	if (r == 2) /* a collision: the other operation needs a moment to get under way and done */
		until = now + cfg.grace_ns;
	if (r == 3)
		until = now;
	/* who has collided with this one is not to be run into */
	wait_writers(until, map, r == 2 && !(how & WAIT_AT_CALL) ? 0 : g, how);
	return r;
}

/* All ones where the record is another map's by now, another target's perhaps; else 0. No branch:
 * the verifier would follow both ways. */
static __always_inline __u64 record_is_lost(const struct operation *o)
{
	__u64 differ = *(volatile __u64 *)&o->record->addr ^ o->map;
	__u64 lost = (__u64)((__s64)(differ | -differ) >> 63);

	asm volatile("" : "+r"(lost));
	return lost;
}

static __always_inline void record_type(const struct operation *o, __u64 type)
{
	__u64 keep = record_is_lost(o);

	o->record->type = (o->record->type & keep) | (type & ~keep);
}

static __always_inline void record_held(const struct operation *o, __u64 length)
{
	__u64 ours = ~record_is_lost(o);

	o->record->holds += (__u32)(ours & 1);
	o->record->hold_ns += length & ours;
}

static __always_inline void hold(struct pt_regs *ctx, const struct operation *o,
				 struct mr_caller *s, __u64 length)
{
	__u32 index = o->index & (MR_HOLD_SLOTS - 1);
	volatile struct mr_hold *h;
	__u64 start, end;
	bool good;
	int r;

	h = bpf_map_lookup_elem(&holds, &index);
	if (!h)
		return;
	if (!claim_take(index)) {
		count(o->c, MR_COUNT_SLOT_BUSY);
		return;
	}
	h->seq++;
	store_fence();
	good = access_fill(ctx, o, (struct mr_access *)&h->access);
	store_fence();
	h->seq++;
	if (!good) {
		s->next_ns = o->now + length; /* no use in asking again at once */
		goto release;
	}
	if (trial_control(o, s, length))
		goto release;
	store_fence();
	start = bpf_ktime_get_ns();
	h->map = o->map;
	store_fence();
	o->record->hold = 1;
	record_type(o, operation_type(ctx, o));
	length = slowdown_begin(o->g, s->key, index, length);
	near_holds(s->key, start + length);
	r = wait_until(start + length, index, o->map, o->g, wait_how(o));
	h->map = 0;
	store_fence();
	o->record->hold = 0;
	end = bpf_ktime_get_ns();
	if (r == 3) {
		count(o->c, MR_COUNT_HOLD_CUT);
		trial_forget(o, s);
	} else if ((__s64)(end - start - length) < 0 && h->hit_seq != h->seq) {
		count(o->c, MR_COUNT_HOLD_SHORT);
	}
	slowdown_end(o->g, index, length, end - o->now);
	near_held(o->index, s->key, o->g, end, (__u32)r | (h->hit_seq == h->seq) * NEAR_MET);
	policy_held(s, end, length, o->record->flags);
	length = end - o->now;
	tally(&o->c->holds, 1);
	tally(&o->c->hold_ns, length);
	o->c->tokens_ns -= length < o->c->tokens_ns ? length : o->c->tokens_ns;
	record_held(o, length);
release:
	claim_release(index);
}

static __always_inline void look_hold(struct pt_regs *ctx, struct operation *o, struct mr_caller *s,
				      __u64 ret, __u32 slot)
{
	struct policy_input in = {};
	__u64 length;

	policy_refill(&o->c->tokens_ns, &o->c->refilled_ns, o->now, o->target->hold_ppm,
		      cfg.burst_ns);
	in.now = o->now;
	in.max_hold_ns = cfg.max_hold_ns;
	in.min_hold_ns = cfg.min_hold_ns;
	in.tokens_ns = slowdown_tokens(o->g, s->key, o->now, o->c->tokens_ns);
	in.burst_ns = cfg.burst_ns;
	in.map_flags = o->record->flags;
	in.map_holds = o->record->holds;
	in.writes = mr_op_writes(o->op);
	in.map_reads = o->record->reads;
	in.map_writes = o->record->writes;
	in.quiet_ns = o->quiet_ns;
	length = policy_hold(s, &in);
	length = slowdown_length(o->g, s->key, o->now, length, o->record->flags);
	if (!length) {
		if (policy_due(s, &in))
			count(o->c, MR_COUNT_NO_TOKENS);
		return;
	}
	if (slowdown_waits(o->g, s->key, o->now) || runtime_locked(o->g))
		return;
	length = stop_length(o, s, ret, slot, length);
	if (!length)
		return;
	length = trial_length(o, s, length);
	if (!length)
		return;
	hold(ctx, o, s, length);
}

/* Maps that two goroutines use and somebody writes. */
#define LOOK_INSIDE (MR_MAP_SHARED | MR_MAP_WRITTEN)

/* The slow path: an operation that may matter. */
static __always_inline void look(struct pt_regs *ctx, struct operation *o, __u32 slot)
{
	struct mr_caller *s;
	__u64 caller, ret = 0;

	o->c->looks++;
	caller = stack_caller(ctx, o, &ret);
	if (!caller) {
		count(o->c, MR_COUNT_CALLER_FAULT);
		return;
	}
	s = caller_record(REG_IP(ctx) ^ tag_of(o->g), caller, o->c);
	if (!s) {
		count(o->c, MR_COUNT_RECORD_MISSING);
		return;
	}
	s->looks++;
	last_op_look(o->g, caller, o->now);
	map_look_closer(o->index, o->map, o->g, o->now);
	if (cfg.window_ns)
		suspect_look(ctx, o);
	if (o->leaves)
		return;
	o->inside = cfg.holds_enabled && (o->record->flags & LOOK_INSIDE) == LOOK_INSIDE &&
		    another_inside(o->map, 0);
	if (o->inside) {
		in_flight(ctx, o);
		return;
	}
	if (!may_hold(o->now) || o->record->flags & MR_MAP_STACK)
		return;
	o->site = (__u8)map_site(o->index, o->map, s->key);
	near_look(o->index, s->key, o->g, o->now, o->op);
	look_hold(ctx, o, s, ret, slot);
}

#endif
