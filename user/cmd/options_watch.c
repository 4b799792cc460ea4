/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "cmd/options_output.h"

#define DEFAULT_BUDGET_PERCENT 5
/* Go sleeps in epoll_wait, whole milliseconds: in an idle process nobody comes sooner */
#define DEFAULT_MAX_HOLD_NS 2000000
#define DEFAULT_WINDOW_NS 100000000
/* A probe spins in the kernel for that long at the most: far beyond what proves a race, far below
 * what stalls a CPU. */
#define SHORTEST_HOLD_NS 1000
#define LONGEST_HOLD_NS 10000000

static int set_pid(void *options, const char *arg)
{
	return value_pids(arg, &((struct watch_options *)options)->targets);
}

static int set_duration(void *options, const char *arg)
{
	return value_seconds(arg, &((struct watch_options *)options)->duration_ns);
}

static int set_source_root(void *options, const char *arg)
{
	if (!*arg)
		return -EINVAL;
	((struct watch_options *)options)->source_root = arg;
	return 0;
}

static int set_json(void *options, const char *arg)
{
	(void)arg;
	((struct watch_options *)options)->json = true;
	return 0;
}

static int set_quiet(void *options, const char *arg)
{
	(void)arg;
	((struct watch_options *)options)->quiet = true;
	return 0;
}

static int set_verbose(void *options, const char *arg)
{
	(void)arg;
	((struct watch_options *)options)->verbose++;
	return 0;
}

static int set_budget(void *options, const char *arg)
{
	return value_percent(arg, &((struct watch_options *)options)->budget_percent);
}

static int set_max_hold(void *options, const char *arg)
{
	struct watch_options *o = options;
	uint64_t ns;
	int rc;

	if (!strcmp(arg, "0")) {
		o->max_hold_ns = 0;
		return 0;
	}
	rc = value_time(arg, &ns);
	if (rc)
		return rc;
	if (ns < SHORTEST_HOLD_NS || ns > LONGEST_HOLD_NS)
		return -ERANGE;
	o->max_hold_ns = ns;
	return 0;
}

static int set_window(void *options, const char *arg)
{
	struct watch_options *o = options;

	o->window_given = true;
	return value_time(arg, &o->window_ns);
}

static int set_suspects(void *options, const char *arg)
{
	(void)arg;
	((struct watch_options *)options)->suspects = true;
	return 0;
}

static int set_growth(void *options, const char *arg)
{
	(void)arg;
	((struct watch_options *)options)->growth = true;
	return 0;
}

static int set_halt_on_race(void *options, const char *arg)
{
	(void)arg;
	((struct watch_options *)options)->halt_on_race = true;
	return 0;
}

static int set_exitcode(void *options, const char *arg)
{
	struct watch_options *o = options;
	unsigned int code;
	int rc = value_integer(arg, 255, &code);

	if (!rc)
		o->exitcode = (int)code;
	return rc;
}

static int set_dry_run(void *options, const char *arg)
{
	(void)arg;
	((struct watch_options *)options)->dry_run = true;
	return 0;
}

static int set_no_color(void *options, const char *arg)
{
	(void)arg;
	((struct watch_options *)options)->no_color = true;
	return 0;
}

static const struct option_row watch_rows[] = {
	{"pid", 'p', "PID[,PID...]", set_pid, "a list of process ids, as in 4215,4300",
	 "attach to these processes (may be repeated)"},
	{"duration", 'd', "SECONDS", set_duration, "a number of seconds above 0, as in 10 or 2.5",
	 "end after that long; without it when the targets end,\nor on SIGINT or SIGTERM"},
	{"output", 'o', "FILE", output_set_path, OUTPUT_PATH_EXPECTS,
	 "write the report there at the end, and whenever SIGUSR1\ncomes; FILE is replaced as a whole. .json, .jsonl,\n.sarif, .xml (JUnit), .html, .txt and .mrec (a recording)\nsay the format, any other is JSON. May be repeated"},
	OUTPUT_ROW_FORMAT,
	{"source-root", 0, "DIR", set_source_root, "a directory",
	 "where the sources are: SARIF names files relative to it,\nand text quotes lines from there"},
	{"json", 0, NULL, set_json, NULL,
	 "print races as JSON Lines instead of text, as they are\nfound"},
	{"quiet", 'q', NULL, set_quiet, NULL,
	 "no progress and no closing summary; warnings and errors\nonly"},
	{"verbose", 'v', NULL, set_verbose, NULL,
	 "say more, and show the runtime's frames; twice:\nlibbpf's messages too"},
	{"budget", 0, "PERCENT", set_budget, "a percentage from 0.0001 to 100",
	 "share of CPU that watching may cost the target (5); 100\nholds all that it can: not for a live service"},
	{"max-hold", 0, "TIME", set_max_hold,
	 "a time from 1us to 10ms, as in 500us or 1ms, or 0 for no delay",
	 "longest single delay of an operation (2ms)"},
	{"window", 0, "TIME", set_window, "a time, as in 500us, 100ms or 1s",
	 "how close in time two accesses make a suspect (100ms);\nneeds --suspects"},
	{"suspects", 0, NULL, set_suspects, NULL,
	 "also report, at the end, conflicts that are close in time\nbut not proven, on maps that nothing shows to be ordered"},
	{"growth", 0, NULL, set_growth, NULL,
	 "also report how maps grew: when, from which size to\nwhich, who paid for it, which iterations were open"},
	{"suppressions", 0, "FILE", output_set_suppressions, "a file name",
	 "do not report what this file names: race:PATTERN,\nrace_top:PATTERN, map:TYPE"},
	OUTPUT_ROW_BASELINE,
	OUTPUT_ROW_RECORD,
	{"halt-on-race", 0, NULL, set_halt_on_race, NULL, "end after the first race"},
	{"exitcode", 0, "N", set_exitcode, "a number from 0 to 255",
	 "exit status when a race was found (66)"},
	{"dry-run", 0, NULL, set_dry_run, NULL,
	 "find and check everything, but do not open the probes"},
	{"no-color", 0, NULL, set_no_color, NULL, "never colour the text"},
};

static const struct option_table watch_table = {
	.command = "watch",
	.usage = "maprace watch -p PID[,PID...] [OPTION...]\n"
		 "maprace watch [OPTION...] -- CMD [ARG...]",
	.about =
		"Attaches to live Go processes, or starts one, and proves which of their maps are\n"
		"used by two goroutines at once without a lock. Needs root.",
	.after =
		"TIME is a number with us, ms or s.\n"
		"\n"
		"Exit status: 0 nothing found (the summary says so where nothing could be), 66\n"
		"(--exitcode) a race was found, 1 the tool failed, 2 bad usage. With -- CMD and no\n"
		"race found: CMD's own status (128+N when it died of signal N). Children of CMD are\n"
		"not watched; tests are by: go test -exec 'maprace watch --' ./...",
	.stop_early = true,
	.rows = watch_rows,
	.nrows = sizeof(watch_rows) / sizeof(watch_rows[0]),
};

static int check_targets(int argc, char **argv, int rest, struct watch_options *options)
{
	bool separated = rest > 1 && !strcmp(argv[rest - 1], "--");

	if (rest < argc && !separated)
		return option_usage_error(&watch_table,
					  "unexpected argument '%s'; a command comes after --",
					  argv[rest]);
	if (separated && rest >= argc)
		return option_usage_error(&watch_table, "CMD is missing after --");
	if (separated && options->targets.n)
		return option_usage_error(&watch_table, "either -p PID or -- CMD, not both");
	if (!separated && !options->targets.n)
		return option_usage_error(&watch_table,
					  "what to watch is missing: -p PID or -- CMD");
	if (separated)
		options->command = &argv[rest];
	return OPTIONS_RUN;
}

int options_parse_watch(int argc, char **argv, struct watch_options *options)
{
	int rest, rc;

	memset(options, 0, sizeof(*options));
	options->budget_percent = DEFAULT_BUDGET_PERCENT;
	options->max_hold_ns = DEFAULT_MAX_HOLD_NS;
	options->window_ns = DEFAULT_WINDOW_NS;
	options->exitcode = EXIT_RACE;
	rc = option_table_parse(&watch_table, argc, argv, options, &rest);
	if (rc != OPTIONS_RUN)
		return rc;
	if (options->quiet && options->verbose)
		return option_usage_error(&watch_table, "either --quiet or --verbose, not both");
	rc = output_options_check(&options->out, &watch_table);
	if (rc != OPTIONS_RUN)
		return rc;
	if (options->window_given && !options->suspects)
		return option_usage_error(&watch_table, "--window needs --suspects");
	return check_targets(argc, argv, rest, options);
}

void watch_options_free(struct watch_options *options)
{
	pid_list_free(&options->targets);
}
