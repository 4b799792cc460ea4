/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The account of what watching costs, against simulated targets. */
#include "simulated_target.h"

static void a_calm_target_is_watched_all_the_time(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 0.05, 0.1, 1000, 10);
	run(&t, 30);
	assert_int_equal(t.closed, 0);
	assert_true(account_attached(&t.account, HOT_READ) == 1);
	assert_true(cost_percent(&t) <= 5.0);
	assert_true(cost_percent(&t) > 3.0); /* what traps leave is for holds */
}

static void a_hot_target_pays_its_share_and_no_more(void **state)
{
	static const double shares[] = {0.01, 0.05, 0.2};
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin(&t, shares[i], 2, 900000, 50);
		run(&t, 30);
		assert_true(t.opened >= 5);
		assert_true(cost_percent(&t) <= 200 * shares[i]);
		assert_true(cost_percent(&t) >= 100 * shares[i]);
		assert_true(account_attached(&t.account, HOT_READ) < 2 * shares[i]);
		assert_true(account_attached(&t.account, HOT_READ) > shares[i] / 6);
		/* what costs next to nothing is never taken away */
		assert_true(account_attached(&t.account, COLD) == 1);
	}
}

/* A function that is hit as often as one that stays, but whose hits are single-stepped. */
static void dear_hits_are_priced_as_such(void **state)
{
	struct target t;
	double cheap;

	(void)state;
	begin(&t, 0.05, 1, 0, 1000);
	run(&t, 20);
	cheap = (double)t.account.trap_spent_ns;
	assert_true(account_attached(&t.account, COLD) == 1);
	begin(&t, 0.05, 1, 0, 1000);
	account_weigh(&t.account, COLD, 15);
	account_weigh(&t.account, NFUNCTIONS, 15); /* none of ours */
	run(&t, 20);
	assert_true((double)t.account.trap_spent_ns > 10 * cheap);
	begin(&t, 0.05, 1, 0, 8000); /* 12 percent, where 0.8 would be charged */
	account_weigh(&t.account, COLD, 15);
	run(&t, 20);
	assert_true(account_attached(&t.account, COLD) < 0.6);
	assert_true(cost_percent(&t) <= 5.5);
}

/* Operations on nil maps, other processes' hits: they cost what any hit costs. */
static void hits_that_are_no_operations_are_paid_for(void **state)
{
	struct target t;
	unsigned int i;

	(void)state;
	begin(&t, 0.05, 1, 0, 0);
	for (i = 0; i < NFUNCTIONS; i++)
		t.other[i] = 300000;
	run(&t, 60);
	assert_true(t.closed >= 5);
	assert_true(t.opened >= 5);
	assert_true(cost_percent(&t) <= 5);
	assert_true(cost_percent(&t) >= 2);
}

/* Of one function alone, be it one that is tried early or late: none is away for good meanwhile. */
static void whosesoever_hits_they_are(void **state)
{
	static const double rates[] = {30000, 60000, 900000};
	struct target t;
	unsigned int i, r;

	(void)state;
	for (r = 0; r < 3; r++) {
		for (i = 0; i < NFUNCTIONS; i++) {
			begin(&t, 0.05, 1, 10, 10);
			t.other[i] = rates[r];
			run(&t, 60);
			assert_true(t.closed > 0);
			assert_true(t.opened >= 15);
			assert_true(cost_percent(&t) <= 5);
			assert_true(account_attached(&t.account, i) < 0.25);
		}
	}
	/* it is told from the others in time, but for one that has always come and gone with it */
	begin(&t, 0.05, 1, 10, 10);
	t.other[HOT_READ] = 30000;
	run(&t, 600);
	for (i = 2; i < NFUNCTIONS; i++)
		assert_true(account_attached(&t.account, i) > 0.9);
}

/* Places where there is no function cannot be where they come from. */
static void no_function_no_blame(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 0.05, 1, 0, 0);
	t.other[COLD] = 900000;
	account_weigh(&t.account, HOT_READ, 0);
	account_weigh(&t.account, HOT_WRITE, 0);
	run(&t, 60);
	assert_true(account_attached(&t.account, COLD) < 0.1);
	assert_true(cost_percent(&t) <= 5);
	assert_false(t.account.functions[HOT_READ].cycled);
}

/* Two goroutines take turns under a lock: while one is in a trap the other waits. */
static void a_target_that_traps_make_serial_pays_for_one_cpu(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 0.05, 2, 900000, 50);
	t.cpus_probed = 1;
	run(&t, 30);
	assert_true(t.opened >= 5);
	assert_true(cost_percent(&t) <= 5);
	assert_true(cost_percent(&t) >= 2);
}

/* Holds have drawn the account below what a window would end at: nothing that steps could mend. */
static void holds_are_no_reason_to_hurry(void **state)
{
	struct target t;
	struct account_facts now;
	uint64_t again;

	(void)state;
	begin(&t, 0.05, 0.1, 1000, 10);
	run(&t, 1);
	t.hold_ns += SECOND / 10;
	t.now += 50000000;
	t.hits[COLD] += 5;
	now = facts(&t);
	assert_int_equal(account_step(&t.account, &now, &again), ACCOUNT_STAY);
	assert_true(t.account.account_ns < 0);
	assert_int_equal(again, 50000000);
}

/* Ten holds at once, of which one account of twenty could pay for one. */
static void what_a_few_holds_took_is_paid_back(void **state)
{
	struct target t;
	struct account_facts now;
	uint64_t again;

	(void)state;
	begin(&t, 0.05, 0.001, 10, 1);
	account_grant(&t.account, 0.05);
	t.hold_ns += 10000000;
	t.now += 50000000;
	now = facts(&t);
	(void)account_step(&t.account, &now, &again);
	assert_int_equal(account_hold_ppm(&t.account), 0);
	run(&t, 4);
	assert_int_equal(account_hold_ppm(&t.account), 0);
	run(&t, 4);
	assert_true(account_hold_ppm(&t.account) > 0);
	assert_true(account_hold_ppm(&t.account) <= 50000 / 20);
}

static void what_is_lent_is_spent_once(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 0.05, 1, 100000, 50); /* a fifth of a CPU */
	account_advance(&t.account, 60);
	run(&t, 5);
	assert_int_equal(t.closed, 0);
	run(&t, 120);
	assert_true(t.closed >= 5);
	assert_true(cost_percent(&t) <= 5.0 * (125 + 60) / 125);
	begin(&t, 0.05, 1, 10, 10); /* nothing to spend it on but holds */
	account_advance(&t.account, 60);
	run(&t, 30);
	assert_true(cost_percent(&t) <= 5.5);
}

static void windows_keep_no_step(void **state)
{
	double n, mean, variance;
	struct target t;

	(void)state;
	begin(&t, 0.05, 2, 900000, 50);
	run(&t, 100);
	n = t.opened - 1;
	mean = t.gaps / n;
	variance = t.gaps_squared / n - mean * mean;
	assert_true(mean < 1.5);
	assert_true(variance > mean * mean / 50);
}

static void a_target_that_calms_down_is_watched_again(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 0.05, 2, 900000, 50);
	run(&t, 10);
	assert_true(t.closed > 0);
	t.rate[HOT_READ] = t.rate[HOT_WRITE] = 100;
	run(&t, 5);
	t.closed = 0;
	run(&t, 10);
	assert_int_equal(t.closed, 0);
	assert_true(t.attached[HOT_READ]);
}

static void a_function_that_becomes_dear_is_taken_away(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 0.05, 2, 900000, 50);
	run(&t, 10);
	t.rate[COLD] = 900000;
	run(&t, 60);
	assert_true(t.account.functions[COLD].cycled);
	assert_true(account_attached(&t.account, COLD) < 0.4);
}

/* As a program that fills its maps when it begins: another function is busy ever after, and takes
 * as much as is earned. */
static void who_was_busy_once_is_watched_again(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 0.05, 1, 100, 100);
	t.rate[HOT_WRITE] = 1e6;
	run(&t, 0.3);
	assert_false(t.attached[HOT_WRITE]);
	t.rate[HOT_WRITE] = 50;
	t.rate[HOT_READ] = 0.05 * 0.7 * 0.8 / (1.6 * HIT_NS / 1e9);
	run(&t, 20);
	assert_true(t.attached[HOT_WRITE]);
	assert_true(account_attached(&t.account, HOT_WRITE) > 0.7);
	assert_true(account_attached(&t.account, HOT_READ) < 0.9);
	assert_true(cost_percent(&t) < 5);
}

static void all_of_it_means_never_detach(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 1, 2, 1000000, 50);
	run(&t, 10);
	assert_int_equal(t.closed, 0);
	assert_int_equal(account_hold_ppm(&t.account), 1000000);
}

/* In thousandths a budget of less than 0.2 percent was none at all, and one of 1 percent was 0.9. A
 * part is kept back for what is not foreseen. */
static void small_budgets_are_what_they_say(void **state)
{
	static const double shares[] = {0.0001, 0.0005, 0.0015, 0.01};
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		begin(&t, shares[i], 0.1, 0, 0);
		run(&t, 200);
		assert_true((double)t.hold_ns > 0.68 * shares[i] * 200e9);
		assert_true((double)t.hold_ns < 0.72 * shares[i] * 200e9);
	}
}

static void totals_that_seem_to_go_back_do_no_harm(void **state)
{
	struct target t;
	struct account_facts now;
	uint64_t again;

	(void)state;
	begin(&t, 0.05, 2, 900000, 50);
	run(&t, 1);
	now = facts(&t);
	t.hits[HOT_READ] -= 1000;
	now.hold_ns -= now.hold_ns / 2;
	now.now_ns -= 1000000;
	now.target_ns = 0;
	(void)account_step(&t.account, &now, &again);
	run(&t, 10);
	assert_true(cost_percent(&t) < 11);
}

/* Probes that could not be put back, or were taken away behind our back: that time does not count. */
static void what_is_not_in_place_is_not_told_as_watched(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 0.05, 2, 0, 50);
	run(&t, 5);
	assert_true(account_attached(&t.account, COLD) > 0.99);
	t.account.blind = true;
	run(&t, 5);
	assert_true(account_attached(&t.account, COLD) < 0.51);
	t.account.blind = false;
	run(&t, 10);
	assert_true(account_attached(&t.account, COLD) > 0.74);
	assert_true(account_attached(&t.account, COLD) < 0.76);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_calm_target_is_watched_all_the_time),
		cmocka_unit_test(a_hot_target_pays_its_share_and_no_more),
		cmocka_unit_test(dear_hits_are_priced_as_such),
		cmocka_unit_test(hits_that_are_no_operations_are_paid_for),
		cmocka_unit_test(whosesoever_hits_they_are),
		cmocka_unit_test(no_function_no_blame),
		cmocka_unit_test(a_target_that_traps_make_serial_pays_for_one_cpu),
		cmocka_unit_test(holds_are_no_reason_to_hurry),
		cmocka_unit_test(what_a_few_holds_took_is_paid_back),
		cmocka_unit_test(what_is_lent_is_spent_once),
		cmocka_unit_test(windows_keep_no_step),
		cmocka_unit_test(a_target_that_calms_down_is_watched_again),
		cmocka_unit_test(a_function_that_becomes_dear_is_taken_away),
		cmocka_unit_test(who_was_busy_once_is_watched_again),
		cmocka_unit_test(all_of_it_means_never_detach),
		cmocka_unit_test(what_is_not_in_place_is_not_told_as_watched),
		cmocka_unit_test(small_budgets_are_what_they_say),
		cmocka_unit_test(totals_that_seem_to_go_back_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
