/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_BPFFINDING_BPF_H
#define MAPRACE_BPFFINDING_BPF_H

/* What is told of: counted for each pair on each key, and sent once. */
#include "bpfactor.bpf.h"

enum { /* of mr_bpf_open's member */
       STALE = 1,
       STALE_LATE = 2, /* whoever wrote what was read came late */
       STALE_UNNAMED = 3,
       STALE_EITHER = 4, /* two may have come late */
};

static __always_inline struct mr_bpf_finding *finding_get(struct mr_bpf_cpu *c, __u64 tag)
{
	__u32 base = tag & (MR_BPF_FINDINGS - MR_BPF_WAYS), i, k;
	struct mr_bpf_finding *f;

	for (i = 0; i < MR_BPF_WAYS; i++) {
		k = base + i;
		f = bpf_map_lookup_elem(&findings, &k);
		if (!f)
			return NULL;
		if (f->tag == tag || (!f->tag && !word_replace(&f->tag, 0, tag)) || f->tag == tag)
			return f;
	}
	bpf_count(c, MR_BPF_COUNT_FINDING_FULL);
	return NULL;
}

static __noinline int finding_emit(struct mr_bpf_cpu *c, struct mr_bpf_open *o, __u64 tag,
				   __u64 now, __u32 kind)
{
	struct mr_bpf_event_finding *e = bpf_ringbuf_reserve(&bpf_events, sizeof(*e), 0);
	bool lost = kind == MR_BPF_LOST_UPDATE;
	int i;

	if (!e) {
		bpf_count(c, MR_BPF_COUNT_RING_FULL);
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
	e->flags = lost && o->inside ? MR_BPF_BOTH_READ : 0;
	e->read_ns = lost ? o->read.ns : 0;
	e->other_ns = lost ? o->other_ns : o->overlap_ns;
	e->write_ns = o->started_ns;
	e->read_digest = o->read.digest;
	e->other_digest = o->other_digest;
	e->write_digest = o->digest;
	e->lost = lost ? o->lost : 0;
	e->writer = lost && o->stale == STALE_LATE ? o->late : o->actor;
	e->other = lost ? o->other : o->overlap;
	for (i = 0; i < MR_BPF_KEY_MAX / 8; i++)
		((__u64 *)e->key)[i] = ((__u64 *)o->key_bytes)[i];
	for (i = 0; i < MR_BPF_KEY_MAX / 8; i++)
		((__u64 *)e->value)[i] = ((__u64 *)o->value)[i];
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* The same two, at the same key: one finding. */
static __always_inline __u64 finding_tag(__u64 key, __u32 kind, __u64 writer, __u64 other)
{
	return mix(key ^ mix(writer * 3 + kind) ^ mix(other * 5 + 7)) | 1;
}

/* A stale write over one that is still under way, or that the ring has forgotten: what it loses is
 * put down to that one, or to the last other one that wrote. Nobody is named by it: the two are
 * when one of them is caught plainly, and then this counts. */
static __noinline int finding_count(struct mr_bpf_cpu *c, struct mr_bpf_open *o)
{
	const struct mr_bpf_actor *writer = o->stale == STALE_EITHER ? &o->late : &o->actor;
	__u64 tag = finding_tag(o->tag, MR_BPF_LOST_UPDATE, actor_group(writer), o->other_group);
	struct mr_bpf_finding *f = finding_get(c, tag);

	if (!f)
		return 0;
	__sync_fetch_and_add((__u64 *)&f->lost, (__u64)(__s64)o->lost);
	if (!f->first_ns)
		bpf_count(c, MR_BPF_COUNT_UNNAMED);
	return 0;
}

static __noinline int finding_add(struct mr_bpf_cpu *c, struct mr_bpf_open *o, __u64 now,
				  __u32 kind)
{
	bool lost = kind == MR_BPF_LOST_UPDATE;
	struct mr_bpf_actor *other = lost ? &o->other : &o->overlap;
	struct mr_bpf_actor *writer = lost && o->stale == STALE_LATE ? &o->late : &o->actor;
	__u64 tag = finding_tag(o->tag, kind, actor_group(writer), actor_group(other));
	struct mr_bpf_finding *f = finding_get(c, tag);

	if (!f)
		return 0;
	__sync_fetch_and_add(&f->count, 1);
	if (lost)
		__sync_fetch_and_add((__u64 *)&f->lost, (__u64)(__s64)o->lost);
	f->last_ns = now;
	if (f->first_ns || word_replace(&f->first_ns, 0, now))
		return 0;
	return finding_emit(c, o, tag, now, kind);
}

#endif
