/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Thresholds of memory: the document, reading it back, and text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/format.h"
#include "report/json/json_read.h"
#include "report_sample.h"
#include "schema_check.h"

static void the_document_can_be_read_back(void **state)
{
	struct report report, again;
	struct err err = {};
	char *text, *second;
	json_t *root;

	(void)state;
	sample_report(&report);
	sample_memory(&report);
	text = sample_render(&report, FORMAT_JSON, NULL);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_valid(root);
	json_object_set_new(json_array_get(json_object_get(root, "memory"), 0), "event",
			    json_string("guess"));
	assert_invalid(root);
	json_decref(root);
	assert_int_equal(json_read_buffer(text, strlen(text), &again, &err), 0);
	assert_true(again.memory_asked);
	assert_int_equal(again.nmemory, 2);
	assert_true(again.memory[0].percent == 92 && again.memory[0].jumped);
	assert_int_equal(again.memory[0].kind, REPORT_LIMIT_CGROUP2);
	assert_true(again.memory[0].heap_with_recent);
	assert_int_equal(again.memory[0].heap.inuse_bytes, 60000000);
	assert_string_equal(again.memory[0].sites[0].at.function, "main.(*cache).put");
	assert_true(!(again.memory[1].percent > 0) && again.memory[1].alone);
	second = sample_render(&again, FORMAT_JSON, NULL);
	assert_string_equal(text, second);
	free(text);
	free(second);
	report_free(&again);
	report_free(&report);
}

static void what_cannot_be_is_refused(void **state)
{
	static const char *const changes[][2] = {
		{"\"event\": \"oom-kill\"", "\"event\": \"threshold\""},
		{"\"kind\": \"cgroup-v2\"", "\"kind\": \"cgroup-v3\""},
		{"\"sites\": [", "\"sites\": [ 3,"},
	};
	struct report report, again;
	struct err err = {};
	char *text, *at, *changed;
	size_t i;

	(void)state;
	sample_report(&report);
	sample_memory(&report);
	text = sample_render(&report, FORMAT_JSON, NULL);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		at = strstr(text, changes[i][0]);
		assert_non_null(at);
		changed = sample_zero(strlen(text) + 64, 1);
		memcpy(changed, text, (size_t)(at - text));
		strcat(changed, changes[i][1]);
		strcat(changed, at + strlen(changes[i][0]));
		assert_true(json_read_buffer(changed, strlen(changed), &again, &err) < 0);
		report_free(&again);
		free(changed);
	}
	free(text);
	report_free(&report);
}

static void text_says_what_is_kept(void **state)
{
	struct report report;
	char *text;

	(void)state;
	sample_report(&report);
	sample_memory(&report);
	text = sample_render(&report, FORMAT_TEXT, NULL);
	assert_non_null(strstr(text, "PROCESS 4210 HAS USED 92% OF ITS MEMORY (/srv/app): 124.0 of "
				     "134.2 MB, the limit of control group /a.slice; that was "
				     "between two looks\n"));
	assert_non_null(strstr(text, "Its heap held 60.0 MB, by the runtime's own profile, with "
				     "what was allocated since garbage was collected last "
				     "(/tmp/heap-4210-92.pb.gz):\n"));
	assert_non_null(strstr(text, "59.0 MB  98.3%  main.(*cache).put() /src/app/main.go:20\n"));
	assert_non_null(strstr(text,
			       "PROCESS 4210 WAS KILLED, most likely by the kernel's OOM killer "
			       "(/srv/app): at the last look 134.0 of 134.2 MB, the limit of "
			       "control group /a.slice\n"));
	free(text);
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_non_null(strstr(text, "<section id=memory>"));
	assert_non_null(strstr(text, "WAS KILLED, most likely by the kernel&#39;s OOM killer "));
	assert_null(strstr(text, "<section id=panics>"));
	assert_null(strstr(text, "<section id=goroutines>"));
	free(text);
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_can_be_read_back),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(text_says_what_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
