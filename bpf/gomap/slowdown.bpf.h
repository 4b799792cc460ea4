/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_SLOWDOWN_BPF_H
#define MAPRACE_SLOWDOWN_BPF_H

/*
 * Commands that we have started (policy.h, POLICY_TEST_*). What they may wait for us is not a share
 * of each CPU but of the process's time, kept here to the nanosecond: a test may be over before
 * user space has looked at its account once. Attached processes pass through unchanged.
 */
#include "near.bpf.h"
#include "operation.bpf.h"
#include "policy.h"

/* Holds under way, of all targets: a held goroutine may keep its CPU to itself. */
__u64 holding = 0;

static __always_inline bool slowdown_is_library(const volatile struct mr_target *t, __u64 ret)
{
	__u64 call = mr_addr(ret) - 1, outside = 1;
	__u32 i;

	/* signs of differences: the verifier would follow both ways of each comparison */
	for (i = 0; i < MR_LIBRARY; i++)
		outside &= ((call - t->library[i].lo) | (t->library[i].hi - 1 - call)) >> 63;
	return !outside;
}

/* Of a pair that is armed one side may be the library's, working for the program. */
__noinline __u32 slowdown_rank(__u64 g, __u64 key)
{
	const volatile struct mr_target *t = target_of(g);
	const struct mr_caller *s, *p;
	bool armed;
	__u32 index;

	s = t->test_began_ns ? near_caller(key) : NULL;
	if (!s)
		return POLICY_NO_RANK;
	armed = policy_armed(s);
	if (!slowdown_is_library(t, s->ret))
		return armed ? POLICY_ARMED : POLICY_PROGRAM;
	index = s->partner;
	p = armed ? bpf_map_lookup_elem(&callers, &index) : NULL;
	return p && !slowdown_is_library(t, p->ret) ? POLICY_ARMED : POLICY_LIBRARY;
}

static __always_inline __u64 slowdown_left(const volatile struct mr_target *t, __u64 now,
					   __u32 rank)
{
	return policy_test_left(now - t->test_began_ns, t->test_permille, t->test_credit_ns,
				t->held_ns + t->test_other_ns, rank);
}

/* What a hold like any other can be paid from. A function of its own: the verifier goes through it
 * once. */
__noinline __u64 slowdown_tokens(__u64 g, __u64 key, __u64 now, __u64 tokens)
{
	const volatile struct mr_target *t = target_of(g);
	__u64 left;

	if (!t->test_began_ns)
		return tokens;
	left = slowdown_left(t, now, slowdown_rank(g, key));
	return left < cfg.burst_ns ? left : cfg.burst_ns;
}

static __always_inline __u32 slowdown_below(const volatile struct mr_target *t, __u32 rank)
{
	return (rank > POLICY_LIBRARY) * t->ranks_held[POLICY_LIBRARY] +
	       (rank > POLICY_PROGRAM) * t->ranks_held[POLICY_PROGRAM];
}

#define LONG_PROGRAM 1u /* in mr_target.long_holds */
#define LONG_ARMED (1u << 16)

/*
 * Where few things happen, each hold of one goroutine is time in which the other passes by: dozens
 * of call sites of the library are as cold as the one that matters, and only so many long holds go
 * on at a time. So where one of a higher rank is held long, those below are not held, and who is
 * held there is let go: on his way he may come to where the other one waits for him.
 */
static __always_inline __u32 slowdown_way_for(__u32 rank)
{
	return rank == POLICY_LIBRARY ? -LONG_PROGRAM : rank == POLICY_PROGRAM ? -LONG_ARMED : 0;
}

static __always_inline __u32 slowdown_long(__u32 rank)
{
	return rank == POLICY_PROGRAM ? LONG_PROGRAM : rank == POLICY_ARMED ? LONG_ARMED : 0;
}

/* Whether the call site had better not be held now. */
__noinline int slowdown_waits(__u64 g, __u64 key, __u64 now)
{
	return near_waits(key, now) ||
	       target_of(g)->long_holds & slowdown_way_for(slowdown_rank(g, key));
}

/* Whether as many are held as can be, without those that make way. */
static __always_inline bool slowdown_is_full(const volatile struct mr_target *t, __u32 rank,
					     __u64 most)
{
	return (__s64)(*(volatile __u64 *)&holding - slowdown_below(t, rank) - most) > 0;
}

/* For how long the call site is held that would be held for length elsewhere. */
__noinline __u64 slowdown_length(__u64 g, __u64 key, __u64 now, __u64 length, __u32 map_flags)
{
	const volatile struct mr_target *t = target_of(g);
	const struct mr_caller *s;
	__u32 rank;
	__u64 cold;

	s = t->test_began_ns ? near_caller(key) : NULL;
	if (!s)
		return length;
	rank = slowdown_rank(g, key);
	cold = t->long_hold_ns >> (rank == POLICY_LIBRARY ? POLICY_TEST_SHORT : 0);
	cold = policy_test_hold(s, now, cold, slowdown_left(t, now, rank), map_flags);
	if (cold > cfg.max_hold_ns && slowdown_is_full(t, rank, cfg.long_holds - 1))
		cold = cfg.max_hold_ns;
	if (cold < cfg.min_hold_ns)
		return length;
	return cold > length ? cold : length;
}

/* Paid before it begins: others may begin meanwhile. For how long it may be, then: those who come
 * at the same time have all chosen their lengths before one of them was counted. A function of its
 * own: the caller has no stack left. */
__noinline __u64 slowdown_begin(__u64 g, __u64 key, __u32 index, __u64 length)
{
	volatile struct mr_hold *h = bpf_map_lookup_elem(&holds, &index);
	volatile struct mr_target *t = target_of(g);
	__u32 rank;

	if (!h)
		return length;
	rank = h->rank = slowdown_rank(g, key);
	h->way_for = slowdown_way_for(rank);
	__sync_fetch_and_add(&holding, 1);
	__sync_fetch_and_add((__u32 *)&t->ranks_held[rank & (MR_RANKS - 1)], 1);
	if (length > cfg.max_hold_ns && slowdown_is_full(t, rank, cfg.long_holds))
		length = cfg.max_hold_ns;
	if (length > cfg.max_hold_ns)
		__sync_fetch_and_add((__u32 *)&t->long_holds, slowdown_long(rank));
	__sync_fetch_and_add((__u64 *)&t->held_ns, length);
	return length;
}

__noinline int slowdown_end(__u64 g, __u32 index, __u64 length, __u64 took)
{
	const volatile struct mr_hold *h = bpf_map_lookup_elem(&holds, &index);
	volatile struct mr_target *t = target_of(g);
	__u32 rank;

	if (!h)
		return 0;
	rank = h->rank & (MR_RANKS - 1);
	if (length > cfg.max_hold_ns)
		__sync_fetch_and_add((__u32 *)&t->long_holds, -slowdown_long(rank));
	__sync_fetch_and_add((__u32 *)&t->ranks_held[rank], -1u);
	__sync_fetch_and_add((__u64 *)&t->held_ns, took - length);
	__sync_fetch_and_add(&holding, -1ull);
	return 0;
}

#endif
