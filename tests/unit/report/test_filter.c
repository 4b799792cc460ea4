/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/diff.h"
#include "report/filter.h"
#include "report_sample.h"

static bool hides(const char *rules, const struct report_race *race)
{
	struct filter *filter = filter_new();
	struct err err = {0};
	bool hidden;

	assert_non_null(filter);
	if (filter_add_suppressions(filter, "rules", rules, strlen(rules), &err))
		fail_msg("%s", err.text);
	hidden = filter_hides(filter, race);
	filter_free(filter);
	return hidden;
}

/* The sample: main.(*cache).put and main.(*cache).get in /src/app/main.go on map[string]int. */
static void test_patterns(void **state)
{
	static const struct {
		const char *rules;
		bool hidden;
	} cases[] = {
		{"", false},
		{"race:main.(*cache).put", true},
		{"race:cache", true},
		{"race:Cache", false},
		{"  race:cache \r\n", true},
		{"# race:cache\n\n", false},
		{"race:nothing\nrace:cache", true},
		{"race:main.go", true},
		{"race:^main.go", false},
		{"race:^/src/*/main.go$", true},
		{"race:^main.", true},
		{"race:^cache", false},
		{"race:.get$", true},
		{"race:.ge$", false},
		{"race:^main.(*cache).get$", true},
		{"race:^main.*put$", true},
		{"race:^main.*put*x$", false},
		{"race:m*n*p*t", true},
		{"race:m*n*t*p", false},
		{"race:*", true},
		{"race:^$", false},
		{"race:mapassign_faststr", true},
		{"race_top:mapassign_faststr", false},
		{"race_top:cache", true},
		{"race:goexit", true},
		{"map:map[string]int", true},
		{"map:map[string]", false},
		{"map:map[*]int", true},
		{"map:map[*", true},
		{"map:string", false},
		{"mutex:cache\nthread:x\ncalled_from_lib:y", false},
	};
	struct report_race race;
	size_t i;

	(void)state;
	sample_race(&race);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (hides(cases[i].rules, &race) != cases[i].hidden)
			fail_msg("%s: %s", cases[i].rules, cases[i].hidden ? "shown" : "hidden");
	report_race_free(&race);
}

/* A pointer's star matches itself. */
static void test_type_with_a_star(void **state)
{
	struct report_race race;

	(void)state;
	sample_race(&race);
	free(race.map.type);
	race.map.type = sample_text("map[string]*main.session");
	assert_true(hides("map:map[string]*main.session", &race));
	assert_false(hides("map:map[string]*main.sess", &race));
	report_race_free(&race);
}

static void test_bad_files(void **state)
{
	static const char *const bad[] = {"race\n", "race:\n", "races:x", "x", "map:", ":x"};
	struct filter *filter = filter_new();
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[64];
		int n = snprintf(text, sizeof(text), "race:a\n%s", bad[i]);

		memset(&err, 0, sizeof(err));
		assert_int_equal(filter_add_suppressions(filter, "f", text, (size_t)n, &err),
				 -EINVAL);
		assert_string_equal(err.text, "f, line 2: not a suppression");
		assert_true(err.hint[0]);
	}
	memset(&err, 0, sizeof(err));
	assert_int_equal(filter_add_suppressions(filter, "f", "race:a\0b", 8, &err), -EINVAL);
	memset(&err, 0, sizeof(err));
	assert_int_equal(filter_read_suppressions(filter, "/nonexistent", &err), -ENOENT);
	assert_non_null(strstr(err.text, "cannot read /nonexistent"));
	memset(&err, 0, sizeof(err));
	assert_int_equal(filter_read_suppressions(filter, "/dev/zero", &err), -EFBIG);
	filter_free(filter);
}

/* What is hidden is counted, and still freed with the report. */
static void test_apply(void **state)
{
	static const char rules[] = "race:nothing\nmap:map[string]int\n";
	struct filter *filter = filter_new();
	struct report report;
	struct err err = {0};

	(void)state;
	sample_report(&report);
	free(report.races[1].map.type);
	report.races[1].map.type = sample_text("map[int]int");
	assert_int_equal(filter_add_suppressions(filter, "f", rules, strlen(rules), &err), 0);
	assert_int_equal(filter_apply(filter, &report), 0);
	assert_int_equal(report.nraces, 1);
	assert_string_equal(report.races[0].map.type, "map[int]int");
	assert_int_equal(report.nraces_hidden, 1);
	assert_int_equal(report.nsuspects, 0);
	assert_int_equal(report.nhidden, 1);
	assert_string_equal(report.hidden[0].by, "map:map[string]int");
	assert_int_equal(report.hidden[0].races, 2);
	assert_int_equal(report.hidden[0].count, 24);
	assert_false(report.hidden[0].known);
	filter_free(filter);
	report_free(&report);
}

static void move_site(struct report_race *race, int line)
{
	race->access[0].frames[1].line = line;
	report_race_identify(race);
}

static void test_baseline(void **state)
{
	struct filter *filter = filter_new();
	struct report before, after;

	(void)state;
	sample_report(&before);
	sample_report(&after);
	move_site(&after.races[1], 99);
	assert_int_equal(filter_add_baseline(filter, "old.json", &before), 0);
	assert_true(filter_hides(filter, &after.races[0]));
	assert_false(filter_hides(filter, &after.races[1]));
	assert_int_equal(filter_apply(filter, &after), 0);
	assert_int_equal(after.nraces, 1);
	assert_int_equal(after.nhidden, 1);
	assert_true(after.hidden[0].known);
	assert_string_equal(after.hidden[0].by, "old.json");
	filter_free(filter);
	report_free(&before);
	report_free(&after);
}

/* Lines above the function, addresses and other threads do not change an id. */
static void test_ids_of_another_build(void **state)
{
	struct report_race race, rebuilt;
	size_t i, j;

	(void)state;
	sample_race(&race);
	sample_race(&rebuilt);
	for (i = 0; i < 2; i++)
		for (j = 0; j < rebuilt.access[i].nframes; j++) {
			rebuilt.access[i].frames[j].line += 40;
			rebuilt.access[i].frames[j].start_line += 40;
			rebuilt.access[i].frames[j].pc += 0x12340;
		}
	rebuilt.map.addr = 0xc000123000;
	report_race_identify(&rebuilt);
	assert_string_equal(race.id, rebuilt.id);
	rebuilt.access[0].frames[1].line++;
	report_race_identify(&rebuilt);
	assert_string_not_equal(race.id, rebuilt.id);
	report_race_free(&race);
	report_race_free(&rebuilt);
}

static void test_diff(void **state)
{
	const struct text_style plain = {0};
	struct report before, after;
	struct sample_stream s;
	size_t added;
	char *text;

	(void)state;
	sample_report(&before);
	sample_report(&after);
	move_site(&before.races[1], 77);
	move_site(&after.races[1], 99);
	sample_open(&s);
	assert_int_equal(diff_print(s.out, &before, &after, &plain, &added), 0);
	text = sample_close(&s);
	assert_int_equal(added, 1);
	assert_int_equal(strncmp(text, "1 new, 1 gone, 1 in both\n+ ", 27), 0);
	assert_non_null(strstr(text, "\n- "));
	assert_non_null(strstr(text, "seen 12 times (before: 12)\n"));
	assert_non_null(strstr(text, "/src/app/main.go:99"));
	assert_null(strstr(text, "/src/app/main.go:77"));
	free(text);
	report_free(&before);
	report_free(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),  cmocka_unit_test(test_type_with_a_star),
		cmocka_unit_test(test_bad_files), cmocka_unit_test(test_apply),
		cmocka_unit_test(test_baseline),  cmocka_unit_test(test_ids_of_another_build),
		cmocka_unit_test(test_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
