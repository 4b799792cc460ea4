/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static char printed[8192];

/* What log_print() puts on standard error. */
static const char *print(enum log_level level, const char *text)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(file);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
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
	assert_string_equal(print(LOG_WARN, "no\n"), "maprace: warning: no\n");
	assert_string_equal(print(LOG_HINT, ""), "maprace: hint: \n");
	assert_string_equal(print(LOG_INFO, "a\n\tb"), "maprace: a\n\tb\n");
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
	assert_string_equal(print(LOG_INFO, "a\033[31m\rb\x7f"), "maprace: a?[31m?b?\n");
	assert_string_equal(print(LOG_INFO, "\xc2\x9b"
					    "31m gr\xc3\xbc\xc3\x9f"),
			    "maprace: ??31m gr\xc3\xbc\xc3\x9f\n");
	assert_string_equal(print(LOG_INFO, "\xc2"), "maprace: \xc2\n");
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
		cmocka_unit_test(test_long_message_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
