/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How maps grew: the document, and reading it back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/format.h"
#include "report/json/json_growth.h"
#include "report/json/json_read.h"
#include "report_sample.h"
#include "schema_check.h"

static json_t *load(struct report *report)
{
	char *text = sample_render(report, FORMAT_JSON, NULL);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(root);
	free(text);
	return root;
}

static void test_json(void **state)
{
	json_t *root, *growth, *payer, *iterator;
	const char *kind, *unit, *role, *addr;
	json_int_t pid, from, to, steps, busy_ns, ns;
	double began_s, ended_s, since_s;
	struct report report;

	(void)state;
	sample_report(&report);
	sample_growths(&report);
	root = load(&report);
	assert_valid(root);
	growth = json_array_get(json_object_get(root, "growths"), 0);
	assert_int_equal(json_unpack(growth, "{s:I, s:{s:s}, s:s, s:s, s:I, s:I, s:F, s:F}", "pid",
				     &pid, "map", "addr", &addr, "kind", &kind, "unit", &unit,
				     "from", &from, "to", &to, "began_s", &began_s, "ended_s",
				     &ended_s),
			 0);
	assert_int_equal(pid, 4210);
	assert_string_equal(addr, "0xc000094480");
	assert_string_equal(kind, "double");
	assert_string_equal(unit, "buckets");
	assert_int_equal(from, 4096);
	assert_int_equal(to, 8192);
	assert_true(began_s == 1.5 && ended_s == 1.875);
	assert_int_equal(json_unpack(growth, "{s:I, s:I}", "steps", &steps, "busy_ns", &busy_ns),
			 0);
	assert_int_equal(steps, 4096);
	assert_int_equal(busy_ns, 1100000);
	assert_int_equal(json_array_size(json_object_get(growth, "payers")), 2);
	payer = json_array_get(json_object_get(growth, "payers"), 1);
	assert_int_equal(json_unpack(payer, "{s:{s:s}, s:I, s:I}", "access", "role", &role, "steps",
				     &steps, "ns", &ns),
			 0);
	assert_string_equal(role, "payer");
	assert_int_equal(steps, 396);
	assert_int_equal(ns, 110000);
	iterator = json_array_get(json_object_get(growth, "iterators"), 0);
	assert_int_equal(json_unpack(iterator, "{s:{s:s}, s:F}", "access", "role", &role, "since_s",
				     &since_s),
			 0);
	assert_string_equal(role, "iterator");
	assert_true(since_s == 1.2);
	json_object_set_new(growth, "kind", json_string("shrink"));
	assert_invalid(root);
	json_decref(root);
	report_free(&report);
}

/* Nobody asked, nothing was seen, and what was seen in part are three things. */
static void test_json_of_nothing(void **state)
{
	json_t *root, *growth;
	struct report report;

	(void)state;
	sample_report(&report);
	root = load(&report);
	assert_null(json_object_get(root, "growths"));
	json_decref(root);
	report.growth = true;
	root = load(&report);
	assert_valid(root);
	assert_true(json_is_array(json_object_get(root, "growths")));
	json_decref(root);
	sample_growths(&report);
	root = load(&report);
	growth = json_array_get(json_object_get(root, "growths"), 1);
	assert_string_equal(json_string_value(json_object_get(growth, "kind")), "split");
	assert_string_equal(json_string_value(json_object_get(growth, "unit")), "slots");
	assert_true(json_is_null(json_object_get(growth, "to")));
	assert_true(json_is_null(json_object_get(growth, "began_s")));
	assert_true(json_is_null(json_object_get(growth, "ended_s")));
	json_decref(root);
	report_free(&report);
}

static void assert_round_trip(const struct report *report)
{
	char *first = sample_render(report, FORMAT_JSON, NULL), *second;
	struct report again;
	struct err err = {0};

	if (json_read_buffer(first, strlen(first), &again, &err))
		fail_msg("%s", err.text);
	second = sample_render(&again, FORMAT_JSON, NULL);
	assert_string_equal(first, second);
	free(first);
	free(second);
	report_free(&again);
}

static void test_round_trip(void **state)
{
	struct report report, again;
	struct err err = {0};
	char *text;
	size_t i;

	(void)state;
	sample_report(&report);
	report.growth = true;
	assert_round_trip(&report);
	sample_growths(&report);
	report.growths[0].iterators[0].since_s = -1;
	for (i = 0; i < REPORT_GROWTH_KINDS; i++) {
		report.growths[0].kind = (enum report_growth_kind)i;
		assert_round_trip(&report);
	}
	text = sample_render(&report, FORMAT_JSON, NULL);
	assert_int_equal(json_read_buffer(text, strlen(text), &again, &err), 0);
	free(text);
	assert_true(again.growth);
	assert_int_equal(again.ngrowths, 2);
	assert_int_equal(again.growths[0].kind, REPORT_GROWTH_SPLIT);
	assert_int_equal(again.growths[0].payers[1].access.goroutine, 9);
	assert_int_equal(again.growths[0].iterators[0].access.op, REPORT_ITERATE);
	assert_true(again.growths[0].iterators[0].since_s < 0);
	assert_true(again.growths[1].map.swiss);
	assert_true(again.growths[1].began_s < 0 && again.growths[1].ended_s < 0);
	report_free(&again);
	report_free(&report);
}

static void assert_refused(const char *text, const char *why)
{
	struct report report;
	struct err err = {0};

	assert_int_equal(json_read_buffer(text, strlen(text), &report, &err), -EBADMSG);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" is not in \"%s\"", why, err.text);
	assert_null(report.growths);
}

#define DOC(members) "{\"schema\":\"maprace/1\"," members "}"
#define GROWTH(members) DOC("\"growths\":[{\"kind\":\"double\"," members "}]")

static void test_bad_documents(void **state)
{
	(void)state;
	assert_refused(DOC("\"growths\":{}"), "growths is not an array");
	assert_refused(DOC("\"growths\":[[]]"), "growths is not an array of objects");
	assert_refused(DOC("\"growths\":[{}]"), "growths[0].kind is missing");
	assert_refused(DOC("\"growths\":[{\"kind\":\"shrink\"}]"),
		       "growths[0].kind is a word that this version does not know");
	assert_refused(GROWTH("\"pid\":-1"), "growths[0].pid is not a count that fits");
	assert_refused(GROWTH("\"map\":\"m\""), "growths[0].map is not an object");
	assert_refused(GROWTH("\"from\":1.5"), "from is not a count that fits");
	assert_refused(GROWTH("\"to\":-8"), "to is not a count that fits");
	assert_refused(GROWTH("\"began_s\":-1"), "began_s is not a number from 0 on");
	assert_refused(GROWTH("\"ended_s\":\"now\""), "ended_s is not a number from 0 on");
	assert_refused(GROWTH("\"payers\":[7]"), "payers is not an array of objects");
	assert_refused(GROWTH("\"payers\":[{\"access\":[]}]"), "access is not an object");
	assert_refused(GROWTH("\"payers\":[{\"access\":{\"op\":\"sing\"}}]"),
		       "op is a word that this version does not know");
	assert_refused(GROWTH("\"payers\":[{\"ns\":-1}]"), "ns is not a count");
	assert_refused(GROWTH("\"iterators\":{}"), "iterators is not an array");
	assert_refused(GROWTH("\"iterators\":[{\"since_s\":-1}]"),
		       "since_s is not a number from 0 on");
}

/* A document of n growths, or of one growth with n payers or iterators. */
static char *many(const char *before, const char *one, size_t n, const char *after)
{
	struct sample_stream s;

	sample_open(&s);
	fprintf(s.out, "{\"schema\":\"maprace/1\",%s", before);
	while (n--)
		fprintf(s.out, "%s%s", one, n ? "," : "");
	fprintf(s.out, "%s}", after);
	return sample_close(&s);
}

static void test_long_lists(void **state)
{
	static const char payers[] = "\"growths\":[{\"kind\":\"split\",\"payers\":[";
	static const char iterators[] = "\"growths\":[{\"kind\":\"split\",\"iterators\":[";
	struct report report;
	struct err err = {0};
	char *text;

	(void)state;
	text = many("\"growths\":[", "{\"kind\":\"split\"}", JSON_GROWTHS_MAX + 1, "]");
	assert_refused(text, "growths is longer than any that is written");
	free(text);
	text = many(payers, "{}", JSON_GROWTH_PARTS_MAX + 1, "]}]");
	assert_refused(text, "growths[0].payers is longer than any that is written");
	free(text);
	text = many(iterators, "{}", JSON_GROWTH_PARTS_MAX + 1, "]}]");
	assert_refused(text, "growths[0].iterators is longer than any that is written");
	free(text);
	text = many(iterators, "{}", JSON_GROWTH_PARTS_MAX, "]}]");
	assert_int_equal(json_read_buffer(text, strlen(text), &report, &err), 0);
	assert_int_equal(report.growths[0].niterators, JSON_GROWTH_PARTS_MAX);
	assert_string_equal(report.growths[0].map.type, "");
	assert_string_equal(
		report.growths[0].iterators[JSON_GROWTH_PARTS_MAX - 1].access.created_by.at.file,
		"");
	report_free(&report);
	free(text);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void test_lines(void **state)
{
	struct report report;
	char *text, *suspect, *growth, *stats;

	(void)state;
	sample_report(&report);
	sample_growths(&report);
	text = sample_render(&report, FORMAT_JSONL, NULL);
	suspect = strstr(text, "{\"type\":\"suspect\"");
	growth = strstr(text, "{\"type\":\"growth\",\"data\":{\"pid\":4210,");
	stats = strstr(text, "{\"type\":\"stats\"");
	assert_true(suspect && growth && stats && suspect < growth && growth < stats);
	assert_int_equal(count(text, "{\"type\":\"growth\""), 2);
	free(text);
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),	   cmocka_unit_test(test_json_of_nothing),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bad_documents),
		cmocka_unit_test(test_long_lists), cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
