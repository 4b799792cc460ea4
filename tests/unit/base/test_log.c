/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static char printed[8192];
static bool lines_wanted;

static void lines(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vlines(LOG_INFO, fmt, ap);
	va_end(ap);
}

/* What log_print() puts on standard error. */
static const char *print(enum log_level level, const char *text)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(file);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	if (lines_wanted)
		lines("%s", text);
	else
		log_print(level, "%s", text);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	n = fread(printed, 1, sizeof(printed) - 1, file);
	printed[n] = '\0';
	fclose(file);
	return printed;
}

static void test_prefixes_and_line_ends(void **state)
{
	(void)state;
	assert_string_equal(print(LOG_ERROR, "no"), "maprace: error: no\n");
	assert_string_equal(print(LOG_WARN, "no\n"), "maprace: warning: no\\x0a\n");
	assert_string_equal(print(LOG_HINT, ""), "maprace: hint: \n");
	assert_string_equal(print(LOG_INFO, "a\n\tb"), "maprace: a\\x0a\\x09b\n");
}

static void test_levels(void **state)
{
	(void)state;
	assert_string_equal(print(LOG_VERBOSE, "x"), "");
	log_set_level(LOG_VERBOSE);
	assert_string_equal(print(LOG_VERBOSE, "x"), "maprace: x\n");
	assert_string_equal(print(LOG_DEBUG, "x"), "");
	log_set_level(LOG_INFO);
}

/* An executable's name must not steer the terminal. */
static void test_controls_are_defused(void **state)
{
	(void)state;
	assert_string_equal(print(LOG_INFO, "a\033[31m\rb\x7f"),
			    "maprace: a\\x1b[31m\\x0db\\x7f\n");
	assert_string_equal(print(LOG_INFO, "\xc2\x9b"
					    "31m gr\xc3\xbc\xc3\x9f"),
			    "maprace: \\u{9b}31m gr\xc3\xbc\xc3\x9f\n");
	assert_string_equal(print(LOG_INFO, "\xc2"), "maprace: \\xc2\n");
}

/* ... nor look like a message of ours, or like another name. */
static void test_nothing_is_forged(void **state)
{
	static const char *const marks[] = {"200e", "200f", "2028", "2029", "202a", "202e",
					    "2066", "2069", "85",   "9b",   "feff"};
	char text[64], want[64];
	size_t i;

	(void)state;
	assert_string_equal(print(LOG_INFO, "x\nmaprace: error: y"),
			    "maprace: x\\x0amaprace: error: y\n");
	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		unsigned long c = strtoul(marks[i], NULL, 16);

		if (c < 0x800)
			snprintf(text, sizeof(text), "%c%c", (char)(0xc0 | c >> 6),
				 (char)(0x80 | (c & 0x3f)));
		else
			snprintf(text, sizeof(text), "%c%c%c", (char)(0xe0 | c >> 12),
				 (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f)));
		snprintf(want, sizeof(want), "maprace: error: \\u{%s}\n", marks[i]);
		assert_string_equal(print(LOG_ERROR, text), want);
	}
}

/* libbpf's are ended by themselves, and may be a verifier's whole log. */
static void test_lines_of_another_program(void **state)
{
	(void)state;
	lines_wanted = true;
	assert_string_equal(print(LOG_INFO, "libbpf: a\n"), "maprace: libbpf: a\n");
	assert_string_equal(print(LOG_INFO, "a\nmaprace: error: b\n\033c"),
			    "maprace: a\nmaprace: | maprace: error: b\nmaprace: | \\x1bc\n");
	lines_wanted = false;
}

static void test_long_message_is_whole(void **state)
{
	char text[5001];

	(void)state;
	memset(text, 'v', 5000);
	text[5000] = '\0';
	assert_int_equal(strlen(print(LOG_INFO, text)), 5000 + strlen("maprace: \n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes_and_line_ends),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_controls_are_defused),
		cmocka_unit_test(test_nothing_is_forged),
		cmocka_unit_test(test_lines_of_another_program),
		cmocka_unit_test(test_long_message_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
