/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_BPFKEYS_BPF_H
#define MAPRACE_BPFKEYS_BPF_H

/* Keys and values as digests, and the records of keys. */
#include "bpftables.bpf.h"

/* Copies at most MR_BPF_DIGEST_MAX bytes; the rest of the last word is zero. */
static __always_inline long words_read(__u64 *words, __u32 size, __u64 from)
{
	if (size > MR_BPF_DIGEST_MAX)
		size = MR_BPF_DIGEST_MAX;
	if (size & 7)
		words[(size >> 3) & (MR_BPF_DIGEST_MAX / 8 - 1)] = 0;
	return bpf_probe_read_kernel(words, size, (const void *)from);
}

static __always_inline __u64 words_digest(const __u64 *words, __u32 size)
{
	__u64 h = size * 0x9e3779b97f4a7c15ull;
	__u32 i;

	for (i = 0; i < MR_BPF_DIGEST_MAX / 8; i++) {
		if (i * 8 >= size)
			break;
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	h = mix(h);
	return h < 16 ? h + 16 : h; /* small numbers have meanings */
}

/*
 * These two are no static functions: so the verifier follows their loops once for each program, not
 * once for each way to them. Then they must find the CPU's record themselves.
 */
__noinline __u64 key_tag(void);
__noinline __u64 value_digest(void);

/* Reads the call's key; 0 when that fails. */
__noinline __u64 key_tag(void)
{
	struct mr_bpf_cpu *c = cpu_get();
	__u64 tag;

	if (!c)
		return 0;
	if (words_read(c->key, c->call.key_size, c->call.key)) {
		bpf_count(c, MR_BPF_COUNT_KEY_FAULT);
		return 0;
	}
	tag = mix(words_digest(c->key, c->call.key_size) ^
		  (c->call.map_id * 0xd6e8feb86659fd93ull));
	return tag < 16 ? tag + 16 : tag;
}

__noinline __u64 value_digest(void)
{
	struct mr_bpf_cpu *c = cpu_get();

	if (!c)
		return 0;
	if (!c->call.value)
		return MR_BPF_ABSENT;
	if (c->call.value_size > MR_BPF_DIGEST_MAX)
		bpf_count(c, MR_BPF_COUNT_VALUE_LONG);
	if (words_read(c->value, c->call.value_size, c->call.value)) {
		bpf_count(c, MR_BPF_COUNT_VALUE_FAULT);
		return 0;
	}
	return words_digest(c->value, c->call.value_size);
}

static __always_inline struct mr_bpf_read *read_slot(__u64 tag, __u64 actor, __u64 *own)
{
	__u64 h = mix(tag ^ actor * 0x9e3779b97f4a7c15ull);
	__u32 slot = h & (MR_BPF_READS - 1);

	*own = h | 1;
	return bpf_map_lookup_elem(&reads, &slot);
}

static __always_inline struct mr_bpf_key *key_find(__u64 tag, __u32 *index)
{
	__u32 base = tag & (MR_BPF_KEYS - MR_BPF_WAYS), i, k;
	struct mr_bpf_key *rec;

	for (i = 0; i < MR_BPF_WAYS; i++) {
		k = base + i;
		rec = bpf_map_lookup_elem(&keys, &k);
		if (rec && rec->tag == tag) {
			*index = k;
			return rec;
		}
	}
	return NULL;
}

/* Takes the record of the set that was idle longest. NULL: another CPU was faster. */
static __noinline struct mr_bpf_key *key_make(struct mr_bpf_cpu *c, __u64 tag, __u64 now,
					      __u32 *index)
{
	__u32 base = tag & (MR_BPF_KEYS - MR_BPF_WAYS), i, k, best = base;
	struct mr_bpf_key *rec;
	__u64 oldest = ~0ull, old;

	for (i = 0; i < MR_BPF_WAYS; i++) {
		k = base + i;
		rec = bpf_map_lookup_elem(&keys, &k);
		if (rec && rec->last_ns < oldest) {
			oldest = rec->last_ns;
			best = k;
		}
	}
	rec = bpf_map_lookup_elem(&keys, &best);
	if (!rec)
		return NULL;
	old = rec->tag;
	if (old == 1 || word_replace(&rec->tag, old, 1) != old) {
		bpf_count(c, MR_BPF_COUNT_KEY_BUSY);
		return NULL;
	}
	if (old && now - rec->last_ns < bcfg.window_ns)
		bpf_count(c, MR_BPF_COUNT_KEY_REPLACED);
	for (i = 0; i < MR_BPF_VERSIONS; i++) {
		rec->version[i].seq = 0;
		rec->version[i].digest = MR_BPF_VOID;
		rec->version[i].done_ns = 0;
	}
	rec->head = 0;
	rec->next = 0;
	rec->inside_id = 0;
	rec->overlap_id = 0;
	rec->pending.n = rec->evicted_pending.n = 0;
	rec->ambiguous_ns = 0;
	rec->dropped_ns = 0;
	rec->recent[0].id = rec->recent[1].id = 0;
	rec->settled_ns = 0;
	rec->settled_end_ns = 0;
	rec->born = (__u32)mix(now + best) | 1;
	rec->created_ns = now;
	rec->last_ns = now;
	*index = best;
	*(volatile __u64 *)&rec->tag = tag;
	return rec;
}

/*
 * A value's place in the history of its key. Found by digest, because nobody outside can tell which
 * of two operations that overlap the kernel did first: but who then reads gets the one value or the
 * other.
 */
static __always_inline struct mr_bpf_lineage *lineage_slot(const struct mr_bpf_key *rec, __u64 tag,
							   __u64 digest, __u64 *own)
{
	__u64 h = mix(tag ^ mix(digest + rec->born));
	__u32 slot = h & (MR_BPF_LINEAGES - 1);

	*own = h | 1;
	return bpf_map_lookup_elem(&lineages, &slot);
}

/* again: a version that is there already has got another depth. */
static __noinline int lineage_put(const struct mr_bpf_key *rec, __u64 tag,
				  const struct mr_bpf_version *v, __u64 group, bool again)
{
	struct mr_bpf_lineage *l;
	__u64 own;

	l = lineage_slot(rec, tag, v->digest, &own);
	if (!l)
		return 0;
	if (l->tag != own) {
		l->tag = 0;
		l->inflight_writes = 0;
		l->done_ns = 0;
		l->by_id = l->or_by_id = 0;
		l->rmw = 0;
	}
	if (!again) {
		if (l->inflight_writes > 1 ||
		    (l->inflight_writes && (!l->by_id || (l->or_by_id && l->or_by_id != l->by_id))))
			l->or_by_id = MR_BPF_MANY;
		else
			l->or_by_id = l->inflight_writes ? l->by_id : 0;
		l->or_by_group = l->by_group;
		l->rmw = l->inflight_writes ? l->rmw << 1 & 2 : 0;
		l->inflight_writes += !v->done_ns;
	}
	if (v->done_ns)
		l->done_ns = v->done_ns;
	l->seq = v->seq;
	l->depth = v->depth;
	l->rmw = (l->rmw & 2) | v->rmw;
	l->by_id = v->by.id;
	l->by_group = group;
	*(volatile __u64 *)&l->tag = own;
	return 0;
}

/* The write is over, at this time; 0: it has failed. */
static __noinline int lineage_done(const struct mr_bpf_key *rec, __u64 tag, __u64 digest, __u32 seq,
				   __u64 now)
{
	struct mr_bpf_lineage *l;
	__u64 own;

	l = lineage_slot(rec, tag, digest, &own);
	if (!l || l->tag != own)
		return 0;
	if (l->inflight_writes)
		l->inflight_writes--;
	if (now) {
		l->done_ns = now;
	} else if (l->seq == seq) {
		l->by_id = 0; /* who is inside still is not known any more */
		l->rmw = 0;
		if (!l->inflight_writes)
			l->tag = 0;
	}
	return 0;
}

#define INSIDE_NS 1000000000ll

/* Whose end goes unseen is forgotten after a while. */
static __always_inline void inside_add(struct mr_bpf_inside *in, __u64 now)
{
	if (!in->n || (__s64)(now - in->since_ns) >= INSIDE_NS) {
		in->n = 0;
		in->since_ns = now;
	}
	__sync_fetch_and_add(&in->n, 1);
}

static __always_inline void inside_sub(struct mr_bpf_inside *in)
{
	if (in->n)
		__sync_fetch_and_add(&in->n, -1);
}

static __always_inline bool inside_any(const struct mr_bpf_inside *in, __u64 now)
{
	return in->n && (__s64)(now - in->since_ns) < INSIDE_NS;
}

/*
 * Which version a reader got: the newest one with that digest, else the newest one. A version that
 * was certainly overwritten before the reader looked is not what was read, even if the value is
 * the same: somebody stored it in place, which nobody sees.
 */
static __noinline int version_match(struct mr_bpf_key *rec, struct mr_bpf_read *rd, __u64 tag)
{
	__u64 settled = *(volatile __u64 *)&rec->settled_ns;
	__u64 settled_end = *(volatile __u64 *)&rec->settled_end_ns;
	__u64 head = *(volatile __u64 *)&rec->head, own;
	struct mr_bpf_lineage *l = lineage_slot(rec, tag, rd->digest, &own);
	struct mr_bpf_version *v = &rec->version[head & (MR_BPF_VERSIONS - 1)];

	rd->by_id = rd->by_group = 0;
	rd->or_by_id = rd->or_by_group = 0;
	rd->done_ns = 0;
	rd->flags = 0;
	rd->seq = rd->head = (__u32)head;
	rd->depth = head >> 32;
	if (!l || l->tag != own)
		return 0;
	if (!l->inflight_writes && settled > l->done_ns && settled_end < rd->ns)
		return 0;
	/* what was read may be another's, who wrote or deleted the same and is no version */
	v = &rec->version[l->seq & (MR_BPF_VERSIONS - 1)];
	if (inside_any(&rec->pending, rd->ns) ||
	    (v->seq == l->seq ? v->ns : l->done_ns) < rec->ambiguous_ns)
		return 0;
	v = &rec->version[head & (MR_BPF_VERSIONS - 1)];
	rd->seq = l->seq;
	rd->depth = l->depth;
	rd->by_id = l->by_id;
	rd->by_group = l->by_group;
	rd->or_by_id = l->or_by_id;
	rd->or_by_group = l->or_by_group;
	rd->done_ns = l->inflight_writes ? 0 : l->done_ns;
	rd->flags = MR_BPF_MATCHED;
	if (rd->seq != rd->head && v->seq == rd->head && v->done_ns && v->done_ns < rd->ns &&
	    v->digest != MR_BPF_VOID)
		rd->flags |= MR_BPF_LATE | (l->rmw & 1 ? MR_BPF_LATE_RMW : 0) |
			     (l->rmw & 2 ? MR_BPF_OR_RMW : 0);
	return 1;
}

#endif
