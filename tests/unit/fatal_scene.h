/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_UNIT_FATAL_SCENE_H
#define MAPRACE_TESTS_UNIT_FATAL_SCENE_H

/*
 * A map with a past, three goroutines, and a death by Go's own check, in simulated time: what tests
 * of `fatal`, and of what is known of a map, begin with. Compiled as test_engine does.
 */
#include "gomap_programs.h"

#define MS 1000000ull

static __u64 clock_ns, step; /* step: what each look at the clock takes */
static struct goroutine a, b, c;

static __u64 the_clock(void)
{
	return clock_ns += step;
}

/* A map that b has read, and a has written to, for longer than any write lasts; both live since. */
static int begin(void **state)
{
	size_t i;

	set_up(state);
	for (i = 0; i < NSITES; i++)
		site_of(i)->jump = 1;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	goroutine_init(&c, 3);
	cfg.holds_enabled = 0;
	targets[1].stop_at_fatal_ms = 50;
	clock_ns = 5000 * MS;
	keeper_ns = UINT64_MAX / 4; /* whatever the time */
	step = 0;
	simulated_clock = the_clock;
	op(&b, SITE_READ, gomaps[0]);
	op(&a, SITE_WRITE, gomaps[0]);
	clock_ns += PARKED_NS + 1000 * MS;
	return 0;
}

static int end(void **state)
{
	simulated_clock = NULL;
	targets[1].stop_at_fatal_ms = 0;
	targets[1].stopped_ns = 0;
	return tear_down(state);
}

static struct mr_map *record(void)
{
	return &map_table[map_index(TAGGED(gomaps[0]))];
}

static const struct mr_event_fatal *dies(struct goroutine *r)
{
	const struct mr_event_fatal *e;

	current_cpu = r->cpu;
	current_tid = r->tid;
	enter_fatal(r);
	e = (const void *)event_list[event_count - 1];
	assert_int_equal(e->header.kind, MR_EVENT_FATAL);
	return e;
}

#endif
