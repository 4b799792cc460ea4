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

static unsigned int known_sites(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < MR_MAP_SITES; i++)
		n += record()->sites[i] != 0;
	return n;
}

/* Directly behind a write under a lock one without it, from another line. */
static void a_call_site_is_news_however_soon(void **state)
{
	unsigned int sites;
	__u64 looks;

	(void)state;
	shared();
	looks = cpus1[a.cpu].looks;
	sites = known_sites();
	now_ns += 1000;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[a.cpu].looks, looks); /* the same line again is none */
	now_ns += 1000;
	fastpath_table[a.cpu * MR_FASTPATH_SLOTS].skip = 0;
	memset(fastpath_table, 0, sizeof(fastpath_table)); /* nor does it pass by lot */
	a.stack[8] += 0x77;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[a.cpu].looks, looks + 1);
	assert_int_equal(known_sites(), sites + 1);
	now_ns += 1000;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[a.cpu].looks, looks + 1);
}

static __u64 key_of_write(__u64 ret)
{
	return mr_caller_key(site_list[SITE_WRITE].ip ^ tag_of(TAGGED(a.g)), ret);
}

/* Whatever bits of their hash are the same, as long as not all are that are kept. */
static void a_call_site_is_news_whatever_another_is_hashed_to(void **state)
{
	static const unsigned int shifts[] = {58, 52, 43};
	__u64 looks, key, ret, other;
	unsigned int i, sites;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin(NULL);
		shared();
		sites = known_sites();
		ret = a.stack[8];
		key = key_of_write(ret);
		for (other = ret + 1;; other++)
			if (!((key_of_write(other) ^ key) >> shifts[i] & 63))
				break;
		looks = cpus1[a.cpu].looks;
		now_ns += 1000;
		memset(fastpath_table, 0, sizeof(fastpath_table));
		a.stack[8] = other;
		op(&a, SITE_WRITE, gomaps[0]);
		assert_int_equal(cpus1[a.cpu].looks, looks + 1);
		assert_int_equal(known_sites(), sites + 1);
	}
}

/* More of them than have a number: those that have none are looked at as others are. */
static void a_site_without_a_number_is_no_news(void **state)
{
	__u64 looks;
	unsigned int i;

	(void)state;
	shared();
	for (i = known_sites(); i <= MR_MAP_SITES; i++) {
		assert_int_equal(known_sites(), i);
		assert_false(record()->flags & MR_MAP_CROWDED);
		now_ns += 10000000;
		a.stack[8] += 0x77;
		op(&a, SITE_WRITE, gomaps[0]);
	}
	assert_int_equal(known_sites(), MR_MAP_SITES);
	assert_true(record()->flags & MR_MAP_CROWDED);
	looks = cpus1[a.cpu].looks;
	now_ns += 1000;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[a.cpu].looks, looks);
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

static __u32 looks(void)
{
	__u32 i, n = 0;

	for (i = 0; i < sizeof(caller_table) / sizeof(caller_table[0]); i++)
		n += caller_table[i].looks;
	return n;
}

/* Who comes often is known by it, and be it on nil maps, which race with nobody, or on maps of a
 * stack. */
static void what_comes_often_is_looked_at_often(void **state)
{
	void *map = &a.stack[40];
	int i;

	(void)state;
	simulated_clock = the_time;
	now_ns = 5000000000ull;
	for (i = 0; i < 1000; i++)
		op(&a, SITE_READ, NULL);
	assert_int_equal(cpus1[1].nil_maps, 1000);
	assert_int_equal(looks(), 1000 / NIL_LOOKS);
	for (i = 0; i < 100; i++) {
		now_ns += 10000000;
		op(&a, SITE_WRITE, map);
	}
	assert_true(map_table[map_index(TAGGED(map))].flags & MR_MAP_STACK);
	assert_int_equal(looks(), 1000 / NIL_LOOKS + 100);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_call_site_is_news_however_soon),
		TEST(a_call_site_is_news_whatever_another_is_hashed_to),
		TEST(a_site_without_a_number_is_no_news),
		TEST(two_with_one_bit_are_two),
		TEST(what_comes_often_is_looked_at_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
