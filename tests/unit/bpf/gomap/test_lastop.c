/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which map a goroutine dies of, by the BPF programs themselves, compiled as ordinary C. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gomap_programs.h"

/* The map that a goroutine dies of, as the event tells it. */
static __u64 dies_of(struct goroutine *r)
{
	const struct mr_event_fatal *e;

	current_cpu = r->cpu;
	current_tid = r->tid;
	enter_fatal(r);
	e = (const void *)event_list[event_count - 1];
	assert_int_equal(e->header.kind, MR_EVENT_FATAL);
	return e->map;
}

static void it_dies_of_the_map_that_it_entered_last(void **state)
{
	struct goroutine a, b;
	const struct mr_event_fatal *e;
	int i;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	target1.hold_ppm = 0;
	assert_int_equal(dies_of(&a), 0);
	/* also where both pass by the records, and others have used them since */
	for (i = 0; i < 200; i++) {
		op(&a, SITE_READ, gomaps[0]);
		op(&a, SITE_READ, gomaps[1]);
		op(&b, SITE_READ, gomaps[0]);
		op(&b, SITE_READ, gomaps[1]);
		assert_int_equal(dies_of(&a), TAGGED(gomaps[1]));
	}
	op(&a, SITE_WRITE, gomaps[0]);
	a.tid++; /* it goes on on another thread */
	assert_int_equal(dies_of(&a), TAGGED(gomaps[0]));
	e = (const void *)event_list[event_count - 1];
	assert_int_equal(e->site, site_list[SITE_WRITE].ip);
}

static void an_iterator_tells_its_map_of_now(void **state)
{
	__u64 iterator[8] = {};
	struct goroutine a;
	int i;

	(void)state;
	goroutine_init(&a, 1);
	target1.hold_ppm = 0;
	iterator[3] = TAGGED(gomaps[0]);
	a.regs.ip = site_list[SITE_ITER].ip;
	a.regs.ax = TAGGED(iterator);
	current_cpu = a.cpu;
	current_tid = a.tid;
	for (i = 0; i < 50; i++)
		maprace_op(&a.regs);
	iterator[3] = TAGGED(gomaps[1]);
	maprace_op(&a.regs);
	assert_int_equal(dies_of(&a), TAGGED(gomaps[1]));
	fault_addr = (uintptr_t)&iterator[3];
	assert_int_equal(cpus1[1].counts[MR_COUNT_ITER_FAULT], 0);
	assert_int_equal(dies_of(&a), 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_ITER_FAULT], 1);
}

/* An operation may have gone by unseen where probes were moved; another goroutine's note is none. */
static void where_something_may_be_unseen_it_dies_of_none(void **state)
{
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	target1.hold_ppm = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	target1.epoch++;
	assert_int_equal(dies_of(&a), 0);
	op(&a, SITE_WRITE, gomaps[0]); /* while they are being moved */
	assert_int_equal(dies_of(&a), 0);
	target1.epoch++;
	assert_int_equal(dies_of(&a), 0);
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(dies_of(&a), TAGGED(gomaps[0]));
	last_op_note(TAGGED(a.g), TAGGED(gomaps[1]), 3, 0, target1.epoch);
	last_op_slot(TAGGED(a.g))->arg = TAGGED(gomaps[0]); /* two wrote at once */
	assert_int_equal(dies_of(&a), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_dies_of_the_map_that_it_entered_last),
		TEST(an_iterator_tells_its_map_of_now),
		TEST(where_something_may_be_unseen_it_dies_of_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
