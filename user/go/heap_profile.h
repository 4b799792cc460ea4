/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_HEAP_PROFILE_H
#define MAPRACE_GO_HEAP_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "go/go_binary.h"
#include "process/memory.h"

/*
 * The runtime's own profile of the heap (src/runtime/mprof.go): a list of buckets, one for each
 * stack and size, that is only ever added to at its head. No symbol of a stripped program names the
 * list: it is what runtime.stkbucket refers to, and is recognized by what it holds, buckets of
 * memory whose hash is that of their stack. How much is sampled (runtime.MemProfileRate) is what
 * runtime.schedinit sets to 0, or what runtime.profilealloc compares with 1 (1.19).
 */
struct heap_counts {
	uint64_t allocs, frees, alloc_bytes, free_bytes;
};

struct heap_bucket {
	/* As of the last collection that was swept to its end, by which it is known what is kept;
	 * and with what has come since, of which garbage is not known yet. */
	struct heap_counts published, all;
	uint64_t size;
	size_t at, n; /* of pcs: return addresses, run-time */
};

struct heap_profile {
	struct heap_bucket *list;
	size_t n;
	uint64_t *pcs;
	size_t npcs;
	uint64_t rate;
	uint64_t bad; /* that cannot be: left out, and where the list goes wrong its rest */
	bool cut;     /* the time was up, or there are too many */
};

/* Of a program, link-time addresses; 0: not found. */
struct heap_place {
	uint64_t rate, list;
};

/* Looks for what is not found yet, so that reading it takes no time for that later; as far as the
 * memory's deadline lets it. The list can be found only when there is something in it. 0 or
 * -ENOMEM. */
int heap_profile_find(struct heap_place *place, const struct go_binary *bin, uint64_t bias,
		      struct memory *memory);
/*
 * 0, and *out is to be freed; -ENODATA nothing is sampled (err says why), -ENOENT the list or the
 * rate was not found, -ENOMEM, or what reading gave.
 */
int heap_profile_read(struct heap_profile *out, struct heap_place *place,
		      const struct go_binary *bin, uint64_t bias, struct memory *memory,
		      struct err *err);
void heap_profile_free(struct heap_profile *p);

/* The hash that the runtime gives a bucket. */
uint64_t heap_profile_hash(const uint64_t *pcs, size_t n, uint64_t size);

#endif
