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
 */
#include "bpfactor.bpf.h"
#include "bpfkeys.bpf.h"

static __always_inline struct mr_bpf_finding *finding_get(struct mr_bpf_cpu *c, __u64 tag,
							  bool *fresh)
{
	__u32 base = tag & (MR_BPF_FINDINGS - MR_BPF_WAYS), i, k;
	struct mr_bpf_finding *f;

	*fresh = false;
	for (i = 0; i < MR_BPF_WAYS; i++) {
		k = base + i;
		f = bpf_map_lookup_elem(&findings, &k);
		if (!f)
			return NULL;
		if (f->tag == tag)
			return f;
		if (!f->tag && !word_replace(&f->tag, 0, tag)) {
			*fresh = true;
			return f;
		}
		if (f->tag == tag)
			return f;
	}
	bpf_lose(c, MR_BPF_LOSS_FINDING_FULL);
	return NULL;
}

static __noinline int finding_emit(struct mr_bpf_cpu *c, __u64 tag, __u64 now, __u32 kind,
				   __s32 lost)
{
	struct mr_bpf_open *o = &c->open;
	struct mr_bpf_event_finding *e = bpf_ringbuf_reserve(&bpf_events, sizeof(*e), 0);
	int i;

	if (!e) {
		bpf_lose(c, MR_BPF_LOSS_RING_FULL);
		return 0;
	}
	e->header.kind = MR_BPF_EVENT_FINDING;
	e->header.size = sizeof(*e);
	e->header.time_ns = now;
	e->tag = tag;
	e->finding = kind;
	e->map_id = o->map_id;
	e->key_size = o->key_size;
	e->value_size = o->value_size;
	e->op = o->op;
	e->pad = 0;
	e->read_ns = kind == MR_BPF_LOST_UPDATE ? o->read.ns : 0;
	e->other_ns = kind == MR_BPF_LOST_UPDATE ? o->other_ns : o->overlap_ns;
	e->write_ns = o->started_ns;
	e->read_digest = o->read.digest;
	e->other_digest = o->other_digest;
	e->write_digest = o->digest;
	e->lost = lost;
	e->writer = kind == MR_BPF_LOST_UPDATE && o->stale == 2 ? o->late : o->actor;
	e->other = kind == MR_BPF_LOST_UPDATE ? o->other : o->overlap_with;
	for (i = 0; i < MR_BPF_KEY_MAX / 8; i++)
		((__u64 *)e->key)[i] = c->key[i];
	for (i = 0; i < MR_BPF_KEY_MAX / 8; i++)
		((__u64 *)e->value)[i] = ((__u64 *)o->value)[i];
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static __noinline int finding_add(struct mr_bpf_cpu *c, __u64 now, __u32 kind, __s32 lost)
{
	struct mr_bpf_open *o = &c->open;
	struct mr_bpf_actor *other = kind == MR_BPF_LOST_UPDATE ? &o->other : &o->overlap_with;
	struct mr_bpf_actor *writer = kind == MR_BPF_LOST_UPDATE && o->stale == 2 ? &o->late
										  : &o->actor;
	__u64 tag = mix(o->tag ^ mix(actor_group(writer) * 3 + kind) ^
			mix(actor_group(other) * 5 + 7)) |
		    1;
	struct mr_bpf_finding *f;
	bool fresh;

	f = finding_get(c, tag, &fresh);
	if (!f)
		return 0;
	__sync_fetch_and_add(&f->count, 1);
	__sync_fetch_and_add((__u64 *)&f->lost, (__u64)(__s64)lost);
	f->last_ns = now;
	if (!fresh)
		return 0;
	f->first_ns = now;
	return finding_emit(c, tag, now, kind, lost);
}

/* What is in the value now, and its place in the key's history. False when it cannot be read. */
static __always_inline bool read_value(struct mr_bpf_cpu *c, struct mr_bpf_read *rd,
				       struct mr_bpf_key *rec, __u64 tag)
{
	rd->digest = value_digest(c);
	if (!rd->digest)
		return false;
	if (rec)
		version_match(rec, rd, tag);
	return true;
}

/*
 * A reader has got a value, or learnt that there is none. A program has got its address only, and
 * looks at it when we are done: we look as late as we can, and once more if it changed under our
 * eyes.
 */
static __noinline int on_read(void *ctx, struct mr_bpf_cpu *c)
{
	struct mr_bpf_control *ctl = control_get();
	struct mr_bpf_read *rd;
	struct mr_bpf_key *rec;
	__u64 tag, own, digest;
	__u32 index;
	int i;

	actor_find(ctx, c, &c->reader);
	if (c->reader.kind == MR_BPF_TASK && (!c->call.syscall || c->reader.tgid == bcfg.own_tgid))
		return 0; /* a thread's reads are seen where bpf(2) copies the value out */
	c->ops[MR_BPF_READ]++;
	tag = key_tag(c);
	if (!tag || !ctl)
		return 1;
	c->now_ns = bpf_ktime_get_ns();
	rd = read_slot(tag, c->reader.id, &own);
	if (!rd)
		return 1;
	if (rd->tag && rd->tag != own && c->now_ns - rd->ns < bcfg.window_ns)
		bpf_lose(c, MR_BPF_LOSS_READ_REPLACED);
	rd->tag = 0;
	rd->ns = c->now_ns;
	rd->seq = rd->depth = rd->born = 0;
	rd->by_id = rd->by_group = 0;
	rec = key_find(tag, &index);
	if (rec) {
		rd->born = rec->born;
		rec->last_ns = c->now_ns;
	}
	if (!read_value(c, rd, rec, tag))
		return 1;
	rd->tag = own;
	for (i = 0; i < 3 && !c->call.syscall; i++) {
		digest = value_digest(c);
		if (digest == rd->digest || !digest)
			break;
		if (!read_value(c, rd, rec, tag))
			break;
	}
	return 1;
}

/* Whether this write follows a read of the same key by the same actor. Uses the read up. */
static __always_inline bool read_take(struct mr_bpf_cpu *c, struct mr_bpf_key *rec, __u64 now)
{
	struct mr_bpf_control *ctl = control_get();
	struct mr_bpf_open *o = &c->open;
	struct mr_bpf_read *rd;
	__u64 own;

	rd = read_slot(o->tag, o->actor.id, &own);
	if (!rd || !ctl || rd->tag != own)
		return false;
	o->read = *rd;
	rd->tag = 0;
	if (now - o->read.ns >= bcfg.window_ns) {
		bpf_lose(c, MR_BPF_LOSS_READ_EXPIRED);
		return false;
	}
	if (o->read.ns <= ctl->gap_ns + MR_BPF_GAP_STEP_NS && ctl->gap_ns) {
		bpf_lose(c, MR_BPF_LOSS_READ_OLD);
		return false;
	}
	if (o->read.born)
		return o->read.born == rec->born;
	return rec->created_ns >= o->read.ns;
}

/* Puts a version on top, and finds out what it covers. */
static __noinline int version_push(struct mr_bpf_cpu *c, struct mr_bpf_key *rec, __u64 now)
{
	struct mr_bpf_open *o = &c->open;
	__u32 seq = word_next(&rec->next), depth;
	struct mr_bpf_version *v = &rec->version[seq & (MR_BPF_VERSIONS - 1)];
	__u64 head = *(volatile __u64 *)&rec->head, mine, was;
	int i;

	v->seq = 0;
	depth = o->rmw ? o->read.depth + (o->op == MR_BPF_UPDATE) : (__u32)(head >> 32) + 1;
	v->digest = o->digest;
	v->ns = now;
	v->depth = depth;
	v->by = o->actor;
	*(volatile __u32 *)&v->seq = seq;
	lineage_put(rec, o->tag, v, actor_group(&o->actor));
	mine = ((__u64)depth << 32) | seq;
	if (o->rmw) {
		o->prev = word_exchange(&rec->head, mine);
		o->mine = mine;
		return 0;
	}
	/* A blind write adds to whatever is newest; that may change meanwhile. */
	for (i = 0; i < 4; i++) {
		was = word_replace(&rec->head, head, mine);
		if (was == head)
			break;
		head = was;
		v->depth = (__u32)(head >> 32) + 1;
		lineage_put(rec, o->tag, v, actor_group(&o->actor));
		mine = ((__u64)v->depth << 32) | seq;
	}
	o->prev = head;
	o->mine = mine;
	return 0;
}

/* Our own versions are gone: whoever wrote what we have read came late, with something old. */
static __always_inline void blame_late_writer(struct mr_bpf_open *o)
{
	o->other = o->actor;
	o->late = o->actor;
	o->late.id = o->read.by_id;
	o->late.caller = 0;
	o->late.comm[0] = 0;
	o->late.kind = o->read.by_id >> 62;
	o->late.tgid = o->late.kind == MR_BPF_TASK ? (__u32)o->read.by_group : 0;
	o->late.tid = o->late.kind == MR_BPF_TASK ? (__u32)o->read.by_id : 0;
	o->late.prog_id = o->late.kind == MR_BPF_PROGRAM ? (__u32)o->read.by_group : 0;
	o->stale = 2;
}

static __noinline int stale_check(struct mr_bpf_cpu *c, struct mr_bpf_key *rec)
{
	struct mr_bpf_open *o = &c->open;
	__u32 seq = (__u32)o->prev;
	struct mr_bpf_version *v = &rec->version[seq & (MR_BPF_VERSIONS - 1)];

	o->stale = 0;
	if (!o->rmw || o->quiet || seq == o->read.seq || v->seq != seq)
		return 0;
	if (v->digest == o->read.digest || v->digest == MR_BPF_VOID)
		return 0; /* the same value again: nothing is lost */
	o->other_digest = v->digest;
	o->other_ns = v->ns;
	if (v->by.id != o->actor.id) {
		o->other = v->by;
		o->stale = 1;
	} else if (o->read.by_id && o->read.by_id != o->actor.id) {
		blame_late_writer(o);
	}
	return 0;
}

static __always_inline void overlap_check(struct mr_bpf_cpu *c, struct mr_bpf_key *rec, __u64 now)
{
	struct mr_bpf_open *o = &c->open;

	if (rec->inside_id && rec->inside_id != o->actor.id && now - rec->inside_ns < 1000000000) {
		o->overlap = 1;
		o->overlap_with = rec->inside;
		o->overlap_ns = rec->inside_ns;
		if (o->overlap_with.id != rec->inside_id || o->overlap_with.cpu == o->actor.cpu ||
		    (rec->inside_op == MR_BPF_DELETE && o->op == MR_BPF_DELETE))
			o->overlap = 0;
	}
	rec->inside_id = 0;
	rec->inside = o->actor;
	rec->inside_ns = now;
	rec->inside_op = o->op;
	*(volatile __u64 *)&rec->inside_id = o->actor.id;
}

/* A writer enters the kernel's function. */
static __noinline int on_write(void *ctx, struct mr_bpf_cpu *c)
{
	struct mr_bpf_open *o = &c->open;
	struct mr_bpf_key *rec;
	__u32 index = 0;
	int i;

	o->valid = 0;
	actor_find(ctx, c, &o->actor);
	if (o->actor.kind == MR_BPF_TASK && o->actor.tgid == bcfg.own_tgid)
		return 0;
	o->tag = key_tag(c);
	o->digest = value_digest(c);
	if (!o->tag || !o->digest)
		return 0;
	for (i = 0; i < MR_BPF_KEY_MAX / 8; i++)
		((__u64 *)o->value)[i] = c->value[i];
	o->started_ns = bpf_ktime_get_ns();
	rec = key_find(o->tag, &index);
	o->record = index;
	if (!rec)
		rec = key_make(c, o->tag, o->started_ns);
	if (!rec)
		return 0;
	rec->last_ns = o->started_ns;
	o->map = c->call.map;
	o->key = c->call.key;
	o->task = bpf_get_current_pid_tgid();
	o->map_id = c->call.map_id;
	o->key_size = c->call.key_size;
	o->value_size = c->call.value_size;
	o->op = c->call.op;
	o->quiet = c->call.flags & BPF_NOEXIST
			   ? 1
			   : 0; /* the kernel itself checks that nobody came in between */
	o->deferred = o->op == MR_BPF_DELETE ||
		      (c->call.flags & (BPF_NOEXIST | BPF_EXIST)); /* these may well fail */
	o->overlap = 0;
	o->stale = 0;
	o->rmw = read_take(c, rec, o->started_ns);
	if (o->quiet)
		o->rmw = 0;
	else if (!(c->call.flags & BPF_F_LOCK))
		overlap_check(c, rec, o->started_ns);
	if (!o->deferred) {
		version_push(c, rec, o->started_ns);
		stale_check(c, rec);
	}
	o->valid = 1;
	return 0;
}

/* ... and leaves it. */
static __noinline int on_written(struct mr_bpf_cpu *c, struct mr_bpf_row *row, long result)
{
	struct mr_bpf_open *o = &c->open;
	__u32 index = o->record & (MR_BPF_KEYS - 1);
	struct mr_bpf_key *rec = bpf_map_lookup_elem(&keys, &index);
	__u64 now = bpf_ktime_get_ns();

	if (!o->valid || o->map != c->call.map || o->key != c->call.key ||
	    o->task != bpf_get_current_pid_tgid()) {
		bpf_lose(c, MR_BPF_LOSS_EXIT_UNMATCHED);
		return 0;
	}
	o->valid = 0;
	if (!rec || rec->tag != o->tag)
		return 0;
	if (rec->inside_id == o->actor.id)
		rec->inside_id = 0;
	if (result < 0) {
		if (!o->deferred) {
			rec->version[(__u32)o->mine & (MR_BPF_VERSIONS - 1)].digest = MR_BPF_VOID;
			word_replace(&rec->head, o->mine, o->prev);
		}
		return 0;
	}
	if (o->deferred) {
		version_push(c, rec, now);
		stale_check(c, rec);
	}
	c->ops[o->op & (MR_BPF_OPS - 1)]++;
	__sync_fetch_and_add(&row->writes, 1);
	row->writers |= 1ull << (mix(actor_group(&o->actor)) & 63);
	if (!o->stale && !o->overlap)
		return 0;
	__sync_fetch_and_add(&row->conflicts, 1);
	if (o->stale)
		finding_add(c, now, MR_BPF_LOST_UPDATE,
			    (__s32)((__u32)(o->prev >> 32) - o->read.depth));
	if (o->overlap)
		finding_add(c, now, MR_BPF_CONCURRENT_WRITE, 0);
	return 0;
}

#endif
