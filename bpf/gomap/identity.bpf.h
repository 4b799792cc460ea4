/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_IDENTITY_BPF_H
#define MAPRACE_IDENTITY_BPF_H

/*
 * Which map it is that lies at an address. Go's heap gives memory back only after a collection has
 * marked all that lives, with the world stopped, and a probe counts these moments (`collections`):
 * none since an address was used last, then it is the same map still. Whoever is in our program has
 * not stopped, so none can come while it runs.
 *
 * After a collection the seed in the map's header tells: each map is made with a random one of 32
 * or 64 bits. The type would not: two types with the same keys and elements may share a map
 * (http.Header and textproto.MIMEHeader), and a clear in generic code names a type of its own. But
 * a map that becomes empty gets a new seed: those that matter are read once more when marking ends,
 * before any of them can be another. If others, or ones that became empty while nobody looked, come
 * back with another seed, they are taken for other maps. So much is lost then as if they had been,
 * and is counted.
 *
 * A clone has the seed of what it was made from, but for one release. Whatever else lies at an
 * address was made after the collection that followed its last use; so a seed that was cloned since
 * tells nothing.
 *
 * A map on a stack is not the collector's; see map_look_closer().
 */
#include "count.bpf.h"
#include "target.bpf.h"

/* 0: cannot be read. A halved chance of a mistake is the price of telling that. */
static __always_inline __u32 seed_of(__u64 map, struct mr_cpu *c)
{
	__u64 seed = 0;

	const volatile struct mr_target *t = target_of(map);

	if (target_read(&seed, t->map_seed_size == 4 ? 4 : 8, map + t->map_seed)) {
		count(c, MR_COUNT_HEADER_FAULT);
		return 0;
	}
	return (__u32)(seed ^ seed >> 32) | 1;
}

/* When that was for this seed of a map of the same target, or for another one in its place. */
static __always_inline __u32 *seed_cloned(__u32 seed, __u64 tagged)
{
	__u32 slot = (__u32)(tagged >> MR_TAG_SHIFT) & cfg.target_mask;
	__u32 place = (seed * 0x9e3779b1u) >> (32 - MR_CLONED_BITS);

	place &= cfg.cloned_mask;
	return &cloned[((slot << cfg.cloned_shift) + place) & (MR_CLONED - 1)];
}

/* So many collections may end between a clone's entry and its memory: a goroutine that is preempted
 * there runs again in the next one at the latest, unless there are many more of them. */
#define CLONE_LATE 8

/*
 * Whether a map with this seed, known when there had been so many collections, may be a clone now.
 * It may have been entered some earlier than its memory was taken (CLONE_LATE): whoever clones can
 * be preempted in between. Where collections go unseen there is no telling when: then clones are
 * taken for one another.
 */
static __always_inline bool seed_is_of_clones(__u32 seed, __u64 map, __u32 collected)
{
	__u32 when = *seed_cloned(seed, map);

	return when && !target_of(map)->collections_unseen && (__s32)(when - collected) >= 0;
}

/* To be noted with a map that was just recognised. Where collections are not seen it is a number
 * that they never come to: then each time is the first. */
static __always_inline __u32 collections_now(__u64 map)
{
	const volatile struct mr_target *t = target_of(map);

	return t->collections_unseen ? ~0u : t->collections;
}

#endif
