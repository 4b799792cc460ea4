/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which map a goroutine dies of, found among the words of its stack: one, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "track/fatal.h"

#define RECORDS 64
#define NOW 5000000000ull
#define DYING 0xc000001000ull
#define OTHER 0xc000002000ull
#define MAP 0xc000123400ull
#define SECOND 0xc000777700ull

static struct mr_map maps[RECORDS];
static struct mr_event_fatal e;
static const struct mr_last *other;

static struct mr_map *written(uint64_t addr, uint64_t writer, uint64_t ns)
{
	struct mr_map *m = &maps[mr_map_index(addr, RECORDS - 1)];

	assert_false(m->addr);
	m->addr = addr;
	m->seen = mr_goroutine_bit(DYING) | mr_goroutine_bit(writer);
	m->writer.g = writer;
	m->writer.ns = ns;
	return m;
}

static int begin(void **state)
{
	(void)state;
	memset(maps, 0, sizeof(maps));
	memset(&e, 0, sizeof(e));
	other = NULL;
	e.header.time_ns = NOW;
	e.access.g = DYING;
	e.words[e.nwords++] = 0;
	e.words[e.nwords++] = 0x4711;
	e.words[e.nwords++] = MAP;
	e.words[e.nwords++] = MAP; /* a register and the stack hold it */
	return 0;
}

static const struct mr_map *found(void)
{
	return fatal_only_map(maps, RECORDS, &e, &other);
}

static void the_map_that_another_has_just_written(void **state)
{
	struct mr_map *m = written(MAP, OTHER, NOW - 1000);

	(void)state;
	assert_ptr_equal(found(), m);
	assert_ptr_equal(other, &m->writer);
}

static void its_own_write_is_passed_over(void **state)
{
	struct mr_map *m = written(MAP, DYING, NOW - 1000);

	(void)state;
	assert_null(found());
	m->writer_before.g = OTHER;
	m->writer_before.ns = NOW - 2000;
	assert_ptr_equal(found(), m);
	assert_ptr_equal(other, &m->writer_before);
}

static void of_two_maps_none(void **state)
{
	(void)state;
	written(MAP, OTHER, NOW - 1000);
	written(SECOND, OTHER, NOW - 1000);
	assert_non_null(found());
	e.words[e.nwords++] = SECOND;
	assert_null(found());
}

static void one_written_long_ago_is_none(void **state)
{
	(void)state;
	written(MAP, OTHER, NOW - 1100000000ull);
	assert_null(found());
}

static void one_that_it_never_used_is_none(void **state)
{
	struct mr_map *m = written(MAP, OTHER, NOW - 1000);

	(void)state;
	m->seen &= ~mr_goroutine_bit(DYING);
	assert_null(found());
}

static void another_map_in_its_record_is_none(void **state)
{
	struct mr_map *m = written(MAP, OTHER, NOW - 1000);

	(void)state;
	m->addr = SECOND;
	assert_null(found());
}

static void more_words_than_there_can_be(void **state)
{
	(void)state;
	written(MAP, OTHER, NOW - 1000);
	e.nwords = UINT32_MAX;
	assert_non_null(found());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_map_that_another_has_just_written, begin),
		cmocka_unit_test_setup(its_own_write_is_passed_over, begin),
		cmocka_unit_test_setup(of_two_maps_none, begin),
		cmocka_unit_test_setup(one_written_long_ago_is_none, begin),
		cmocka_unit_test_setup(one_that_it_never_used_is_none, begin),
		cmocka_unit_test_setup(another_map_in_its_record_is_none, begin),
		cmocka_unit_test_setup(more_words_than_there_can_be, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
