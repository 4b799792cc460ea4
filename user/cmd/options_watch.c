/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "cmd/options_host.h"
#include "cmd/options_memory.h"
#include "cmd/options_output.h"

#define DEFAULT_MAX_FREEZE_NS 50000000
/* What a command that is started takes is bounded by its own time. Two goroutines whose timers are
 * a millisecond apart are run 10 ms apart, when one of them is held in an idle process: Go's sysmon
 * has to find the other one. */
#define DEFAULT_SLOWDOWN 2
#define DEFAULT_LONG_HOLD_NS 100000000
#define MOST_PROCS 1024

static int parse_max_hold(void *value, const char *arg)
{
	struct watch_options *o = value;
	int rc = option_hold(arg, DEFAULT_LONG_HOLD_NS, &o->max_hold_ns);

	o->long_hold_ns = o->max_hold_ns;
	return rc;
}

static int parse_budget(void *value, const char *arg)
{
	struct watch_options *o = value;

	o->budget_given = true;
	return value_percent(arg, &o->budget_percent);
}

static int parse_slowdown(void *value, const char *arg)
{
	struct watch_options *o = value;

	o->slowdown_given = true;
	return value_factor(arg, &o->slowdown);
}

static int parse_procs(void *value, const char *arg)
{
	struct watch_options *o = value;

	o->procs_given = true;
	return value_integer(arg, MOST_PROCS, &o->procs);
}

static int parse_window(void *value, const char *arg)
{
	struct watch_options *o = value;

	o->window_given = true;
	return value_time(arg, &o->window_ns);
}

#define O struct watch_options

static const struct option_row watch_rows[] = {
	{"pid", 'p', "PID[,PID...]", OPTION_BY(option_pids, struct pid_list, O, targets),
	 "a list of process ids, as in 4215,4300", "attach to these processes (may be repeated)"},
	{"duration", 'd', "SECONDS", OPTION_SECONDS(O, duration_ns), EXPECTS_SECONDS,
	 "end after that long; without it when the targets end, or on SIGINT or SIGTERM"},
	OUTPUT_ROW_PATH(O, "write the report there at the end, and whenever SIGUSR1 comes; FILE is "
			   "replaced as a whole. Its extension says the format: %s; any other is "
			   "JSON. May be repeated"),
	OUTPUT_ROW_FORMAT(O),
	{"source-root", 0, "DIR", OPTION_TEXT(O, source_root), EXPECTS_DIRECTORY,
	 "where the sources are: SARIF names files relative to it, and text quotes lines from "
	 "there"},
	{"json", 0, NULL, OPTION_FLAG(O, json), NULL,
	 "print races as JSON Lines instead of text, as they are found"},
	{"quiet", 'q', NULL, OPTION_FLAG(O, quiet), NULL,
	 "no progress and no closing summary; warnings and errors only"},
	{"verbose", 'v', NULL, OPTION_COUNT(O, verbose), NULL,
	 "say more, and show the runtime's frames; twice: libbpf's messages too"},
	{"slowdown", 0, "FACTOR", OPTION_ALL(parse_slowdown), "a number from 1.01 to 100",
	 "so many times as long as alone CMD may take, and 0.3 s beside (2); without it what runs "
	 "for two minutes is taken for a service, and costs it 5 percent from then on"},
	{"procs", 0, "N", OPTION_ALL(parse_procs), "a number from 0 to 1024",
	 "GOMAXPROCS of CMD, unless its environment says it (twice the CPUs, at least 8): who is "
	 "held does not keep others from running then; 0 leaves it as it is"},
	{"budget", 0, "PERCENT", OPTION_ALL(parse_budget), EXPECTS_PERCENT,
	 "share of CPU that watching may cost the target (5, with -p); 100 holds all that it can: "
	 "not for a live service. With CMD: that, instead of --slowdown"},
	{"max-hold", 0, "TIME", OPTION_ALL(parse_max_hold),
	 "a time from 1us to 100ms, with -p 10ms, as in 500us or 1ms, or 0 for no delay",
	 "longest single delay of an operation (2ms; of a CMD's that is new 100ms)"},
	{"window", 0, "TIME", OPTION_ALL(parse_window), EXPECTS_TIME,
	 "how close in time two accesses make a suspect (100ms); needs --suspects"},
	{"suspects", 0, NULL, OPTION_FLAG(O, suspects), NULL,
	 "also report, at the end, conflicts that are close in time but not proven, on maps that "
	 "nothing shows to be ordered"},
	{"growth", 0, NULL, OPTION_FLAG(O, growth), NULL,
	 "also report how maps grew: when, from which size to which, who paid for it, which "
	 "iterations were open"},
	{"panics", 0, NULL, OPTION_FLAG(O, panics), NULL,
	 "also report where the program panics, how often, and what becomes of it: recovered, in "
	 "which function, or not"},
	{"goroutines", 0, NULL, OPTION_FLAG(O, goroutines), NULL,
	 "also look at goroutines, scheduler and heap once a second, without stopping anything: how "
	 "many, what they wait for, which places make ones that do not end"},
	OUTPUT_ROW_SUPPRESSIONS(O, "do not report what this file names: race:PATTERN, "
				   "race_top:PATTERN, map:TYPE"),
	OUTPUT_ROW_BASELINE(O),
	OUTPUT_ROW_RECORD(O),
	{"state", 0, "FILE", OPTION_TEXT(O, state), EXPECTS_FILE,
	 "keep there what is learnt of call sites, for the next run: it looks there first"},
	{"halt-on-race", 0, NULL, OPTION_FLAG(O, halt_on_race), NULL, "end after the first race"},
	{"exitcode", 0, "N", OPTION_STATUS(O, exitcode), EXPECTS_STATUS,
	 "exit status when a race was found (66)"},
	{"all", 0, NULL, OPTION_FLAG(O, all), NULL,
	 "watch all Go processes of this host, present and future; the rest narrows that"},
	HOST_ROW_MATCH("; needs --all"),
	HOST_ROW_CGROUP("; needs --all"),
	HOST_ROW_CONTAINER("; needs --all"),
	HOST_ROW_USER("; needs --all"),
	HOST_ROW_MOST("; needs --all"),
	{"no-follow", 0, NULL, OPTION_FLAG(O, no_follow), NULL,
	 "watch CMD alone, not the programs that it starts"},
	{"no-post-mortem", 0, NULL, OPTION_FLAG(O, no_post_mortem), NULL,
	 "do not stop a process that dies (of Go's own check, of a panic) for a moment, to look "
	 "at it"},
	{"panic-values", 0, NULL, OPTION_FLAG(O, panic_values), NULL,
	 "tell what a program says itself when it panics: it may be private"},
	{"max-freeze", 0, "TIME", OPTION_TIME(O, max_freeze_ns), EXPECTS_TIME,
	 "how long such a process may stand still (50ms)"},
	{"core", 0, "FILE", OPTION_TEXT(O, core), EXPECTS_FILE,
	 "write a core file of the first process that dies so, as much of it as can be read in "
	 "that time; of each, where FILE has %p in it: its id"},
	MEMORY_ROW_ON(O, memory.on),
	MEMORY_ROW_LIMIT,
	MEMORY_ROW_AT,
	MEMORY_ROW_DIR,
	{"dry-run", 0, NULL, OPTION_FLAG(O, dry_run), NULL,
	 "find and check everything, but do not open the probes"},
	{"no-color", 0, NULL, OPTION_FLAG(O, no_color), NULL, "never colour the text"},
};

#undef O

static const struct option_table watch_table = {
	.command = "watch",
	.usage = "maprace watch -p PID[,PID...] [OPTION...]\n"
		 "maprace watch --all [OPTION...]\n"
		 "maprace watch [OPTION...] -- CMD [ARG...]",
	.about =
		"Attaches to live Go processes, or starts one, and proves which of their maps are\n"
		"used by two goroutines at once without a lock. Needs root.",
	.after =
		"TIME is a number with us, ms or s.\n"
		"\n"
		"Exit status: 0 nothing found (the summary says so where nothing could be), 66\n"
		"(--exitcode) a race was found, 1 the tool failed, 2 bad usage. With -- CMD and no\n"
		"race found: CMD's own status (128+N when it died of signal N). Every Go program\n"
		"that CMD starts is watched too, whatever stands between: go test ./..., make test.",
	.stop_early = true,
	.rows = watch_rows,
	.nrows = sizeof(watch_rows) / sizeof(watch_rows[0]),
};

static int check_targets(int argc, char **argv, int rest, struct watch_options *options)
{
	bool separated = rest > 1 && !strcmp(argv[rest - 1], "--");

	if (options->all && (separated || options->targets.n))
		return option_usage_error(&watch_table,
					  "either --all, or -p PID, or -- CMD, not several");
	if (options->host_given && !options->all)
		return option_usage_error(
			&watch_table,
			"--match, --cgroup, --container, --user and --max-processes need --all");
	if (options->all && (options->growth || options->dry_run))
		return option_usage_error(&watch_table, "--all has no --growth and no --dry-run");
	if (rest < argc && !separated)
		return option_usage_error(&watch_table,
					  "unexpected argument '%s'; a command comes after --",
					  argv[rest]);
	if (separated && rest >= argc)
		return option_usage_error(&watch_table, "CMD is missing after --");
	if (separated && options->targets.n)
		return option_usage_error(&watch_table, "either -p PID or -- CMD, not both");
	if (!separated && !options->targets.n && !options->all)
		return option_usage_error(&watch_table,
					  "what to watch is missing: -p PID, -- CMD or --all");
	if (options->no_follow && !separated)
		return option_usage_error(&watch_table, "--no-follow needs a command after --");
	if (!separated && (options->slowdown_given || options->procs_given))
		return option_usage_error(&watch_table, "--%s needs a command after --",
					  options->slowdown_given ? "slowdown" : "procs");
	if (!separated && options->max_hold_ns > HOST_LONGEST_HOLD_NS)
		return option_usage_error(&watch_table,
					  "--max-hold: more than 10ms needs a command after --");
	if (options->budget_given && options->slowdown_given)
		return option_usage_error(&watch_table, "either --budget or --slowdown, not both");
	if (separated)
		options->command = &argv[rest];
	return OPTIONS_RUN;
}

int options_parse_watch(int argc, char **argv, struct watch_options *options)
{
	int rest, rc;

	memset(options, 0, sizeof(*options));
	options_host_defaults(options);
	options_memory_defaults(options);
	options->long_hold_ns = DEFAULT_LONG_HOLD_NS;
	options->slowdown = DEFAULT_SLOWDOWN;
	options->exitcode = EXIT_RACE;
	options->max_freeze_ns = DEFAULT_MAX_FREEZE_NS;
	rc = option_table_parse(&watch_table, argc, argv, options, &rest);
	if (rc != OPTIONS_RUN)
		return rc;
	if (options->quiet && options->verbose)
		return option_usage_error(&watch_table, "either --quiet or --verbose, not both");
	rc = output_options_check(&options->out, &watch_table);
	if (rc == OPTIONS_RUN)
		rc = output_options_check_core(&options->out, options->core, &watch_table);
	if (rc != OPTIONS_RUN)
		return rc;
	if (options->core && options->no_post_mortem)
		return option_usage_error(&watch_table,
					  "--core needs what --no-post-mortem turns off");
	if (options->window_given && !options->suspects)
		return option_usage_error(&watch_table, "--window needs --suspects");
	return check_targets(argc, argv, rest, options);
}

void watch_options_free(struct watch_options *options)
{
	pid_list_free(&options->targets);
}
