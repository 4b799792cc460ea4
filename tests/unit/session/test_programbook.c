/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Deaths are counted by cause and program; of more than there is room for, all together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/programbook.h"

static struct metrics_row death(enum report_death_cause cause, const char *exe, const char *unit)
{
	return (struct metrics_row){.what = report_death_cause_name(cause),
				    .and = "",
				    .exe = exe,
				    .unit = unit,
				    .module = "m",
				    .n = 1};
}

static void each_cause_and_program_has_a_row(void **state)
{
	const struct metrics_row a = death(REPORT_DEATH_PANIC, "/a", ""),
				 b = death(REPORT_DEATH_CONFLICT, "/a", ""),
				 c = death(REPORT_DEATH_PANIC, "/a", "x.service");
	struct programbook book = {};
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		programbook_note(&book, &a);
	programbook_note(&book, &b);
	programbook_note(&book, &c);
	assert_int_equal(book.n, 3);
	assert_int_equal(book.list[0].n, 3);
	assert_int_equal(book.list[1].n, 1);
	assert_string_equal(book.list[1].what, "conflict");
	assert_string_equal(book.list[2].unit, "x.service");
	assert_int_equal(book.unlisted, 0);
	programbook_free(&book);
	assert_int_equal(book.n, 0);
}

static void there_is_room_for_so_many(void **state)
{
	struct programbook book = {};
	struct metrics_row d;
	char exe[32];
	int i;

	(void)state;
	for (i = 0; i < PROGRAMBOOK_MOST + 10; i++) {
		d = death(REPORT_DEATH_THROW, "/0", "");
		assert_int_equal(programbook_is_worth_a_line(programbook_note(&book, &d)),
				 i < 10 || !((i + 1) & i));
		snprintf(exe, sizeof(exe), "/%d", i + 1);
		d = death(REPORT_DEATH_THROW, exe, "");
		assert_int_equal(programbook_note(&book, &d), 1);
	}
	assert_int_equal(book.n, PROGRAMBOOK_MOST);
	assert_int_equal(book.total, 2 * (PROGRAMBOOK_MOST + 10));
	assert_int_equal(book.unlisted, 11); /* each had died once */
	for (i = 0; i < (int)book.n; i++)
		assert_int_equal(book.list[i].n,
				 strcmp(book.list[i].exe, "/0") ? 1 : PROGRAMBOOK_MOST + 10);
	programbook_free(&book);
}

static void the_page_has_them(void **state)
{
	const struct metrics_row rows[] = {{"panic", "", "/a\"b", "u", "m", 7}},
				 panics[] = {{"fault", "recovered", "/a", "u", "m", 9}};
	const struct metrics_daemon daemon = {
		.deaths = rows, .ndeaths = 1, .deaths_unlisted = 3, .panics = panics, .npanics = 1};
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
	assert_non_null(strstr(text, "\nmaprace_panics_total{kind=\"fault\",outcome=\"recovered\","
				     "exe=\"/a\",unit=\"u\",module=\"m\"} 9\n"));
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
