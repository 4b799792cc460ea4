/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GROWTH_H
#define MAPRACE_GROWTH_H

/* What the two sides share with --growth: how maps grow, and who pays for it. */
#include <maprace/wire.h>

#define MR_TABLE_MAX 16	  /* and of a Swiss table's */
#define MR_GROWERS 1024	  /* parts in a growth that are summed up, with --growth (power of two) */
#define MR_GROWN 4096	  /* maps whose last growth is known, with --growth (power of two) */
#define MR_ITERATORS 4096 /* open iterations, with --growth (power of two) */

/*
 * What a goroutine has done for one growth of one map, from inside its own writes: direct-mapped by
 * both. A growth's id is the time at which it began, or, with MR_GROWTH_LATE, was first seen.
 */
struct mr_grower {
	__u64 g, map;
	__u64 id;
	__u64 old;	   /* classic: address of the buckets that are emptied */
	__u64 busy_ns;	   /* classic: to make the new buckets; Swiss: in all */
	__u32 steps;	   /* classic: old buckets that it was sent to empty; Swiss: 1 */
	__u32 told;	   /* of them, in events */
	__u32 op;	   /* enum mr_op: what it entered first */
	__u32 flags;	   /* MR_GROWTH_LATE */
	__u32 header_size; /* 0: could not be read */
	__u32 pad;
	__u8 header[MR_HEADER_MAX]; /* of the map, at the first entry */
	__u8 table[MR_TABLE_MAX];   /* of the Swiss table that grows */
	struct mr_access access;    /* the first entry; op is MR_OP_WRITE */
};

/* A goroutine that is inside a function whose return we want to see, direct-mapped by it. */
struct mr_inside {
	__u64 g, goid, map;
	__u64 entered_ns;
	__u32 epoch; /* when the probes change, what was entered before may leave unseen */
	__u32 pad;
};

struct mr_grown { /* a map's last growth, direct-mapped by map */
	__u64 map, id;
	__u64 old;
	__u32 under_way;
	__u32 flags;
	__u32 epoch;
	__u32 seed, collected; /* as in mr_map */
	__u32 pad;
};

struct mr_iterator { /* direct-mapped by the iterator's address */
	__u64 it, g, goid, map;
	__u64 first_ns, last_ns;
	__u64 told; /* the growth that it was last reported for */
	__u32 epoch;
	__u32 pad;
};

#define MR_GROWTH_BEGAN 1u
#define MR_GROWTH_PAID 2u     /* what who.busy_ns and who.steps are now */
#define MR_GROWTH_ENDED 4u    /* without MR_GROWTH_PAID: seen by somebody else, who is not told */
#define MR_GROWTH_ITERATOR 8u /* who.access is a step of an iteration that was open at the growth */
#define MR_GROWTH_LATE 16u    /* under way when first seen */

struct mr_event_growth {
	struct mr_event_header header;
	__u32 what;	   /* MR_GROWTH_* */
	__u32 header_size; /* of after; 0: could not be read */
	__u64 since_ns;	   /* an iteration: when it began */
	__u8 after[MR_HEADER_MAX];
	struct mr_grower who;
};

_Static_assert(sizeof(struct mr_grower) ==
		       64 + MR_HEADER_MAX + MR_TABLE_MAX + sizeof(struct mr_access),
	       "wire");
_Static_assert(sizeof(struct mr_inside) == 40, "wire");
_Static_assert(sizeof(struct mr_grown) == 48, "wire");
_Static_assert(sizeof(struct mr_iterator) == 64, "wire");
_Static_assert(sizeof(struct mr_event_growth) == 32 + MR_HEADER_MAX + sizeof(struct mr_grower),
	       "wire");

#endif
