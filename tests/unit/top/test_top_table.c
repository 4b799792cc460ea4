/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table of `maprace top`: who has a row, rates, sorting, filtering; its JSON, and one process's
 * text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "report_sample.h"
#include "top/detail.h"
#include "top/table.h"
#include "top/top_json.h"

#define EVIL "/srv/\033[31mred\nline"

static const int a, b, gone, library; /* targets are told apart by where they lie */

static struct report_process processes[] = {
	{.pid = 10,
	 .exe = (char *)"/srv/alpha",
	 .args = (char *)"/srv/alpha -x",
	 .container = (char *)"0123456789abcdef0123456789abcdef",
	 .pod = (char *)"",
	 .unit = (char *)"",
	 .to_s = -1},
	{.pid = 20,
	 .exe = (char *)EVIL,
	 .args = (char *)EVIL " evil",
	 .container = (char *)"",
	 .pod = (char *)"",
	 .unit = (char *)"beta.service",
	 .from_s = 4,
	 .to_s = -1},
	/* another one has the number of one that has ended, and nothing was found in it */
	{.pid = 30,
	 .exe = (char *)"/srv/next",
	 .args = (char *)"/srv/next -x",
	 .container = (char *)"",
	 .pod = (char *)"",
	 .unit = (char *)"next.service",
	 .from_s = 5,
	 .to_s = -1},
};
static struct report_race races[] = {
	{.id = "0000000000000001", .pid = 20, .target = &b, .count = 7, .has_other = true},
	{.id = "0000000000000002", .pid = 30, .target = &gone, .count = 1},
};
static struct report_maprow maps[] = {
	{.pid = 10, .type = (char *)"map[int]int", .verdict = REPORT_ORDERED},
	{.pid = 10, .type = (char *)"map[int]bool", .verdict = REPORT_UNPROVEN},
	{.pid = 20, .type = (char *)"map[string]int", .addr = 0xc000, .verdict = REPORT_RACY},
	{.pid = 10, .type = (char *)"map[int]int", .until_ns = 1, .verdict = REPORT_RACY},
};
static struct report_coverage coverage[] = {
	{.pid = 10, .function = (char *)"f", .hits = 100, .attached = 0.5},
	{.pid = 20, .function = (char *)"f", .hits = 100, .attached = 1},
	{.pid = 20, .function = (char *)"f", .hits = 100, .attached = 0.01, .ended = true},
	{.pid = 30, .function = (char *)"f", .hits = 100, .attached = 0.5, .ended = true},
};
static struct report_followed followed = {.go = 5, .watched = 3};

static struct top_work work[] = {
	{.pid = 20, .target = &b, .exe = EVIL, .operations = 1000, .spent_ns = 10000000, .maps = 2},
	{.pid = 10, .target = &a, .exe = "/srv/alpha", .operations = 100, .holds = 3, .maps = 5},
	{.pid = 10, .target = &library, .exe = "/srv/alpha", .operations = 20, .maps = 1},
	{.pid = 30, .target = &gone, .exe = "/srv/gone", .operations = 9, .ended = true},
	{.pid = 40, .exe = "/srv/quiet", .operations = 9, .ended = true},
};
#define WORK (sizeof(work) / sizeof(work[0]))

static struct report report_at(double seconds)
{
	races[0].map.type = races[1].map.type = (char *)"map[string]int";
	races[0].message = races[1].message = (char *)"";
	races[0].evidence = races[1].evidence = REPORT_COLLISION;
	return (struct report){
		.duration_s = seconds,
		.processes = processes,
		.nprocesses = sizeof(processes) / sizeof(processes[0]),
		.races = races,
		.nraces = 2,
		.maps = maps,
		.nmaps = 4,
		.followed = &followed,
		.stats = {.coverage = coverage,
			  .ncoverage = sizeof(coverage) / sizeof(coverage[0])},
	};
}

static void assert_shown(const struct top_table *t, const char *pids)
{
	char text[256] = "";
	size_t i, n = 0;

	for (i = 0; i < t->nshown; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u", i ? " " : "",
				      t->rows[t->shown[i]].pid);
	assert_string_equal(text, pids);
}

static void update(struct top_table *t, double seconds)
{
	struct report report = report_at(seconds);

	assert_int_equal(top_table_update(t, &report, work, WORK), 0);
}

static void test_rows(void **state)
{
	struct top_table t = {.sort = TOP_PID};
	const struct top_row *row;

	(void)state;
	update(&t, 10);
	assert_shown(&t, "10 20 30"); /* one that has ended without a race has no row */
	assert_int_equal(t.found, 5);
	assert_int_equal(t.watched, 3);
	row = top_table_find(&t, 10, false);
	assert_non_null(row);
	assert_int_equal(row->operations, 120); /* its library's too */
	assert_int_equal(row->holds, 3);
	assert_int_equal(row->maps, 6);
	assert_int_equal(row->verdicts[REPORT_RACY], 0); /* that was the one before it */
	assert_int_equal(row->verdicts[REPORT_ORDERED], 1);
	assert_int_equal(row->verdicts[REPORT_UNPROVEN], 1);
	assert_int_equal(row->races, 0);
	assert_true(row->unseen > 0.49 && row->unseen < 0.51);
	assert_string_equal(row->args, "/srv/alpha -x");
	row = top_table_find(&t, 20, false);
	assert_int_equal(row->races, 1);
	assert_int_equal(row->sightings, 7);
	assert_true(row->unseen < 0.01);
	row = top_table_find(&t, 30, true);
	assert_int_equal(row->races, 1);
	assert_true(row->unseen > 0.49 && row->unseen < 0.51);
	assert_string_equal(row->unit, ""); /* not that of who has its number now */
	assert_null(top_table_find(&t, 30, false));
	assert_int_equal(t.sum.operations, 1138);
	assert_int_equal(t.sum.races, 2);
	top_table_free(&t);
}

static void assert_near(double x, double expected)
{
	if (x < expected - 1e-6 || x > expected + 1e-6)
		fail_msg("%g, not %g", x, expected);
}

static void test_rates(void **state)
{
	struct top_table t = {.sort = TOP_PID};

	(void)state;
	update(&t, 10);
	/* since it came: one was there, one has come after four seconds */
	assert_near(top_table_find(&t, 10, false)->operations_per_s, 12);
	assert_near(top_table_find(&t, 20, false)->operations_per_s, 1000 / 6.0);
	assert_near(top_table_find(&t, 30, true)->operations_per_s, 0);
	work[1].operations += 50;
	work[0].spent_ns += 20000000;
	update(&t, 12);
	assert_near(t.interval_s, 2);
	assert_near(top_table_find(&t, 10, false)->operations_per_s, 25);
	assert_near(top_table_find(&t, 20, false)->operations_per_s, 0);
	assert_near(top_table_find(&t, 20, false)->cost_percent, 1);
	assert_near(t.sum.operations_per_s, 25);
	work[1].operations -= 50; /* a count that several CPUs share may fall short */
	work[0].spent_ns -= 20000000;
	update(&t, 13);
	assert_near(top_table_find(&t, 10, false)->operations_per_s, 0);
	/* another process has the number now */
	processes[0].from_s = 13;
	update(&t, 14);
	assert_near(top_table_find(&t, 10, false)->operations_per_s, 120);
	processes[0].from_s = 0;
	update(&t, 14); /* no time has passed */
	assert_near(top_table_find(&t, 20, false)->operations_per_s, 0);
	top_table_free(&t);
}

static void test_sorting(void **state)
{
	struct top_table t = {.sort = TOP_OPERATIONS};
	unsigned int i;

	(void)state;
	update(&t, 10);
	assert_shown(&t, "20 10 30"); /* most first */
	t.reverse = true;
	top_table_arrange(&t);
	assert_shown(&t, "30 10 20");
	t.reverse = false;
	t.sort = TOP_RACES;
	top_table_arrange(&t);
	assert_shown(&t, "20 30 10"); /* of as many by number */
	t.sort = TOP_COMMAND;
	top_table_arrange(&t);
	assert_shown(&t, "20 10 30");
	t.sort = TOP_WHERE;
	top_table_arrange(&t);
	assert_shown(&t, "30 10 20");
	for (i = 0; i < TOP_COLUMNS; i++) { /* each does, and has a name and a key of its own */
		t.sort = i;
		top_table_arrange(&t);
		assert_int_equal(t.nshown, 3);
		assert_int_equal(top_column_named(top_column(i)->name), i);
		assert_int_equal(top_column_of_key(top_column(i)->key), i);
	}
	assert_int_equal(top_column_named("nothing"), TOP_COLUMNS);
	top_table_free(&t);
}

static void assert_filtered(struct top_table *t, const char *filter, const char *pids)
{
	snprintf(t->filter, sizeof(t->filter), "%s", filter);
	top_table_arrange(t);
	assert_shown(t, pids);
}

static void test_filtering(void **state)
{
	struct top_table t = {.sort = TOP_PID};

	(void)state;
	update(&t, 10);
	assert_filtered(&t, "ALPHA", "10");
	assert_filtered(&t, "evil", "20");
	assert_filtered(&t, "beta.serv", "20");
	assert_filtered(&t, "0123456789abcdef", "10");
	assert_filtered(&t, "30", "30");
	assert_filtered(&t, "nobody", "");
	update(&t, 11);
	assert_shown(&t, ""); /* it stays */
	assert_filtered(&t, "", "10 20 30");
	top_table_free(&t);
}

static void assert_number(double n, const char *expected)
{
	char text[32] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	top_print_number(out, n);
	fclose(out);
	assert_string_equal(text, expected);
}

static void test_numbers(void **state)
{
	(void)state;
	assert_number(0, "0");
	assert_number(99999, "99999");
	assert_number(100000, "100.0k");
	assert_number(999960, "1000k");
	assert_number(12345678, "12.3M");
	assert_number(1.8e19, "18.0E");
}

/* Nothing that a process has called itself reaches the terminal as it is. */
static void assert_harmless(const char *text)
{
	for (; *text; text++)
		assert_false((unsigned char)*text < ' ' || *text == 0x7f);
}

static void test_cells_are_escaped(void **state)
{
	struct top_table t = {.sort = TOP_PID};
	unsigned int i, k;

	(void)state;
	processes[1].unit = (char *)"\033]0;title\a.service";
	update(&t, 10);
	for (i = 0; i < t.nrows; i++)
		for (k = 0; k < TOP_COLUMNS; k++) {
			char text[4096] = "";
			FILE *out = fmemopen(text, sizeof(text), "w");

			top_column(k)->print(out, &t.rows[i]);
			fclose(out);
			assert_true(text[0] || k == TOP_WHERE);
			assert_harmless(text);
		}
	processes[1].unit = (char *)"beta.service";
	top_table_free(&t);
}

static size_t line_with(const struct top_text *text, const char *part)
{
	size_t i;

	for (i = 0; i < text->n; i++)
		if (strstr(text->lines[i], part))
			return i;
	fail_msg("no line has \"%s\"", part);
	return 0;
}

static void test_detail(void **state)
{
	struct report report = report_at(10);
	struct top_table t = {.sort = TOP_PID};
	struct top_text text;
	size_t i;

	(void)state;
	update(&t, 10);
	for (i = 0; i < 2; i++) {
		sample_access(&races[0].access[i], i ? REPORT_READ : REPORT_WRITE, 18 + i,
			      "runtime.mapassign_faststr", i ? "main.get" : "main.\033put", 20);
	}
	report.races = races;
	assert_int_equal(top_detail(&text, top_table_find(&t, 20, false), &report, work, WORK), 0);
	for (i = 0; i < text.n; i++)
		assert_harmless(text.lines[i]);
	line_with(&text, "/srv/\\x1b[31mred\\x0aline");
	assert_true(line_with(&text, "main.\\x1bput") < line_with(&text, "Maps that"));
	line_with(&text, "racy                    c000");
	line_with(&text, "WARNING: CONCURRENT MAP ACCESS (proven)");
	top_text_free(&text);
	assert_int_equal(top_detail(&text, top_table_find(&t, 10, false), &report, work, WORK), 0);
	line_with(&text, "No race found");
	line_with(&text, "unproven");
	top_text_free(&text);
	for (i = 0; i < 2; i++) {
		report_access_free(&races[0].access[i]);
		races[0].access[i] = (struct report_access){};
	}
	top_table_free(&t);
}

static void test_json(void **state)
{
	struct report report = report_at(10);
	struct top_table t = {.sort = TOP_OPERATIONS};
	const char *type, *exe, *id;
	json_int_t pid, count, known;
	json_t *root, *list;
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	(void)state;
	update(&t, 10);
	assert_int_equal(top_json_print(out, &t, &report, work, WORK, 1), 0);
	fclose(out);
	assert_ptr_equal(strchr(line, '\n'), line + size - 1);
	root = json_loads(line, 0, NULL);
	assert_non_null(root);
	assert_int_equal(
		json_unpack(root, "{s:s, s:{s:o}}", "type", &type, "data", "processes", &list), 0);
	assert_string_equal(type, "top");
	assert_int_equal(json_array_size(list), 3);
	assert_int_equal(json_unpack(json_array_get(list, 0), "{s:I, s:s, s:I, s:I, s:[{s:s}]}",
				     "pid", &pid, "exe", &exe, "race_count", &count, "known_maps",
				     &known, "races", "id", &id),
			 0);
	assert_int_equal(pid, 20);
	assert_string_equal(exe, EVIL);
	assert_int_equal(count, 1);
	assert_int_equal(known, 2);
	assert_string_equal(id, "0000000000000001");
	json_decref(root);
	free(line);
	/* a full disk is told */
	out = fopen("/dev/full", "we");
	assert_int_not_equal(top_json_print(out, &t, &report, work, WORK, 1), 0);
	fclose(out);
	top_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	cmocka_unit_test(test_rates),
		cmocka_unit_test(test_sorting), cmocka_unit_test(test_filtering),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_cells_are_escaped),
		cmocka_unit_test(test_detail),	cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
