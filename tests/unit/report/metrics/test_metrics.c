/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* /metrics, read as Prometheus reads it: each line has its form, each name its kind, and what a
 * process is called ends no label. tests/real/prometheus.sh has the real one read it. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/metrics/metrics.h"

#define HARD "ra\"ce\\r\n{x=\"y\"}\xff\xc3\xa4\xed\xa0\xe2\x82"
#define HARD_LABEL "ra\\\"ce\\\\r\\n{x=\\\"y\\\"}?\xc3\xa4"

static char text[65536];

static void print(const struct report *report, const struct metrics_daemon *daemon)
{
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	metrics_print(out, report, daemon);
	assert_int_equal(fclose(out), 0);
}

static void assert_has(const char *line)
{
	const char *at = strstr(text, line);

	if (!at || (at != text && at[-1] != '\n'))
		fail_msg("no line begins with %s in:\n%s", line, text);
}

static struct report_counter losses[] = {{.name = "events_lost", .value = 5}};
static struct report_reason reasons[] = {{.why = (char *)"too \"short\"", .processes = 4}};
static struct report_followed followed = {
	.processes = 60, .go = 9, .watched = 5, .unknown = 2, .reasons = reasons, .nreasons = 1};
static struct report_process processes[] = {
	{.to_s = -1}, {.to_s = 3}, {.to_s = -1, .why = (char *)"no place"}};
static const struct metrics_race races[] = {
	{"0123456789abcdef", REPORT_WRITE_WRITE, HARD, "a.service", "example.com/a", 7, 2},
	{"fedcba9876543210", REPORT_ITERATE_WRITE, "/bin/b", "", "", 1, 1},
};

static const struct report full = {
	.version = (char *)"1.0",
	.started_unix_ns = 1700000000500000000,
	.followed = &followed,
	.processes = processes,
	.nprocesses = 3,
	.stats = {.reads = 10,
		  .writes = 20,
		  .iterations = 3,
		  .clones = 4,
		  .holds = 8,
		  .hold_ns = 1500000000,
		  .cost_percent = 2.5,
		  .budget_percent = 5,
		  .unwatched = 0.25,
		  .losses = losses,
		  .nlosses = 1},
};
static const struct metrics_daemon daemon_full = {
	.log_lines = 3, .races = races, .nraces = 2, .races_unlisted = 4, .cpu_seconds = 0.125};

static void test_values(void **state)
{
	(void)state;
	print(&full, &daemon_full);
	assert_has("maprace_build_info{version=\"1.0\"} 1\n");
	assert_has("maprace_watched_processes 1\n");
	assert_has("maprace_executions_total 60\n");
	assert_has("maprace_go_processes_total 9\n");
	assert_has("maprace_go_processes_watched_total 5\n");
	assert_has("maprace_go_processes_unknown_total 2\n");
	assert_has("maprace_go_processes_unwatched_total{reason=\"too \\\"short\\\"\"} 4\n");
	assert_has("maprace_map_operations_total{op=\"write\"} 20\n");
	assert_has("maprace_map_operations_total{op=\"iterate\"} 7\n");
	assert_has("maprace_hold_seconds_total 1.5\n");
	assert_has("maprace_cost_cpus 0.025\n");
	assert_has("maprace_budget_ratio 0.05\n");
	assert_has("maprace_unseen_operations_ratio 0.25\n");
	assert_has("maprace_losses_total{name=\"events_lost\"} 5\n");
	assert_has("maprace_races_found_total 6\n"); /* listed or not */
	assert_has("maprace_log_lines_total 3\n");
	assert_has("maprace_cpu_seconds_total 0.125\n");
}

static void test_labels(void **state)
{
	(void)state;
	print(&full, &daemon_full);
	assert_has(
		"maprace_race_sightings_total{id=\"0123456789abcdef\",kind=\"write-write\",exe=\"" HARD_LABEL);
	assert_has("maprace_race_processes_total{id=\"fedcba9876543210\",kind=\"iterate-write\","
		   "exe=\"/bin/b\",unit=\"\",module=\"\"} 1\n");
	assert_non_null(strstr(text, "\",unit=\"a.service\",module=\"example.com/a\"} 7\n"));
}

/* What there is none of, and what is not known, is a number all the same. */
static void test_nothing(void **state)
{
	const struct report none = {.version = (char *)"", .stats = {.cost_percent = -1}};
	const struct metrics_daemon daemon = {};

	(void)state;
	print(&none, &daemon);
	assert_has("maprace_cost_cpus 0\n");
	assert_has("maprace_races_found_total 0\n");
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "race_sightings_total{"));
}

/* HELP and TYPE once for each name, before its values; all values of a name together. */
static void check_line(const char *line, char kind_of[64])
{
	static regex_t value;
	static bool compiled;
	char name[64];

	if (!compiled)
		assert_int_equal(regcomp(&value,
					 "^maprace_[a-z_]+(\\{[a-z]+=\"([^\"\\\\]|\\\\[\\\\\"n])*\""
					 "(,[a-z]+=\"([^\"\\\\]|\\\\[\\\\\"n])*\")*\\})? "
					 "[0-9]+(\\.[0-9]+)?(e[-+][0-9]+)?$",
					 REG_EXTENDED | REG_NOSUB),
				 0);
	compiled = true;
	if (sscanf(line, "# HELP %63s", name) == 1) {
		const char *again = strstr(text, line);

		assert_non_null(again);
		assert_null(strstr(again + 1, line));
		strcpy(kind_of, name);
	} else if (sscanf(line, "# TYPE %63s", name) == 1) {
		assert_string_equal(name, kind_of);
		assert_true(strstr(line, " counter") || strstr(line, " gauge"));
		/* what only grows is called so */
		assert_int_equal(!!strstr(line, " counter"),
				 !strcmp(name + strlen(name) - 6, "_total"));
	} else {
		if (regexec(&value, line, 0, NULL, 0))
			fail_msg("not of the form: %s", line);
		assert_int_equal(sscanf(line, "%63[a-z_]", name), 1);
		assert_string_equal(name, kind_of);
	}
}

static void test_form(void **state)
{
	char copy[sizeof(text)], kind_of[64] = "", *line, *rest = copy;

	(void)state;
	print(&full, &daemon_full);
	assert_int_equal(text[strlen(text) - 1], '\n');
	strcpy(copy, text);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			check_line(line, kind_of);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
