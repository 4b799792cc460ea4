/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The account of several that share a budget or have a quota, against simulated targets. */
#include "simulated_target.h"
#include "budget/shares.h"

#define SEVERAL 20

static double all_cost(const struct target *t)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < SEVERAL; i++)
		sum += cost_percent(&t[i]);
	return sum;
}

/* Shared out four times a second, as the session does. */
static void run_confined(struct target *t, double seconds, double least)
{
	double all;
	size_t i, k;

	for (k = 0; k < (size_t)(seconds * 4); k++) {
		for (i = 0, all = 0; i < SEVERAL; i++)
			all += t[i].account.use;
		for (i = 0; i < SEVERAL; i++) {
			account_grant(&t[i].account,
				      shares_part(t[i].account.use, all, least, SEVERAL));
			run(&t[i], 0.25);
		}
	}
}

static void run_several(struct target *t, double seconds)
{
	run_confined(t, seconds, 1);
}

static void many_idle_ones_cost_no_more_than_one(void **state)
{
	static struct target t[SEVERAL];
	size_t i;

	(void)state;
	for (i = 0; i < SEVERAL; i++)
		begin(&t[i], 0.05, 0.002, 10, 1);
	run_several(t, 30);
	assert_true(all_cost(t) <= 5);
	assert_true(all_cost(t) > 2); /* and they are held, all of them alike */
	for (i = 0; i < SEVERAL; i++) {
		assert_true(cost_percent(&t[i]) > 0.1);
		assert_true(account_allowed_percent(&t[i].account) > 0.24);
		assert_true(account_allowed_percent(&t[i].account) < 0.26);
	}
}

static void who_works_among_idle_ones_has_most_of_it(void **state)
{
	static struct target t[SEVERAL];
	size_t i;

	(void)state;
	begin(&t[0], 0.05, 1.5, 900000, 50);
	for (i = 1; i < SEVERAL; i++)
		begin(&t[i], 0.05, 0.001, 10, 1);
	run_several(t, 30);
	assert_true(account_allowed_percent(&t[0].account) > 0.8 * 5 * 1.5);
	assert_true(cost_percent(&t[0]) > 3);
	assert_true(all_cost(t) <= 5 * 1.5 * 1.02);
	for (i = 1; i < SEVERAL; i++) { /* a hold now and then */
		assert_true(account_allowed_percent(&t[i].account) > 0.02);
		assert_true(cost_percent(&t[i]) < 0.5);
	}
}

static void a_part_is_of_what_they_use_together(void **state)
{
	(void)state;
	assert_true(fabs(shares_part(0, 0, 1, 1) - 1) < 1e-9);
	assert_true(fabs(shares_part(0, 0, 1, 20) - 1.0 / 20) < 1e-9);
	assert_true(fabs(shares_part(1.5, 3, 1, 2) - 1.5) < 1e-9);
	assert_true(shares_part(0.5, 0.5, 1, 2) < 1);
	assert_true(shares_part(0.5, 0.5, 1, 2) + shares_part(0, 0.5, 1, 2) > 0.999);
	assert_true(shares_part(0.5, 0.5, 1, 2) + shares_part(0, 0.5, 1, 2) < 1.001);
	assert_true(fabs(shares_part(0.05, 0.1, 0.2, 2) - 0.1) < 1e-9);
	assert_true(fabs(shares_part(0.2, 0.4, 0.2, 2) - 0.2) < 1e-9);
}

/* A tenth of a CPU is all that a container's quota lets it use: five percent of that, with traps
 * alone and with holds, whether it uses it up or not. */
static void a_quota_is_all_that_it_has(void **state)
{
	static const double rates[] = {90000, 500, 1}, cpus[] = {0.1, 0.1, 0.001};
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		begin(&t, 0.05, cpus[i], rates[i], 1);
		account_confine(&t.account, 0.1);
		run(&t, 60);
		assert_true(cost_percent(&t) <= 0.5);
		assert_true(cost_percent(&t) > 0.2);
		assert_true(fabs(account_allowed_percent(&t.account) - 0.5) < 0.01);
	}
}

/* Periods of quotas are as long as what is looked at: the quota of two is used up by eight threads
 * in a quarter of one. */
static void bursts_are_within_the_quota(void **state)
{
	struct target t;

	(void)state;
	begin(&t, 0.05, 8, 1, 1);
	account_confine(&t.account, 2);
	run(&t, 30);
	assert_true(account_allowed_percent(&t.account) < 5 * 2.1);
	assert_true(account_allowed_percent(&t.account) > 5 * 1.9);
}

static void a_quota_may_come_and_go(void **state)
{
	struct target t;
	double before;

	(void)state;
	begin(&t, 0.05, 3, 0, 0);
	run(&t, 5);
	before = account_allowed_percent(&t.account) * 5;
	account_confine(&t.account, 0.1);
	t.cpus = 0.1;
	assert_in_range(account_hold_ppm(&t.account), 1, 5000);
	run(&t, 5);
	assert_true(fabs(account_allowed_percent(&t.account) * 10 - before - 0.5 * 5) < 1.5);
	before = account_allowed_percent(&t.account) * 10;
	account_confine(&t.account, 0);
	run(&t, 10);
	assert_true(fabs(account_allowed_percent(&t.account) * 20 - before - 5 * 10) < 1.5);
}

static void many_with_one_quota_cost_no_more_than_one(void **state)
{
	static struct target t[SEVERAL];
	size_t i;

	(void)state;
	for (i = 0; i < SEVERAL; i++) {
		begin(&t[i], 0.05, 0.1 / SEVERAL, 10, 1);
		account_confine(&t[i].account, 0.1);
	}
	run_confined(t, 60, 0.1);
	assert_true(all_cost(t) <= 0.5);
	assert_true(all_cost(t) > 0.2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_idle_ones_cost_no_more_than_one),
		cmocka_unit_test(who_works_among_idle_ones_has_most_of_it),
		cmocka_unit_test(a_part_is_of_what_they_use_together),
		cmocka_unit_test(a_quota_is_all_that_it_has),
		cmocka_unit_test(bursts_are_within_the_quota),
		cmocka_unit_test(a_quota_may_come_and_go),
		cmocka_unit_test(many_with_one_quota_cost_no_more_than_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
