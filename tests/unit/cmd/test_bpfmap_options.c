/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/options.h"

static void test_defaults(void **state)
{
	char *argv[] = {"bpf", NULL};
	struct bpf_options o;

	(void)state;
	assert_int_equal(options_parse_bpf(1, argv, &o), OPTIONS_RUN);
	assert_int_equal(o.nmaps, 0);
	assert_true(o.budget_percent == 20);
	assert_int_equal(o.window_ns, 100000000);
	assert_int_equal(o.exitcode, 66);
	assert_false(o.top || o.json || o.suspects || o.quiet);
	bpf_options_free(&o);
}

static void test_everything(void **state)
{
	char *argv[] = {"bpf",
			"--map",
			"7",
			"--map=/sys/fs/bpf/x",
			"-d",
			"2",
			"-o",
			"f",
			"--json",
			"--top",
			"--suspects",
			"--budget",
			"50",
			"--window",
			"1s",
			"--exitcode",
			"0",
			"-f",
			"text",
			"--record=r",
			"--baseline=b",
			"--suppressions=s",
			NULL};
	struct bpf_options o;

	(void)state;
	assert_int_equal(options_parse_bpf((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv, &o),
			 OPTIONS_RUN);
	assert_int_equal(o.nmaps, 2);
	assert_string_equal(o.maps[0], "7");
	assert_string_equal(o.maps[1], "/sys/fs/bpf/x");
	assert_int_equal(o.duration_ns, 2000000000);
	assert_int_equal(o.out.n, 1);
	assert_string_equal(o.out.paths[0], "f");
	assert_true(o.json && o.top && o.suspects);
	assert_true(o.budget_percent == 50);
	assert_int_equal(o.window_ns, 1000000000);
	assert_int_equal(o.exitcode, 0);
	assert_string_equal(o.out.record, "r");
	assert_string_equal(o.out.baseline, "b");
	assert_string_equal(o.out.suppressions, "s");
	assert_int_equal(output_format(&o.out, "f.html"), FORMAT_TEXT);
	bpf_options_free(&o);
}

static void test_refusals(void **state)
{
	static char *bad[][4] = {
		{"bpf", "counter", NULL},	{"bpf", "--map", "", NULL},
		{"bpf", "-q", "-v", NULL},	{"bpf", "--budget", "101", NULL},
		{"bpf", "--window", "0", NULL}, {"bpf", "--map", NULL},
		{"bpf", "-f", "html", NULL},	{"bpf", "--record", "", NULL},
	};
	struct bpf_options o;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (n = 0; bad[i][n]; n++)
			;
		assert_int_equal(options_parse_bpf((int)n, bad[i], &o), EXIT_USAGE);
		bpf_options_free(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
