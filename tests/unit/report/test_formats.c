/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The renderings that other programs read. `make reports` holds them against the official schemas. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/format.h"
#include "report_sample.h"

static char *render_sample(enum report_format format, const char *root)
{
	struct report report;
	char *text;

	sample_report(&report);
	text = sample_render(&report, format, root);
	report_free(&report);
	return text;
}

static json_t *sarif_of(const struct report *report, const char *root)
{
	char *text = sample_render(report, FORMAT_SARIF, root);
	json_t *log = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(log);
	free(text);
	return log;
}

static json_t *sarif_run(const json_t *log)
{
	json_t *runs = json_object_get(log, "runs");

	assert_int_equal(json_array_size(runs), 1);
	return json_array_get(runs, 0);
}

static json_t *sarif_result(const json_t *log, size_t i)
{
	return json_array_get(json_object_get(sarif_run(log), "results"), i);
}

static void test_names(void **state)
{
	static const struct {
		const char *path;
		enum report_format format;
	} cases[] = {
		{"a.json", FORMAT_JSON},      {"a.sarif", FORMAT_SARIF},
		{"a.SARIF", FORMAT_SARIF},    {"a.sarif.json", FORMAT_SARIF},
		{"x/a.xml", FORMAT_JUNIT},    {"a.html", FORMAT_HTML},
		{"a.htm", FORMAT_HTML},	      {"a.jsonl", FORMAT_JSONL},
		{"a.txt", FORMAT_TEXT},	      {"a", FORMAT_JSON},
		{"/dev/stdout", FORMAT_JSON}, {".html", FORMAT_JSON},
		{"a.html.json", FORMAT_JSON},
	};
	enum report_format format;
	char path[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(format_of_path(cases[i].path), cases[i].format);
	for (i = 0; i < REPORT_FORMATS; i++) {
		assert_true(format_find(format_name((enum report_format)i), &format));
		assert_int_equal(format, i);
		snprintf(path, sizeof(path), "a%s", format_extension((enum report_format)i));
		assert_int_equal(format_of_path(path), i);
	}
	assert_false(format_find("pdf", &format));
	assert_false(format_find("", &format));
}

/* The result is where the first access of the text is; the other one is related to it. */
static void test_sarif(void **state)
{
	struct report report;
	json_t *log, *result;
	const char *rule, *level, *text, *id, *uri, *uri2, *function, *version;
	json_int_t index, line, line2, count;

	(void)state;
	sample_report(&report);
	log = sarif_of(&report, NULL);
	assert_int_equal(json_unpack(log, "{s:s}", "version", &version), 0);
	assert_string_equal(version, "2.1.0");
	result = sarif_result(log, 0);
	assert_int_equal(json_unpack(result,
				     "{s:s, s:I, s:s, s:{s:s}, s:{s:s}, s:I,"
				     " s:[{s:{s:{s:s}, s:{s:I}}, s:[{s:s}]}]}",
				     "ruleId", &rule, "ruleIndex", &index, "level", &level,
				     "message", "text", &text, "partialFingerprints",
				     "mapraceId/v1", &id, "occurrenceCount", &count, "locations",
				     "physicalLocation", "artifactLocation", "uri", &uri, "region",
				     "startLine", &line, "logicalLocations", "fullyQualifiedName",
				     &function),
			 0);
	assert_string_equal(rule, "map-read-write");
	assert_string_equal(level, "error");
	assert_string_equal(id, report.races[0].id);
	assert_string_equal(uri, "file:///src/app/main.go");
	assert_string_equal(function, "main.(*cache).put");
	assert_int_equal(line, 20);
	assert_int_equal(count, 12);
	assert_non_null(strstr(text, "write in main.(*cache).put and read in main.(*cache).get on "
				     "map[string]int. Evidence: goroutine 19 entered while"));
	assert_int_equal(json_unpack(json_array_get(json_object_get(result, "relatedLocations"), 0),
				     "{s:{s:{s:s}, s:{s:I}}}", "physicalLocation",
				     "artifactLocation", "uri", &uri2, "region", "startLine",
				     &line2),
			 0);
	assert_int_equal(line2, 31);
	assert_int_equal(json_array_size(json_object_get(result, "stacks")), 2);
	result = sarif_result(log, 2);
	assert_string_equal(json_string_value(json_object_get(result, "level")), "warning");
	assert_null(sarif_result(log, 3));
	json_decref(log);
	report_free(&report);
}

/* Every ruleIndex points at the rule that ruleId names. */
static void test_sarif_rules(void **state)
{
	struct report report;
	json_t *log, *rules, *result;
	size_t i;

	(void)state;
	sample_report(&report);
	for (i = 0; i < REPORT_LOST_UPDATE; i++) {
		report.races[0].kind = (enum report_kind)i;
		log = sarif_of(&report, NULL);
		rules = json_object_get(json_object_get(json_object_get(sarif_run(log), "tool"),
							"driver"),
					"rules");
		result = sarif_result(log, 0);
		assert_string_equal(
			json_string_value(json_object_get(result, "ruleId")),
			json_string_value(json_object_get(
				json_array_get(rules, (size_t)json_integer_value(json_object_get(
							      result, "ruleIndex"))),
				"id")));
		json_decref(log);
	}
	report_free(&report);
}

static const char *location_uri(const json_t *log, const char **base)
{
	const json_t *location =
		json_array_get(json_object_get(sarif_result(log, 0), "locations"), 0);
	const json_t *artifact =
		json_object_get(json_object_get(location, "physicalLocation"), "artifactLocation");

	*base = json_string_value(json_object_get(artifact, "uriBaseId"));
	return json_string_value(json_object_get(artifact, "uri"));
}

static void assert_uri(struct report *report, const char *file, const char *root, const char *uri,
		       bool based)
{
	struct report_frame *site = &report->races[0].access[1].frames[1];
	const char *base;
	json_t *log;

	free(site->file);
	site->file = sample_text(file);
	log = sarif_of(report, root);
	assert_string_equal(location_uri(log, &base), uri);
	assert_true(!!base == based);
	json_decref(log);
}

static void test_sarif_uris(void **state)
{
	struct report report;

	(void)state;
	sample_report(&report);
	assert_uri(&report, "/src/app/main.go", "/src/app", "main.go", true);
	assert_uri(&report, "/src/app/main.go", "/src/app//", "main.go", true);
	assert_uri(&report, "/src/app/main.go", "/src/ap", "file:///src/app/main.go", false);
	assert_uri(&report, "/src/app/main.go", "/src/app/main.go", "file:///src/app/main.go",
		   false);
	assert_uri(&report, "./a/b.go", "/src/app", "a/b.go", true);
	assert_uri(&report, "a/b.go", NULL, "a/b.go", false);
	assert_uri(&report, "/a b/\"<%>\n\xff.go", NULL, "file:///a%20b/%22%3C%25%3E%0A%FF.go",
		   false);
	/* a colon would make a scheme of it */
	assert_uri(&report, "javascript:alert(1)", NULL, "javascript%3Aalert(1)", false);
	report_free(&report);
}

static void test_junit(void **state)
{
	char *text = render_sample(FORMAT_JUNIT, NULL);

	(void)state;
	assert_has(text, "<testsuite name=\"maprace\" tests=\"3\" failures=\"2\" errors=\"0\" "
			 "skipped=\"1\" time=\"3.000\" timestamp=\"2026-09-21T14:13:20\">\n");
	assert_has(text, "<failure type=\"read-write\" message=\"goroutine 19 entered while ");
	assert_has(text, "<skipped message=\"not proven: ");
	assert_has(text, "Write at 0x00c000094480 by goroutine 18 (thread 4215, cpu 0):\n");
	free(text);
}

static void test_junit_of_nothing(void **state)
{
	struct report report = {0};
	char *text = sample_render(&report, FORMAT_JUNIT, NULL);

	(void)state;
	assert_has(text, "tests=\"1\" failures=\"0\"");
	assert_has(text, "name=\"no race found\"");
	free(text);
}

/* A suite for each program that a command has started. */
static void test_junit_of_programs(void **state)
{
	struct report_followed followed = {.processes = 5, .go = 4, .watched = 3};
	struct report_process processes[] = {
		{.pid = 4215, .exe = "/tmp/b001/cache.test", .from_s = 0.5, .to_s = 2},
		{.pid = 7, .exe = "/tmp/b002/clean<.test", .from_s = 1, .to_s = 2},
		{.pid = 8, .exe = "/tmp/b002/clean<.test", .from_s = 1, .to_s = -1},
		{.pid = 9, .exe = "/tmp/b003/old.test", .why = "its version \"\"", .to_s = -1},
	};
	struct report report;
	size_t i;
	char *text;

	(void)state;
	sample_report(&report);
	for (i = 0; i < report.nraces; i++)
		report.races[i].pid = 4215;
	for (i = 0; i < report.nsuspects; i++)
		report.suspects[i].pid = 4215;
	report.followed = &followed;
	report.processes = processes;
	report.nprocesses = 4;
	text = sample_render(&report, FORMAT_JUNIT, NULL);
	assert_has(text, "<testsuite name=\"cache.test\" tests=\"3\" failures=\"2\" errors=\"0\" "
			 "skipped=\"1\" time=\"1.500\"");
	assert_has(text, "<testsuite name=\"clean&lt;.test\" tests=\"1\" failures=\"0\" "
			 "errors=\"0\" skipped=\"0\" time=\"3.000\"");
	assert_has(text, "<testsuite name=\"old.test\" tests=\"1\" failures=\"0\" errors=\"0\" "
			 "skipped=\"1\" time=\"0.000\"");
	assert_has(text, "<skipped message=\"its version &quot;&quot;\">");
	assert_null(strstr(text, "<testsuite name=\"maprace\""));
	free(text);
	report.followed = NULL;
	report.processes = NULL;
	report.nprocesses = 0;
	report_free(&report);
}

static char *render_junit_case(struct report *report, const char *suite)
{
	char *text = sample_render(report, FORMAT_JUNIT, NULL), *found = strstr(text, suite), *end;
	char *copy;

	assert_non_null(found);
	end = strstr(found, "</testsuite>");
	assert_non_null(end);
	copy = strndup(found, (size_t)(end - found));
	free(text);
	return copy;
}

/* One process has been two programs: what is said of the first one is not said of the second. */
static void test_junit_of_one_process_twice(void **state)
{
	struct report_followed followed = {.processes = 1, .go = 2, .watched = 2};
	struct report_process processes[] = {
		{.pid = 7, .exe = "/first", .from_s = 0, .to_s = 1},
		{.pid = 7, .exe = "/second", .from_s = 1, .to_s = 2},
	};
	struct report_target targets[] = {{.pid = 7, .exe = "/first"},
					  {.pid = 7, .exe = "/second"}};
	struct report report = {.targets = targets,
				.ntargets = 2,
				.processes = processes,
				.nprocesses = 2,
				.followed = &followed};
	char *text;

	(void)state;
	sample_caveat(&report, "one-p", 7, true, "one P");
	report.stats.caveats[0].target = 1;
	text = render_junit_case(&report, "<testsuite name=\"first\"");
	assert_has(text, "<skipped message=\"none could be proved\">");
	free(text);
	text = render_junit_case(&report, "<testsuite name=\"second\"");
	assert_has(text, " skipped=\"0\"");
	assert_null(strstr(text, "<skipped"));
	free(text);
	sample_caveat(&report, "no-holds", 0, true, "of all");
	text = render_junit_case(&report, "<testsuite name=\"second\"");
	assert_has(text, "<skipped message=\"none could be proved\">");
	free(text);
	report_stats_free(&report.stats);
}

static void test_what_silence_is_worth(void **state)
{
	static const char why[] = "process 1 has one P <\"&";
	struct report_target target = {
		.pid = 1, .exe = "a", .build_id = "", .go_version = "go1.24"};
	struct report report = {.ntargets = 1, .targets = &target};
	char *text;

	(void)state;
	report.version = report.kernel = report.arch = "";
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_has(text, "<h1 class=good>No race found</h1>");
	free(text);
	sample_caveat(&report, "plugins", 1, false, "seldom");
	report.stats.unwatched = 0.88;
	text = sample_render(&report, FORMAT_JUNIT, NULL);
	assert_has(text, " skipped=\"0\"");
	assert_has(text,
		   "<system-out>No race found; about 12% of the operations were watched\nseldom"
		   "</system-out>");
	free(text);
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_has(text,
		   "<h1 class=good>No race found; about 12% of the operations were watched</h1>\n"
		   "<p class=unsure>seldom</p>");
	free(text);
	report.stats.unwatched = 0;
	sample_caveat(&report, "one-p", 1, true, why);
	text = sample_render(&report, FORMAT_JUNIT, NULL);
	assert_has(text, "tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"1\"");
	assert_has(text, "<skipped message=\"none could be proved\">No race found: none could be "
			 "proved\nseldom\nprocess 1 has one P &lt;");
	free(text);
	text = sample_render(&report, FORMAT_HTML, NULL);
	assert_has(text, "<h1 class=unsure>No race found: none could be proved</h1>");
	assert_has(text, "<p class=unsure>process 1 has one P &lt;");
	free(text);
	text = sample_render(&report, FORMAT_SARIF, NULL);
	assert_has(text, "\"toolExecutionNotifications\": [");
	assert_has(text, "\"id\": \"one-p\"");
	assert_has(text, "process 1 has one P <\\\"&");
	free(text);
	report_stats_free(&report.stats);
}

static void assert_harmless(const char *text, enum report_format format)
{
	const char *p;

	if (format == FORMAT_JUNIT || format == FORMAT_HTML)
		assert_null(strstr(text, "<script>alert"));
	assert_null(strstr(text, "\xff"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	for (p = text; *p; p++)
		if ((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t')
			fail_msg("byte %02x in %s", (unsigned char)*p, format_name(format));
}

/* Nothing that the target named gets through as markup or as a control. */
static void test_hostile(void **state)
{
	static const char hostile[] =
		"\"'><script>alert(1)</script>&\033[31m\x01\xff\xe2\x80\xae]]>";
	const struct print_options options = {0};
	struct report report;
	size_t i, len;
	char *text;
	FILE *out;

	(void)state;
	sample_report(&report);
	for (i = 0; i < 2; i++) {
		free(report.races[i].map.type);
		free(report.races[i].message);
		free(report.races[i].access[0].frames[1].function);
		free(report.races[i].access[0].frames[1].file);
		report.races[i].map.type = sample_text(hostile);
		report.races[i].message = sample_text(hostile);
		report.races[i].access[0].frames[1].function = sample_text(hostile);
		report.races[i].access[0].frames[1].file = sample_text(hostile);
		sample_label(&report.races[i].access[0], hostile, hostile);
	}
	for (i = 0; i < REPORT_FORMATS; i++) {
		out = open_memstream(&text, &len);
		assert_non_null(out);
		assert_int_equal(format_print(out, &report, (enum report_format)i, &options), 0);
		assert_int_equal(fclose(out), 0);
		if (!memchr(text, 0, len)) /* else no text, and for no terminal */
			assert_harmless(text, (enum report_format)i);
		free(text);
	}
	report_free(&report);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* Nothing is fetched from anywhere, and what must be there is there. */
static void test_html(void **state)
{
	char *text = render_sample(FORMAT_HTML, NULL);

	(void)state;
	assert_int_equal(strncmp(text, "<!doctype html>\n", 16), 0);
	assert_null(strstr(text, "http:"));
	assert_null(strstr(text, "https:"));
	assert_null(strstr(text, " src="));
	assert_null(strstr(text, "<link"));
	assert_null(strstr(text, "nan"));
	assert_int_equal(count(text, "<article "), 3);
	assert_int_equal(count(text, "<section class=\"access a\">"), 3);
	assert_int_equal(count(text, "<section class=\"access b\">"), 3);
	assert_int_equal(count(text, "</article>"), 3);
	assert_int_equal(count(text, "<tr><td class=\"verdict "), 4);
	/* held for 36.5 us; the line goes a quarter further */
	assert_has(text, "<i class=bar style=\"left:0.00%;width:100.00%\"></i>");
	assert_has(text, "<i class=tick style=\"left:80.00%\"></i>");
	assert_has(text, "<span style=\"left:80.00%\">36.5us</span>");
	assert_has(text, "Write at 0x00c000094480 by goroutine 18 (thread 4215, cpu 0)</h3>");
	assert_has(text, "<section id=distances>");
	assert_has(text, "<dt>the ring buffer was full; races may be missing</dt><dd>3</dd>");
	assert_has(text, "default-src 'none'");
	free(text);
}

static void test_write_errors_are_told(void **state)
{
	const struct print_options options = {0};
	struct report report;
	size_t i;

	(void)state;
	sample_report(&report);
	for (i = 0; i < REPORT_FORMATS; i++) {
		FILE *full = fopen("/dev/full", "w");

		assert_non_null(full);
		assert_int_equal(format_print(full, &report, (enum report_format)i, &options),
				 -ENOSPC);
		fclose(full);
	}
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_sarif),
		cmocka_unit_test(test_sarif_rules),
		cmocka_unit_test(test_sarif_uris),
		cmocka_unit_test(test_junit),
		cmocka_unit_test(test_junit_of_nothing),
		cmocka_unit_test(test_junit_of_programs),
		cmocka_unit_test(test_junit_of_one_process_twice),
		cmocka_unit_test(test_what_silence_is_worth),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_write_errors_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
