/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/options_output.h"

#define DEFAULT_DURATION_NS 10000000000ull

static int add(const char ***list, size_t *n, const char *arg)
{
	const char **grown;

	if (!*arg)
		return -EINVAL;
	grown = reallocarray(*list, *n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[(*n)++] = arg;
	return 0;
}

static int parse_program(void *value, const char *arg)
{
	struct audit_options *o = value;

	return add(&o->programs, &o->nprograms, arg);
}

static int parse_object(void *value, const char *arg)
{
	struct audit_options *o = value;

	return add(&o->objects, &o->nobjects, arg);
}

#define O struct audit_options

static const struct option_row audit_rows[] = {
	{"prog", 0, "PROGRAM", OPTION_ALL(parse_program), "a program's id or name",
	 "read this program only (may be repeated); a name may stand for several programs"},
	{"object", 0, "FILE", OPTION_ALL(parse_object), EXPECTS_FILE,
	 "read this object file, or those in this program's skeletons (may be repeated); needs no "
	 "privileges"},
	{"live", 0, NULL, OPTION_FLAG(O, live), NULL,
	 "then watch the programs in which something was found: a finding is confirmed when two "
	 "runs were on its map at once on two CPUs"},
	{"duration", 'd', "SECONDS", OPTION_SECONDS(O, duration_ns), EXPECTS_SECONDS,
	 "with --live: for that long (10)"},
	OUTPUT_ROW_PATH(O, "write the report there; its extension says the format: %s; any other "
			   "is JSON. May be repeated"),
	OUTPUT_ROW_FORMAT(O),
	{"json", 0, NULL, OPTION_FLAG(O, json), NULL,
	 "print findings as JSON Lines instead of text"},
	{"source-root", 0, "DIR", OPTION_TEXT(O, source_root), EXPECTS_DIRECTORY,
	 "where the sources are: SARIF names files relative to it, and text quotes lines from "
	 "there"},
	OUTPUT_ROW_SUPPRESSIONS(O, "do not report what this file names: race:PATTERN (a program), "
				   "map:NAME"),
	OUTPUT_ROW_BASELINE(O),
	{"strict", 0, NULL, OPTION_FLAG(O, strict), NULL,
	 "end with status 66 when there is a finding: they are possible, not proven, and so do "
	 "not count without it"},
	{"exitcode", 0, "N", OPTION_STATUS(O, exitcode), EXPECTS_STATUS,
	 "exit status with --strict when there is a finding (66)"},
	{"quiet", 'q', NULL, OPTION_FLAG(O, quiet), NULL, "no closing summary"},
	{"verbose", 'v', NULL, OPTION_COUNT(O, verbose), NULL,
	 "say more; twice: libbpf's messages too"},
	{"no-color", 0, NULL, OPTION_FLAG(O, no_color), NULL, "never colour the text"},
};

#undef O

static const struct option_table audit_table = {
	.command = "bpf audit",
	.usage = "maprace bpf audit [OPTION...]",
	.about =
		"Reads the instructions of BPF programs, and says where a value of a map that several\n"
		"CPUs share is read and then stored to without an atomic operation or a lock, as in\n"
		"value->count++. All loaded programs (needs root), unless --prog or --object is given.\n"
		"Without --live nothing is run or attached. What is found is possible, not proven.",
	.after =
		"Exit status: 0 the programs were read, 66 (--exitcode) with --strict when there is a\n"
		"finding, 1 the tool failed, 2 bad usage.",
	.rows = audit_rows,
	.nrows = sizeof(audit_rows) / sizeof(audit_rows[0]),
};

int options_parse_audit(int argc, char **argv, struct audit_options *options)
{
	int rest, rc;

	memset(options, 0, sizeof(*options));
	options->exitcode = EXIT_RACE;
	rc = option_table_parse(&audit_table, argc, argv, options, &rest);
	if (rc != OPTIONS_RUN)
		return rc;
	if (rest < argc)
		return option_usage_error(
			&audit_table,
			"unexpected argument '%s'; a file comes after --object, a program after --prog",
			argv[rest]);
	if (options->quiet && options->verbose)
		return option_usage_error(&audit_table, "either --quiet or --verbose, not both");
	if (options->live && options->nobjects)
		return option_usage_error(
			&audit_table, "--live watches loaded programs, and --object reads files");
	if (options->duration_ns && !options->live)
		return option_usage_error(&audit_table, "--duration goes with --live");
	if (!options->duration_ns)
		options->duration_ns = DEFAULT_DURATION_NS;
	return output_options_check(&options->out, &audit_table);
}

void audit_options_free(struct audit_options *options)
{
	free(options->programs);
	free(options->objects);
	options->programs = options->objects = NULL;
	options->nprograms = options->nobjects = 0;
}
