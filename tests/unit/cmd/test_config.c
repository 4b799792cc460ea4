/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Settings of the daemon: what is taken, and what is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/config.h"
#include "cmd/option_values.h"

struct settings {
	const char *name, *other;
	uint64_t time_ns;
	_Bool flag;
	int count;
};

#define O struct settings
static const struct option_row rows[] = {
	{"name", 0, "TEXT", OPTION_TEXT(O, name), "a name", ""},
	{"other", 0, "TEXT", OPTION_TEXT(O, other), "a name", ""},
	{"time", 0, "TIME", OPTION_TIME(O, time_ns), EXPECTS_TIME, ""},
	{"flag", 0, NULL, OPTION_FLAG(O, flag), NULL, ""},
	{"count", 0, NULL, OPTION_COUNT(O, count), NULL, ""},
	{"config", 'c', "FILE", OPTION_TEXT(O, name), EXPECTS_FILE, ""},
};
static const struct option_table table = {
	.command = "test", .rows = rows, .nrows = sizeof(rows) / sizeof(rows[0])};

static char **strings;
static size_t nstrings;
static struct settings settings;
static struct err err;

static int read_text(const char *text, size_t len)
{
	char path[] = "/tmp/test_config.XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	memset(&settings, 0, sizeof(settings));
	memset(&err, 0, sizeof(err));
	r = config_read(&table, path, &settings, &strings, &nstrings, &err);
	unlink(path);
	return r;
}

static void forget(void)
{
	while (nstrings)
		free(strings[--nstrings]);
	free(strings);
	strings = NULL;
}

static void test_taken(void **state)
{
	static const char text[] = "# a comment\nname: 'api-*'\nother: \"a: b # c\"\n\ntime: 5ms\n";

	(void)state;
	assert_int_equal(read_text(text, sizeof(text) - 1), 0);
	assert_string_equal(settings.name, "api-*");
	assert_string_equal(settings.other, "a: b # c");
	assert_int_equal(settings.time_ns, 5000000);
	assert_false(settings.flag);
	forget();
	assert_int_equal(read_text("flag: true\n", 11), 0);
	assert_true(settings.flag);
	forget();
	assert_int_equal(read_text("flag: false\n", 12), 0);
	assert_false(settings.flag);
	forget();
	assert_int_equal(read_text("flag: true\nname: x\n", 19), 0);
	assert_true(settings.flag);
	assert_string_equal(settings.name, "x");
	forget();
	assert_int_equal(read_text("flag: true\nflag: false\n", 23), 0);
	assert_false(settings.flag);
	forget();
	assert_int_equal(read_text("", 0), 0);
	assert_null(settings.name);
	forget();
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
		size_t len;
	} bad[] = {
		{"name: a\nwhat: b\n", ":2: unknown setting 'what'", 0},
		{"time: long\n", ":1: time takes a time, as in 500us, 100ms or 1s, not 'long'", 0},
		{"flag: yes\n", ":1: flag takes true or false, not 'yes'", 0},
		{"flag:\n", "flag takes true or false, not", 0},
		{"count: true\n", "unknown setting 'count'", 0},
		{"config: other\n", "unknown setting 'config'", 0},
		{"name: [a, b]\n", ":1: a value is one word or text", 0},
		{"name:\n  other: b\n", ":2: a value is one word or text", 0},
		{"other: &x a\nname: *x\n", ":2: a value is one word or text", 0},
		{"just words\n", "expected 'name: value'", 0},
		{"- name\n", "a value is one word", 0},
		{"name: 'a\n", ":", 0},
		{"name:\n", "name takes a name, not", 0},
		{"\x00\xff\xfe", ":", 3},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(
			read_text(bad[i].text, bad[i].len ? bad[i].len : strlen(bad[i].text)), 0);
		if (!strstr(err.text, bad[i].says))
			fail_msg("'%s' for '%s'", err.text, bad[i].text);
		forget();
	}
	assert_int_not_equal(config_read(&table, "/nowhere", &settings, &strings, &nstrings, &err),
			     0);
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
