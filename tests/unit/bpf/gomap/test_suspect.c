/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Suspects: what the BPF programs note of accesses that are close in time, compiled as ordinary C. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gomap_programs.h"

static __u64 now_ns;

static __u64 clock_by_hand(void)
{
	return now_ns;
}

static struct goroutine a, b;

static void begin(void)
{
	set_up(NULL);
	simulated_clock = clock_by_hand;
	now_ns = 1000000000;
	cfg.holds_enabled = 0;
	cfg.window_ns = 5000000;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
}

static void at(__u64 us, struct goroutine *r, int site)
{
	now_ns = 1000000000 + us * 1000;
	op(r, site, gomaps[0]);
}

static void both_stacks_and_the_distance_are_told_once(void **state)
{
	struct mr_suspect *s;
	struct mr_event_race *e;
	int i;

	(void)state;
	begin();
	at(0, &a, SITE_WRITE);
	at(500, &b, SITE_READ); /* the map is shared from now on, stacks are taken */
	at(1000, &a, SITE_WRITE);
	assert_int_equal(event_count, 1); /* the write against the read before it */
	at(1300, &b, SITE_READ);
	assert_int_equal(event_count, 2);
	e = event_list[1];
	assert_int_equal(e->evidence, MR_EVIDENCE_WINDOW);
	assert_int_equal(e->held_ns, 300000);
	assert_int_equal(e->access[0].goid, 102);
	assert_int_equal(e->access[0].op, MR_OP_READ);
	assert_int_equal(e->access[0].nframes, 4);
	assert_int_equal(e->access[1].goid, 101);
	assert_int_equal(e->access[1].op, MR_OP_WRITE);
	assert_int_equal(e->access[1].nframes, 4);
	assert_int_equal(e->access[1].pcs[1], 0x501000);
	assert_int_equal(e->access[1].time_ns, 1001000000);
	for (i = 1; i <= 5; i++) {
		at(1000 + (__u64)i * 1000, &a, SITE_WRITE);
		at(1300 + (__u64)i * 1000, &b, SITE_READ);
	}
	assert_int_equal(event_count, 2);
	s = suspect_find(e->pair);
	assert_non_null(s);
	assert_int_equal(s->count, 6);
	assert_int_equal(s->distance[18], 6); /* 262 us and more */
	/* none of it is evidence */
	assert_int_equal(cpus1[1].collisions + cpus1[2].collisions, 0);
	assert_int_equal(map_table[map_index(TAGGED(gomaps[0]))].flags & (MR_MAP_RACY | MR_MAP_MET),
			 0);
}

static void writers_suspect_each_other(void **state)
{
	(void)state;
	begin();
	at(0, &a, SITE_WRITE);
	at(500, &b, SITE_WRITE);
	at(1000, &a, SITE_WRITE);
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->access[0].goid, 101);
	assert_int_equal(event_list[0]->access[1].goid, 102);
	assert_int_equal(event_list[0]->access[1].pcs[1], 0x502000);
}

static void what_is_no_suspect(void **state)
{
	(void)state;
	/* two readers */
	begin();
	at(0, &a, SITE_READ);
	at(500, &b, SITE_READ);
	at(1000, &a, SITE_READ);
	at(1500, &b, SITE_READ);
	assert_int_equal(event_count, 0);
	/* one goroutine */
	begin();
	at(0, &a, SITE_WRITE);
	at(500, &a, SITE_READ);
	at(1000, &a, SITE_WRITE);
	assert_int_equal(event_count, 0);
	/* too far apart */
	begin();
	at(0, &a, SITE_WRITE);
	at(6000, &b, SITE_WRITE);
	at(12000, &a, SITE_WRITE);
	at(18000, &b, SITE_WRITE);
	assert_int_equal(event_count, 0);
	/* nobody asked */
	begin();
	cfg.window_ns = 0;
	at(0, &a, SITE_WRITE);
	at(500, &b, SITE_WRITE);
	at(1000, &a, SITE_WRITE);
	assert_int_equal(event_count, 0);
	assert_int_equal(stack_table[0].seq, 0);
}

static void a_cpu_takes_few_stacks(void **state)
{
	size_t i, taken = 0;

	(void)state;
	begin();
	b.cpu = a.cpu;
	for (i = 0; i < 1000; i++)
		at(i, i % 2 ? &a : &b, SITE_WRITE); /* for 1 ms, another goroutine each time */
	for (i = 0; i < sizeof(stack_table) / sizeof(stack_table[0]); i++)
		taken += stack_table[i].seq / 2;
	assert_in_range(taken, 5, 11);
}

static void what_is_lost_is_counted(void **state)
{
	(void)state;
	begin();
	at(0, &a, SITE_WRITE);
	at(500, &b, SITE_WRITE);
	suspects_full = true;
	at(1000, &a, SITE_WRITE);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_SUSPECTS_FULL], 1);
	suspects_full = false;
	ring_full = true;
	at(1500, &b, SITE_WRITE);
	assert_int_equal(cpus1[2].counts[MR_COUNT_RING_FULL], 1);
	ring_full = false;
	/* and told when there is room again, and another stack to tell of */
	at(2000, &a, SITE_WRITE);
	at(2500, &b, SITE_WRITE);
	assert_int_equal(event_count, 1);
}

/* The other goroutine has come once more since its stack was taken, perhaps from another line. */
static void the_distance_is_to_the_access_whose_stack_is_told(void **state)
{
	(void)state;
	begin();
	at(0, &a, SITE_WRITE);
	at(500, &b, SITE_READ);
	at(1000, &a, SITE_WRITE); /* its stack is taken */
	at(1010, &a, SITE_WRITE); /* not looked at */
	at(1300, &b, SITE_READ);
	assert_int_equal(event_count, 2);
	assert_int_equal(event_list[1]->access[1].time_ns, 1001000000);
	assert_int_equal(event_list[1]->held_ns, 300000);
}

static void a_map_is_no_suspect_for_what_lay_there_before(void **state)
{
	(void)state;
	begin();
	at(0, &a, SITE_WRITE);
	at(500, &b, SITE_READ);
	current_tid = a.tid;
	enter_collected(&a);
	gomaps[0][1] = 0x77ull << 32; /* another seed */
	at(1000, &a, SITE_WRITE);
	assert_int_equal(event_count, 0);
	assert_int_equal(map_table[map_index(TAGGED(gomaps[0]))].flags & MR_MAP_SHARED, 0);
}

static int end(void **state)
{
	simulated_clock = NULL;
	suspects_full = false;
	return set_up(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, end)
	const struct CMUnitTest tests[] = {
		TEST(both_stacks_and_the_distance_are_told_once),
		TEST(writers_suspect_each_other),
		TEST(what_is_no_suspect),
		TEST(a_cpu_takes_few_stacks),
		TEST(what_is_lost_is_counted),
		TEST(the_distance_is_to_the_access_whose_stack_is_told),
		TEST(a_map_is_no_suspect_for_what_lay_there_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
