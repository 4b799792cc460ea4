/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/options_output.h"

#define DEFAULT_BUDGET_PERCENT 20
#define DEFAULT_WINDOW_NS 100000000

static int set_map(void *options, const char *arg)
{
	struct bpf_options *o = options;
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

static int set_duration(void *options, const char *arg)
{
	return value_seconds(arg, &((struct bpf_options *)options)->duration_ns);
}

static int set_json(void *options, const char *arg)
{
	(void)arg;
	((struct bpf_options *)options)->json = true;
	return 0;
}

static int set_top(void *options, const char *arg)
{
	(void)arg;
	((struct bpf_options *)options)->top = true;
	return 0;
}

static int set_suspects(void *options, const char *arg)
{
	(void)arg;
	((struct bpf_options *)options)->suspects = true;
	return 0;
}

static int set_quiet(void *options, const char *arg)
{
	(void)arg;
	((struct bpf_options *)options)->quiet = true;
	return 0;
}

static int set_verbose(void *options, const char *arg)
{
	(void)arg;
	((struct bpf_options *)options)->verbose++;
	return 0;
}

static int set_budget(void *options, const char *arg)
{
	return value_percent(arg, &((struct bpf_options *)options)->budget_percent);
}

static int set_window(void *options, const char *arg)
{
	return value_time(arg, &((struct bpf_options *)options)->window_ns);
}

static int set_exitcode(void *options, const char *arg)
{
	unsigned int code;
	int rc = value_integer(arg, 255, &code);

	if (!rc)
		((struct bpf_options *)options)->exitcode = (int)code;
	return rc;
}

static int set_no_color(void *options, const char *arg)
{
	(void)arg;
	((struct bpf_options *)options)->no_color = true;
	return 0;
}

static const struct option_row bpf_rows[] = {
	{"map", 0, "MAP", set_map, "a map's id, name or pinned path",
	 "watch this map only (may be repeated); a name may stand\nfor several maps"},
	{"duration", 'd', "SECONDS", set_duration, "a number of seconds above 0, as in 10 or 2.5",
	 "end after that long; without it on SIGINT or SIGTERM"},
	{"output", 'o', "FILE", output_set_path, OUTPUT_PATH_EXPECTS,
	 "write the report there at the end, and whenever SIGUSR1\ncomes; .html, .sarif, .xml, .jsonl, .txt and .mrec say the\nformat, any other is JSON. May be repeated"},
	OUTPUT_ROW_FORMAT,
	{"json", 0, NULL, set_json, NULL, "print findings as JSON Lines instead of text"},
	{"top", 0, NULL, set_top, NULL,
	 "show a live table of maps instead of findings; JSON Lines\nwhere standard output is no terminal"},
	{"suspects", 0, NULL, set_suspects, NULL,
	 "also report two updates of one key that overlap in time (in a\nhash map one of them wins, whole), and lost updates by Go\nprograms, whose goroutines share threads"},
	{"budget", 0, "PERCENT", set_budget, "a percentage from 0.0001 to 100",
	 "share of each CPU that watching may take (20); what is\nbeyond goes unseen and is counted; 100: no limit"},
	{"window", 0, "TIME", set_window, "a time, as in 500us, 100ms or 1s",
	 "a write that comes later after the read is no\nread-modify-write (100ms)"},
	{"suppressions", 0, "FILE", output_set_suppressions, "a file name",
	 "do not report what this file names: race:PATTERN (a\nprocess or a program), map:NAME"},
	OUTPUT_ROW_BASELINE,
	OUTPUT_ROW_RECORD,
	{"exitcode", 0, "N", set_exitcode, "a number from 0 to 255",
	 "exit status when a lost update was found (66)"},
	{"quiet", 'q', NULL, set_quiet, NULL, "no progress and no closing summary"},
	{"verbose", 'v', NULL, set_verbose, NULL, "say more; twice: libbpf's messages too"},
	{"no-color", 0, NULL, set_no_color, NULL, "never colour the text"},
};

static const struct option_table bpf_table = {
	.command = "bpf",
	.usage = "maprace bpf [OPTION...]",
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
		return option_usage_error(&bpf_table,
					  "unexpected argument '%s'; a map comes after --map",
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
