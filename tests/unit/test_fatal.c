/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who else wrote to the map that a goroutine dies of. */
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
	e.map = MAP;
	return 0;
}

static const struct mr_map *found(void)
{
	return fatal_record(maps, RECORDS, &e, &other);
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

static void one_written_long_ago_is_none(void **state)
{
	(void)state;
	written(MAP, OTHER, NOW - 1100000000ull);
	assert_null(found());
}

static void one_that_nobody_else_wrote_is_none(void **state)
{
	struct mr_map *m = written(MAP, OTHER, NOW - 1000);

	(void)state;
	m->writer.g = 0;
	assert_null(found());
}

static void another_map_in_its_record_is_none(void **state)
{
	struct mr_map *m = written(MAP, OTHER, NOW - 1000);

	(void)state;
	m->addr = SECOND;
	assert_null(found());
}

static void one_that_is_not_known_is_none(void **state)
{
	(void)state;
	written(MAP, OTHER, NOW - 1000);
	e.map = 0;
	assert_null(found());
	assert_null(fatal_record(NULL, 0, &e, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_map_that_another_has_just_written, begin),
		cmocka_unit_test_setup(its_own_write_is_passed_over, begin),
		cmocka_unit_test_setup(one_written_long_ago_is_none, begin),
		cmocka_unit_test_setup(one_that_nobody_else_wrote_is_none, begin),
		cmocka_unit_test_setup(another_map_in_its_record_is_none, begin),
		cmocka_unit_test_setup(one_that_is_not_known_is_none, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
