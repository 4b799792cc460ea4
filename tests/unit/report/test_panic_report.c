/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where programs panicked: for people, and as a document that can be read back. */
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

static void sample_panic(struct report_panic *panic, enum report_panic_kind kind, uint64_t count)
{
	*panic = (struct report_panic){
		.pid = 4210,
		.kind = kind,
		.type = sample_text("*errors.errorString"),
		.message = sample_text(""),
		.count = count,
		.first_seen_s = 0.5,
		.last_seen_s = 1.5,
		.recovered_in = sample_text(""),
		.watched = 1,
	};
	sample_access(&panic->access, REPORT_READ, 7, "runtime.gopanic", "main.parse", 42);
}

static void sample_panics(struct report *report)
{
	struct report_panic *p = sample_zero(2, sizeof(*p));

	report->panics_watched = true;
	report->npanics = 2;
	report->panics = p;
	sample_panic(&p[0], REPORT_PANIC_FAULT, 10);
	p[0].outcomes[REPORT_PANIC_RECOVERED] = 6;
	p[0].outcomes[REPORT_PANIC_REPANICKED] = 1;
	p[0].outcomes[REPORT_PANIC_REPLACED] = 1;
	p[0].outcomes[REPORT_PANIC_DIED] = 1;
	free(p[0].recovered_in);
	p[0].recovered_in = sample_text("main.try");
	p[0].recovered_elsewhere = true;
	free(p[0].message);
	p[0].message = sample_text("no \033 such thing");
	sample_panic(&p[1], REPORT_PANIC_GOEXIT, 2);
	p[1].outcomes[REPORT_PANIC_ENDED] = 2;
	p[1].watched = 0.25;
	free(p[1].type);
	p[1].type = sample_text("");
	p[1].access.partial = true;
}

static void the_text_tells(void **state)
{
	static const struct text_style plain;
	struct sample_stream s;
	struct report report = {};
	char *text;

	(void)state;
	sample_open(&s);
	text_print_panics(s.out, &report, &plain);
	report.panics_watched = true;
	text_print_panics(s.out, &report, &plain);
	text = sample_close(&s);
	assert_string_equal(text, "PANICS: none seen\n");
	free(text);
	sample_panics(&report);
	sample_open(&s);
	text_print_panics(s.out, &report, &plain);
	text = sample_close(&s);
	assert_string_equal(
		text,
		"PANICS: 2 places\n"
		"  fault with a *errors.errorString (no \\x1b such thing) in main.parse at /src/app/main.go:42\n"
		"    10 times: 6 recovered in main.try and others, 1 panicked again with the same value, "
		"1 replaced by another panic, 1 not recovered: the process died; "
		"what became of 1 is not known\n"
		"    first by goroutine 7:\n"
		"      main.parse at /src/app/main.go:42\n"
		"  runtime.Goexit in main.parse at /src/app/main.go:42\n"
		"    at least 2 times (watched for 25 percent of the time)\n"
		"    first by goroutine 7:\n"
		"      main.parse at /src/app/main.go:42\n"
		"      [its callers are not known]\n");
	free(text);
	report_free(&report);
}

static void the_page_has_them(void **state)
{
	struct report report;
	char *text;

	(void)state;
	sample_report(&report);
	sample_panics(&report);
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_non_null(strstr(text, "<section id=panics>"));
	assert_non_null(strstr(text, "(no \\x1b such thing) in main.parse"));
	free(text);
	report_free(&report);
}

static void the_document_has_them(void **state)
{
	json_t *root, *panic;
	struct report report;
	char *text;

	(void)state;
	sample_report(&report);
	sample_panics(&report);
	text = sample_render(&report, FORMAT_JSON, NULL);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	assert_non_null(root);
	assert_valid(root);
	panic = json_array_get(json_object_get(root, "panics"), 0);
	assert_string_equal(json_string_value(json_object_get(panic, "kind")), "fault");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(panic, "site"), "function")),
		"main.parse");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(panic, "outcomes"), "unknown")),
		1);
	panic = json_array_get(json_object_get(root, "panics"), 1);
	assert_true(json_is_null(json_object_get(panic, "value_type")));
	assert_true(json_is_null(json_object_get(panic, "recovered_in")));
	json_decref(root);
	report_free(&report);
}

static void the_document_can_be_read_back(void **state)
{
	struct report report, again;
	struct err err = {};
	char *first, *second;
	size_t i;

	(void)state;
	sample_report(&report);
	sample_panics(&report);
	for (i = 0; i < REPORT_PANIC_KINDS; i++) {
		report.panics[0].kind = (enum report_panic_kind)i;
		first = sample_render(&report, FORMAT_JSON, NULL);
		if (json_read_buffer(first, strlen(first), &again, &err))
			fail_msg("%s", err.text);
		second = sample_render(&again, FORMAT_JSON, NULL);
		assert_string_equal(first, second);
		free(first);
		free(second);
		report_free(&again);
	}
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_tells),
		cmocka_unit_test(the_page_has_them),
		cmocka_unit_test(the_document_has_them),
		cmocka_unit_test(the_document_can_be_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
