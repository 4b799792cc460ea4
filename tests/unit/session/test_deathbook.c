/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Deaths are counted by cause and program; of more than there is room for, all together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/deathbook.h"

static struct metrics_death death(enum report_death_cause cause, const char *exe, const char *unit)
{
	return (struct metrics_death){.cause = cause, .exe = exe, .unit = unit, .module = "m"};
}

static void each_cause_and_program_has_a_row(void **state)
{
	const struct metrics_death a = death(REPORT_DEATH_PANIC, "/a", ""),
				   b = death(REPORT_DEATH_CONFLICT, "/a", ""),
				   c = death(REPORT_DEATH_PANIC, "/a", "x.service");
	struct deathbook book = {};
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		deathbook_note(&book, &a);
	deathbook_note(&book, &b);
	deathbook_note(&book, &c);
	assert_int_equal(book.n, 3);
	assert_int_equal(book.list[0].n, 3);
	assert_int_equal(book.list[1].n, 1);
	assert_int_equal(book.list[1].cause, REPORT_DEATH_CONFLICT);
	assert_string_equal(book.list[2].unit, "x.service");
	assert_int_equal(book.unlisted, 0);
	deathbook_free(&book);
	assert_int_equal(book.n, 0);
}

static void there_is_room_for_so_many(void **state)
{
	struct deathbook book = {};
	struct metrics_death d;
	char exe[32];
	int i;

	(void)state;
	for (i = 0; i < DEATHBOOK_MOST + 10; i++) {
		d = death(REPORT_DEATH_THROW, "/0", "");
		assert_int_equal(deathbook_note(&book, &d), i < 10 || !((i + 1) & i));
		snprintf(exe, sizeof(exe), "/%d", i + 1);
		d = death(REPORT_DEATH_THROW, exe, "");
		assert_true(deathbook_note(&book, &d));
	}
	assert_int_equal(book.n, DEATHBOOK_MOST);
	assert_int_equal(book.total, 2 * (DEATHBOOK_MOST + 10));
	assert_int_equal(book.unlisted, 11); /* each had died once */
	for (i = 0; i < (int)book.n; i++)
		assert_int_equal(book.list[i].n,
				 strcmp(book.list[i].exe, "/0") ? 1 : DEATHBOOK_MOST + 10);
	deathbook_free(&book);
}

static void the_page_has_them(void **state)
{
	const struct metrics_death rows[] = {{REPORT_DEATH_PANIC, "/a\"b", "u", "m", 7}};
	const struct metrics_daemon daemon = {.deaths = rows, .ndeaths = 1, .deaths_unlisted = 3};
	struct report report = {.version = (char *)"1"};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	metrics_print(out, &report, &daemon);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text,
			       "\nmaprace_deaths_total{cause=\"panic\",exe=\"/a\\\"b\",unit=\"u\","
			       "module=\"m\"} 7\n"));
	assert_non_null(strstr(text, "\nmaprace_deaths_unlisted_total 3\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cause_and_program_has_a_row),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(the_page_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
