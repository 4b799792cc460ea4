/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The end of a report in text: what was found, in how much, and what that is worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/printers.h"
#include "report/words/words.h"
#include "report_sample.h"

static const struct text_style plain;

static char *print_summary(const struct report *report)
{
	struct sample_stream s;

	sample_open(&s);
	text_print_summary(s.out, report, &plain);
	return sample_close(&s);
}

static void test_summary(void **state)
{
	struct report report;
	char *text;

	(void)state;
	sample_report(&report);
	text = print_summary(&report);
	assert_string_equal(
		text,
		"2 races found, 1 suspect in 3.0s; about 25% of the operations were watched\n"
		"  Caveat: process 4210 may have one P\n"
		"  Operations: 4711 (reads 4000, writes 711)\n"
		"  Holds: 312, 98.4ms in all\n"
		"  Cost: 0.8% of one CPU (traps and holds; a trap takes 882ns, the budget is 5%)\n"
		"  Over the budget by their traps alone, watched part of the time (3 windows):\n"
		"     25.0%  runtime.mapassign\n"
		"  Probe sites: 38, attached in 120.4ms\n"
		"  Losses and blind spots:\n"
		"    ring_full 3: the ring buffer was full; races may be missing\n"
		"  Maps used by several goroutines and written, worst first:\n"
		"    verdict  pid        address        goroutines        reads       writes    holds  expected collisions  type\n"
		"    racy     1          0x00c000094480          2           10            5        0       0.0         12  map[string]int\n"
		"    unproven 1          0x00c000000003          3           10            5        0       0.5          0  ?\n"
		"    ordered  1          0x00c000000001          2           10            5       20      31.5          0  map[string]int (p=2.0e-14)\n");
	free(text);
	report_free(&report);
}

/* Five percent of what: said where it is not of one CPU at least. */
static void test_budget_of_a_quota(void **state)
{
	struct report report;
	char *text;

	(void)state;
	sample_report(&report);
	report.stats.least_cpus = 0.1;
	text = print_summary(&report);
	assert_has(text, ", the budget is 5% of the 0.1 CPUs that it may use)\n");
	free(text);
	report.targets = realloc(report.targets, 2 * sizeof(*report.targets));
	assert_non_null(report.targets);
	report.targets[report.ntargets++] = (struct report_target){.pid = 4300};
	text = print_summary(&report);
	assert_has(text, ", the budget is 5% of what they use, at least of 0.1 CPUs)\n");
	free(text);
	report_free(&report);
}

static void test_summary_of_nothing(void **state)
{
	struct report report = {.duration_s = 10};
	char *text;

	(void)state;
	report.stats.cost_percent = -1;
	text = print_summary(&report);
	assert_string_equal(text, "No race found in 10.0s\n"
				  "  Operations: 0\n"
				  "  Holds: 0, 0ns in all\n"
				  "  Probe sites: 0, attached in 0ns\n");
	free(text);
}

static void assert_first_line(const struct report *report, const char *expected)
{
	char *text = print_summary(report);

	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, expected);
	free(text);
}

/* "No race found" never stands alone where something was not watched. */
/* Of a pair that undid another pair's loss a number says nothing. */
static void test_lost_updates_are_not_below_none(void **state)
{
	struct report_bpf bpf = {.lost = 2};
	struct report_race race = {
		.evidence = REPORT_SEQUENCE, .kind = REPORT_LOST_UPDATE, .bpf = &bpf};
	char *said = words_of(words_evidence, &race);

	(void)state;
	assert_non_null(strstr(said, ": 2 updates lost"));
	free(said);
	bpf.lost = -331;
	said = words_of(words_evidence, &race);
	assert_non_null(strstr(said, ": updates were lost, how many the other pairs tell"));
	free(said);
}

static void test_summary_says_what_silence_is_worth(void **state)
{
	struct report report;
	char *text;

	(void)state;
	sample_report(&report);
	while (report.nraces)
		report_race_free(&report.races[--report.nraces]);
	report_race_free(&report.suspects[--report.nsuspects]);
	assert_first_line(&report,
			  "No race found in 3.0s; about 25% of the operations were watched");
	report.stats.unwatched = 0.9999;
	assert_first_line(&report,
			  "No race found in 3.0s; less than 1% of the operations were watched");
	report.stats.unwatched = 0.004;
	assert_first_line(&report, "No race found in 3.0s");
	sample_caveat(&report, "one-p", 4210, true, "one \033[31mP");
	assert_first_line(&report, "No race found in 3.0s: none could be proved");
	text = print_summary(&report);
	assert_has(text, "\n  Caveat: one \\x1b[31mP\n");
	free(text);
	report.stats.unwatched = 0.8;
	assert_first_line(&report, "No race found in 3.0s: none could be proved; about 20% of the "
				   "operations were watched");
	report.targets = realloc(report.targets, 2 * sizeof(*report.targets));
	assert_non_null(report.targets);
	report.targets[report.ntargets++] = (struct report_target){.pid = 4300};
	report.stats.unwatched = 0;
	assert_first_line(&report,
			  "No race found in 3.0s: none could be proved in 1 of 2 processes");
	sample_caveat(&report, "no-holds", 0, true, "of all");
	assert_first_line(&report, "No race found in 3.0s: none could be proved");
	report_free(&report);
}

/* What a document of an earlier version does not say. */
static void test_unwatched_follows_from_the_windows(void **state)
{
	struct report_coverage coverage[] = {{.hits = 900, .attached = 0.1},
					     {.hits = 1000, .attached = 1},
					     {.hits = 0, .attached = 0.01}};
	struct report_stats stats = {.coverage = coverage};

	(void)state;
	assert_true(report_unwatched(&stats) == 0);
	stats.ncoverage = 3; /* 1900 of 10000 */
	assert_float_equal(report_unwatched(&stats), 0.81, 1e-9);
	coverage[0].attached = 0; /* whatever that is */
	assert_true(report_unwatched(&stats) > 0.99 && report_unwatched(&stats) < 1);
	coverage[0].attached = 1.01;
	assert_float_equal(report_unwatched(&stats), 0, 1e-9);
}

static void test_summary_shows_ten_maps(void **state)
{
	struct report report = {.duration_s = 1, .nmaps = 12};
	char *text, *p;
	size_t i, rows = 0;

	(void)state;
	report.maps = sample_zero(report.nmaps, sizeof(*report.maps));
	for (i = 0; i < report.nmaps; i++)
		report.maps[i] = (struct report_maprow){.pid = 1,
							.goroutines = 2,
							.writes = i + 1,
							.verdict = REPORT_UNPROVEN,
							.type = sample_text("map[int]int")};
	text = print_summary(&report);
	for (p = text; (p = strstr(p, "map[int]int")); p++)
		rows++;
	assert_int_equal(rows, 10);
	assert_has_not(text, "expected"); /* nobody computed it here */
	assert_has(text, "    and 2 more\n");
	free(text);
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_budget_of_a_quota),
		cmocka_unit_test(test_summary_of_nothing),
		cmocka_unit_test(test_summary_shows_ten_maps),
		cmocka_unit_test(test_lost_updates_are_not_below_none),
		cmocka_unit_test(test_summary_says_what_silence_is_worth),
		cmocka_unit_test(test_unwatched_follows_from_the_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
