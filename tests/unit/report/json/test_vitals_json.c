/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Goroutines, scheduler and heap: the document, what is read back from it, the text and the page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "model/vitals.h"
#include "report/format.h"
#include "report/json/json_read.h"
#include "report/metrics/metrics.h"
#include "report_sample.h"
#include "schema_check.h"

static struct report_frame place(const char *function)
{
	return (struct report_frame){
		.function = strdup(function), .file = strdup("a.go"), .line = 7, .pc = 0x401000};
}

/* Of two processes: all is known of one, nothing of the other. */
static void begin(struct report *report)
{
	struct report_vitals *v;

	sample_report(report);
	report->goroutines = true;
	report->nvitals = 2;
	v = report->vitals = calloc(2, sizeof(*v));
	*v = (struct report_vitals){
		.pid = 4210,
		.exe = strdup("/bin/leaky"),
		.at_s = 9.5,
		.began_s = 0.5,
		.looks = 10,
		.scale = 2,
		.goroutines = 1002,
		.system = 5,
		.states = {1, 0, 0, 1, 1000, 0},
		.waits = calloc(1, sizeof(*v->waits)),
		.nwaits = 1,
		.oldest_wait_s = 4.25,
		.oldest_reason = strdup("select"),
		.oldest = place("main.old"),
		.makers = calloc(2, sizeof(*v->makers)),
		.nmakers = 2,
		.ps_known = true,
		.ps = 4,
		.ps_idle = 3,
		.ps_running = 1,
		.ms_known = true,
		.ms = 7,
		.gc_known = true,
		.gc_cycles = 12,
		.gc_forced = 2,
		.gc_pause_ns = 90000,
		.gc_last_unix_ns = 1700000000000000000,
		.heap_known = true,
		.heap_marked = 5000000,
		.heap_live = 6000000,
		.heap_goal = UINT64_MAX,
		.gc_percent = -1,
		.memory_limit = 100000000,
	};
	v->waits[0] = (struct report_wait){strdup("chan receive"), 1000};
	v->makers[0] = (struct report_maker){.at = place("main.leak"),
					     .goroutines = 900,
					     .named = true,
					     .grows = true,
					     .named_s = 5.5,
					     .seconds = 4,
					     .per_second = 100,
					     .from = 80};
	v->makers[1] = (struct report_maker){.at = place("main.pool\033"), .goroutines = 101};
	v[1] = (struct report_vitals){
		.pid = 4211,
		.exe = strdup("/bin/gone"),
		.ended = true,
		.scale = 1,
		.oldest_wait_s = -1,
		.oldest_reason = strdup(""),
		.oldest = place(""),
		.heap_goal = UINT64_MAX,
		.memory_limit = INT64_MAX,
		.gc_percent = -1,
	};
}

static void the_document_is_of_the_schema(void **state)
{
	struct report report;
	json_t *root, *one;
	char *text;

	(void)state;
	begin(&report);
	text = sample_render(&report, FORMAT_JSON, NULL);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_valid(root);
	one = json_array_get(json_object_get(root, "goroutines"), 0);
	assert_int_equal(json_integer_value(json_object_get(one, "goroutines")), 1002);
	assert_true(json_is_null(json_object_get(json_object_get(one, "heap"), "goal")));
	one = json_array_get(json_object_get(one, "makers"), 1);
	assert_null(json_object_get(one, "named_s"));
	one = json_array_get(json_object_get(root, "goroutines"), 1);
	assert_true(json_is_null(json_object_get(one, "ps")));
	assert_true(json_is_null(json_object_get(one, "oldest_wait")));
	json_decref(root);
	free(text);
	report_free(&report);
}

static void what_is_read_back_is_the_same(void **state)
{
	static const enum report_format formats[] = {FORMAT_JSON, FORMAT_TEXT, FORMAT_JSONL};
	struct err err = {.text = ""};
	struct report report, again;
	char *text, *first, *second;
	size_t i;

	(void)state;
	begin(&report);
	text = sample_render(&report, FORMAT_JSON, NULL);
	memset(&again, 0, sizeof(again));
	if (json_read_buffer(text, strlen(text), &again, &err))
		fail_msg("%s", err.text);
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		first = sample_render(&report, formats[i], NULL);
		second = sample_render(&again, formats[i], NULL);
		assert_string_equal(first, second);
		free(first);
		free(second);
	}
	free(text);
	report_free(&again);
	report_free(&report);
}

static void the_text_says_what_is_known(void **state)
{
	struct report report;
	char *text;

	(void)state;
	begin(&report);
	text = sample_render(&report, FORMAT_TEXT, NULL);
	assert_non_null(strstr(text, "GOROUTINES of process 4210 (/bin/leaky): about 1002, "));
	assert_non_null(strstr(text, "perhaps a leak: main.leak at a.go:7"));
	assert_non_null(
		strstr(text, "by 100 a second for 4 s, from 80 on; 900 at the last look\n"));
	assert_non_null(strstr(text, "\n  1 created at other places\n"));
	assert_non_null(
		strstr(text, "4 Ps (GOMAXPROCS): 1 running, 0 in system calls, 3 idle; 7 Ms"));
	assert_non_null(strstr(text, "no goal (GOGC=off), less near its memory limit of 100.0 MB"));
	assert_non_null(strstr(text, "process 4211 (/bin/gone), which has ended: 0; "));
	assert_non_null(strstr(text, "Ps: not known; Ms: not known"));
	assert_null(strchr(text, '\033'));
	free(text);
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_non_null(strstr(text, "<section id=goroutines>"));
	assert_non_null(strstr(text, "perhaps a leak: main.leak at a.go:7"));
	assert_null(strchr(text, '\033'));
	assert_null(strstr(text, "<section id=memory>"));
	free(text);
	report_free(&report);
}

static void the_page_has_those_that_are_there(void **state)
{
	static const struct metrics_leak leak = {"/bin/leaky", "u", "m", "main.\"leak\"", 3};
	static const struct metrics_daemon daemon = {
		.leaks = &leak, .nleaks = 1, .leaks_unlisted = 2, .goroutine_looks = 11};
	struct report report;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	begin(&report);
	metrics_print(out, &report, &daemon);
	fclose(out);
	assert_non_null(strstr(text, "maprace_goroutines{state=\"waiting\",exe=\"/bin/leaky\","));
	assert_non_null(
		strstr(text, "maprace_goroutines_growing{site=\"main.leak\",exe=\"/bin/leaky\","));
	assert_non_null(strstr(text, "maprace_goroutine_leaks_total{site=\"main.\\\"leak\\\"\","
				     "exe=\"/bin/leaky\",unit=\"u\",module=\"m\"} 3\n"));
	assert_non_null(strstr(text, "maprace_go_memory_limit_bytes{exe=\"/bin/leaky\","));
	assert_null(strstr(text, "maprace_go_heap_goal_bytes{")); /* it has none */
	assert_null(strstr(text, "/bin/gone"));
	assert_non_null(strstr(text, "\nmaprace_goroutine_leaks_unlisted_total 2\n"));
	assert_non_null(strstr(text, "\nmaprace_goroutine_looks_total 11\n"));
	free(text);
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_is_of_the_schema),
		cmocka_unit_test(what_is_read_back_is_the_same),
		cmocka_unit_test(the_text_says_what_is_known),
		cmocka_unit_test(the_page_has_those_that_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
