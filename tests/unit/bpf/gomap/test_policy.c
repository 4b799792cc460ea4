/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* When to hold, and for how long: the rule that the kernel runs, on its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gomap/policy.h"

#define MS 1000000ull
#define MATTERS (MR_MAP_SHARED | MR_MAP_WRITTEN)

static struct policy_input input(__u64 now, __u64 tokens, __u32 flags)
{
	return (struct policy_input){.now = now,
				     .max_hold_ns = MS,
				     .min_hold_ns = MS / 50,
				     .tokens_ns = tokens,
				     .burst_ns = 20 * MS,
				     .map_flags = flags};
}

static void tokens_are_earned_with_time(void **state)
{
	__u64 tokens = 0, refilled = 0;

	(void)state;
	policy_refill(&tokens, &refilled, 1000 * MS, 50000, 20 * MS);
	assert_int_equal(tokens, 20 * MS); /* a full bucket to begin with */
	tokens = 0;
	policy_refill(&tokens, &refilled, 1100 * MS, 50000, 20 * MS);
	assert_int_equal(tokens, 5 * MS);
	policy_refill(&tokens, &refilled, 1090 * MS, 50000,
		      20 * MS); /* a clock that goes back earns nothing */
	assert_int_equal(tokens, 5 * MS);
	policy_refill(&tokens, &refilled, 1000000 * MS, 50000, 20 * MS);
	assert_int_equal(tokens, 20 * MS);
}

static void small_steps_earn_as_much_as_a_large_one(void **state)
{
	__u64 tokens = 0, refilled = 1, now = 1;
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		now += 1001;
		policy_refill(&tokens, &refilled, now, 50000, 1000 * MS);
	}
	assert_in_range(tokens, 4900000, 5006000);
}

/* One that is asked often, of a share so small that nothing is earned from one time to the next. */
static void the_smallest_share_is_earned_too(void **state)
{
	__u64 tokens = 0, refilled = 1, now = 1;
	int i;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		now += 1001;
		policy_refill(&tokens, &refilled, now, 500, 1000 * MS);
	}
	assert_in_range(tokens, 450000, 501000);
}

static void a_cold_site_is_held_at_once_and_long(void **state)
{
	struct mr_caller site = {};
	struct policy_input in = input(5000 * MS, 20 * MS, 0);

	(void)state;
	assert_int_equal(policy_hold(&site, &in), MS);
}

static void a_hot_site_on_a_private_map_backs_off(void **state)
{
	struct mr_caller site = {};
	__u64 now = 5000 * MS, held = 0, length;
	int holds = 0, i;

	(void)state;
	for (i = 0; i < 1000000; i++, now += 1000) { /* a second, a visit every microsecond */
		struct policy_input in = input(now, 20 * MS, 0);

		length = policy_hold(&site, &in);
		if (!length)
			continue;
		holds++;
		held += length;
		now += length;
		policy_held(&site, now, length, 0);
	}
	assert_in_range(holds, 8, 60);
	assert_in_range(held, 8 * MS, 30 * MS);
}

static void maps_that_matter_get_more_than_private_ones(void **state)
{
	struct mr_caller site = {.holds = 10, .gap_us = POLICY_LAST_GAP_US, .next_ns = 5000 * MS};
	struct policy_input in = input(5001 * MS, 6 * MS, MATTERS),
			    private = input(5001 * MS, 6 * MS, 0);

	(void)state;
	assert_int_equal(policy_hold(&site, &in), MS / 2);
	assert_int_equal(policy_hold(&site, &private), 0); /* it must leave tokens for the others */
	policy_held(&site, 6000 * MS, MS, MATTERS);
	assert_true(site.next_ns <= 6000 * MS + POLICY_MATTERS_GAP_US * 1000ull);
	policy_held(&site, 6000 * MS, MS, 0);
	assert_true(site.next_ns >= 6000 * MS + POLICY_LAST_GAP_US * 1000ull);
}

static void a_rarely_used_map_is_held_long(void **state)
{
	struct mr_caller site = {.holds = 100, .next_ns = 5000 * MS};
	struct policy_input in = input(5001 * MS, 10 * MS, MATTERS);

	(void)state;
	in.map_holds = 1000;
	in.writes = 1;
	in.burst_ns = 10 * MS;
	in.map_reads = 100;
	in.map_writes = 100;
	in.quiet_ns = 8 * MS + 1;
	assert_int_equal(policy_hold(&site, &in), MS);
	in.quiet_ns = 8 * MS;
	assert_int_equal(policy_hold(&site, &in), MS / 2);
	in.quiet_ns = MS / 8; /* as long as it takes for two to come */
	assert_int_equal(policy_hold(&site, &in), MS / 4);
	in.quiet_ns = MS / 1000;
	assert_int_equal(policy_hold(&site, &in), MS / 16);
}

static void a_busy_map_leaves_tokens_to_quiet_ones(void **state)
{
	struct mr_caller site = {.holds = 10, .next_ns = 5000 * MS};
	struct policy_input busy = input(5001 * MS, 8 * MS, MATTERS),
			    quiet = input(5001 * MS, 8 * MS, MATTERS);

	(void)state;
	busy.map_holds = 100;
	quiet.map_holds = 2;
	assert_int_equal(policy_hold(&site, &busy), 0);
	site.holds = 2; /* but a new call site of it need not wait */
	assert_int_equal(policy_hold(&site, &busy), MS);
	site.holds = 10;
	assert_int_equal(policy_hold(&site, &quiet), MS / 2);
	busy.tokens_ns = busy.burst_ns; /* nobody else wants them */
	busy.map_holds = 1u << 31;
	assert_int_equal(policy_hold(&site, &busy), MS / 16);
}

static void a_reader_that_no_writer_will_meet_comes_last(void **state)
{
	struct mr_caller site = {.holds = 10, .next_ns = 5000 * MS};
	struct policy_input in = input(5001 * MS, 8 * MS, MATTERS);

	(void)state;
	in.map_holds = 2;
	in.map_reads = 100000;
	in.map_writes = 1000;
	assert_int_equal(policy_hold(&site, &in), 0);
	in.writes = 1; /* a writer meets all those readers */
	assert_int_equal(policy_hold(&site, &in), MS / 2);
	in.writes = 0;
	in.map_writes = 50000;
	assert_int_equal(policy_hold(&site, &in), MS / 2);
}

static void a_call_site_of_many_maps_leaves_tokens_to_others(void **state)
{
	struct mr_caller site = {.holds = 200, .next_ns = 5000 * MS};
	struct policy_input in = input(5001 * MS, 8 * MS, MATTERS);

	(void)state;
	assert_int_equal(policy_hold(&site, &in), 0); /* though this map was never held */
	site.holds = 10;
	assert_int_equal(policy_hold(&site, &in), MS / 2);
}

static void who_was_alone_for_long_comes_last(void **state)
{
	struct mr_caller site = {.holds = 10, .next_ns = 5000 * MS};
	struct policy_input in = input(5001 * MS, 8 * MS, MATTERS);

	(void)state;
	in.quiet_ns = 640 * MS;
	assert_int_equal(policy_hold(&site, &in), 0);
	in.quiet_ns = 20 * MS;
	assert_int_equal(policy_hold(&site, &in), MS);
	in.quiet_ns = POLICY_NEW_NS; /* nothing is known of it */
	assert_int_equal(policy_hold(&site, &in), MS);
	in.quiet_ns = (__u64)-5; /* another CPU was ahead of us */
	assert_true(policy_hold(&site, &in) > 0);
}

static void a_proved_map_is_let_alone(void **state)
{
	struct mr_caller hot = {.holds = POLICY_COLD_HOLDS, .next_ns = 5000 * MS}, cold = {};
	struct policy_input in = input(5001 * MS, 20 * MS, MATTERS | MR_MAP_RACY);

	(void)state;
	assert_int_equal(policy_hold(&hot, &in), 0);
	assert_int_equal(policy_hold(&cold, &in), MS); /* another site may be another bug */
}

static void no_tokens_no_hold(void **state)
{
	struct mr_caller site = {};
	struct policy_input in = input(5000 * MS, MS - 1, MATTERS);

	(void)state;
	assert_int_equal(policy_hold(&site, &in), 0);
}

static void a_site_is_cold_again_after_a_pause(void **state)
{
	struct mr_caller site = {.holds = 1000, .gap_us = POLICY_LAST_GAP_US, .next_ns = 1000 * MS};
	struct policy_input in = input(1000 * MS + POLICY_REARM_NS + 1, 20 * MS, 0);

	(void)state;
	assert_int_equal(policy_hold(&site, &in), MS);
	assert_int_equal(site.holds, 0);
}

static void a_test_waits_for_no_more_than_it_may(void **state)
{
	const __u64 credit = 20 * MS;

	(void)state;
	/* as long as alone, twice: half of the time that has passed, and the credit, has been spent
	 */
	assert_int_equal(policy_test_left(1000 * MS, 1000, credit, 0, POLICY_ARMED), 1020 * MS);
	assert_int_equal(policy_test_left(1000 * MS, 1000, credit, 400 * MS, POLICY_ARMED),
			 220 * MS);
	assert_int_equal(policy_test_left(1000 * MS, 1000, credit, 510 * MS, POLICY_ARMED), 0);
	assert_int_equal(policy_test_left(1000 * MS, 1000, credit, 900 * MS, POLICY_ARMED), 0);
	/* waiting that went on at one time is more than there was */
	assert_int_equal(policy_test_left(10 * MS, 1000, credit, 15 * MS, POLICY_ARMED), 5 * MS);
	assert_int_equal(policy_test_left(1000 * MS, 200, credit, 100 * MS, POLICY_ARMED),
			 100 * MS);
	/* a half is not for the library, an eighth not for what is not armed */
	assert_int_equal(policy_test_left(1000 * MS, 1000, credit, 0, POLICY_LIBRARY), 510 * MS);
	assert_int_equal(policy_test_left(1000 * MS, 1000, credit, 0, POLICY_PROGRAM), 892500000);
	assert_int_equal(policy_test_left(1000 * MS, 1000, credit, 400 * MS, POLICY_LIBRARY), 0);
}

static void a_cold_site_of_a_test_is_held_long_and_less_each_time(void **state)
{
	struct mr_caller site = {};
	__u64 now = 5000 * MS, length, before = 100 * MS, sum = 0;
	int n;

	(void)state;
	for (n = 0; n < 100; n++) {
		length = policy_test_hold(&site, now, 100 * MS, 10000 * MS, MATTERS);
		if (!length)
			break;
		assert_true(length <= before);
		assert_true(length >= MS);
		before = length;
		sum += length;
		policy_held(&site, now + length, length, MATTERS);
		assert_int_equal(policy_test_hold(&site, now + length, 100 * MS, 10000 * MS,
						  MATTERS | MR_MAP_RACY),
				 0);
		now = site.next_ns;
	}
	assert_int_equal(n, POLICY_TEST_HOLDS);
	assert_true(sum < 400 * MS);
	/* and never for more than a part of what is left */
	memset(&site, 0, sizeof(site));
	assert_int_equal(policy_test_hold(&site, now, 100 * MS, 80 * MS, MATTERS), 10 * MS);
	length = policy_test_hold(&site, now, 100 * MS, 80 * MS, MR_MAP_WRITTEN);
	assert_true(length > 0 && length < 10 * MS); /* nobody else has come so far */
	assert_int_equal(policy_test_hold(&site, now, 100 * MS, 0, MATTERS), 0);
}

/* Whatever it was held before, and wherever: for certain at first, then by lot, and no longer. */
static void an_armed_site_is_held_long_and_less_and_less_likely(void **state)
{
	const struct mr_caller busy = {
		.holds = 1001, .gap_us = POLICY_LAST_GAP_US, .next_ns = 5000 * MS};
	struct mr_caller site;
	struct policy_input in = input(5000 * MS, MS, MR_MAP_WRITTEN);
	unsigned int lot, held, before = 4096, failed, expected;

	(void)state;
	site = busy;
	assert_int_equal(policy_hold(&site, &in), 0); /* the others come first */
	for (failed = 0; failed < MR_CALLER_ARMED; failed++) {
		for (held = lot = 0; lot < 4096; lot++) {
			site = busy;
			site.armed = (__u8)(1 + failed);
			in.now = 5000 * MS + lot * 1237;
			held += policy_hold(&site, &in) == MS;
		}
		expected = 4096u >> failed / 2;
		assert_in_range(held, expected - expected / 4, expected + expected / 4);
		assert_true(held <= before);
		before = held;
		policy_tried(&site, 3, 0); /* cut short */
		assert_int_equal(site.armed, 1 + failed);
		policy_tried(&site, 1, 0);
	}
	assert_int_equal(site.armed, MR_CALLER_SPENT);
	assert_int_equal(site.tried, 1); /* of the one that was left: each began anew above */
	assert_false(policy_armed(&site));
	site.armed = 1;
	policy_tried(&site, 2, 1);
	assert_int_equal(site.armed, MR_CALLER_SPENT); /* who has met is done */
	in.now = site.next_ns + POLICY_REARM_NS + 1;
	in.tokens_ns = 20 * MS;
	assert_int_equal(policy_hold(&site, &in), MS);
	assert_int_equal(site.armed, 0); /* cold again, and may be armed again */
}

static void an_armed_site_of_a_test_is_held_longest(void **state)
{
	struct mr_caller site = {.holds = 100, .held_long = 100, .armed = 1};

	(void)state;
	assert_int_equal(policy_test_hold(&site, MS, 100 * MS, 10000 * MS, 0), 100 * MS);
	site.armed = MR_CALLER_ARMED;
	assert_int_equal(policy_test_hold(&site, MS, 100 * MS, 10000 * MS, 0), 100 * MS >> 3);
	site.armed = MR_CALLER_SPENT;
	assert_int_equal(policy_test_hold(&site, MS, 100 * MS, 10000 * MS, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_earned_with_time),
		cmocka_unit_test(a_test_waits_for_no_more_than_it_may),
		cmocka_unit_test(a_cold_site_of_a_test_is_held_long_and_less_each_time),
		cmocka_unit_test(small_steps_earn_as_much_as_a_large_one),
		cmocka_unit_test(the_smallest_share_is_earned_too),
		cmocka_unit_test(a_cold_site_is_held_at_once_and_long),
		cmocka_unit_test(a_hot_site_on_a_private_map_backs_off),
		cmocka_unit_test(maps_that_matter_get_more_than_private_ones),
		cmocka_unit_test(a_rarely_used_map_is_held_long),
		cmocka_unit_test(a_busy_map_leaves_tokens_to_quiet_ones),
		cmocka_unit_test(a_reader_that_no_writer_will_meet_comes_last),
		cmocka_unit_test(a_call_site_of_many_maps_leaves_tokens_to_others),
		cmocka_unit_test(who_was_alone_for_long_comes_last),
		cmocka_unit_test(a_proved_map_is_let_alone),
		cmocka_unit_test(no_tokens_no_hold),
		cmocka_unit_test(an_armed_site_is_held_long_and_less_and_less_likely),
		cmocka_unit_test(an_armed_site_of_a_test_is_held_longest),
		cmocka_unit_test(a_site_is_cold_again_after_a_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
