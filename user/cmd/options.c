/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/optable.h"

#ifndef MAPRACE_VERSION
#define MAPRACE_VERSION "0.1-unknown"
#endif

#define NROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static int unexpected(const struct option_table *table, const char *arg)
{
	return option_usage_error(table, "unexpected argument '%s'", arg);
}

/* --- report --- */

static int report_set_format(void *options, const char *arg)
{
	struct report_options *o = options;

	return format_find(arg, &o->format) ? 0 : -EINVAL;
}

static int report_set_source_root(void *options, const char *arg)
{
	if (!*arg)
		return -EINVAL;
	((struct report_options *)options)->source_root = arg;
	return 0;
}

static int report_set_verbose(void *options, const char *arg)
{
	(void)arg;
	((struct report_options *)options)->verbose++;
	return 0;
}

static int report_set_no_color(void *options, const char *arg)
{
	(void)arg;
	((struct report_options *)options)->no_color = true;
	return 0;
}

static int report_set_diff(void *options, const char *arg)
{
	(void)arg;
	((struct report_options *)options)->diff = true;
	return 0;
}

static int report_set_suppressions(void *options, const char *arg)
{
	if (!*arg)
		return -EINVAL;
	((struct report_options *)options)->suppressions = arg;
	return 0;
}

static int report_set_baseline(void *options, const char *arg)
{
	if (!*arg)
		return -EINVAL;
	((struct report_options *)options)->baseline = arg;
	return 0;
}

static int report_set_exitcode(void *options, const char *arg)
{
	unsigned int code;
	int rc = value_integer(arg, 255, &code);

	if (!rc)
		((struct report_options *)options)->exitcode = (int)code;
	return rc;
}

static const struct option_row report_rows[] = {
	{"format", 'f', "FORMAT", report_set_format, OPTION_FORMATS,
	 "text (the default), json, jsonl, sarif, junit, html or\nmrec"},
	{"source-root", 0, "DIR", report_set_source_root, "a directory",
	 "where the sources are: SARIF names files relative to it,\nand text quotes lines from there"},
	{"diff", 0, NULL, report_set_diff, NULL,
	 "compare two reports: what is new, gone, and in both"},
	{"suppressions", 0, "FILE", report_set_suppressions, "a file name",
	 "leave out what this file names: race:PATTERN,\nrace_top:PATTERN, map:TYPE"},
	{"baseline", 0, "FILE", report_set_baseline, "a file name",
	 "leave out what is in this earlier report"},
	{"exitcode", 0, "N", report_set_exitcode, "a number from 0 to 255",
	 "exit status with --diff or --baseline when there is\nsomething new (66)"},
	{"no-color", 0, NULL, report_set_no_color, NULL, "never colour the text"},
	{"verbose", 'v', NULL, report_set_verbose, NULL, "show the runtime's frames too"},
};

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

static int inspect_set_pid(void *options, const char *arg)
{
	struct inspect_options *o = options;
	unsigned int pid;
	int rc = value_integer(arg, INT32_MAX, &pid);

	if (rc || !pid)
		return rc ? rc : -ERANGE;
	o->pid = pid;
	return 0;
}

static int inspect_set_verbose(void *options, const char *arg)
{
	(void)arg;
	((struct inspect_options *)options)->verbose++;
	return 0;
}

static const struct option_row inspect_rows[] = {
	{"pid", 'p', "PID", inspect_set_pid, "a process id",
	 "look at the executable of this process"},
	{"verbose", 'v', NULL, inspect_set_verbose, NULL, "say more"},
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

static int doctor_set_verbose(void *options, const char *arg)
{
	(void)arg;
	((struct doctor_options *)options)->verbose++;
	return 0;
}

static const struct option_row doctor_rows[] = {
	{"verbose", 'v', NULL, doctor_set_verbose, NULL, "say more; twice: libbpf's messages too"},
};

static const struct option_table doctor_table = {
	.command = "doctor",
	.usage = "maprace doctor [OPTION...]",
	.about = "Says what this kernel and these privileges allow, and for each thing that is\n"
		 "missing what would mend it.",
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

/* --- the tool itself --- */

static const char global_help[] =
	"Usage: maprace COMMAND [OPTION...]\n"
	"\n"
	"Proves which maps of live, unmodified Go processes are used by two goroutines at\n"
	"once without a lock.\n"
	"\n"
	"Commands:\n"
	"  watch -p PID[,PID...]   attach to live processes\n"
	"  watch -- CMD [ARG...]   start CMD and watch it from its first instruction\n"
	"  report FILE             render a recording or a document of `watch -o`\n"
	"  inspect BINARY|-p PID   what would be probed, and why not\n"
	"  doctor                  what this kernel and these privileges allow\n"
	"  bpf                     watch kernel BPF maps for lost updates\n"
	"\n"
	"  -h, --help              show this help and end\n"
	"  -V, --version           show the version and end\n"
	"\n"
	"maprace COMMAND --help lists a command's options.\n"
	"\n"
	"Exit status: 0 nothing found, 66 (--exitcode) a race was found, 1 the tool\n"
	"failed, 2 bad usage.\n";

static int print_global(const char *text)
{
	return fputs(text, stdout) == EOF || fflush(stdout) ? EXIT_TOOL : EXIT_NOTHING;
}

int options_parse_global(int argc, char **argv, enum command *command, int *at)
{
	static const char *const names[] = {
		[COMMAND_WATCH] = "watch",     [COMMAND_REPORT] = "report", [COMMAND_BPF] = "bpf",
		[COMMAND_INSPECT] = "inspect", [COMMAND_DOCTOR] = "doctor",
	};
	const char *word = argc > 1 ? argv[1] : NULL;
	size_t i;

	if (!word) {
		log_error(
			"a command is missing: watch, report, bpf, inspect or doctor (see maprace --help)");
		return EXIT_USAGE;
	}
	if (!strcmp(word, "-h") || !strcmp(word, "--help") || !strcmp(word, "help"))
		return print_global(global_help);
	if (!strcmp(word, "-V") || !strcmp(word, "--version"))
		return print_global("maprace " MAPRACE_VERSION "\n");
	for (i = 0; i < NROWS(names); i++)
		if (!strcmp(word, names[i])) {
			*command = (enum command)i;
			*at = 1;
			return OPTIONS_RUN;
		}
	log_error("unknown %s '%s' (see maprace --help)", word[0] == '-' ? "option" : "command",
		  word);
	return EXIT_USAGE;
}

void options_set_log(bool quiet, int verbose)
{
	if (verbose >= 2)
		log_set_level(LOG_DEBUG);
	else if (verbose)
		log_set_level(LOG_VERBOSE);
	else
		log_set_level(quiet ? LOG_HINT : LOG_INFO);
}
