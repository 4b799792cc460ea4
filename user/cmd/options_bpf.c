/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/options_output.h"

#define DEFAULT_BUDGET_PERCENT 20
#define DEFAULT_WINDOW_NS 100000000

static int parse_map(void *value, const char *arg)
{
	struct bpf_options *o = value;
	const char **grown;

	if (!*arg)
		return -EINVAL;
	grown = realloc(o->maps, (o->nmaps + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	o->maps = grown;
	o->maps[o->nmaps++] = arg;
	return 0;
}

#define O struct bpf_options

static const struct option_row bpf_rows[] = {
	{"map", 0, "MAP", OPTION_ALL(parse_map), "a map's id, name or pinned path",
	 "watch this map only (may be repeated); a name may stand for several maps"},
	{"duration", 'd', "SECONDS", OPTION_SECONDS(O, duration_ns), EXPECTS_SECONDS,
	 "end after that long; without it on SIGINT or SIGTERM"},
	OUTPUT_ROW_PATH(O, "write the report there at the end, and whenever SIGUSR1 comes; its "
			   "extension says the format: %s; any other is JSON. May be repeated"),
	OUTPUT_ROW_FORMAT(O),
	{"json", 0, NULL, OPTION_FLAG(O, json), NULL,
	 "print findings as JSON Lines instead of text"},
	{"top", 0, NULL, OPTION_FLAG(O, top), NULL,
	 "show a live table of maps instead of findings; JSON Lines where standard output is no "
	 "terminal"},
	{"suspects", 0, NULL, OPTION_FLAG(O, suspects), NULL,
	 "also report two updates of one key that overlap in time (in a hash map one of them "
	 "wins, whole), and lost updates by Go programs, whose goroutines share threads"},
	{"budget", 0, "PERCENT", OPTION_PERCENT(O, budget_percent), EXPECTS_PERCENT,
	 "share of each CPU that watching may take (20); what is beyond goes unseen and is "
	 "counted; 100: no limit"},
	{"window", 0, "TIME", OPTION_TIME(O, window_ns), EXPECTS_TIME,
	 "a write that comes later after the read is no read-modify-write (100ms)"},
	OUTPUT_ROW_SUPPRESSIONS(O, "do not report what this file names: race:PATTERN (a process or "
				   "a program), map:NAME"),
	OUTPUT_ROW_BASELINE(O),
	OUTPUT_ROW_RECORD(O),
	{"exitcode", 0, "N", OPTION_STATUS(O, exitcode), EXPECTS_STATUS,
	 "exit status when a lost update was found (66)"},
	{"quiet", 'q', NULL, OPTION_FLAG(O, quiet), NULL, "no progress and no closing summary"},
	{"verbose", 'v', NULL, OPTION_COUNT(O, verbose), NULL,
	 "say more; twice: libbpf's messages too"},
	{"no-color", 0, NULL, OPTION_FLAG(O, no_color), NULL, "never colour the text"},
};

#undef O

static const struct option_table bpf_table = {
	.command = "bpf",
	.usage = "maprace bpf [OPTION...]\nmaprace bpf audit [OPTION...]",
	.about =
		"Watches kernel BPF maps for lost updates: a process or a BPF program reads a key,\n"
		"another one writes it, and the first writes back what it made of the old value.\n"
		"Needs root, and a kernel that lets BPF programs be attached to its functions.",
	.after =
		"TIME is a number with us, ms or s.\n"
		"\n"
		"Exit status: 0 nothing found, 66 (--exitcode) a lost update was found, 1 the tool\n"
		"failed, 2 bad usage.",
	.rows = bpf_rows,
	.nrows = sizeof(bpf_rows) / sizeof(bpf_rows[0]),
};

int options_parse_bpf(int argc, char **argv, struct bpf_options *options)
{
	int rest, rc;

	memset(options, 0, sizeof(*options));
	options->budget_percent = DEFAULT_BUDGET_PERCENT;
	options->window_ns = DEFAULT_WINDOW_NS;
	options->exitcode = EXIT_RACE;
	rc = option_table_parse(&bpf_table, argc, argv, options, &rest);
	if (rc != OPTIONS_RUN)
		return rc;
	if (rest < argc)
		return option_usage_error(
			&bpf_table,
			!strcmp(argv[rest], "audit")
				? "'%s' must be the first word after bpf"
				: "unexpected argument '%s'; a map comes after --map",
			argv[rest]);
	if (options->quiet && options->verbose)
		return option_usage_error(&bpf_table, "either --quiet or --verbose, not both");
	return output_options_check(&options->out, &bpf_table);
}

void bpf_options_free(struct bpf_options *options)
{
	free(options->maps);
	options->maps = NULL;
	options->nmaps = 0;
}
