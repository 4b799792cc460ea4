/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who is looked at although the same goroutine, through the same function, was a moment ago; and
 * two goroutines that look like one. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "two_targets.h"

/* The map is used by both, and its sites so far are known. */
static void shared(void)
{
	simulated_clock = the_time;
	now_ns = 5000000000ull;
	target1.hold_ppm = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	now_ns += 10000000;
	op(&b, SITE_WRITE, gomaps[0]);
	now_ns += 10000000;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_true(record()->flags & MR_MAP_SHARED);
}

/* Directly behind a write under a lock one without it, from another line. */
static void a_call_site_is_news_however_soon(void **state)
{
	__u64 looks, sites;

	(void)state;
	shared();
	looks = cpus1[a.cpu].looks;
	sites = record()->sites;
	now_ns += 1000;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[a.cpu].looks, looks); /* the same line again is none */
	now_ns += 1000;
	fastpath_table[a.cpu * MR_FASTPATH_SLOTS].skip = 0;
	memset(fastpath_table, 0, sizeof(fastpath_table)); /* nor does it pass by lot */
	a.stack[8] += 0x77;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[a.cpu].looks, looks + 1);
	assert_int_not_equal(record()->sites, sites);
	now_ns += 1000;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[a.cpu].looks, looks + 1);
}

/* One pair of 64 has the same bit in mr_map.seen. */
static void two_with_one_bit_are_two(void **state)
{
	static struct goroutine many[512];
	__u64 bit = mr_goroutine_bit(TAGGED(a.g));
	unsigned int i;
	int op_of_two;

	(void)state;
	simulated_clock = the_time;
	for (op_of_two = 0; op_of_two < 2; op_of_two++) {
		now_ns = 5000000000ull;
		for (i = 0; i < 512; i++) {
			goroutine_init(&many[i], 3 + (i & 1));
			if (mr_goroutine_bit(TAGGED(many[i].g)) == bit)
				break;
		}
		assert_true(i < 512);
		memset(record(), 0, sizeof(*record()));
		op(&a, SITE_WRITE, gomaps[0]);
		assert_false(record()->flags & MR_MAP_SHARED);
		now_ns += 1000000000;
		op(&many[i], op_of_two ? SITE_WRITE : SITE_READ, gomaps[0]);
		assert_true(record()->flags & MR_MAP_SHARED);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_call_site_is_news_however_soon),
		TEST(two_with_one_bit_are_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
