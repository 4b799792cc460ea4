/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the tables of options, formats and commands have is in the manual, the documentation and the
 * completions of the shells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/option_values.h"
#include "cmd/options_daemon.h"
#include "cmd/options_top.h"
#include "command_line.h"

static struct words words;

/* What a file calls an option: "--dry-run" is "\\-\\-dry\\-run" in the manual, "-l dry-run" for
 * fish. */
enum spelling { PLAIN, MANUAL, FISH };

static void spell(char *name, size_t max, const char *option, size_t len, enum spelling spelling)
{
	size_t n = 0, i;

	if (spelling == FISH) {
		snprintf(name, max, "-l %.*s ", (int)len - 2, option + 2);
		return;
	}
	for (i = 0; i < len; i++) {
		if (spelling == MANUAL && option[i] == '-')
			name[n++] = '\\';
		name[n++] = option[i];
		assert_true(n < max - 2);
	}
	name[n] = '\0';
}

/* Every option in a help text that was captured is in a file. Returns how many. */
static size_t assert_lists(const char *file, enum spelling spelling)
{
	const char *top = getenv("MAPRACE_TOP");
	char path[400], name[128], *text, *p;
	size_t len, checked = 0;

	snprintf(path, sizeof(path), "%s/%s", top ? top : ".", file);
	text = read_file(path);
	for (p = out; (p = strstr(p, " --")); p += len, checked++) {
		p++;
		len = 2 + strspn(p + 2, "abcdefghijklmnopqrstuvwxyz-");
		if (len == 2)
			continue; /* the -- before a command */
		spell(name, sizeof(name), p, len, spelling);
		if (strncmp(p, "--help", 6) != 0 && !strstr(text, name))
			fail_msg("%s is not in %s", name, path);
	}
	free(text);
	return checked;
}

static void test_every_option_is_documented(void **state)
{
	struct snapshot_cmd_options snapshot_options;
	struct report_options report_options;
	struct audit_options audit_options;
	struct bpf_options bpf_options;
	struct daemon_options daemon_options;
	struct top_options top_options;
	struct watch_options o;
	size_t i;

	(void)state;
	for (i = 0; i < 7; i++) {
		struct capture c;
		struct words w;

		split(&w, i == 0   ? "watch --help"
			  : i == 1 ? "report --help"
			  : i == 2 ? "bpf --help"
			  : i == 3 ? "snapshot --help"
			  : i == 4 ? "daemon --help"
			  : i == 5 ? "top --help"
				   : "audit --help");
		capture_begin(&c);
		if (i == 0)
			options_parse_watch(w.argc, w.argv, &o);
		else if (i == 1)
			options_parse_report(w.argc, w.argv, &report_options);
		else if (i == 2)
			options_parse_bpf(w.argc, w.argv, &bpf_options);
		else if (i == 3)
			options_parse_snapshot(w.argc, w.argv, &snapshot_options);
		else if (i == 4)
			options_parse_daemon(w.argc, w.argv, &daemon_options);
		else if (i == 5)
			options_parse_top(w.argc, w.argv, &top_options);
		else
			options_parse_audit(w.argc, w.argv, &audit_options);
		capture_end(&c);
		assert_true(assert_lists("docs/maprace.1", MANUAL) > 8);
		assert_lists("packaging/completions/maprace.bash", PLAIN);
		assert_lists("packaging/completions/_maprace", PLAIN);
		assert_lists("packaging/completions/maprace.fish", FISH);
	}
}

static char *read_top(const char *file)
{
	const char *top = getenv("MAPRACE_TOP");
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", top ? top : ".", file);
	return read_file(path);
}

static void assert_in_file(const char *file, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void assert_in_file(const char *file, const char *fmt, ...)
{
	char *text = read_top(file), part[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(part, sizeof(part), fmt, ap);
	va_end(ap);
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in %s", part, file);
	free(text);
}

static void test_every_format_is_documented(void **state)
{
	static const char *const completions[] = {"packaging/completions/maprace.bash",
						  "packaging/completions/_maprace",
						  "packaging/completions/maprace.fish"};
	char names[256] = "";
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < REPORT_FORMATS; i++) {
		const char *name = format_name((enum report_format)i);
		const char *extension = format_extension((enum report_format)i);

		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? " " : "", name);
		assert_in_file("docs/maprace.1", "\n.B %s\n", name);
		assert_in_file("docs/maprace.1", " %s", extension);
		assert_in_file("docs/reports.md", "\n| `%s` | `%s` |", name, extension);
		assert_non_null(strstr(option_format_names(), name));
		assert_non_null(strstr(option_format_extensions(), extension));
	}
	for (i = 0; i < 3; i++)
		assert_in_file(completions[i], "%s", names);
}

static void check_command(const char *name)
{
	const struct command *command;
	char line[64], usage[64];
	struct capture c;

	snprintf(line, sizeof(line), "maprace %s --help", name);
	assert_int_equal(global(&words, line, &command), OPTIONS_RUN);
	capture_begin(&c);
	assert_int_equal(command->run(words.argc - 1, words.argv + 1), 0);
	capture_end(&c);
	snprintf(usage, sizeof(usage), "Usage: maprace %s", name);
	assert_int_equal(strncmp(out, usage, strlen(usage)), 0);
	assert_in_file("docs/maprace.1", "\n.B maprace %s\n", name);
	assert_in_file("packaging/completions/maprace.bash", "%s ", name);
	assert_in_file("packaging/completions/_maprace", "'%s[", name);
	assert_in_file("packaging/completions/maprace.fish", " -a %s -d ", name);
}

static void test_every_command_is_documented(void **state)
{
	const struct command *command;
	char help[4096], name[32];
	const char *line;
	size_t n = 0;

	(void)state;
	assert_int_equal(global(&words, "maprace --help", &command), 0);
	snprintf(help, sizeof(help), "%s", out);
	for (line = strstr(help, "Commands:\n"); line; line = strchr(line + 1, '\n')) {
		if (strncmp(line, "\n  ", 3) != 0 || sscanf(line + 3, "%31[a-z]", name) != 1)
			continue;
		check_command(name);
		n++;
	}
	assert_true(n >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_option_is_documented),
		cmocka_unit_test(test_every_format_is_documented),
		cmocka_unit_test(test_every_command_is_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
