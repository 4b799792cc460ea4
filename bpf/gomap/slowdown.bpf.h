/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_SLOWDOWN_BPF_H
#define MAPRACE_SLOWDOWN_BPF_H

/*
 * Commands that we have started (policy.h, POLICY_TEST_*). What they may wait for us is not a share
 * of each CPU but of the process's time, kept here to the nanosecond: a test may be over before
 * user space has looked at its account once. Attached processes pass through unchanged.
 */
#include "operation.bpf.h"
#include "policy.h"

/* Holds under way, of all targets: a held goroutine may keep its CPU to itself. */
__u64 holding = 0;

static __always_inline __u64 slowdown_left(const volatile struct mr_target *t, __u64 now)
{
	return policy_test_left(now - t->test_began_ns, t->test_permille, t->test_credit_ns,
				t->held_ns + t->test_other_ns);
}

/* What a hold like any other can be paid from. A function of its own: the verifier goes through it
 * once. */
__noinline __u64 slowdown_tokens(__u64 g, __u64 now, __u64 tokens)
{
	const volatile struct mr_target *t = target_of(g);
	__u64 left;

	if (!t->test_began_ns)
		return tokens;
	left = slowdown_left(t, now);
	return left < cfg.burst_ns ? left : cfg.burst_ns;
}

/* For how long the call site is held that would be held for length elsewhere. */
__noinline __u64 slowdown_length(__u64 g, __u64 key, __u64 now, __u64 length, __u32 map_flags)
{
	const volatile struct mr_target *t = target_of(g);
	__u32 index = mr_place(key, cfg.caller_mask);
	const struct mr_caller *s;
	__u64 cold;

	if (!t->test_began_ns)
		return length;
	s = bpf_map_lookup_elem(&callers, &index);
	if (!s || s->key != key)
		return length;
	cold = policy_test_hold(s, now, t->long_hold_ns, slowdown_left(t, now), map_flags);
	if (*(volatile __u64 *)&holding >= cfg.long_holds && cold > cfg.max_hold_ns)
		cold = cfg.max_hold_ns;
	if (cold < cfg.min_hold_ns)
		return length;
	return cold > length ? cold : length;
}

/* Paid before it begins: others may begin meanwhile. For how long it may be, then: those who come
 * at the same time have all chosen their lengths before one of them was counted. A function of its
 * own: the caller has no stack left. */
__noinline __u64 slowdown_begin(__u64 g, __u64 length)
{
	__sync_fetch_and_add(&holding, 1);
	if (length > cfg.max_hold_ns && *(volatile __u64 *)&holding > cfg.long_holds)
		length = cfg.max_hold_ns;
	__sync_fetch_and_add((__u64 *)&target_of(g)->held_ns, length);
	return length;
}

static __always_inline void slowdown_end(const struct operation *o, __u64 length, __u64 took)
{
	__sync_fetch_and_add((__u64 *)&o->target->held_ns, took - length);
	__sync_fetch_and_add(&holding, -1ull);
}

#endif
