/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which Go processes there were: exact counts, and as many rows as there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/roster.h"

#define NOBODY 0x7fffff00 /* a number that no process has: it has gone already */

static struct report filled(const struct roster *r)
{
	struct report report = {};

	assert_int_equal(roster_fill(r, &report), 0);
	return report;
}

static void test_rows(void **state)
{
	struct roster *r = roster_new(10);
	struct report report;

	(void)state;
	roster_note(r, getpid(), "/bin/here", NULL, 1500000000);
	roster_note(r, NOBODY, "/bin/gone", "it is too old", 2000000000);
	roster_count(r, "it is too old");
	roster_count(r, "nobody has asked");
	roster_count_tool(r);
	assert_int_equal(roster_found(r), 5);
	assert_int_equal(roster_watched(r), 1);
	report = filled(r);
	assert_int_equal(report.nprocesses, 2);
	assert_int_equal(report.processes[0].pid, getpid());
	assert_int_equal(report.processes[0].parent, getppid());
	assert_string_equal(report.processes[0].exe, "/bin/here");
	assert_non_null(strstr(report.processes[0].args, "test_roster")); /* as it is called */
	assert_null(report.processes[0].why);
	assert_true(report.processes[0].from_s == 1.5 && report.processes[0].to_s < 0);
	assert_string_equal(report.processes[1].args, "");
	assert_string_equal(report.processes[1].why, "it is too old");
	assert_int_equal(report.followed->go, 5);
	assert_int_equal(report.followed->watched, 1);
	assert_int_equal(report.followed->nreasons, 3);
	assert_int_equal(report.followed->reasons[0].processes, 2);
	/* a tool of Go's own is no gap */
	assert_int_equal(report.stats.ncaveats, 2);
	assert_string_equal(report.stats.caveats[0].text,
			    "Go processes that were not watched: 2: it is too old");
	report_free(&report);
	roster_free(r);
	roster_free(NULL);
}

/* A number may be that of several processes in turn. */
static void test_ends(void **state)
{
	struct roster *r = roster_new(10);
	struct report report;

	(void)state;
	roster_note_end(r, NOBODY, 1);
	assert_null(roster_find(r, NOBODY, 1));
	roster_note(r, NOBODY, "/bin/first", NULL, 1000000000);
	roster_note_end(r, NOBODY, 2000000000);
	roster_note(r, NOBODY, "/bin/second", NULL, 3000000000);
	roster_note(r, NOBODY, "/bin/third", "no place", 4000000000);
	assert_string_equal(roster_find(r, NOBODY, 9)->exe, "/bin/second");
	assert_string_equal(roster_find(r, NOBODY, 2.9)->exe, "/bin/first"); /* its race */
	assert_string_equal(roster_find(r, NOBODY, 0.9)->exe, "/bin/first");
	roster_note_end(r, NOBODY, 5000000000);
	roster_note_end(r, NOBODY, 6000000000); /* twice */
	report = filled(r);
	assert_true(report.processes[0].to_s == 2);
	assert_true(report.processes[1].to_s == 5);
	assert_true(report.processes[2].to_s < 0);
	report_free(&report);
	roster_free(r);
}

/* Whoever is watched now stays; of the others the oldest go first. */
static void test_room(void **state)
{
	struct roster *r = roster_new(3);
	struct report report;
	int i;

	(void)state;
	roster_note(r, NOBODY, "/bin/watched", NULL, 0);
	for (i = 1; i < 6; i++)
		roster_note(r, NOBODY + i, "/bin/x", "no place", 0);
	report = filled(r);
	assert_int_equal(report.nprocesses, 3);
	assert_int_equal(report.processes[0].pid, NOBODY);
	assert_int_equal(report.processes[1].pid, NOBODY + 4);
	assert_int_equal(report.processes[2].pid, NOBODY + 5);
	assert_int_equal(report.followed->go, 6);
	report_free(&report);
	for (i = 6; i < 9; i++)
		roster_note(r, NOBODY + i, "/bin/x", NULL, 0);
	/* all are watched now: the next ones have no row, and are counted */
	assert_non_null(roster_find(r, NOBODY + 7, 9));
	assert_null(roster_find(r, NOBODY + 8, 9));
	roster_note_end(r, NOBODY + 8, 1);
	report = filled(r);
	assert_int_equal(report.nprocesses, 3);
	assert_int_equal(report.followed->watched, 4);
	report_free(&report);
	roster_free(r);
}

static void test_many_reasons(void **state)
{
	struct roster *r = roster_new(1);
	struct report report;
	uint64_t sum = 0;
	char why[32];
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(why, sizeof(why), "reason %zu", i);
		roster_count(r, why);
	}
	roster_count(r, "reason 3");
	report = filled(r);
	assert_true(report.followed->nreasons < 100);
	for (i = 0; i < report.followed->nreasons; i++)
		sum += report.followed->reasons[i].processes;
	assert_int_equal(sum, 101);
	assert_int_equal(report.followed->reasons[3].processes, 2);
	assert_string_equal(report.followed->reasons[report.followed->nreasons - 1].why,
			    "of other reasons");
	report_free(&report);
	roster_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_many_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
