/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Two call sites that use a map from two goroutines within a short time are armed. */
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

/* No holds: what there is left to them is nothing. */
static void begin_at(__u64 time)
{
	simulated_clock = the_time;
	now_ns = time;
	target1.hold_ppm = 0;
}

static struct mr_caller *caller_of(const struct goroutine *r, int site)
{
	__u64 key = mr_caller_key(site_list[site].ip ^ tag_of(TAGGED(r->g)), r->stack[8]);

	return &caller_table[mr_place(key, cfg.caller_mask)];
}

static void two_that_come_near_are_armed(void **state)
{
	(void)state;
	begin_at(5000000000ull);
	a.stack[8] = 0x400111;
	b.stack[8] = 0x400222;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(near_count, 0);
	now_ns += NEAR_NS / 2;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(near_count, 1);
	assert_int_equal(near_list[0].ret[0], 0x400222);
	assert_int_equal(near_list[0].ret[1], 0x400111);
	assert_int_equal(near_list[0].ordered, 0);
	assert_int_equal(near_list[0].key[1], caller_of(&a, SITE_WRITE)->key);
	assert_true(policy_armed(caller_of(&a, SITE_WRITE)));
	assert_true(policy_armed(caller_of(&b, SITE_READ)));
	now_ns += NEAR_NS / 2;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(near_count, 1); /* told once */
}

static void who_comes_late_or_alone_or_only_reads_arms_nobody(void **state)
{
	(void)state;
	begin_at(5000000000ull);
	op(&a, SITE_WRITE, gomaps[0]);
	now_ns += NEAR_NS + 1;
	op(&b, SITE_WRITE, gomaps[0]); /* late */
	now_ns += NEAR_NS / 2;
	op(&b, SITE_READ, gomaps[0]); /* alone */
	op(&a, SITE_READ, gomaps[1]);
	now_ns += 1000000;
	op(&b, SITE_READ, gomaps[1]);
	assert_int_equal(near_count, 0);
}

/* Another map has come to lie there, or to be kept at the same place. */
static void what_is_noted_of_one_map_arms_nobody_on_another(void **state)
{
	__u32 place = map_index(TAGGED(gomaps[0])) & (MR_NEARS - 1);

	(void)state;
	begin_at(5000000000ull);
	op(&a, SITE_WRITE, gomaps[0]);
	near_table[place].born--;
	now_ns += 1000000;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(near_count, 0);
	near_table[place].map ^= 64;
	now_ns += 5000000;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(near_count, 0);
	assert_int_equal(cpus1[a.cpu].counts[MR_COUNT_NEAR_EVICTED], 1);
}

static void a_full_ring_is_counted_and_the_site_armed_all_the_same(void **state)
{
	(void)state;
	begin_at(5000000000ull);
	op(&a, SITE_WRITE, gomaps[0]);
	now_ns += 1000000;
	ring_full = true;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(cpus1[b.cpu].counts[MR_COUNT_NEAR_UNTOLD], 1);
	assert_true(policy_armed(caller_of(&b, SITE_READ)));
}

/* While one of a pair is held the other one goes on: it is to come. */
static void the_other_one_of_a_pair_that_is_held_waits(void **state)
{
	struct mr_caller *s, *p;

	(void)state;
	begin_at(5000000000ull);
	op(&a, SITE_WRITE, gomaps[0]);
	now_ns += 1000000;
	op(&b, SITE_READ, gomaps[0]);
	s = caller_of(&a, SITE_WRITE);
	p = caller_of(&b, SITE_READ);
	assert_int_equal(near_waits(p->key, now_ns), 0);
	s->held_until_ns = now_ns + 1;
	assert_int_equal(near_waits(p->key, now_ns), 1);
	assert_int_equal(near_waits(p->key, now_ns + 1), 0);
	p->armed = MR_CALLER_SPENT;
	assert_int_equal(near_waits(p->key, now_ns), 0);
}

static void what_the_trials_call_ordered_is_told_once(void **state)
{
	struct mr_caller *s;

	(void)state;
	begin_at(5000000000ull);
	op(&a, SITE_WRITE, gomaps[0]);
	now_ns += 1000000;
	op(&b, SITE_READ, gomaps[0]);
	s = caller_of(&a, SITE_WRITE);
	near_ordered(s->key, TAGGED(a.g), now_ns);
	near_ordered(s->key, TAGGED(a.g), now_ns);
	assert_int_equal(near_count, 2);
	assert_int_equal(near_list[1].ordered, 1);
	assert_int_equal(near_list[1].ret[0], s->ret);
	assert_false(policy_armed(s));
	now_ns += 1000000;
	op(&b, SITE_WRITE, gomaps[0]);
	now_ns += 1000000;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_false(policy_armed(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
		T(two_that_come_near_are_armed),
		T(who_comes_late_or_alone_or_only_reads_arms_nobody),
		T(what_is_noted_of_one_map_arms_nobody_on_another),
		T(a_full_ring_is_counted_and_the_site_armed_all_the_same),
		T(the_other_one_of_a_pair_that_is_held_waits),
		T(what_the_trials_call_ordered_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
