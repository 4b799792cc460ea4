/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_RUNTIME_VARS_H
#define MAPRACE_GO_RUNTIME_VARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"
#include "process/memory.h"

/*
 * Variables of the runtime's own that no symbol of a stripped program names. Each is what in the
 * program's data has the one form that it must have, and is held against that whenever it is read:
 * what does not have it is not known.
 *
 * - allp: the slice of Ps, which runtime.procresize refers to: its elements have their place in it
 *   as their number, and each has a cache for memory;
 * - memstats: the time of the last collection, which stands in the ring of such times where the
 *   number of collections says;
 * - gcController: a heap goal that is what the pacer's own formula makes of the numbers beside it;
 * - allm: what runtime.mcommoninit refers to, and is a chain of all ms that ends with the program's
 *   first one.
 */
#define RUNTIME_VARS_SAME 8 /* that have the form: see below */

/* Of a program, at link-time addresses. All zero at first. */
struct runtime_vars {
	uint64_t pacer; /* 0: not found */
	/* Several may agree: the list of Ps as the collector has kept it, a program's own copy of
	 * the statistics, a pointer to the newest m that is idle. The right one is among them, and
	 * never says less than another. */
	uint64_t allp[RUNTIME_VARS_SAME], stats[RUNTIME_VARS_SAME], allm[RUNTIME_VARS_SAME];
	size_t nallp, nstats, nallm;
};

struct runtime_figures {
	bool ps_known, ms_known, gc_known, heap_known;
	uint32_t ps, ps_idle, ps_running, ps_syscall; /* the others are being stopped */
	uint32_t ms;
	uint64_t gc_cycles, gc_forced, gc_pause_ns; /* the last one: the sum of all */
	uint64_t gc_last_unix_ns;		    /* 0: there was none */
	/* What was found alive last; the same and what was allocated since; at which of these the
	 * next collection is to end, UINT64_MAX: at none. */
	uint64_t heap_marked, heap_live, heap_goal;
	int32_t gc_percent;   /* GOGC; negative: off */
	int64_t memory_limit; /* GOMEMLIMIT; INT64_MAX: none */
};

/* heap: an address in the process's heap, which the list of Ps must be near. Looks for what is not
 * found yet; as far as the memory's deadline lets it. 0 or -ENOMEM. */
int runtime_vars_find(struct runtime_vars *vars, const struct go_binary *bin, uint64_t bias,
		      struct memory *memory, uint64_t heap);
/* Whether there is nothing left to be looked for. */
bool runtime_vars_complete(const struct runtime_vars *vars);
void runtime_vars_read(const struct runtime_vars *vars, const struct go_binary *bin, uint64_t bias,
		       struct memory *memory, struct runtime_figures *out);

#endif
