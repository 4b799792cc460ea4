/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* When a threshold is passed, and how soon it is looked at again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "go/heap_profile.h"
#include "session/memory_watch.h"

static const double at[] = {80, 92, 97};

#define LEVEL(before, percent) memory_level(at, 3, before, percent)
#define MS 1000000ull

static void each_threshold_is_passed_once(void **state)
{
	(void)state;
	assert_int_equal(LEVEL(0, 79.9), 0);
	assert_int_equal(LEVEL(0, 80), 1);
	assert_int_equal(LEVEL(1, 79), 1);
	assert_int_equal(LEVEL(1, 91.9), 1);
	assert_int_equal(LEVEL(1, 92), 2);
	assert_int_equal(LEVEL(2, 87.1), 2);
	assert_int_equal(LEVEL(2, 87), 1);
	assert_int_equal(LEVEL(1, 75), 0);
	assert_int_equal(LEVEL(0, 97), 3);
	assert_int_equal(LEVEL(0, 150), 3);
	assert_int_equal(LEVEL(3, 10), 0);
}

static void looks_are_as_dense_as_it_is_fast(void **state)
{
	(void)state;
	assert_int_equal(memory_interval(at, 3, 20, 20, 1000 * MS), 1000 * MS);
	assert_int_equal(memory_interval(at, 3, 75, 75, 1000 * MS), 100 * MS);
	assert_int_equal(memory_interval(at, 3, 75, 90, 1000 * MS), 100 * MS);
	assert_int_equal(memory_interval(at, 3, 20, 10, 0), 1000 * MS);
	/* 60 points are left, at 30 in a second: four looks until then */
	assert_in_range(memory_interval(at, 3, 20, 5, 500 * MS), 499 * MS, 501 * MS);
	/* to the end, at 100 in a second */
	assert_in_range(memory_interval(at, 3, 98, 88, 100 * MS), 10 * MS, 10 * MS);
	assert_in_range(memory_interval(at, 3, 120, 88, 100 * MS), 10 * MS, 10 * MS);
}

/* That it is the runtime's own hash is shown where profiles of live programs are read. */
static void a_bucket_has_the_hash_of_its_stack(void **state)
{
	const uint64_t pcs[] = {0x4c3027, 0x4c3345, 0x43d6e7, 0x46f961};
	uint64_t h = heap_profile_hash(pcs, 4, 65536);

	(void)state;
	assert_true(h == heap_profile_hash(pcs, 4, 65536));
	assert_true(h != heap_profile_hash(pcs, 3, 65536));
	assert_true(h != heap_profile_hash(pcs, 4, 32768));
	assert_true(heap_profile_hash(pcs, 0, 0) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_threshold_is_passed_once),
		cmocka_unit_test(looks_are_as_dense_as_it_is_fast),
		cmocka_unit_test(a_bucket_has_the_hash_of_its_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
