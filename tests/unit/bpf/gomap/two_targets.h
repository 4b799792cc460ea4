/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_TWO_TARGETS_H
#define MAPRACE_TESTS_TWO_TARGETS_H

/* Two processes in one engine, with one goroutine of each, and tags for who comes later. */
#include "gomap_programs.h"

#define OTHER_TGID 5151
#define OTHER_TAG 6 /* slot 2 */
#define NEXT_TAG 9  /* slot 1 again */
#define cpus2 (&cpus[2 * MR_CPUS])

static struct goroutine a, b;
static __u64 now_ns; /* where the clock is the_time() */

static inline int begin(void **state)
{
	set_up(state);
	cfg.map_mask = 0;
	plant_target(OTHER_TGID, OTHER_TAG);
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	return 0;
}

static inline int end(void **state)
{
	simulated_clock = NULL;
	return set_up(state);
}

/* The same operation in the process that has this number. */
static inline void op_in(__u32 tgid, struct goroutine *r, int site, void *map)
{
	current_tgid = tgid;
	op(r, site, map);
	current_tgid = TGID;
}

static inline struct mr_map *record(void)
{
	return &map_table[0];
}

static inline __u64 the_time(void)
{
	return now_ns;
}

#endif
