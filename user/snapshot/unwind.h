/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_UNWIND_H
#define MAPRACE_SNAPSHOT_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"
#include "process/memory.h"

/*
 * Stacks as Go's own traceback walks them: by the SP delta of each function's every instruction,
 * which also holds in prologues and in functions without a frame, and by frame pointers through
 * code that is not in the function table (the vdso, C). Nothing here is a promise of the target:
 * steps are bounded, and a stack that leads nowhere is marked.
 */
#define UNWIND_MAX 256 /* frames */
/* In a stored address: an instruction that was not called from, so that it is looked up as it is. */
#define UNWIND_EXACT (UINT64_C(1) << 63)

struct unwinder {
	const struct go_binary *bin;
	uint64_t bias;
	struct memory *memory;
	struct pc_info *cache;
};

struct unwind_from {
	uint64_t pc, sp, bp;
	uint64_t lo, hi; /* the goroutine's stack */
	/* where it goes on when sp is not in that: it has called systemstack() and the like */
	uint64_t sched_pc, sched_sp, sched_bp;
	bool running; /* pc is the instruction that is next, else one that was called from */
};

struct unwound {
	uint64_t pcs[UNWIND_MAX];   /* innermost first */
	uint64_t slots[UNWIND_MAX]; /* where each frame's return address lies; 0: not known */
	size_t n;
	bool truncated;	  /* ended before the goroutine's first function */
	bool approximate; /* frames may be missing: by frame pointers through foreign code */
};

int unwinder_init(struct unwinder *u, const struct go_binary *bin, uint64_t bias,
		  struct memory *memory);
void unwinder_free(struct unwinder *u);
void unwind(struct unwinder *u, const struct unwind_from *from, struct unwound *out);

#endif
