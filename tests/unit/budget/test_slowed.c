/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "budget/slowed.h"

#define MS 1000000ull

static void test_nobody_else_wants_a_cpu(void **state)
{
	const struct slowed_facts f = {
		.lived_ns = 1000 * MS, .cpu_ns = 500 * MS, .queued_ns = 0, .ours_ns = 400 * MS};

	(void)state;
	assert_int_equal(slowed_queued_ns(&f), 0);
}

static void test_a_test_on_a_busy_machine(void **state)
{
	/* go/types beside other work: 9.65 s, of which 0.5 were its own */
	const struct slowed_facts f = {.lived_ns = 9650 * MS,
				       .cpu_ns = 4250 * MS,
				       .queued_ns = 9150 * MS,
				       .ours_ns = 4000 * MS};
	uint64_t spent = f.ours_ns + slowed_queued_ns(&f);

	(void)state;
	assert_true(spent < f.lived_ns);
	assert_in_range(f.lived_ns - spent, 100 * MS, 800 * MS);
}

static void test_its_own_threads_stand_in_line(void **state)
{
	const struct slowed_facts f = {.lived_ns = 1000 * MS,
				       .cpu_ns = 2000 * MS,
				       .queued_ns = 6000 * MS,
				       .ours_ns = 200 * MS};

	(void)state;
	assert_int_equal(slowed_queued_ns(&f), 80 * MS);
}

static void test_at_the_edges(void **state)
{
	struct slowed_facts f = {};

	(void)state;
	assert_int_equal(slowed_queued_ns(&f), 0);
	f.ours_ns = 10;
	f.queued_ns = 10;
	assert_int_equal(slowed_queued_ns(&f), 0);
	f.cpu_ns = 5;
	assert_int_equal(slowed_queued_ns(&f), 0); /* it has not lived for as long */
	f.lived_ns = 15;
	assert_int_equal(slowed_queued_ns(&f), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_else_wants_a_cpu),
		cmocka_unit_test(test_a_test_on_a_busy_machine),
		cmocka_unit_test(test_its_own_threads_stand_in_line),
		cmocka_unit_test(test_at_the_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
