/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which call sites of a test are held before others, and who makes way for whom. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gomap_programs.h"

#define MS 1000000ull
#define IN_LIBRARY 0x400111ull
#define IN_PROGRAM 0x480111ull
#define LONGEST (100 * MS)

static struct goroutine a, b;

/* Stands still until the first hold has made way, and then goes on for who is held second. */
static __u64 time_ns;

static __u64 stands_at_first(void)
{
	if (current_cpu == a.cpu)
		usleep(1); /* as many looks as a hold has last long enough */
	if (*(volatile __u64 *)&cpus1[a.cpu].counts[MR_COUNT_HOLD_CUT] && current_cpu == b.cpu)
		time_ns += MS / 1000;
	return time_ns;
}

static int begin(void **state)
{
	set_up(state);
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	time_ns = 7200000 * MS;
	simulated_clock = stands_at_first;
	holding = 0;
	return 0;
}

static int end(void **state)
{
	simulated_clock = NULL;
	return tear_down(state);
}

/* A test that has run for long, on two CPUs. */
static void is_a_test(void)
{
	target1.test_began_ns = bpf_ktime_get_ns() - 3600000 * MS;
	target1.test_permille = 1000;
	target1.long_hold_ns = LONGEST;
	target1.bold_hold_ns = LONGEST;
	target1.library[0] = (struct mr_code){IN_LIBRARY & ~0xfffull, IN_LIBRARY | 0xfffull};
	cfg.long_holds = 1;
}

static struct mr_caller *caller_at(struct goroutine *r, __u64 ret)
{
	__u64 key = mr_caller_key(site_list[SITE_WRITE].ip ^ tag_of(TAGGED(r->g)), ret);
	struct mr_caller *s = &caller_table[mr_place(key, cfg.caller_mask)];

	s->key = key;
	s->ret = ret;
	return s;
}

static void ranks_are_of_code_and_of_pairs(void **state)
{
	struct mr_caller *lib = caller_at(&a, IN_LIBRARY), *other = caller_at(&a, IN_LIBRARY + 16),
			 *own = caller_at(&a, IN_PROGRAM);
	__u64 g = TAGGED(a.g);

	(void)state;
	assert_int_equal(slowdown_rank(g, own->key), POLICY_NO_RANK);
	is_a_test();
	assert_int_equal(slowdown_rank(g, lib->key), POLICY_LIBRARY);
	assert_int_equal(slowdown_rank(g, own->key), POLICY_PROGRAM);
	lib->armed = other->armed = own->armed = 1;
	lib->partner = mr_place(other->key, cfg.caller_mask);
	other->partner = mr_place(own->key, cfg.caller_mask);
	assert_int_equal(slowdown_rank(g, lib->key), POLICY_LIBRARY);
	assert_int_equal(slowdown_rank(g, other->key), POLICY_ARMED);
	assert_int_equal(slowdown_rank(g, own->key), POLICY_ARMED);
	own->armed = MR_CALLER_ARMED + 1;
	assert_int_equal(slowdown_rank(g, own->key), POLICY_PROGRAM);
	assert_int_equal(slowdown_rank(g, own->key + 1), POLICY_NO_RANK); /* another one's record */
}

static void *write_first(void *map)
{
	op(&a, SITE_WRITE, map);
	return NULL;
}

static void hold_is_under_way(pthread_t *thread)
{
	__u32 slot = map_index(TAGGED(gomaps[0])) & (MR_HOLD_SLOTS - 1);

	assert_int_equal(pthread_create(thread, NULL, write_first, gomaps[0]), 0);
	while (!__atomic_load_n(&hold_table[slot].map, __ATOMIC_ACQUIRE) || !holding)
		;
}

static void none_is_held(void)
{
	__u32 i;

	for (i = 0; i < MR_RANKS; i++)
		assert_int_equal(target1.ranks_held[i], 0);
	assert_int_equal(target1.long_holds, 0);
	assert_int_equal(holding, 0);
}

static void the_library_makes_way_for_the_program(void **state)
{
	pthread_t first;

	(void)state;
	is_a_test();
	a.stack[8] = IN_LIBRARY;
	b.stack[8] = IN_PROGRAM;
	hold_is_under_way(&first);
	assert_int_equal(target1.ranks_held[POLICY_LIBRARY], 1);
	op(&b, SITE_WRITE, gomaps[1]);
	pthread_join(first, NULL);
	assert_int_equal(cpus1[a.cpu].counts[MR_COUNT_HOLD_CUT], 1);
	assert_true(cpus1[b.cpu].hold_ns >= LONGEST / 2); /* one more than there may be at a time */
	assert_int_equal(cpus1[b.cpu].counts[MR_COUNT_HOLD_CUT], 0);
	none_is_held();
}

static void the_library_waits_for_the_program(void **state)
{
	pthread_t first;

	(void)state;
	is_a_test();
	a.stack[8] = IN_PROGRAM;
	b.stack[8] = IN_LIBRARY;
	hold_is_under_way(&first);
	op(&b, SITE_WRITE, gomaps[1]);
	assert_int_equal(cpus1[b.cpu].holds, 0);
	assert_int_equal(cpus1[b.cpu].looks, 1);
	/* nor does it keep it from a collision */
	op(&b, SITE_WRITE, gomaps[0]);
	pthread_join(first, NULL);
	assert_int_equal(cpus1[b.cpu].collisions, 1);
	assert_int_equal(cpus1[a.cpu].counts[MR_COUNT_HOLD_CUT], 0);
	none_is_held();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(ranks_are_of_code_and_of_pairs),
		TEST(the_library_makes_way_for_the_program),
		TEST(the_library_waits_for_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
