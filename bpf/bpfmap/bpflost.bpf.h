/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_BPFLOST_BPF_H
#define MAPRACE_BPFLOST_BPF_H

/*
 * Lost updates. Every write of a key is a version; a write that follows a read by the same actor
 * descends from the version that was read. When another version is the newest by then, whatever
 * lies between is overwritten unread. The depth of a version is the number of read-modify-writes it
 * descends from: what a write loses is the newest version's depth minus that of the version it was
 * based on. Over all writes of a counter this adds up to the increments that are missing, exactly:
 * a stale write may also undo another one's damage, and then the difference is negative.
 *
 * Writes become versions when they enter the kernel's function, and are in place somewhere before
 * they leave it. So of two that overlap nobody knows which came last. It does not matter when both
 * of them descend from what was there before: one of the two is lost. When the other one was
 * written without having been read (a reset), nothing need be lost, and nothing is reported.
 */
#include "bpffinding.bpf.h"
#include "bpfread.bpf.h"

/* Where the call is remembered between the function's entry and its exit. */
static __always_inline struct mr_bpf_open *open_of(struct mr_bpf_cpu *c)
{
	__u64 h = mix(c->call.map ^ c->call.key * 31 ^ bpf_get_current_pid_tgid() << 7);

	return &c->open[h & (MR_BPF_OPENS - 1)];
}

static __always_inline void top_take(struct mr_bpf_open *o, const struct mr_bpf_key *rec,
				     __u64 head)
{
	o->top = rec->version[head & (MR_BPF_VERSIONS - 1)];
	if (o->top.seq != (__u32)head ||
	    rec->version[head & (MR_BPF_VERSIONS - 1)].seq != (__u32)head)
		o->top.seq = 0;
}

/* Puts a version on top. What it covers is looked at before and, if need be, after: whoever stands
 * still in between finds that version gone from the ring. */
static __noinline int version_push(struct mr_bpf_open *o, struct mr_bpf_key *rec, __u64 done)
{
	__u32 seq = word_next(&rec->next), depth;
	struct mr_bpf_version *v = &rec->version[seq & (MR_BPF_VERSIONS - 1)];
	__u64 head, mine, was;
	int i;

	if (v->seq && !v->done_ns)
		inside_add(&rec->evicted_pending, o->started_ns);
	else if (v->digest != MR_BPF_VOID && v->done_ns > rec->dropped_ns)
		rec->dropped_ns = v->done_ns;
	v->seq = 0;
	head = *(volatile __u64 *)&rec->head;
	depth = o->rmw ? o->read.depth + (o->op == MR_BPF_UPDATE) : (__u32)(head >> 32) + 1;
	v->digest = o->digest;
	v->ns = o->started_ns;
	v->done_ns = done;
	v->depth = depth;
	v->rmw = o->rmw;
	v->in_place = o->in_place;
	v->by = o->actor;
	*(volatile __u32 *)&v->seq = seq;
	if (rec->recent[0].id != o->actor.id) {
		rec->recent[1].id = rec->recent[0].id;
		rec->recent[1].group = rec->recent[0].group;
		rec->recent[0].group = actor_group(&o->actor);
		rec->recent[0].id = o->actor.id;
	}
	lineage_put(rec, o->tag, v, actor_group(&o->actor), false);
	mine = ((__u64)depth << 32) | seq;
	if (o->rmw) {
		head = *(volatile __u64 *)&rec->head;
		top_take(o, rec, head);
		o->prev = word_exchange(&rec->head, mine);
		o->mine = mine;
		if (o->prev != head)
			top_take(o, rec, o->prev);
		return 0;
	}
	/* A blind write adds to whatever is newest; that may change meanwhile. */
	for (i = 0; i < 4; i++) {
		was = word_replace(&rec->head, head, mine);
		if (was == head)
			break;
		head = was;
		v->depth = (__u32)(head >> 32) + 1;
		lineage_put(rec, o->tag, v, actor_group(&o->actor), true);
		mine = ((__u64)v->depth << 32) | seq;
	}
	o->prev = head;
	o->mine = mine;
	return 0;
}

/* The write is in place, or has failed. */
static __noinline int version_end(struct mr_bpf_open *o, struct mr_bpf_key *rec, __u64 now,
				  __u32 failed)
{
	__u32 seq = (__u32)o->mine;
	struct mr_bpf_version *v = &rec->version[seq & (MR_BPF_VERSIONS - 1)];

	if (!o->deferred)
		lineage_done(rec, o->tag, o->digest, seq, failed ? 0 : now);
	if (v->seq == seq) {
		v->done_ns = now;
		if (failed)
			v->digest = MR_BPF_VOID;
	} else {
		inside_sub(&rec->evicted_pending);
		rec->dropped_ns = now;
	}
	if (failed) {
		word_replace(&rec->head, o->mine, o->prev);
	} else if (o->started_ns >= rec->settled_ns) {
		/* the end first: who sees only half of it takes less for settled, not more */
		rec->settled_end_ns = now;
		*(volatile __u64 *)&rec->settled_ns = o->started_ns;
	}
	return 0;
}

/* Whoever wrote what we have read came late: its write overwrote a newer one. */
static __always_inline void blame_late_writer(struct mr_bpf_cpu *c, struct mr_bpf_open *o,
					      const struct mr_bpf_version *v)
{
	__u64 id = o->read.by_id, group = o->read.by_group;
	__u32 had_read = o->read.flags & MR_BPF_LATE_RMW;
	bool either = false;

	if (v->by.id == id) { /* not him: somebody who wrote the same value */
		id = o->read.or_by_id;
		group = o->read.or_by_group;
		had_read = o->read.flags & MR_BPF_OR_RMW;
	} else {
		either = o->read.or_by_id && o->read.or_by_id != v->by.id;
	}
	if (o->lost != 0 && id == MR_BPF_MANY) {
		bpf_count(c, MR_BPF_COUNT_UNDECIDED);
		return;
	}
	if (o->lost == 0 || v->by.id == id || !id || !had_read)
		return; /* what there is to lose has been counted where the newer one was written */
	o->other = v->by;
	o->other_seq = v->seq;
	o->other_digest = v->digest;
	o->other_ns = v->ns;
	o->late = o->actor;
	o->late.id = id;
	o->late.caller = 0;
	o->late.comm[0] = 0;
	o->late.kind = id >> 62;
	o->late.tgid = o->late.kind == MR_BPF_TASK ? (__u32)group : 0;
	o->late.tid = o->late.kind == MR_BPF_TASK ? (__u32)id : 0;
	o->late.prog_id = o->late.kind == MR_BPF_PROGRAM ? (__u32)group : 0;
	o->stale = either ? STALE_EITHER : STALE_LATE;
	o->other_group = actor_group(&o->other);
}

/*
 * Whether this version is overwritten unread, whatever the order in which the kernel did it. It
 * came after what was read when it was begun after the read, or when what was read was in place
 * before it was begun (for then it would have been read itself).
 */
static __always_inline bool is_overwritten(const struct mr_bpf_open *o,
					   const struct mr_bpf_version *v)
{
	if (v->ns < o->read.ns && (!o->read.done_ns || v->ns < o->read.done_ns))
		return false;
	/* an update that is told of at its end only may be what that one was made of */
	return (v->rmw && !o->deferred) || (v->done_ns && v->done_ns <= o->started_ns);
}

static __always_inline bool other_take(struct mr_bpf_open *o, const struct mr_bpf_version *v)
{
	if (v->digest == MR_BPF_VOID || v->by.id == o->actor.id || !is_overwritten(o, v))
		return false;
	o->other = v->by;
	o->other_seq = v->seq;
	o->other_digest = v->digest;
	o->other_ns = v->ns;
	o->stale = STALE;
	return true;
}

static __noinline int stale_check(struct mr_bpf_cpu *c, struct mr_bpf_open *o,
				  struct mr_bpf_key *rec)
{
	__u32 seq = (__u32)o->prev, base = o->read.seq, i;
	struct mr_bpf_version *v;

	if (!o->rmw || seq == base)
		return 0;
	o->lost = (__s32)((__u32)(o->prev >> 32) - o->read.depth);
	if (o->top.seq != seq) {
		o->stale = STALE_UNNAMED;
		o->other_group = rec->recent[rec->recent[0].id == o->actor.id].group;
		return 0;
	}
	if (o->top.digest == o->read.digest)
		return 0; /* the same value again: nothing is lost */
	if (o->read.flags & MR_BPF_LATE) {
		base = o->read.head;
		if (seq == base) {
			blame_late_writer(c, o, &o->top);
			return 0;
		}
	}
	if ((__s32)(seq - base) <= 0)
		return 0; /* what was read has failed, and the one before it is the newest again */
	if (other_take(o, &o->top))
		return 0;
	/* not that one, then perhaps one before it */
	for (i = 0; i < MR_BPF_VERSIONS; i++) {
		seq--;
		if ((__s32)(seq - base) <= 0)
			break;
		v = &rec->version[seq & (MR_BPF_VERSIONS - 1)];
		if (v->seq != seq)
			break;
		if (other_take(o, v))
			return 0;
	}
	if (o->top.by.id == o->actor.id || o->top.digest == MR_BPF_VOID)
		return 0;
	if (o->top.rmw && !o->deferred) { /* one of the two is lost, and we do not know which */
		o->stale = STALE_UNNAMED;
		o->other_group = actor_group(&o->top.by);
		return 0;
	}
	bpf_count(c, MR_BPF_COUNT_UNDECIDED);
	return 0;
}

/*
 * Two writers inside at one time, on two CPUs. The second leaves its name with the first, which
 * tells of it when it leaves: so both are known to have been inside.
 */
static __always_inline void overlap_enter(struct mr_bpf_open *o, struct mr_bpf_key *rec)
{
	__u64 id = rec->inside_id;

	if (!id || o->started_ns - rec->inside_ns >= INSIDE_NS) {
		rec->inside_id = 0;
		rec->overlap_id = 0;
		rec->inside = o->actor;
		rec->inside_ns = o->started_ns;
		rec->inside_op = o->op;
		*(volatile __u64 *)&rec->inside_id = o->actor.id;
		return;
	}
	if (id == o->actor.id || rec->inside.cpu == o->actor.cpu ||
	    (rec->inside_op == MR_BPF_DELETE && o->op == MR_BPF_DELETE))
		return;
	if (rec->overlap_id || word_replace(&rec->overlap_id, 0, 1))
		return;
	rec->overlap = o->actor;
	rec->overlap_ns = o->started_ns;
	rec->overlap_op = o->op;
	*(volatile __u64 *)&rec->overlap_id = o->actor.id;
}

static __always_inline bool overlap_leave(struct mr_bpf_open *o, struct mr_bpf_key *rec)
{
	bool overlapped;

	if (rec->inside_id != o->actor.id || rec->inside_ns != o->started_ns)
		return false;
	overlapped = rec->overlap_id > 1 && rec->overlap.id == rec->overlap_id &&
		     rec->overlap_ns >= o->started_ns;
	if (overlapped) {
		o->overlap = rec->overlap;
		o->overlap_ns = rec->overlap_ns;
	}
	rec->overlap_id = 0;
	*(volatile __u64 *)&rec->inside_id = 0;
	return overlapped;
}

/* Told of at its end only, and somebody entered after it: that one may have come before it or
 * after, and have read what it left. */
static __always_inline bool overtaken(const struct mr_bpf_open *o, const struct mr_bpf_key *rec)
{
	__u64 head = *(volatile __u64 *)&rec->head;
	const struct mr_bpf_version *v = &rec->version[head & (MR_BPF_VERSIONS - 1)];

	return head && (v->seq != (__u32)head || v->ns >= o->started_ns);
}

enum { OPEN_TOLD = 1, OPEN_UNTOLD = 2 }; /* the latter: nothing to be done at its exit */

/* A flag of our own beside the kernel's: the function gives what it deletes. */
#define READS_ITSELF (1ull << 63)

/* A writer enters the kernel's function. */
static __noinline int on_write(void *ctx, struct mr_bpf_cpu *c)
{
	struct mr_bpf_open *o = open_of(c);
	struct mr_bpf_key *rec;
	__u32 index = 0;
	int i;

	if (o->valid)
		bpf_count(c, MR_BPF_COUNT_EXIT_UNMATCHED);
	o->map = c->call.map;
	o->key = c->call.key;
	o->task = bpf_get_current_pid_tgid();
	o->valid = OPEN_UNTOLD;
	if (!actor_find(ctx, c, &o->actor))
		return 0;
	if (o->actor.kind == MR_BPF_TASK && o->actor.tgid == bcfg.own_tgid)
		return 0;
	o->started_ns = bpf_ktime_get_ns();
	o->tag = key_tag();
	o->digest = value_digest();
	if (!o->tag || !o->digest) {
		row_gap(c, o->started_ns);
		return 0;
	}
	for (i = 0; i < MR_BPF_KEY_MAX / 8; i++)
		((__u64 *)o->key_bytes)[i] = c->key[i];
	for (i = 0; i < MR_BPF_KEY_MAX / 8; i++)
		((__u64 *)o->value)[i] = c->value[i];
	rec = key_find(o->tag, &index);
	if (!rec)
		rec = key_make(c, o->tag, o->started_ns, &index);
	if (!rec) {
		row_gap(c, o->started_ns);
		return 0;
	}
	rec->last_ns = o->started_ns;
	o->record = index;
	o->map_id = c->call.map_id;
	o->key_size = c->call.key_size;
	o->value_size = c->call.value_size;
	o->op = c->call.op;
	o->stale = 0;
	o->inside = 0;
	o->in_place = c->call.flags & BPF_F_LOCK ? 1 : 0;
	o->lost = 0;
	/* the kernel itself checks that nobody came in between */
	o->quiet = c->call.flags & BPF_NOEXIST ? 1 : 0;
	/* these may well fail */
	o->deferred = o->op == MR_BPF_DELETE || c->call.flags & (BPF_NOEXIST | BPF_EXIST);
	o->rmw = o->actor.kind != MR_BPF_CODE && read_take(c, o, rec, o->started_ns) && !o->quiet &&
		 !(c->call.flags & READS_ITSELF);
	read_match_again(o, rec);
	if (!o->quiet && !(c->call.flags & BPF_F_LOCK))
		overlap_enter(o, rec);
	if (o->deferred) {
		inside_add(&rec->pending, o->started_ns);
	} else {
		version_push(o, rec, 0);
		stale_check(c, o, rec);
	}
	o->valid = OPEN_TOLD;
	return 0;
}

/*
 * A program has got an element's address, and looks at it after we did: it may see what was written
 * meanwhile if that was stored in place, or if the element was given back and taken for this key
 * again, which two writes do. So it has not seen the other one's when nobody else has stored since.
 */
static __noinline bool may_have_seen(const struct mr_bpf_open *o, const struct mr_bpf_key *rec,
				     const struct mr_bpf_row *row)
{
	const struct mr_bpf_control *ctl = control_get();
	const struct mr_bpf_version *v;
	int i;

	if (o->actor.kind == MR_BPF_TASK || o->read.digest == MR_BPF_ABSENT)
		return false;
	/* the element may have been on its way out already, or others have gone from the ring */
	if (o->read.born && (o->read.flags & (MR_BPF_MATCHED | MR_BPF_LATE)) != MR_BPF_MATCHED)
		return true;
	if (rec->next - (__u32)o->mine > 1 || inside_any(&rec->pending, o->started_ns) ||
	    inside_any(&rec->evicted_pending, o->started_ns) || !ctl ||
	    unseen_since(o->read.ns, ctl, row->gap_ns) || o->read.ns <= rec->ambiguous_ns ||
	    o->read.ns <= rec->dropped_ns)
		return true;
	for (i = 0; i < MR_BPF_VERSIONS; i++) {
		v = &rec->version[i];
		if (v->seq == o->other_seq && v->in_place)
			return true;
		if (v->seq == o->other_seq || v->seq == (__u32)o->mine || !v->seq)
			continue;
		if (v->digest != MR_BPF_VOID && v->ns < o->started_ns &&
		    (!v->done_ns || v->done_ns > o->read.ns))
			return true;
	}
	return false;
}

/* The other one may still fail: then it is not for us to name it. */
static __always_inline void other_settle(struct mr_bpf_open *o, const struct mr_bpf_key *rec,
					 const struct mr_bpf_row *row)
{
	const struct mr_bpf_version *v = &rec->version[o->other_seq & (MR_BPF_VERSIONS - 1)];

	if (v->seq != o->other_seq || !v->done_ns || may_have_seen(o, rec, row)) {
		o->stale = STALE_UNNAMED;
		o->other_group = actor_group(&o->other);
	} else if (v->digest == MR_BPF_VOID) {
		o->stale = 0;
	} else {
		o->inside = v->done_ns > o->started_ns;
	}
}

/* ... and leaves it. */
static __noinline int on_written(struct mr_bpf_cpu *c, struct mr_bpf_row *row, long result)
{
	struct mr_bpf_open *o = open_of(c);
	__u32 index = o->record & (MR_BPF_KEYS - 1);
	struct mr_bpf_key *rec = bpf_map_lookup_elem(&keys, &index);
	__u64 now = bpf_ktime_get_ns();
	bool reported, overlapped;

	if (!o->valid || o->map != c->call.map || o->key != c->call.key ||
	    o->task != bpf_get_current_pid_tgid()) {
		bpf_count(c, MR_BPF_COUNT_EXIT_UNMATCHED);
		return 0;
	}
	reported = o->valid == OPEN_TOLD;
	o->valid = 0;
	if (!reported || !rec || rec->tag != o->tag)
		return 0;
	overlapped = overlap_leave(o, rec);
	if (o->deferred)
		inside_sub(&rec->pending);
	if (result < 0) {
		if (!o->deferred)
			version_end(o, rec, now, 1);
		return 0;
	}
	if (o->deferred && overtaken(o, rec)) {
		bpf_count(c, MR_BPF_COUNT_UNDECIDED);
		rec->ambiguous_ns = now;
		row->gap_ns = now;
		return 0;
	}
	if (o->deferred) {
		version_push(o, rec, now);
		stale_check(c, o, rec);
	}
	version_end(o, rec, now, 0);
	c->ops[o->op & (MR_BPF_OPS - 1)]++;
	__sync_fetch_and_add(&row->writes, 1);
	row->writers |= 1ull << (mix(actor_group(&o->actor)) & 63);
	if (o->rmw && o->op == MR_BPF_UPDATE && o->actor.kind == MR_BPF_TASK) {
		row->rewriter = o->actor.tgid;
		__sync_fetch_and_add(&row->rewrites, 1);
	}
	if (o->stale == STALE)
		other_settle(o, rec, row);
	if (o->stale == STALE_UNNAMED || o->stale == STALE_EITHER) {
		finding_count(c, o);
		o->stale = 0;
	}
	if (!o->stale && !overlapped)
		return 0;
	__sync_fetch_and_add(&row->conflicts, 1);
	if (o->stale)
		finding_add(c, o, now, MR_BPF_LOST_UPDATE);
	if (overlapped)
		finding_add(c, o, now, MR_BPF_CONCURRENT_WRITE);
	return 0;
}

#endif
