/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_CLAIM_BPF_H
#define MAPRACE_CLAIM_BPF_H

/*
 * One owner of a slot at a time: who inserts its key. The kernel may refuse to delete a key: from
 * 5.11 on with EBUSY, where the program interrupted or preempted one that is about the same bucket
 * (map_locked, kernel/bpf/hashtab.c; a retry by whoever preempts meets the same), from 6.15 on with
 * EDEADLK or ETIMEDOUT of the resilient lock. The slot must not be lost for that. So its key has a
 * generation, which the owner moves on when it cannot give the key back: the slot is free under its
 * next key, and later owners take the old one out. An old key may be inserted once more by one who
 * read the generation before; so whoever inserted looks again.
 */
#include "count.bpf.h"
#include "tables.bpf.h"

#define CLAIM_STACKS 2048u /* slots of stacks (suspect.bpf.h) from here on, of holds before */
#define CLAIM_SHIFT 12	   /* of the generation in a key */
#define CLAIM_NO_KEY (-2)  /* ENOENT: somebody else took it out */

_Static_assert(MR_HOLD_SLOTS <= CLAIM_STACKS &&
		       CLAIM_STACKS + 2 * MR_SUSPECT_SLOTS <= MR_CLAIM_SLOTS,
	       "slots");
_Static_assert(1u << CLAIM_SHIFT == MR_CLAIM_SLOTS, "slots");

/* 1: the slot is ours until claim_release(). */
__noinline int claim_take(__u32 slot)
{
	volatile struct mr_claim *s = &claim_states[slot & (MR_CLAIM_SLOTS - 1)];
	__u32 key, cpu, generation = s->generation;
	int r;

	key = (slot & (MR_CLAIM_SLOTS - 1)) | generation << CLAIM_SHIFT;
	if (bpf_map_update_elem(&claims, &key, &generation, BPF_NOEXIST))
		return 0;
	if (s->generation == generation)
		return 1;
	r = bpf_map_delete_elem(&claims, &key);
	if (r && r != CLAIM_NO_KEY)
		count(this_cpu(0, &cpu), MR_COUNT_CLAIM_STUCK);
	return 0;
}

__noinline int claim_release(__u32 slot)
{
	volatile struct mr_claim *s = &claim_states[slot & (MR_CLAIM_SLOTS - 1)];
	__u32 key, cpu, generation = s->generation, oldest = s->oldest;
	int r;

	slot &= MR_CLAIM_SLOTS - 1;
	if (oldest != generation) {
		key = slot | oldest << CLAIM_SHIFT;
		r = bpf_map_delete_elem(&claims, &key);
		if (!r || r == CLAIM_NO_KEY)
			s->oldest = oldest + 1;
	}
	key = slot | generation << CLAIM_SHIFT;
	if (!bpf_map_delete_elem(&claims, &key))
		return 0;
	count(this_cpu(0, &cpu), MR_COUNT_CLAIM_STUCK);
	s->generation = generation + 1;
	return 1;
}

#endif
