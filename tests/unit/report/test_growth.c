/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How maps grew, in the renderings for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/format.h"
#include "report_sample.h"

static const struct text_style plain;

static char *print_text(const struct report *report, const struct text_style *style)
{
	struct sample_stream s;

	sample_open(&s);
	text_print_growths(s.out, report, style);
	return sample_close(&s);
}

static void assert_text(const struct report *report, const char *expected)
{
	char *text = print_text(report, &plain);

	assert_string_equal(text, expected);
	free(text);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* Many growths of as many maps: the first has the least work, but the last three as much as each
 * other. */
static void sample_many(struct report *report, size_t n)
{
	size_t i;

	memset(report, 0, sizeof(*report));
	report->duration_s = 10;
	report->growth = true;
	report->ngrowths = n;
	report->growths = sample_zero(n, sizeof(*report->growths));
	for (i = 0; i < n; i++)
		report->growths[i] = (struct report_growth){
			.map = {.addr = 0xc000000000 + i, .type = sample_text("map[int]int")},
			.from = 8,
			.to = 16,
			.began_s = (double)i / 100,
			.ended_s = (double)i / 100,
			.busy_ns = i < n - 3 ? i : n,
		};
}

/* --- text --- */

static void test_text(void **state)
{
	struct report report;

	(void)state;
	sample_report(&report);
	sample_growths(&report);
	assert_text(
		&report,
		"MAP GROWTH: 2 seen\n"
		"  map[string]int at 0x00c000094480 (main.cache), 26624 entries: "
		"from 4096 to 8192 buckets\n"
		"    began at 1.500s, ended at 1.875s: 375.0ms, of which 1.1ms to make the buckets, 4096 steps\n"
		"    paid by goroutine 7, 90%: write in main.(*cache).put at /src/app/main.go:20\n"
		"            goroutine 9, 10%: write in main.(*cache).put at /src/app/main.go:20\n"
		"    1 iteration was open: goroutine 12, since 1.200s: "
		"main.dump at /src/app/main.go:44\n"
		"  a map of unknown type at 0x00c000012e00: a table of 1024 slots became two\n"
		"    began: not seen, ended: not seen\n");
	report_free(&report);
}

static void test_text_of_nothing(void **state)
{
	struct report report = {0};
	char *text;

	(void)state;
	assert_text(&report, "");
	report.growth = true;
	assert_text(&report, "MAP GROWTH: none seen\n");
	text = sample_render(&report, FORMAT_TEXT, NULL);
	assert_has(text, "MAP GROWTH: none seen\nNo race found");
	free(text);
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_has(text, "<p>None was seen to grow.</p>");
	free(text);
}

static void assert_change(struct report *report, enum report_growth_kind kind, uint64_t from,
			  uint64_t to, const char *expected)
{
	char *text;

	report->growths[0].kind = kind;
	report->growths[0].from = from;
	report->growths[0].to = to;
	text = print_text(report, &plain);
	assert_has(text, expected);
	free(text);
}

static void test_changes(void **state)
{
	struct report report;

	(void)state;
	sample_report(&report);
	sample_growths(&report);
	assert_change(&report, REPORT_GROWTH_DOUBLE, 1, 2, " entries: from 1 to 2 buckets\n");
	assert_change(&report, REPORT_GROWTH_DOUBLE, 1, 0,
		      " entries: from 1 bucket to twice as many\n");
	assert_change(&report, REPORT_GROWTH_DOUBLE, 0, 2, " entries: to 2 buckets\n");
	assert_change(&report, REPORT_GROWTH_DOUBLE, 0, 0, " entries: to twice as many buckets\n");
	assert_change(&report, REPORT_GROWTH_SAME_SIZE, 64, 64,
		      " entries: at the same size, 64 buckets\n");
	assert_change(&report, REPORT_GROWTH_SAME_SIZE, 0, 0, " entries: at the same size\n");
	report.growths[0].map.swiss = true;
	assert_change(&report, REPORT_GROWTH_DOUBLE, 16, 32,
		      " entries: a table from 16 to 32 slots\n");
	assert_change(&report, REPORT_GROWTH_TABLE, 8, 16,
		      " entries: from one group to a table of 16 slots\n");
	assert_change(&report, REPORT_GROWTH_TABLE, 0, 0, " entries: from one group to a table\n");
	assert_change(&report, REPORT_GROWTH_SPLIT, 1024, 0,
		      " entries: a table of 1024 slots became two\n");
	assert_change(&report, REPORT_GROWTH_SPLIT, 0, 0, " entries: a table became two\n");
	report_free(&report);
}

static void assert_times(struct report *report, double began_s, double ended_s,
			 const char *expected)
{
	char *text;

	report->growths[0].began_s = began_s;
	report->growths[0].ended_s = ended_s;
	text = print_text(report, &plain);
	assert_has(text, expected);
	free(text);
}

static void test_times(void **state)
{
	struct report report;

	(void)state;
	sample_report(&report);
	sample_growths(&report);
	assert_times(
		&report, -1, 1.25,
		"\n    began: not seen, ended at 1.250s; 1.1ms to make the buckets, 4096 steps\n");
	assert_times(
		&report, 0, -1,
		"\n    began at 0.000s, ended: not seen; 1.1ms to make the buckets, 4096 steps\n");
	/* a clock that went back, or a document that lies, has no length */
	assert_times(&report, 2, 1, "\n    began at 2.000s, ended at 1.000s; 1.1ms to make");
	assert_times(&report, 1e300, 1e300, "\n    began at 1e+300s, ended at 1e+300s: 0ns, of ");
	report.growths[0].steps = 1;
	assert_times(&report, 1, 1, ": 0ns, of which 1.1ms to make the buckets, 1 step\n");
	report.growths[0].map.swiss = true;
	assert_times(&report, 1, 1, ": 0ns, of which 1.1ms at work\n");
	report.growths[0].steps = report.growths[0].busy_ns = 0;
	assert_times(&report, 1, 1, "\n    began at 1.000s, ended at 1.000s: 0ns\n");
	report_free(&report);
}

static void test_shares(void **state)
{
	struct report report;
	struct report_growth *growth;
	char *text;

	(void)state;
	sample_report(&report);
	sample_growths(&report);
	growth = &report.growths[0];
	growth->payers[1].access.op = REPORT_DELETE;
	growth->payers[1].steps = 4;
	growth->iterators[0].since_s = -1;
	growth->iterators[0].access.goroutine = 0;
	text = print_text(&report, &plain);
	assert_has(text, " goroutine 9, below 1%: delete in main"); /* classic: by steps */
	assert_has(text, "open: an unknown goroutine: main.dump at ");
	free(text);
	growth->payers[1].steps = 4097; /* more than all */
	text = print_text(&report, &plain);
	assert_has(text, " goroutine 9: delete in ");
	free(text);
	growth->map.swiss = true; /* by time */
	growth->payers[1].ns = growth->busy_ns;
	text = print_text(&report, &plain);
	assert_has(text, " goroutine 9, 100%: ");
	free(text);
	report_free(&report);
}

static void test_processes_are_told_apart(void **state)
{
	struct report report;
	char *text;

	(void)state;
	sample_report(&report);
	sample_growths(&report);
	report.ntargets = 2;
	text = print_text(&report, &plain);
	report.ntargets = 1;
	assert_has(text, "at 0x00c000094480 (main.cache) of process 4210, 26624 entries: ");
	free(text);
	report_free(&report);
}

static void test_few_payers_are_shown(void **state)
{
	const struct text_style verbose = {.verbose = true};
	struct report report;
	struct report_growth *growth;
	char *text;
	size_t i;

	(void)state;
	sample_report(&report);
	report.growth = true;
	report.ngrowths = 1;
	report.growths = growth = sample_zero(1, sizeof(*growth));
	growth->map.type = sample_text("map[int]int");
	growth->npayers = 6;
	growth->payers = sample_zero(6, sizeof(*growth->payers));
	for (i = 0; i < 6; i++)
		sample_payer(&growth->payers[i], i + 1, 1, 1);
	growth->niterators = 5;
	growth->iterators = sample_zero(5, sizeof(*growth->iterators));
	text = print_text(&report, &plain);
	assert_int_equal(count(text, "write in main.(*cache).put"), 4);
	assert_has(text, "    paid by goroutine 1");
	assert_has(text, "\n            and 2 more\n    5 iterations were open: an unknown "
			 "goroutine, since 0.000s: ?\n");
	assert_has(text, "\n                            and 1 more\n");
	free(text);
	text = print_text(&report, &verbose);
	assert_int_equal(count(text, "write in main.(*cache).put"), 6);
	assert_has_not(text, " more\n");
	free(text);
	report_free(&report);
}

/* The ones that took most come first; among equals the earlier one. */
static void test_twenty_are_shown(void **state)
{
	const struct text_style verbose = {.verbose = true};
	struct report report;
	char *text;

	(void)state;
	sample_many(&report, 23);
	text = print_text(&report, &plain);
	assert_int_equal(strncmp(text,
				 "MAP GROWTH: 20 of 23, those that took most work\n"
				 "  map[int]int at 0x00c000000014: ",
				 80),
			 0);
	assert_int_equal(count(text, "map[int]int at "), 20);
	assert_has(text, " at 0x00c000000015: ");
	assert_has(text, " at 0x00c000000016: ");
	assert_has(text, " at 0x00c000000003: ");
	assert_has_not(text, " at 0x00c000000002: ");
	free(text);
	text = print_text(&report, &verbose);
	assert_int_equal(strncmp(text, "MAP GROWTH: 23 seen\n", 20), 0);
	assert_int_equal(count(text, "map[int]int at "), 23);
	free(text);
	report_free(&report);
	sample_many(&report, 20);
	text = print_text(&report, &plain);
	assert_int_equal(strncmp(text, "MAP GROWTH: 20 seen\n", 20), 0);
	free(text);
	report_free(&report);
}

/* --- the page --- */

static void test_page(void **state)
{
	struct report report;
	char *text;

	(void)state;
	sample_report(&report);
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_has_not(text, "<section id=growth>");
	free(text);
	sample_growths(&report);
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_has(text, "<section id=growth>");
	/* 1.5 to 1.875 of 3 seconds */
	assert_has(text, "<i class=\"bar\" style=\"left:50.00%;width:12.50%\" "
			 "title=\"from 4096 to 8192 buckets: began at 1.500s, ");
	assert_has(text, "<i class=\"bar open\" style=\"left:0.00%;width:100.00%\" "
			 "title=\"a table of 1024 slots became two: began: not seen, ");
	/* the two races are on the first map, and first seen after 0.4 of 3 seconds */
	assert_int_equal(count(text, "<i class=tick style=\"left:13.33%\" title=\""), 2);
	assert_has(text, "title=\"write in main.(*cache).put and read in main.(*cache).get on "
			 "map[string]int, first seen at 0.400s\"></i>");
	assert_has(text, "map[string]int at 0x00c000094480 (main.cache), grew once</span>");
	assert_has(text, "<td>1.500s</td><td>375.0ms</td><td>1.1ms</td><td>goroutine 7, 90%: ");
	assert_has(text, "<td>not seen</td><td>not known</td><td>0ns</td><td></td><td></td>");
	assert_has(text, "<br>goroutine 9, 10%: write in main.(*cache).put at ");
	free(text);
	report.races[1].pid++;
	report.races[0].map.addr++;
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_int_equal(count(text, "<i class=tick style=\"left:13.33%\""), 0);
	free(text);
	report_free(&report);
}

/* A map has one lane, and an end that was not seen is not drawn over what came next. */
static void test_page_lanes(void **state)
{
	struct report report;
	char *text;
	size_t i;

	(void)state;
	sample_many(&report, 23);
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_int_equal(count(text, ", grew once</span>"), 20);
	assert_has(text, " at 0x00c000000003, grew once</span>");
	assert_has_not(text, " at 0x00c000000002, grew once</span>");
	assert_has(text, "20 of 23 maps, those that took most work. ");
	assert_int_equal(count(text, "<tr><td><code>map[int]int at "), 23);
	free(text);
	for (i = 0; i < report.ngrowths; i++) {
		report.growths[i].map.addr = 0xc000000000;
		report.growths[i].pid = i == 5;
	}
	report.growths[0].ended_s = -1;
	report.growths[1].began_s = 1;
	report.growths[1].ended_s = 2;
	report.growths[2].began_s = -1;
	report.growths[2].ended_s = 4;
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_has_not(text, "those that took most work. ");
	assert_has(text, ", grew 22 times</span><div class=track>"
			 "<i class=\"bar open\" style=\"left:0.00%;width:10.00%\"");
	assert_has(text, "<i class=\"bar\" style=\"left:10.00%;width:10.00%\"");
	assert_has(text, "<i class=\"bar open\" style=\"left:20.00%;width:20.00%\"");
	assert_int_equal(count(text, ", grew once</span>"), 1);
	free(text);
	report_free(&report);
}

/* --- all of them --- */

/* A growth is no finding. */
static void test_findings_are_the_same(void **state)
{
	static const enum report_format formats[] = {FORMAT_SARIF, FORMAT_JUNIT};
	struct report report;
	char *with, *without;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		sample_report(&report);
		without = sample_render(&report, formats[i], NULL);
		sample_growths(&report);
		with = sample_render(&report, formats[i], NULL);
		assert_string_equal(with, without);
		free(with);
		free(without);
		report_free(&report);
	}
}

static void make_hostile(struct report_access *access, const char *hostile)
{
	free(access->frames[1].function);
	free(access->frames[1].file);
	access->frames[1].function = sample_text(hostile);
	access->frames[1].file = sample_text(hostile);
}

static void test_hostile(void **state)
{
	static const char hostile[] =
		"\"'><script>alert(1)</script>&\033[31m\x01\n\xff\xe2\x80\xae";
	static const enum report_format formats[] = {FORMAT_TEXT, FORMAT_JSON, FORMAT_JSONL,
						     FORMAT_HTML};
	struct report report;
	struct report_growth *growth;
	char *text, *p;
	size_t i;

	(void)state;
	sample_report(&report);
	sample_growths(&report);
	growth = &report.growths[0];
	free(growth->map.type);
	free(growth->map.global);
	growth->map.type = sample_text(hostile);
	growth->map.global = sample_text(hostile);
	make_hostile(&growth->payers[0].access, hostile);
	make_hostile(&growth->iterators[0].access, hostile);
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		text = sample_render(&report, formats[i], NULL);
		assert_has(text, "alert(1)");
		if (formats[i] == FORMAT_HTML)
			assert_has_not(text, "<script>alert");
		assert_has_not(text, "\xff");
		assert_has_not(text, "\xe2\x80\xae");
		for (p = text; *p; p++)
			if ((unsigned char)*p < 0x20 && *p != '\n')
				fail_msg("byte %02x in %s", (unsigned char)*p,
					 format_name(formats[i]));
		free(text);
	}
	text = print_text(&report, &plain);
	assert_int_equal(count(text, "\n"), 8);
	free(text);
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_of_nothing),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_processes_are_told_apart),
		cmocka_unit_test(test_few_payers_are_shown),
		cmocka_unit_test(test_twenty_are_shown),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_page_lanes),
		cmocka_unit_test(test_findings_are_the_same),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
