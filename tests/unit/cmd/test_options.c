/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/options_top.h"
#include "command_line.h"

static struct words words;

static int watch(const char *line, struct watch_options *options)
{
	struct capture c;
	int rc;

	split(&words, line);
	capture_begin(&c);
	rc = options_parse_watch(words.argc, words.argv, options);
	capture_end(&c);
	return rc;
}

static void assert_one_line(const char *part)
{
	if (!strstr(errors, part))
		fail_msg("\"%s\" is not in: %s", part, errors);
	assert_int_equal(strncmp(errors, "maprace: error: ", 16), 0);
	assert_ptr_equal(strchr(errors, '\n'), errors + strlen(errors) - 1);
	assert_string_equal(out, "");
}

static void assert_watch_refused(const char *line, const char *why)
{
	struct watch_options options;

	assert_int_equal(watch(line, &options), 2);
	assert_one_line(why);
	watch_options_free(&options);
}

static void test_watch_defaults(void **state)
{
	struct watch_options o;

	(void)state;
	assert_int_equal(watch("watch -p 1", &o), OPTIONS_RUN);
	assert_string_equal(errors, "");
	assert_int_equal(o.targets.n, 1);
	assert_int_equal(o.targets.pids[0], 1);
	assert_null(o.command);
	assert_int_equal(o.duration_ns, 0);
	assert_int_equal(o.out.n, 0);
	assert_false(o.json || o.quiet || o.suspects || o.halt_on_race || o.dry_run || o.no_color);
	assert_int_equal(o.verbose, 0);
	assert_true(o.budget_percent == 5);
	assert_int_equal(o.max_hold_ns, 2000000);
	assert_int_equal(o.window_ns, 100000000);
	assert_int_equal(o.exitcode, 66);
	watch_options_free(&o);
}

static void test_what_a_command_may_take(void **state)
{
	struct watch_options o;

	(void)state;
	assert_int_equal(watch("watch -- cmd", &o), OPTIONS_RUN);
	assert_true(o.slowdown == 2 && !o.slowdown_given && !o.budget_given && !o.procs_given);
	assert_int_equal(o.max_hold_ns, 2000000);
	assert_int_equal(o.long_hold_ns, 100000000);
	watch_options_free(&o);
	assert_int_equal(watch("watch --slowdown 1.5 --procs 3 --max-hold 5ms -- cmd", &o),
			 OPTIONS_RUN);
	assert_true(o.slowdown == 1.5 && o.slowdown_given);
	assert_int_equal(o.procs, 3);
	assert_int_equal(o.max_hold_ns, 5000000);
	assert_int_equal(o.long_hold_ns, 5000000); /* what is given is meant */
	watch_options_free(&o);
	assert_int_equal(watch("watch --budget 30 -- cmd", &o), OPTIONS_RUN);
	assert_true(o.budget_given && o.budget_percent == 30);
	watch_options_free(&o);
}

static void test_watch_never_holds(void **state)
{
	struct watch_options o;

	(void)state;
	assert_int_equal(watch("watch -p 1 --max-hold 0", &o), OPTIONS_RUN);
	assert_int_equal(o.max_hold_ns, 0);
	watch_options_free(&o);
}

static void test_watch_everything(void **state)
{
	struct watch_options o;

	(void)state;
	assert_int_equal(
		watch("watch --pid=7,8 -p 9,7 --duration 2.5 -o out.json --json -vv --budget 12.5% "
		      "--max-hold 500us --window 1.5s --suspects --halt-on-race --exitcode 3 --dry-run --no-color",
		      &o),
		OPTIONS_RUN);
	assert_int_equal(o.targets.n, 3);
	assert_int_equal(o.targets.pids[2], 9);
	assert_true(o.duration_ns == 2500000000);
	assert_int_equal(o.out.n, 1);
	assert_string_equal(o.out.paths[0], "out.json");
	assert_true(o.json && o.suspects && o.halt_on_race && o.dry_run && o.no_color);
	assert_int_equal(o.verbose, 2);
	assert_true(o.budget_percent == 12.5);
	assert_int_equal(o.max_hold_ns, 500000);
	assert_int_equal(o.window_ns, 1500000000);
	assert_int_equal(o.exitcode, 3);
	watch_options_free(&o);
}

static void test_watch_command(void **state)
{
	struct watch_options o;

	(void)state;
	assert_int_equal(watch("watch -d 1 -- hugo -d x --json --", &o), OPTIONS_RUN);
	assert_int_equal(o.targets.n, 0);
	assert_true(o.duration_ns == 1000000000);
	assert_false(o.json);
	assert_string_equal(o.command[0], "hugo");
	assert_string_equal(o.command[1], "-d");
	assert_string_equal(o.command[4], "--");
	assert_null(o.command[5]);
	watch_options_free(&o);
}

static void test_watch_refusals(void **state)
{
	(void)state;
	assert_watch_refused("watch", "watch: what to watch is missing");
	assert_watch_refused("watch -p", "--pid needs an argument");
	assert_watch_refused("watch -p x", "--pid: 'x' is not a list of process ids");
	assert_watch_refused("watch -p 1,", "--pid: '1,' is not a list");
	assert_watch_refused("watch -p 1;2", "--pid: '1;2' is not a list");
	assert_watch_refused("watch -p -1", "--pid: '-1' is not a list");
	assert_watch_refused("watch -p 0", "--pid: '0' is out of range");
	assert_watch_refused("watch -p 1 --core a.json -o a.json", "the same file: a.json");
	assert_watch_refused("watch -p 1 --core a --no-post-mortem", "--no-post-mortem turns off");
	assert_watch_refused("watch -p 4294967297", "out of range");
	assert_watch_refused("watch -p 1 -- ls", "either -p PID or -- CMD");
	assert_watch_refused("watch --", "CMD is missing after --");
	assert_watch_refused("watch ls -l", "unexpected argument 'ls'");
	assert_watch_refused("watch --all -p 1", "either --all, or -p PID, or -- CMD");
	assert_watch_refused("watch --all -- ls", "either --all, or -p PID, or -- CMD");
	assert_watch_refused("watch --user root -p 1", "need --all");
	assert_watch_refused("watch --all --user nobody-is-called-so",
			     "the name or number of a user");
	assert_watch_refused("watch --all --max-processes 0", "is out of range");
	assert_watch_refused("watch --all --growth", "--all has no --growth");
	assert_watch_refused("watch -p 1 2", "unexpected argument '2'");
	assert_watch_refused("watch --colour -p 1", "unknown or ambiguous option '--colour'");
	assert_watch_refused("watch -Z", "unknown option '-Z'");
	assert_watch_refused("watch --json=yes -p 1", "--json takes no argument");
	assert_watch_refused("watch -p 1 -d 0", "--duration: '0' is out of range");
	assert_watch_refused("watch -p 1 -d ten", "--duration: 'ten' is not a number of seconds");
	assert_watch_refused("watch -p 1 --max-hold 1", "--max-hold: '1' is not a time");
	assert_watch_refused("watch -p 1 --max-hold 100.1ms",
			     "--max-hold: '100.1ms' is out of range");
	assert_watch_refused("watch -p 1 --max-hold 10.1ms",
			     "--max-hold: more than 10ms needs a command after --");
	assert_watch_refused("watch --slowdown 1 -- cmd", "--slowdown: '1' is out of range");
	assert_watch_refused("watch -p 1 --slowdown 3", "--slowdown needs a command after --");
	assert_watch_refused("watch -p 1 --procs 3", "--procs needs a command after --");
	assert_watch_refused("watch --slowdown 3 --budget 5 -- cmd",
			     "either --budget or --slowdown, not both");
	assert_watch_refused("watch -p 1 --max-hold 0.9us", "--max-hold: '0.9us' is out of range");
	assert_watch_refused("watch -p 1 --window 1h", "--window: '1h' is not a time");
	assert_watch_refused("watch -p 1 --budget 0", "--budget: '0' is out of range");
	assert_watch_refused("watch -p 1 --budget 0.00009", "--budget: '0.00009' is out of range");
	assert_watch_refused("watch -p 1 --budget 101", "--budget: '101' is out of range");
	assert_watch_refused("watch -p 1 --exitcode 256", "--exitcode: '256' is out of range");
	assert_watch_refused("watch -p 1 --exitcode=-1",
			     "--exitcode: '-1' is not a number from 0 to 255");
	assert_watch_refused("watch -p 1 -q -v", "either --quiet or --verbose");
}

/* Options that have no effect must not be taken silently. */
static void test_window_needs_suspects(void **state)
{
	(void)state;
	assert_watch_refused("watch -p 1 --window 1s", "--window needs --suspects");
}

static void test_report(void **state)
{
	struct report_options o;
	struct words w;
	struct capture c;

	(void)state;
	split(&w, "report x.json --format json -v --no-color");
	assert_int_equal(options_parse_report(w.argc, w.argv, &o), OPTIONS_RUN);
	assert_string_equal(o.file, "x.json");
	assert_int_equal(o.format, FORMAT_JSON);
	assert_int_equal(o.verbose, 1);
	assert_true(o.no_color);
	split(&w, "report -");
	assert_int_equal(options_parse_report(w.argc, w.argv, &o), OPTIONS_RUN);
	assert_string_equal(o.file, "-");
	assert_int_equal(o.format, FORMAT_TEXT);
	split(&w, "report");
	capture_begin(&c);
	assert_int_equal(options_parse_report(w.argc, w.argv, &o), 2);
	capture_end(&c);
	assert_one_line("FILE is missing");
	split(&w, "report a b");
	capture_begin(&c);
	assert_int_equal(options_parse_report(w.argc, w.argv, &o), 2);
	capture_end(&c);
	assert_one_line("unexpected argument 'b'");
	split(&w, "report a -f pdf");
	capture_begin(&c);
	assert_int_equal(options_parse_report(w.argc, w.argv, &o), 2);
	capture_end(&c);
	assert_one_line("'pdf' is not text, json, jsonl, ");
}

static int report(const char *path, const char *options)
{
	char line[512];
	struct capture c;
	int rc;

	snprintf(line, sizeof(line), "report %s%s", path, options);
	split(&words, line);
	capture_begin(&c);
	rc = cmd_report(words.argc, words.argv);
	capture_end(&c);
	return rc;
}

/* Reports to standard output, the summary to standard error, and JSON as it was. */
static void test_report_renders(void **state)
{
	const char *top = getenv("MAPRACE_TOP");
	char path[400], *document;

	(void)state;
	snprintf(path, sizeof(path), "%s/tests/fuzz/seeds/json_read/full.json", top ? top : ".");
	assert_int_equal(report(path, ""), 0);
	assert_non_null(strstr(
		out,
		"WARNING: CONCURRENT MAP ACCESS (proven)\nWrite at 0x00c000094480 by goroutine 18"));
	assert_non_null(strstr(out, "WARNING: CONCURRENT MAP ACCESS (suspect)\n"));
	assert_int_equal(strncmp(errors, "2 races found, 1 suspect in 3.0s", 32), 0);
	assert_int_equal(report(path, " --format json"), 0);
	assert_string_equal(errors, "");
	document = read_file(path);
	assert_string_equal(out, document);
	free(document);
}

static void test_report_of_a_newer_schema(void **state)
{
	const char *top = getenv("MAPRACE_TOP");
	char path[400];

	(void)state;
	snprintf(path, sizeof(path), "%s/tests/fuzz/seeds/json_read/newer.json", top ? top : ".");
	assert_int_equal(report(path, ""), 1);
	assert_non_null(strstr(
		errors,
		"newer.json: it is of schema maprace/2, this version reads maprace/1\nmaprace: hint: "));
	assert_string_equal(out, "");
}

static void test_report_of_a_missing_file(void **state)
{
	struct words w;
	struct capture c;

	(void)state;
	split(&w, "report /nonexistent.json");
	capture_begin(&c);
	assert_int_equal(cmd_report(w.argc, w.argv), 1);
	capture_end(&c);
	assert_one_line("report: /nonexistent.json: cannot read it: No such file or directory");
}

static void test_inspect(void **state)
{
	struct inspect_options o;
	struct words w;
	struct capture c;

	(void)state;
	split(&w, "inspect /bin/x");
	assert_int_equal(options_parse_inspect(w.argc, w.argv, &o), OPTIONS_RUN);
	assert_string_equal(o.file, "/bin/x");
	assert_int_equal(o.pid, 0);
	split(&w, "inspect -p 12 -v");
	assert_int_equal(options_parse_inspect(w.argc, w.argv, &o), OPTIONS_RUN);
	assert_null(o.file);
	assert_int_equal(o.pid, 12);
	split(&w, "inspect");
	capture_begin(&c);
	assert_int_equal(options_parse_inspect(w.argc, w.argv, &o), 2);
	capture_end(&c);
	assert_one_line("BINARY or -p PID");
	split(&w, "inspect -p 12 x");
	capture_begin(&c);
	assert_int_equal(options_parse_inspect(w.argc, w.argv, &o), 2);
	capture_end(&c);
	assert_one_line("not both");
	split(&w, "inspect -p 1,2");
	capture_begin(&c);
	assert_int_equal(options_parse_inspect(w.argc, w.argv, &o), 2);
	capture_end(&c);
	assert_one_line("'1,2' is not a process id");
}

static void assert_snapshot_refused(const char *line, const char *why)
{
	struct snapshot_cmd_options o;
	struct words w;
	struct capture c;

	split(&w, line);
	capture_begin(&c);
	assert_int_equal(options_parse_snapshot(w.argc, w.argv, &o), 2);
	capture_end(&c);
	assert_one_line(why);
	snapshot_options_free(&o);
}

static void test_snapshot(void **state)
{
	struct snapshot_cmd_options o;
	struct words w;

	(void)state;
	split(&w,
	      "snapshot -p 12 --map 0xc000010000=map[string]int --map 0x10 --max-freeze 2s -o a.pb.gz");
	assert_int_equal(options_parse_snapshot(w.argc, w.argv, &o), OPTIONS_RUN);
	assert_int_equal(o.pid, 12);
	assert_int_equal(o.nmaps, 2);
	assert_int_equal(o.maps[0].addr, 0xc000010000);
	assert_string_equal(o.maps[0].type, "map[string]int");
	assert_null(o.maps[1].type);
	assert_int_equal(o.max_freeze_ns, 2000000000);
	assert_int_equal(o.exitcode, 66);
	snapshot_options_free(&o);
	split(&w, "snapshot -p 12 --format pprof");
	assert_int_equal(options_parse_snapshot(w.argc, w.argv, &o), OPTIONS_RUN);
	assert_int_equal(o.max_freeze_ns, 250000000);
	assert_null(o.core);
	snapshot_options_free(&o);
	split(&w, "snapshot -p 12 --core now.core -o a.json");
	assert_int_equal(options_parse_snapshot(w.argc, w.argv, &o), OPTIONS_RUN);
	assert_string_equal(o.core, "now.core");
	snapshot_options_free(&o);
	assert_snapshot_refused("snapshot -p 1 --core a.json -o a.json", "the same file: a.json");
	assert_snapshot_refused("snapshot", "-p PID");
	assert_snapshot_refused("snapshot -p 0", "'0' is out of range");
	assert_snapshot_refused("snapshot -p 1 --map 4096", "'4096' is not a map's address");
	assert_snapshot_refused("snapshot -p 1 --map 0x0", "'0x0' is not");
	assert_snapshot_refused("snapshot -p 1 --map 0xc000=", "is not a map's address");
	assert_snapshot_refused("snapshot -p 1 --map 0x1ffffffffffffffff",
				"is not a map's address");
	assert_snapshot_refused("snapshot -p 1 -o a.html", "cannot be written as html: a.html");
	assert_snapshot_refused("snapshot -p 1 --format sarif", "cannot be written as sarif");
	assert_snapshot_refused("snapshot -p 1 x", "unexpected argument 'x'");
	assert_snapshot_refused("snapshot -p 1 -o a.json -q -v", "not both");
}

static void test_global(void **state)
{
	const struct command *command;

	(void)state;
	assert_int_equal(global(&words, "maprace doctor -v", &command), OPTIONS_RUN);
	assert_string_equal(command->name, "doctor");
	assert_ptr_equal(command->run, cmd_doctor);
	assert_int_equal(global(&words, "maprace watch", &command), OPTIONS_RUN);
	assert_string_equal(command->name, "watch");
	assert_int_equal(global(&words, "maprace --help", &command), 0);
	assert_non_null(strstr(out, "Usage: maprace COMMAND"));
	assert_string_equal(errors, "");
	assert_int_equal(global(&words, "maprace --version", &command), 0);
	assert_int_equal(strncmp(out, "maprace ", 8), 0);
	assert_int_equal(global(&words, "maprace", &command), 2);
	assert_one_line(
		"a command is missing: watch, daemon, top, snapshot, report, inspect, doctor or bpf (see ");
	assert_int_equal(global(&words, "maprace wtach", &command), 2);
	assert_one_line("unknown command 'wtach'");
	assert_int_equal(global(&words, "maprace --frob", &command), 2);
	assert_one_line("unknown option '--frob'");
}

static void test_help_lists_every_option(void **state)
{
	static const char *const names[] = {
		"-p, --pid PID[,PID...]",
		"-d, --duration SECONDS",
		"-o, --output FILE",
		"--json",
		"-q, --quiet",
		"-v, --verbose",
		"--slowdown FACTOR",
		"--procs N",
		"--budget PERCENT",
		"--max-hold TIME",
		"--window",
		"--suspects",
		"--suppressions FILE",
		"--halt-on-race",
		"--exitcode N",
		"--dry-run",
		"--no-color",
		"-h, --help",
	};
	struct watch_options o;
	const char *line, *end;
	size_t i;

	(void)state;
	assert_int_equal(watch("watch --help", &o), 0);
	assert_string_equal(errors, "");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strstr(out, names[i]))
			fail_msg("%s is not in:\n%s", names[i], out);
	for (line = out; (end = strchr(line, '\n')); line = end + 1)
		if (end - line > 88)
			fail_msg("too wide: %.*s", (int)(end - line), line);
}

static void assert_time(const char *text, int rc, uint64_t ns)
{
	uint64_t value = 77;

	assert_int_equal(value_time(text, &value), rc);
	assert_true(value == (rc ? 77 : ns));
}

static void test_time(void **state)
{
	(void)state;
	assert_time("1us", 0, 1000);
	assert_time("36.5us", 0, 36500);
	assert_time("1ms", 0, 1000000);
	assert_time(".5s", 0, 500000000);
	assert_time("1.s", 0, 1000000000);
	assert_time("0.0000001us", -ERANGE, 0);
	assert_time("0s", -ERANGE, 0);
	assert_time("99999999999999999999999s", -ERANGE, 0);
	assert_time("", -EINVAL, 0);
	assert_time("ms", -EINVAL, 0);
	assert_time(".ms", -EINVAL, 0);
	assert_time("1", -EINVAL, 0);
	assert_time("1 ms", -EINVAL, 0);
	assert_time(" 1ms", -EINVAL, 0);
	assert_time("1m", -EINVAL, 0);
	assert_time("1MS", -EINVAL, 0);
	assert_time("1msx", -EINVAL, 0);
	assert_time("+1ms", -EINVAL, 0);
	assert_time("1e3ms", -EINVAL, 0);
	assert_time("0x1ms", -EINVAL, 0);
	assert_time("nans", -EINVAL, 0);
	assert_time("infs", -EINVAL, 0);
}

static void test_color(void **state)
{
	int file = open("/dev/null", O_WRONLY);

	(void)state;
	assert_true(file >= 0);
	assert_false(options_color(false, file));
	assert_false(options_color(true, file));
	close(file);
}

static int top(const char *line, struct top_options *options)
{
	struct capture c;
	int rc;

	split(&words, line);
	capture_begin(&c);
	rc = options_parse_top(words.argc, words.argv, options);
	capture_end(&c);
	return rc;
}

static void test_top(void **state)
{
	static const char *const refused[] = {
		"top 7",    "top -n 0",		"top -n x", "top -i 0.05", "top --sort nothing",
		"top -p 0", "top -p 1 --user 0"};
	struct top_options o;
	size_t i;

	(void)state;
	assert_int_equal(top("top", &o), OPTIONS_RUN);
	assert_true(o.watch.all && o.watch.quiet);
	assert_int_equal(o.watch.exitcode, 0);
	assert_int_equal(o.interval_ns, 1000000000);
	assert_int_equal(o.count, 0);
	top_options_free(&o);
	assert_int_equal(top("top -p 3,4 -i 0.5 -n 2 --sort races -v", &o), OPTIONS_RUN);
	assert_false(o.watch.all || o.watch.quiet);
	assert_int_equal(o.watch.targets.n, 2);
	assert_int_equal(o.interval_ns, 500000000);
	assert_int_equal(o.count, 2);
	assert_int_equal(o.sort, TOP_RACES);
	top_options_free(&o);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(top(refused[i], &o), 2);
		assert_one_line("");
		top_options_free(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch_defaults),
		cmocka_unit_test(test_what_a_command_may_take),
		cmocka_unit_test(test_watch_never_holds),
		cmocka_unit_test(test_watch_everything),
		cmocka_unit_test(test_watch_command),
		cmocka_unit_test(test_watch_refusals),
		cmocka_unit_test(test_window_needs_suspects),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_report_renders),
		cmocka_unit_test(test_report_of_a_newer_schema),
		cmocka_unit_test(test_report_of_a_missing_file),
		cmocka_unit_test(test_inspect),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_global),
		cmocka_unit_test(test_help_lists_every_option),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_color),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
