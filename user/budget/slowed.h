/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BUDGET_SLOWED_H
#define MAPRACE_BUDGET_SLOWED_H

#include <stdint.h>

/*
 * What holds and traps cost a process beyond their own length. Whoever is held keeps a CPU busy;
 * where others want one too, the scheduler makes the process stand in line for that as long again,
 * or longer. Taken for time that it would have spent alone, that paid for more holds: a test of
 * half a second never ended on a busy machine.
 */
struct slowed_facts {	   /* so far */
	uint64_t lived_ns; /* by the clock */
	uint64_t cpu_ns;   /* of all its threads, holds and traps included */
	uint64_t queued_ns;
	uint64_t ours_ns; /* holds and traps */
};

/* Of the time in line the part that holds and traps have of its CPU time; never more than that part
 * of the time that is left when they are taken off. */
static inline uint64_t slowed_queued_ns(const struct slowed_facts *f)
{
	uint64_t rest = f->lived_ns > f->ours_ns ? f->lived_ns - f->ours_ns : 0;
	uint64_t queued = f->queued_ns < rest ? f->queued_ns : rest;

	if (f->ours_ns >= f->cpu_ns)
		return f->cpu_ns ? queued : 0;
	return (uint64_t)((double)queued * (double)f->ours_ns / (double)f->cpu_ns);
}

#endif
