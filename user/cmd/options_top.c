/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/options_top.h"

#include <errno.h>
#include <string.h>

#include "cmd/options_host.h"

#define INTERVAL_NS 1000000000ull
#define SHORTEST_INTERVAL_NS 100000000ull
#define MOST_TABLES 1000000

static int parse_interval(void *value, const char *arg)
{
	uint64_t ns = 0;
	int rc = value_seconds(arg, &ns);

	if (rc)
		return rc;
	if (ns < SHORTEST_INTERVAL_NS)
		return -ERANGE;
	*(uint64_t *)value = ns;
	return 0;
}

static int parse_count(void *value, const char *arg)
{
	unsigned int n = 0;
	int rc = value_integer(arg, MOST_TABLES, &n);

	if (rc || !n)
		return rc ? rc : -ERANGE;
	*(unsigned int *)value = n;
	return 0;
}

static int parse_sort(void *value, const char *arg)
{
	enum top_column column = top_column_named(arg);

	if (column == TOP_COLUMNS)
		return -EINVAL;
	*(enum top_column *)value = column;
	return 0;
}

#define O struct top_options

static const struct option_row rows[] = {
	{"pid", 'p', "PID[,PID...]", OPTION_BY(option_pids, struct pid_list, O, watch.targets),
	 "a list of process ids, as in 4215,4300",
	 "these processes (may be repeated); without it all Go processes of this host"},
	{"interval", 'i', "SECONDS", OPTION_BY(parse_interval, uint64_t, O, interval_ns),
	 "a number of seconds from 0.1 on", "bring the table up to date that often (1)"},
	{"count", 'n', "N", OPTION_BY(parse_count, unsigned int, O, count),
	 "a number from 1 to 1000000", "end after so many tables"},
	{"sort", 0, "COLUMN", OPTION_BY(parse_sort, enum top_column, O, sort),
	 "pid, operations, maps, races, racy, ordered, unproven, unseen, cost, where or command",
	 "pid, operations, maps, races, racy, ordered, unproven, unseen, cost, where or command "
	 "(operations)"},
	HOST_ROW_MATCH(""),
	HOST_ROW_CGROUP(""),
	HOST_ROW_CONTAINER(""),
	HOST_ROW_USER(""),
	HOST_ROW_MOST(""),
	HOST_ROW_BUDGET(O),
	HOST_ROW_MAX_HOLD(O),
	{"suppressions", 0, "FILE", OPTION_TEXT(O, watch.out.suppressions), EXPECTS_FILE,
	 "leave out the races that this file names"},
	{"verbose", 'v', NULL, OPTION_COUNT(O, watch.verbose), NULL, "say more; may be repeated"},
};

#undef O

static const struct option_table table = {
	.command = "top",
	.usage = "maprace top [OPTION...]\nmaprace top -p PID[,PID...] [OPTION...]",
	.about =
		"Shows the Go processes of this host while it watches them: map operations a\n"
		"second, maps and their verdicts, races, cost. Enter looks at one of them, / filters,\n"
		"? lists the keys. Where standard output is no terminal it prints a line of JSON each\n"
		"interval. Needs root.",
	.after = "TIME is a number with us, ms or s.\n"
		 "\n"
		 "Exit status: 0 it was told to end, 1 it failed, 2 bad usage.",
	.rows = rows,
	.nrows = sizeof(rows) / sizeof(rows[0]),
};

static void set_defaults(struct top_options *o)
{
	memset(o, 0, sizeof(*o));
	options_host_defaults(&o->watch);
	o->watch.exitcode = EXIT_NOTHING;
	o->watch.no_color = true;
	o->interval_ns = INTERVAL_NS;
	o->sort = TOP_OPERATIONS;
}

int options_parse_top(int argc, char **argv, struct top_options *o)
{
	int rest, rc;

	set_defaults(o);
	rc = option_table_parse(&table, argc, argv, o, &rest);
	if (rc != OPTIONS_RUN)
		return rc;
	if (rest < argc)
		return option_usage_error(&table, "unexpected argument '%s'", argv[rest]);
	if (o->watch.targets.n && o->watch.host_given)
		return option_usage_error(
			&table,
			"either -p, or --match, --cgroup, --container, --user and --max-processes");
	o->watch.all = !o->watch.targets.n;
	o->watch.quiet = !o->watch.verbose; /* no progress: the table is that */
	return OPTIONS_RUN;
}

void top_options_free(struct top_options *options)
{
	pid_list_free(&options->watch.targets);
}
