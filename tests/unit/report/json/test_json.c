/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/escape.h"
#include "report/json/json_read.h"
#include "report/printers.h"
#include "report_sample.h"
#include "schema_check.h"

static char *print_report(const struct report *report)
{
	struct sample_stream s;

	sample_open(&s);
	assert_int_equal(json_print_report(s.out, report, NULL), 0);
	return sample_close(&s);
}

static json_t *load(const char *text)
{
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		fail_msg("%s (line %d) in:\n%s", error.text, error.line, text);
	return root;
}

static json_t *load_sample(void)
{
	struct report report;
	char *text;
	json_t *root;

	sample_report(&report);
	text = print_report(&report);
	root = load(text);
	free(text);
	report_free(&report);
	return root;
}

/* Names and shapes as product.md has them. */
static void test_contract(void **state)
{
	json_t *root = load_sample(), *race, *held, *frame;
	const char *schema, *started, *id, *evidence, *kind, *op, *addr, *function, *file;
	json_int_t count, pid, goroutine, line;

	(void)state;
	assert_int_equal(json_unpack(root, "{s:s, s:s}", "schema", &schema, "started", &started),
			 0);
	assert_string_equal(schema, "maprace/1");
	assert_string_equal(started, "2026-09-21T14:13:20.123Z");
	assert_int_equal(json_array_size(json_object_get(root, "races")), 2);
	race = json_array_get(json_object_get(root, "races"), 0);
	assert_int_equal(json_unpack(race, "{s:s, s:s, s:s, s:I, s:I, s:{s:s}}", "id", &id,
				     "evidence", &evidence, "kind", &kind, "count", &count, "pid",
				     &pid, "map", "addr", &addr),
			 0);
	assert_string_equal(evidence, "collision");
	assert_string_equal(kind, "read-write");
	assert_string_equal(addr, "0xc000094480");
	assert_int_equal(count, 12);
	assert_int_equal(pid, 4210);
	held = json_array_get(json_object_get(race, "accesses"), 0);
	assert_int_equal(json_unpack(held, "{s:s, s:I}", "op", &op, "goroutine", &goroutine), 0);
	assert_string_equal(op, "write");
	assert_int_equal(goroutine, 18);
	frame = json_array_get(json_object_get(held, "stack"), 1);
	assert_int_equal(json_unpack(frame, "{s:s, s:s, s:I}", "function", &function, "file", &file,
				     "line", &line),
			 0);
	assert_string_equal(function, "main.(*cache).put");
	assert_string_equal(file, "/src/app/main.go");
	assert_int_equal(line, 20);
	json_decref(root);
}

static void test_schema(void **state)
{
	json_t *root = load_sample(), *race;
	struct report empty = {.stats = {.cost_percent = -1}};
	char *text;

	(void)state;
	assert_valid(root);
	/* the check itself can fail */
	json_object_set_new(root, "unheard_of", json_integer(1));
	assert_invalid(root);
	json_object_del(root, "unheard_of");
	race = json_array_get(json_object_get(root, "races"), 0);
	json_object_set_new(race, "evidence", json_string("rumour"));
	assert_invalid(root);
	json_decref(root);
	text = print_report(&empty);
	root = load(text);
	free(text);
	assert_valid(root);
	assert_true(json_is_null(json_object_get(json_object_get(root, "stats"), "cost_percent")));
	json_decref(root);
}

static void test_losses_are_named(void **state)
{
	json_t *root = load_sample(), *stats = json_object_get(root, "stats");

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(stats, "ring_full")), 3);
	assert_true(json_is_integer(json_object_get(stats, "stack_short")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(stats, "meanings"), "ring_full")),
		"the ring buffer was full; races may be missing");
	json_decref(root);
}

static void assert_round_trip(const struct report *report)
{
	char *first = print_report(report), *second;
	struct report again;
	struct err err = {0};

	if (json_read_buffer(first, strlen(first), &again, &err))
		fail_msg("%s", err.text);
	second = print_report(&again);
	assert_string_equal(first, second);
	free(first);
	free(second);
	report_free(&again);
}

static void test_round_trip(void **state)
{
	struct report report;

	(void)state;
	sample_report(&report);
	assert_round_trip(&report);
	report.targets[0].exited = true;
	report.targets[0].exit_status = 9; /* SIGKILL */
	report.races[0].access[0].op = REPORT_CLONE;
	report.races[0].map.header_known = false;
	report_access_free(&report.races[1].access[1]);
	report.races[1].has_other = false;
	assert_round_trip(&report);
	report.targets[0].exit_status = 3 << 8;
	report.races[0].map.swiss = true;
	assert_round_trip(&report);
	report.targets[0].exit_status = -1;
	report.stats.cost_percent = -1;
	assert_round_trip(&report);
	report.targets[0].library = sample_text("/srv/lib\"x\".so");
	report.targets[0].late_s = 2.5;
	assert_round_trip(&report);
	report_free(&report);
}

static void test_library(void **state)
{
	struct report report, again;
	struct err err = {0};
	char *json;

	(void)state;
	sample_report(&report);
	report.targets[0].library = sample_text("/srv/lib\"x\".so");
	report.targets[0].late_s = 2.5;
	json = print_report(&report);
	assert_int_equal(json_read_buffer(json, strlen(json), &again, &err), 0);
	assert_string_equal(again.targets[0].library, "/srv/lib\"x\".so");
	assert_true(again.targets[0].late_s == 2.5);
	report_free(&again);
	report_free(&report);
	free(json);
}

/* What a command has started: in the document, of its schema, and back. */
static void test_followed(void **state)
{
	struct report report, again;
	struct err err = {0};
	json_t *root;
	char *json;

	(void)state;
	sample_report(&report);
	report.followed = sample_zero(1, sizeof(*report.followed));
	*report.followed =
		(struct report_followed){.host = true, .processes = 63, .go = 30, .watched = 14};
	report.followed->reasons = sample_zero(1, sizeof(*report.followed->reasons));
	report.followed->reasons[0] = (struct report_reason){sample_text("a \"tool\""), 16};
	report.followed->nreasons = 1;
	report.processes = sample_zero(2, sizeof(*report.processes));
	report.nprocesses = 2;
	report.processes[0] = (struct report_process){.pid = 7,
						      .parent = 6,
						      .exe = sample_text("/tmp/a.test"),
						      .args = sample_text("/tmp/a.test -test.v"),
						      .container = sample_text("web1"),
						      .pod = sample_text(""),
						      .unit = sample_text("nginx.service"),
						      .from_s = 0.5,
						      .to_s = 1.5};
	report.processes[1] = (struct report_process){
		.pid = 8, .exe = sample_text(""), .why = sample_text("traced"), .to_s = -1};
	assert_round_trip(&report);
	json = print_report(&report);
	root = load(json);
	assert_valid(root);
	json_decref(root);
	assert_int_equal(json_read_buffer(json, strlen(json), &again, &err), 0);
	assert_int_equal(again.followed->processes, 63);
	assert_int_equal(again.followed->go, 30);
	assert_int_equal(again.followed->watched, 14);
	assert_string_equal(again.followed->reasons[0].why, "a \"tool\"");
	assert_int_equal(again.followed->reasons[0].processes, 16);
	assert_int_equal(again.nprocesses, 2);
	assert_true(again.followed->host);
	assert_int_equal(again.processes[0].parent, 6);
	assert_string_equal(again.processes[0].args, "/tmp/a.test -test.v");
	assert_string_equal(again.processes[0].container, "web1");
	assert_null(again.processes[0].pod);
	assert_string_equal(again.processes[0].unit, "nginx.service");
	assert_int_equal(again.processes[1].parent, 0);
	assert_null(again.processes[0].why);
	assert_true(again.processes[0].to_s == 1.5);
	assert_string_equal(again.processes[1].why, "traced");
	assert_true(again.processes[1].to_s < 0);
	report_free(&again);
	report_free(&report);
	free(json);
}

static char *print_all_text(const struct report *report)
{
	const struct text_style style = {.verbose = true};
	struct sample_stream s;
	size_t i;

	sample_open(&s);
	for (i = 0; i < report->nraces; i++)
		text_print_race(s.out, &report->races[i], report->duration_s, &style);
	for (i = 0; i < report->nsuspects; i++)
		text_print_race(s.out, &report->suspects[i], report->duration_s, &style);
	text_print_growths(s.out, report, &style);
	text_print_summary(s.out, report, &style);
	return sample_close(&s);
}

/* A recording renders as the live run did, whatever its strings hold. */
static void test_round_trip_renders_the_same(void **state)
{
	struct report report, again;
	char *json, *live, *replayed;
	struct err err = {0};

	(void)state;
	sample_report(&report);
	report.races[0].access[0].op = REPORT_CLONE;
	free(report.races[0].map.type);
	report.races[0].map.type = sample_text("map[\033\xff\"\\]\xc2\x9b int");
	sample_growths(&report);
	free(report.growths[1].map.type);
	report.growths[1].map.type = sample_text("map[\033\xff\"\\]\xc2\x9b int");
	json = print_report(&report);
	assert_int_equal(json_read_buffer(json, strlen(json), &again, &err), 0);
	live = print_all_text(&report);
	replayed = print_all_text(&again);
	assert_string_equal(live, replayed);
	free(json);
	free(live);
	free(replayed);
	report_free(&report);
	report_free(&again);
}

static void test_hostile_strings(void **state)
{
	struct report_race race;
	struct sample_stream s;
	char *text, *p;
	json_t *root;

	(void)state;
	sample_race(&race);
	free(race.access[0].frames[1].function);
	race.access[0].frames[1].function = sample_text("a\xff\033[31m\"}]\n\xc2\x9b\xe2\x80\xae");
	race.access[0].goroutine = UINT64_MAX;
	race.first_seen_s = (double)INFINITY;
	sample_open(&s);
	assert_int_equal(jsonl_print_race(s.out, &race, false), 0);
	text = sample_close(&s);
	for (p = text; p[1]; p++)
		assert_true(*p >= 0x20 && *p < 0x7f);
	assert_int_equal(*p, '\n');
	root = load(text);
	assert_true(json_is_null(json_object_get(json_object_get(root, "data"), "first_seen_s")));
	json_decref(root);
	assert_non_null(strstr(text, "a\\\\xff\\u001B[31m\\\"}]\\n\\u009B\\u202E"));
	free(text);
	report_race_free(&race);
}

static void test_labels(void **state)
{
	struct report report;
	char *text;

	(void)state;
	sample_report(&report);
	sample_label(&report.races[0].access[0], "handler", "/cart");
	sample_label(&report.races[0].access[0], "te\xffnant", "7\n");
	text = print_report(&report);
	assert_non_null(strstr(text, "\"handler\": \"/cart\""));
	free(text);
	assert_round_trip(&report);
	text = print_all_text(&report);
	assert_non_null(strstr(text, "  Labels: handler=/cart, te\\xffnant=7\\x0a\n"));
	free(text);
	report_free(&report);
}

static void test_long_string_is_kept(void **state)
{
	struct report report = {.duration_s = 1};
	char *text;

	(void)state;
	report.kernel = malloc(300001);
	assert_non_null(report.kernel);
	memset(report.kernel, 'k', 300000);
	report.kernel[300000] = '\0';
	text = print_report(&report);
	assert_true(strlen(text) > 300000);
	free(text);
	assert_round_trip(&report);
	report_free(&report);
}

static void assert_line(char *text, const char *type)
{
	json_t *root;

	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	root = load(text);
	assert_string_equal(json_string_value(json_object_get(root, "type")), type);
	assert_true(json_is_object(json_object_get(root, "data")));
	json_decref(root);
	free(text);
}

static void test_lines(void **state)
{
	struct report report;
	struct sample_stream s;

	(void)state;
	sample_report(&report);
	sample_open(&s);
	assert_int_equal(jsonl_print_race(s.out, &report.races[0], false), 0);
	assert_line(sample_close(&s), "race");
	sample_open(&s);
	assert_int_equal(jsonl_print_race(s.out, &report.suspects[0], true), 0);
	assert_line(sample_close(&s), "suspect");
	sample_growths(&report);
	sample_open(&s);
	assert_int_equal(jsonl_print_growth(s.out, &report.growths[0]), 0);
	assert_line(sample_close(&s), "growth");
	sample_open(&s);
	assert_int_equal(jsonl_print_target(s.out, &report.targets[0]), 0);
	assert_line(sample_close(&s), "target");
	sample_open(&s);
	assert_int_equal(jsonl_print_stats(s.out, &report.stats), 0);
	assert_line(sample_close(&s), "stats");
	report_free(&report);
}

static void test_write_error_is_told(void **state)
{
	struct report report;
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	sample_report(&report);
	assert_int_equal(json_print_report(full, &report, NULL), -ENOSPC);
	assert_int_equal(jsonl_print_stats(full, &report.stats), -ENOSPC);
	report_free(&report);
	fclose(full);
}

static void assert_refused(const char *text, int rc, const char *why)
{
	struct report report;
	struct err err = {0};

	assert_int_equal(json_read_buffer(text, strlen(text), &report, &err), rc);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" is not in \"%s\"", why, err.text);
	assert_null(strpbrk(err.text, "\033\n"));
	assert_null(report.races);
}

#define DOC(members) "{\"schema\":\"maprace/1\"," members "}"
#define RACE(members)                                                                                         \
	DOC("\"races\":[{\"id\":\"0123456789abcdef\",\"evidence\":\"fatal\",\"kind\":\"read-write\"," members \
	    "}]")
#define ACCESS(members) RACE("\"accesses\":[{\"op\":\"read\"," members "}]")

/* Older documents do not say what is proven, and show the last writer of a map, whoever it was. */
static void test_proofs(void **state)
{
#define TWO(members) \
	RACE(members \
	     "\"accesses\":[{\"op\":\"read\",\"stack\":[]},{\"op\":\"write\",\"stack\":[]}]")
	static const struct {
		const char *text;
		enum report_proof proves;
	} cases[] = {
		{TWO(""), REPORT_PROVES_MAP},
		{TWO("\"proves\":\"map\","), REPORT_PROVES_MAP},
		{TWO("\"proves\":\"pair\","), REPORT_PROVES_PAIR},
		{TWO("\"proves\":\"nothing\",\"caveat\":\"why\","), REPORT_PROVES_NOTHING},
		{TWO("\"message\":\"small map with no empty slot (concurrent map writes?)\","),
		 REPORT_PROVES_DAMAGE},
		{ACCESS("\"stack\":[]"), REPORT_PROVES_MAP},
	};
	struct report report;
	struct err err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (json_read_buffer(cases[i].text, strlen(cases[i].text), &report, &err))
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_int_equal(report_proves(&report.races[0]), cases[i].proves);
		assert_int_equal(report.races[0].other_unsure, i < 2 || i == 4);
		report_free(&report);
	}
	assert_refused(TWO("\"proves\":\"all\","), -EBADMSG, "proves");
}

static void test_bad_documents(void **state)
{
	(void)state;
	assert_refused("", -EBADMSG, "not valid JSON");
	assert_refused("{\"schema\": \033[31m", -EBADMSG, "not valid JSON: line 1");
	assert_refused("[]", -EBADMSG, "not a report of maprace");
	assert_refused("{\"schema\":\"other/1\"}", -EBADMSG, "not a report of maprace");
	assert_refused("{\"schema\":\"maprace/2\"}", -ENOTSUP,
		       "maprace/2, this version reads maprace/1");
	assert_refused("{\"schema\":\"maprace/\\u001b[31m\"}", -ENOTSUP, "maprace/?[31m");
	assert_refused(DOC("\"races\":3"), -EBADMSG, "races is not an array");
	assert_refused(DOC("\"races\":[3]"), -EBADMSG, "races is not an array of objects");
	assert_refused(DOC("\"races\":[{}]"), -EBADMSG, "races[0].id is not 16 hexadecimal digits");
	assert_refused(RACE("\"accesses\":[]"), -EBADMSG,
		       "races[0].accesses is not one or two objects");
	assert_refused(RACE("\"accesses\":[null]"), -EBADMSG,
		       "races[0].accesses is not one or two objects");
	assert_refused(RACE("\"accesses\":[{},{},{}]"), -EBADMSG,
		       "races[0].accesses is not one or two objects");
	assert_refused(RACE("\"accesses\":[{\"op\":\"sing\"}]"), -EBADMSG,
		       "op is a word that this version does not know");
	assert_refused(ACCESS("\"tid\":-1"), -EBADMSG, "tid is not a count that fits");
	assert_refused(ACCESS("\"tid\":4294967296"), -EBADMSG, "tid is not a count that fits");
	assert_refused(ACCESS("\"tid\":1.5"), -EBADMSG, "tid is not a count that fits");
	assert_refused(ACCESS("\"stack\":[{\"pc\":\"12\"}]"), -EBADMSG,
		       "pc is not a hexadecimal number");
	assert_refused(ACCESS("\"stack\":[{\"pc\":\"0x12345678901234567\"}]"), -EBADMSG,
		       "pc is not a hexadecimal number");
	assert_refused(ACCESS("\"stack\":[{\"function\":[]}]"), -EBADMSG,
		       "function is not a string");
	assert_refused(ACCESS("\"stack\":[{\"line\":3000000000}]"), -EBADMSG,
		       "line is not a count that fits");
	assert_refused(ACCESS("\"stack\":[{\"inlined\":1}]"), -EBADMSG,
		       "inlined is neither true nor false");
	assert_refused(DOC("\"duration_s\":-1"), -EBADMSG, "duration_s is not a number from 0 on");
	assert_refused(DOC("\"started\":\"yesterday\""), -EBADMSG, "started is not a time");
	assert_refused(DOC("\"started\":\"2026-01-01T00:00:00+01:00\""), -EBADMSG,
		       "started is not a time");
	assert_refused(DOC("\"stats\":{\"ring_full\":-3}"), -EBADMSG,
		       "stats.ring_full is not a count that fits");
	assert_refused(DOC("\"targets\":[{\"exit\":{\"code\":256}}]"), -EBADMSG,
		       "targets[0].exit is not an exit status");
	assert_refused(DOC("\"maps\":[{\"verdict\":\"guilty\"}]"), -EBADMSG,
		       "maps[0].verdict is a word");
	assert_refused(DOC("\"maps\":[],\"maps\":[]"), -EBADMSG, "duplicate");
	assert_refused(DOC("\"stats\":{\"a\\u0000b\":1}"), -EBADMSG, "not valid JSON");
}

/* Deeper nesting than the parser takes must be an error, not a stack overflow. */
static void test_deep_document(void **state)
{
	char *deep = malloc(1000001);

	(void)state;
	assert_non_null(deep);
	memset(deep, '[', 1000000);
	deep[1000000] = '\0';
	assert_refused(deep, -EBADMSG, "not valid JSON");
	free(deep);
}

/* What a later version adds is no reason to refuse. */
static void test_unknown_members_are_skipped(void **state)
{
	static const char text[] = ACCESS("\"mood\":\"good\",\"created_by\":null");
	struct report report;
	struct err err = {0};

	(void)state;
	assert_int_equal(json_read_buffer(text, strlen(text), &report, &err), 0);
	assert_int_equal(report.nraces, 1);
	assert_false(report.races[0].has_other);
	assert_string_equal(report.races[0].access[1].created_by.at.function, "");
	assert_string_equal(report.races[0].map.type, "");
	report_free(&report);
}

/* Without roles the order is that of the text: the held one first. */
static void test_order_without_roles(void **state)
{
	static const char text[] = DOC(
		"\"races\":[{\"id\":\"0123456789abcdef\",\"evidence\":\"collision\",\"kind\":\"read-write\","
		"\"accesses\":[{\"op\":\"write\",\"goroutine\":18},{\"op\":\"read\",\"goroutine\":19}]}]");
	struct report report;
	struct err err = {0};

	(void)state;
	assert_int_equal(json_read_buffer(text, strlen(text), &report, &err), 0);
	assert_int_equal(report.races[0].access[1].goroutine, 18);
	assert_int_equal(report.races[0].access[0].op, REPORT_READ);
	report_free(&report);
}

static void test_too_large(void **state)
{
	struct report report;
	struct err err = {0};
	char byte = '[';

	(void)state;
	/* the size is looked at before the bytes */
	assert_int_equal(json_read_buffer(&byte, (size_t)JSON_READ_MAX + 1, &report, &err), -EFBIG);
	assert_non_null(strstr(err.text, "32 MiB"));
}

static void test_files(void **state)
{
	struct report report;
	struct err err = {0};

	(void)state;
	assert_int_equal(json_read_report("/nonexistent/x.json", &report, &err), -ENOENT);
	assert_non_null(strstr(err.text, "No such file"));
	memset(&err, 0, sizeof(err));
	assert_int_equal(json_read_report("/", &report, &err), -EISDIR);
	memset(&err, 0, sizeof(err));
	assert_int_equal(json_read_report("/dev/zero", &report, &err), -EFBIG);
	memset(&err, 0, sizeof(err));
	assert_int_equal(json_read_report("/dev/null", &report, &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_losses_are_named),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_library),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_round_trip_renders_the_same),
		cmocka_unit_test(test_hostile_strings),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_long_string_is_kept),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_write_error_is_told),
		cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_bad_documents),
		cmocka_unit_test(test_deep_document),
		cmocka_unit_test(test_unknown_members_are_skipped),
		cmocka_unit_test(test_order_without_roles),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
