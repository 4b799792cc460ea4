/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What one hit costs is what it costs where nothing comes between. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "budget/calibrate.h"

static unsigned calls, stalls_until;

static uint64_t own_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Once in a while it takes 19 ms, as where a hypervisor takes the CPU away: the guest's clock goes
 * on. */
static void hit(void)
{
	uint64_t until;

	if (calls++ % CALIBRATE_BATCH || calls > stalls_until)
		return;
	until = own_ns() + 19000000;
	while (own_ns() < until)
		;
}

static void test_the_first_batch_stalls(void **state)
{
	(void)state;
	calls = 0;
	stalls_until = 1;
	assert_true(calibrate_call_ns(hit) < 2000);
	assert_true(calls > CALIBRATE_BATCH);
}

static void test_most_batches_stall(void **state)
{
	(void)state;
	calls = 0;
	stalls_until = 4 * CALIBRATE_BATCH;
	assert_true(calibrate_call_ns(hit) < 2000);
}

static void test_a_slow_hit_is_told(void **state)
{
	uint64_t began = own_ns(), took;
	double ns;

	(void)state;
	calls = 0;
	stalls_until = UINT32_MAX;
	ns = calibrate_call_ns(hit);
	took = own_ns() - began;
	assert_true(ns >= 190000);	/* every batch has one */
	assert_true(took < 1000000000); /* and nobody waits for all the batches there might be */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_batch_stalls),
		cmocka_unit_test(test_most_batches_stall),
		cmocka_unit_test(test_a_slow_hit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
