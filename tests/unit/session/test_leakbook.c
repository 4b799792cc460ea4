/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Places that make goroutines which do not end: each once for its program, as many as there is room
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "session/leakbook.h"

static bool note(struct leakbook *book, const char *exe, const char *unit, const char *site)
{
	return leakbook_note(book, &(struct metrics_leak){
					   .exe = exe, .unit = unit, .module = "m", .site = site});
}

static void each_place_is_told_once(void **state)
{
	struct leakbook book = {};

	(void)state;
	assert_true(note(&book, "/a", "", "main.f"));
	assert_false(note(&book, "/a", "", "main.f"));
	assert_true(note(&book, "/a", "", "main.g"));
	assert_true(note(&book, "/a", "x.service", "main.f"));
	assert_true(note(&book, "/b", "", "main.f"));
	assert_int_equal(book.n, 4);
	assert_int_equal(book.list[0].n, 2);
	assert_string_equal(book.list[2].unit, "x.service");
	assert_int_equal(book.unlisted, 0);
	leakbook_free(&book);
	assert_int_equal(book.n, 0);
	leakbook_free(&book);
}

static void there_is_room_for_so_many(void **state)
{
	struct leakbook book = {};
	char site[32];
	int i;

	(void)state;
	for (i = 0; i < LEAKBOOK_MOST + 3; i++) {
		snprintf(site, sizeof(site), "main.f%d", i);
		assert_int_equal(note(&book, "/a", "", site), i < LEAKBOOK_MOST);
	}
	assert_int_equal(book.n, LEAKBOOK_MOST);
	assert_int_equal(book.unlisted, 3);
	leakbook_free(&book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_place_is_told_once),
		cmocka_unit_test(there_is_room_for_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
