/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report_sample.h"

static void test_kind(void **state)
{
	(void)state;
	assert_int_equal(report_kind_of(REPORT_WRITE, REPORT_WRITE), REPORT_WRITE_WRITE);
	assert_int_equal(report_kind_of(REPORT_DELETE, REPORT_CLEAR), REPORT_WRITE_WRITE);
	assert_int_equal(report_kind_of(REPORT_READ, REPORT_WRITE), REPORT_READ_WRITE);
	assert_int_equal(report_kind_of(REPORT_DELETE, REPORT_READ), REPORT_READ_WRITE);
	assert_int_equal(report_kind_of(REPORT_ITERATE, REPORT_WRITE), REPORT_ITERATE_WRITE);
	assert_int_equal(report_kind_of(REPORT_CLEAR, REPORT_ITERATE), REPORT_ITERATE_WRITE);
	assert_int_equal(report_kind_of(REPORT_CLONE, REPORT_WRITE), REPORT_ITERATE_WRITE);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(report_op_name(REPORT_DELETE), "delete");
	assert_string_equal(report_op_name(REPORT_CLONE), "iterate");
	assert_string_equal(report_evidence_name(REPORT_IN_FLIGHT), "in-flight");
	assert_string_equal(report_kind_name(REPORT_ITERATE_WRITE), "iterate-write");
	assert_string_equal(report_verdict_name(REPORT_UNPROVEN), "unproven");
}

static void assert_id(const char *id)
{
	assert_int_equal(strlen(id), 16);
	assert_int_equal(strspn(id, "0123456789abcdef"), 16);
}

/* The id is a contract over releases (suppressions and baselines keep it): a change of the recipe
 * must be seen here. */
static void test_id_golden(void **state)
{
	struct report_race race;

	(void)state;
	sample_race(&race);
	assert_id(race.id);
	assert_string_equal(race.id, "cbd7f5f866c8fbc5");
	report_race_free(&race);
}

static void test_id_same_whichever_came_first(void **state)
{
	struct report_race race;
	struct report_access swap;
	char id[17];

	(void)state;
	sample_race(&race);
	strcpy(id, race.id);
	swap = race.access[0];
	race.access[0] = race.access[1];
	race.access[1] = swap;
	report_race_identify(&race);
	assert_string_equal(race.id, id);
	report_race_free(&race);
}

static void shift(struct report_race *race, int lines, uint64_t bytes)
{
	size_t i, j;

	for (i = 0; i < 2; i++)
		for (j = 0; j < race->access[i].nframes; j++) {
			race->access[i].frames[j].line += lines;
			race->access[i].frames[j].start_line += lines;
			race->access[i].frames[j].pc += bytes;
		}
}

static void test_id_survives_a_rebuild(void **state)
{
	struct report_race race;
	char id[17];

	(void)state;
	sample_race(&race);
	strcpy(id, race.id);
	shift(&race, 100, 0x1000);
	race.access[0].goroutine = 77;
	race.access[1].tid = 1;
	race.map.addr = 0xc000111111;
	race.map.seed = 1;
	report_race_identify(&race);
	assert_string_equal(race.id, id);
	report_race_free(&race);
}

/* Other runtime functions below the same site (another Go version) are the same race. */
static void test_id_ignores_runtime_frames(void **state)
{
	struct report_race race;
	char id[17];

	(void)state;
	sample_race(&race);
	strcpy(id, race.id);
	strcpy(race.access[0].frames[0].function, "runtime.mapaccess2");
	report_race_identify(&race);
	assert_string_equal(race.id, id);
	report_race_free(&race);
}

static void test_id_tells_sites_apart(void **state)
{
	struct report_race race;
	char first[17], second[17], third[17], fourth[17];

	(void)state;
	sample_race(&race);
	strcpy(first, race.id);
	race.access[0].frames[1].line++;
	report_race_identify(&race);
	strcpy(second, race.id);
	strcpy(race.access[0].frames[1].function, "main.(*cache).gex");
	report_race_identify(&race);
	strcpy(third, race.id);
	race.has_other = false;
	report_race_identify(&race);
	strcpy(fourth, race.id);
	assert_string_not_equal(first, second);
	assert_string_not_equal(second, third);
	assert_string_not_equal(third, fourth);
	assert_string_not_equal(first, third);
	race.has_other = true;
	report_race_free(&race);
}

/* Both sides at one site must not cancel out. */
static void test_id_of_one_site_with_itself(void **state)
{
	struct report_race race;
	char first[17];
	size_t i;

	(void)state;
	sample_race(&race);
	for (i = 0; i < 2; i++) {
		strcpy(race.access[i].frames[1].function, "main.f");
		race.access[i].frames[1].line = 10;
		race.access[i].frames[1].start_line = 5;
	}
	report_race_identify(&race);
	strcpy(first, race.id);
	for (i = 0; i < 2; i++)
		race.access[i].frames[1].line = 11;
	report_race_identify(&race);
	assert_string_not_equal(first, race.id);
	report_race_free(&race);
}

/* Go before 1.20 has no first lines: the line in the file counts. */
static void test_id_without_start_line(void **state)
{
	struct report_race race;
	char first[17];

	(void)state;
	sample_race(&race);
	race.access[0].frames[1].start_line = 0;
	report_race_identify(&race);
	strcpy(first, race.id);
	race.access[0].frames[1].pc++;
	report_race_identify(&race);
	assert_string_equal(race.id, first);
	race.access[0].frames[1].line++;
	report_race_identify(&race);
	assert_string_not_equal(race.id, first);
	report_race_free(&race);
}

static void test_id_without_stacks(void **state)
{
	struct report_race race = {.evidence = REPORT_FATAL};

	(void)state;
	report_race_identify(&race);
	assert_id(race.id);
}

/* Three programs of one process, one after the other, and another process. */
static void test_blindness_is_of_one_target(void **state)
{
	struct report_target targets[] = {{.pid = 7}, {.pid = 7}, {.pid = 7}, {.pid = 8}};
	struct report report = {.targets = targets, .ntargets = 4};

	(void)state;
	sample_caveat(&report, "one-p", 7, true, "why");
	report.stats.caveats[0].target = 2;
	assert_false(report_target_is_blind(&report, 0));
	assert_true(report_target_is_blind(&report, 1));
	assert_false(report_target_is_blind(&report, 2));
	assert_int_equal(report_blind(&report), 1);
	assert_false(report_all_blind(&report));
	report.stats.caveats[0].target = 0; /* an older document */
	assert_int_equal(report_blind(&report), 3);
	sample_caveat(&report, "no-holds", 0, true, "of all");
	assert_true(report_all_blind(&report));
	report_stats_free(&report.stats);
}

static void test_free_is_repeatable(void **state)
{
	struct report report;

	(void)state;
	sample_report(&report);
	report_free(&report);
	assert_null(report.races);
	assert_int_equal(report.nraces, 0);
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kind),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_id_golden),
		cmocka_unit_test(test_id_same_whichever_came_first),
		cmocka_unit_test(test_id_survives_a_rebuild),
		cmocka_unit_test(test_id_ignores_runtime_frames),
		cmocka_unit_test(test_id_tells_sites_apart),
		cmocka_unit_test(test_id_of_one_site_with_itself),
		cmocka_unit_test(test_id_without_start_line),
		cmocka_unit_test(test_id_without_stacks),
		cmocka_unit_test(test_blindness_is_of_one_target),
		cmocka_unit_test(test_free_is_repeatable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
