/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_BPFREAD_BPF_H
#define MAPRACE_BPFREAD_BPF_H

/* Who has read which version of a key, from the look-up until its write. */
#include "bpfactor.bpf.h"
#include "bpfhidden.bpf.h"
#include "bpfkeys.bpf.h"

/* What is in the value now, and its place in the key's history. False when it cannot be read. */
static __always_inline bool read_value(struct mr_bpf_cpu *c, struct mr_bpf_read *rd,
				       struct mr_bpf_key *rec, __u64 tag)
{
	rd->digest = value_digest();
	if (!rd->digest)
		return false;
	if (rec)
		version_match(rec, rd, tag);
	return true;
}

/* When the reader looked at the value, at the earliest; 0: not known. A program looks at it later:
 * see may_have_seen(). */
static __always_inline __u64 read_time(struct mr_bpf_cpu *c)
{
	if (!c->call.syscall)
		return c->began_ns;
	return c->copy_task == bpf_get_current_pid_tgid() ? c->copy_ns : 0;
}

/*
 * A reader has got a value, or learnt that there is none. A program has got its address only, and
 * looks at it when we are done: we look as late as we can, and once more if it changed under our
 * eyes.
 */
static __noinline int on_read(void *ctx, struct mr_bpf_cpu *c)
{
	struct mr_bpf_actor *reader = &c->reader;
	struct mr_bpf_read *rd;
	struct mr_bpf_key *rec;
	__u64 tag, own, digest;
	__u32 index;
	int i;

	if (!actor_find(ctx, c, reader))
		return 0;
	if (reader->kind == MR_BPF_TASK && (!c->call.syscall || reader->tgid == bcfg.own_tgid))
		return 0; /* a thread's reads are seen where bpf(2) copies the value out */
	c->ops[MR_BPF_READ]++;
	if (reader->kind == MR_BPF_CODE)
		return 1;
	c->now_ns = bpf_ktime_get_ns();
	tag = key_tag();
	if (!tag) {
		row_gap(c, c->now_ns);
		return 1;
	}
	rd = read_slot(tag, reader->id, &own);
	if (!rd)
		return 1;
	if (rd->tag && rd->tag != own && c->now_ns - rd->ns < bcfg.window_ns)
		bpf_count(c, MR_BPF_COUNT_READ_REPLACED);
	rd->tag = 0;
	rd->ns = read_time(c);
	if (!rd->ns)
		return 1;
	rd->seq = rd->depth = rd->born = rd->head = rd->flags = 0;
	rd->by_id = rd->by_group = rd->or_by_id = rd->or_by_group = 0;
	rd->done_ns = 0;
	rd->turn = turn_of(reader);
	rd->missed_runs = hidden_reads(c);
	rec = key_find(tag, &index);
	if (rec) {
		rd->born = rec->born;
		rec->last_ns = c->now_ns;
	}
	if (!read_value(c, rd, rec, tag))
		return 1;
	for (i = 0; i < 3 && !c->call.syscall; i++) {
		digest = value_digest();
		if (digest == rd->digest || !digest)
			break;
		if (!read_value(c, rd, rec, tag))
			return 1;
	}
	rd->tag = own;
	return 1;
}

/* Whether something went unseen since then, of this map (row_gap_ns) or of all. */
static __always_inline bool unseen_since(__u64 ns, const struct mr_bpf_control *ctl,
					 __u64 row_gap_ns)
{
	return (ns <= ctl->gap_ns + MR_BPF_GAP_STEP_NS && ctl->gap_ns) || ns <= row_gap_ns;
}

/* Whether a read may have been followed by another that was not seen: no conclusion from it then. */
static __always_inline bool read_is_old(const struct mr_bpf_cpu *c, const struct mr_bpf_open *o,
					const struct mr_bpf_control *ctl)
{
	const struct mr_bpf_read *rd = &o->read;

	if (rd->turn != turn_of(&o->actor) || hidden_since(c, ctl, rd->missed_runs, o->actor.kind))
		return true;
	/* a later read of this thread was begun, and its end was never seen */
	if (o->actor.kind == MR_BPF_TASK && c->copy_task == o->task && c->copy_ns > rd->ns)
		return true;
	return unseen_since(rd->ns, ctl, c->call.gap_ns) ||
	       (o->actor.kind != MR_BPF_TASK && rd->ns <= c->call.program_gap_ns);
}

/* Whether this write follows a read of the same key by the same actor. Uses the read up. */
static __always_inline bool read_take(struct mr_bpf_cpu *c, struct mr_bpf_open *o,
				      struct mr_bpf_key *rec, __u64 now)
{
	struct mr_bpf_control *ctl = control_get();
	struct mr_bpf_read *rd;
	__u64 own;

	rd = read_slot(o->tag, o->actor.id, &own);
	if (!rd || !ctl || rd->tag != own)
		return false;
	o->read = *rd;
	rd->tag = 0;
	if (now - o->read.ns >=
	    (o->actor.kind == MR_BPF_TASK ? bcfg.window_ns : bcfg.program_window_ns)) {
		bpf_count(c, MR_BPF_COUNT_READ_EXPIRED);
		return false;
	}
	if (read_is_old(c, o, ctl)) {
		bpf_count(c, MR_BPF_COUNT_READ_OLD);
		return false;
	}
	if (o->read.born)
		return o->read.born == rec->born;
	return rec->created_ns >= o->read.ns;
}

/* The value was in place before its writer left the kernel's function and had a version: find that
 * one now. */
static __noinline int read_match_again(struct mr_bpf_open *o, const struct mr_bpf_key *rec)
{
	struct mr_bpf_lineage *l;
	__u64 own;

	if (!o->rmw || o->read.flags & MR_BPF_MATCHED || !o->read.born)
		return 0;
	l = lineage_slot(rec, o->tag, o->read.digest, &own);
	if (!l || l->tag != own || (__s32)(l->seq - o->read.seq) <= 0)
		return 0;
	o->read.seq = l->seq;
	o->read.depth = l->depth;
	return 0;
}

#endif
