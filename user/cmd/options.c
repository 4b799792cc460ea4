/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/optable.h"
#include "cmd/option_values.h"

#define NROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static int unexpected(const struct option_table *table, const char *arg)
{
	return option_usage_error(table, "unexpected argument '%s'", arg);
}

/* --- report --- */

#define O struct report_options

static const struct option_row report_rows[] = {
	{"format", 'f', "FORMAT", OPTION_FORMAT(O, format), "%s", "%s (text)"},
	{"source-root", 0, "DIR", OPTION_TEXT(O, source_root), EXPECTS_DIRECTORY,
	 "where the sources are: SARIF names files relative to it, and text quotes lines from "
	 "there"},
	{"diff", 0, NULL, OPTION_FLAG(O, diff), NULL,
	 "compare two reports: what is new, gone, and in both"},
	{"suppressions", 0, "FILE", OPTION_TEXT(O, suppressions), EXPECTS_FILE,
	 "leave out what this file names: race:PATTERN, race_top:PATTERN, map:TYPE"},
	{"baseline", 0, "FILE", OPTION_TEXT(O, baseline), EXPECTS_FILE,
	 "leave out what is in this earlier report"},
	{"exitcode", 0, "N", OPTION_STATUS(O, exitcode), EXPECTS_STATUS,
	 "exit status with --diff or --baseline when there is something new (66)"},
	{"no-color", 0, NULL, OPTION_FLAG(O, no_color), NULL, "never colour the text"},
	{"verbose", 'v', NULL, OPTION_COUNT(O, verbose), NULL, "show the runtime's frames too"},
};

#undef O

static const struct option_table report_table = {
	.command = "report",
	.usage = "maprace report FILE [OPTION...]\nmaprace report OLD NEW --diff [OPTION...]",
	.about =
		"Renders a recording or a JSON document of `maprace watch -o` (- reads standard input).\n"
		"Needs neither root nor the process nor its executable.",
	.after =
		"Exit status: 0 rendered, 1 FILE cannot be read, is damaged or no report, 2 bad usage;\n"
		"66 (--exitcode) with --diff or --baseline when there is a new race.",
	.rows = report_rows,
	.nrows = NROWS(report_rows),
};

int options_parse_report(int argc, char **argv, struct report_options *options)
{
	int rest, rc;

	memset(options, 0, sizeof(*options));
	options->exitcode = EXIT_RACE;
	rc = option_table_parse(&report_table, argc, argv, options, &rest);
	if (rc != OPTIONS_RUN)
		return rc;
	if (rest >= argc)
		return option_usage_error(&report_table, "FILE is missing");
	if (options->diff && rest + 1 >= argc)
		return option_usage_error(&report_table,
					  "--diff takes two files, the older one first");
	if (options->diff && options->baseline)
		return option_usage_error(&report_table, "either --diff or --baseline, not both");
	if (rest + 1 + options->diff < argc)
		return unexpected(&report_table, argv[rest + 1 + options->diff]);
	options->file = argv[rest];
	options->other = options->diff ? argv[rest + 1] : NULL;
	return OPTIONS_RUN;
}

/* --- inspect --- */

static const struct option_row inspect_rows[] = {
	{"pid", 'p', "PID", OPTION_PID(struct inspect_options, pid), "a process id",
	 "look at the executable of this process"},
	{"verbose", 'v', NULL, OPTION_COUNT(struct inspect_options, verbose), NULL, "say more"},
};

static const struct option_table inspect_table = {
	.command = "inspect",
	.usage = "maprace inspect BINARY [OPTION...]\nmaprace inspect -p PID [OPTION...]",
	.about = "Shows what would be probed in a Go executable, and what would not and why.\n"
		 "Changes nothing; needs no root for a file.",
	.after = "Exit status: 0 it can be watched, 1 it cannot or the tool failed, 2 bad usage.",
	.rows = inspect_rows,
	.nrows = NROWS(inspect_rows),
};

int options_parse_inspect(int argc, char **argv, struct inspect_options *options)
{
	int rest, rc;

	memset(options, 0, sizeof(*options));
	rc = option_table_parse(&inspect_table, argc, argv, options, &rest);
	if (rc != OPTIONS_RUN)
		return rc;
	if (rest >= argc && !options->pid)
		return option_usage_error(&inspect_table,
					  "what to inspect is missing: BINARY or -p PID");
	if (rest < argc && options->pid)
		return option_usage_error(&inspect_table, "either BINARY or -p PID, not both");
	if (rest + 1 < argc)
		return unexpected(&inspect_table, argv[rest + 1]);
	options->file = rest < argc ? argv[rest] : NULL;
	return OPTIONS_RUN;
}

/* --- doctor --- */

static const struct option_row doctor_rows[] = {
	{"verbose", 'v', NULL, OPTION_COUNT(struct doctor_options, verbose), NULL,
	 "say more; twice: libbpf's messages too"},
};

static const struct option_table doctor_table = {
	.command = "doctor",
	.usage = "maprace doctor [OPTION...]",
	.about = "Says what this kernel and these privileges allow, and for each thing that is\n"
		 "missing what would fix it.",
	.after = "Exit status: 0 `maprace watch` can work here, 1 it cannot, 2 bad usage.",
	.rows = doctor_rows,
	.nrows = NROWS(doctor_rows),
};

int options_parse_doctor(int argc, char **argv, struct doctor_options *options)
{
	int rest, rc;

	memset(options, 0, sizeof(*options));
	rc = option_table_parse(&doctor_table, argc, argv, options, &rest);
	if (rc == OPTIONS_RUN && rest < argc)
		return unexpected(&doctor_table, argv[rest]);
	return rc;
}

/* --- the log --- */

void options_set_log(bool quiet, int verbose)
{
	if (verbose >= 2)
		log_set_level(LOG_DEBUG);
	else if (verbose)
		log_set_level(LOG_VERBOSE);
	else
		log_set_level(quiet ? LOG_HINT : LOG_INFO);
}
