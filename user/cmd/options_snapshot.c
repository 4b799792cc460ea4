/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/options_output.h"

#define DEFAULT_MAX_FREEZE_NS 250000000u

/* ADDR or ADDR=TYPE, as a report has them: 0xc000094480=map[string]int */
static int parse_map(void *value, const char *arg)
{
	struct snapshot_cmd_options *o = value;
	struct snapshot_map *grown, map = {};
	char *end;

	if (strncmp(arg, "0x", 2) != 0)
		return -EINVAL;
	errno = 0;
	map.addr = strtoull(arg + 2, &end, 16);
	if (errno || end == arg + 2 || !map.addr || (*end && *end != '='))
		return -EINVAL;
	if (*end && !end[1])
		return -EINVAL;
	if (*end)
		map.type = end + 1;
	grown = reallocarray(o->maps, o->nmaps + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	o->maps = grown;
	o->maps[o->nmaps++] = map;
	return 0;
}

/* Those that have room for a snapshot. */
static bool has_snapshots(enum report_format format)
{
	return format == FORMAT_TEXT || format == FORMAT_JSON || format == FORMAT_PPROF;
}

static const char *format_names(void)
{
	return "text, json or pprof";
}

static const char *format_extensions(void)
{
	return ".txt (text), .json or .pb.gz (pprof)";
}

static int check_formats(const struct output_options *out, const struct option_table *table)
{
	size_t i;

	if (out->format_given && !has_snapshots(out->format))
		return option_usage_error(table,
					  "a snapshot cannot be written as %s; give --format %s",
					  format_name(out->format), format_names());
	for (i = 0; i < out->n; i++)
		if (!has_snapshots(output_format(out, out->paths[i])))
			return option_usage_error(
				table, "a snapshot cannot be written as %s: %s; give -o %s",
				format_name(output_format(out, out->paths[i])), out->paths[i],
				format_extensions());
	return OPTIONS_RUN;
}

#define O struct snapshot_cmd_options

static const struct option_row snapshot_rows[] = {
	{"pid", 'p', "PID", OPTION_PID(O, pid), "a process id", "the process that is looked at"},
	{"map", 0, "ADDR[=TYPE]", OPTION_ALL(parse_map),
	 "a map's address, as in 0xc000094480, or 0xc000094480=map[string]int",
	 "check this map too, by its address as reports have it (may be repeated); its type is "
	 "told from its contents where none is given"},
	{"values", 0, NULL, OPTION_FLAG(O, values), NULL,
	 "show keys and values of these maps: they may be private"},
	{"max-freeze", 0, "TIME", OPTION_TIME(O, max_freeze_ns), EXPECTS_TIME,
	 "let the process go after that long, and say what is missing (250ms)"},
	{"core", 0, "FILE", OPTION_TEXT(O, core), EXPECTS_FILE,
	 "write a core file, which gdb and Delve open: all of its memory that can be read in that "
	 "time. It is private"},
	{"output", 'o', "FILE", OPTION_AT(struct output_options, O, out), output_path,
	 format_extensions, "a file name, at most eight times",
	 "write the snapshot there; its extension says the format: %s; any other is JSON. May be "
	 "repeated"},
	{"format", 'f', "FORMAT", OPTION_AT(struct output_options, O, out), output_format_of_all,
	 format_names, "%s", "the format of -o, or of standard output where there is no -o"},
	{"exitcode", 0, "N", OPTION_STATUS(O, exitcode), EXPECTS_STATUS,
	 "exit status when a map is broken (66)"},
	{"quiet", 'q', NULL, OPTION_FLAG(O, quiet), NULL, "with -o: nothing on standard output"},
	{"verbose", 'v', NULL, OPTION_COUNT(O, verbose), NULL,
	 "say more: the runtime's frames and goroutines too"},
	{"no-color", 0, NULL, OPTION_FLAG(O, no_color), NULL, "never colour the text"},
};

#undef O

static const struct option_table snapshot_table = {
	.command = "snapshot",
	.usage = "maprace snapshot -p PID [OPTION...]",
	.about =
		"Freezes a live Go process for a moment, without a signal that it or its parent could\n"
		"see: what each goroutine does, and with --map whether a map is intact: the hash of\n"
		"every entry is computed anew. Needs root, or CAP_SYS_PTRACE.",
	.after =
		"TIME is a number with us, ms or s.\n"
		"\n"
		"Exit status: 0 done, 66 (--exitcode) a map is broken, 1 the tool failed, 2 bad usage.",
	.rows = snapshot_rows,
	.nrows = sizeof(snapshot_rows) / sizeof(snapshot_rows[0]),
};

int options_parse_snapshot(int argc, char **argv, struct snapshot_cmd_options *options)
{
	int rest, rc;

	memset(options, 0, sizeof(*options));
	options->exitcode = EXIT_RACE;
	options->max_freeze_ns = DEFAULT_MAX_FREEZE_NS;
	rc = option_table_parse(&snapshot_table, argc, argv, options, &rest);
	if (rc != OPTIONS_RUN)
		return rc;
	if (rest < argc)
		return option_usage_error(&snapshot_table, "unexpected argument '%s'", argv[rest]);
	if (!options->pid)
		return option_usage_error(&snapshot_table, "the process is missing: -p PID");
	if (options->quiet && options->verbose)
		return option_usage_error(&snapshot_table, "either --quiet or --verbose, not both");
	rc = output_options_check_core(&options->out, options->core, &snapshot_table);
	if (rc != OPTIONS_RUN)
		return rc;
	rc = check_formats(&options->out, &snapshot_table);
	if (rc != OPTIONS_RUN || (options->out.format_given && !options->out.n))
		return rc; /* the format of standard output */
	return output_options_check(&options->out, &snapshot_table);
}

void snapshot_options_free(struct snapshot_cmd_options *options)
{
	free(options->maps);
	options->maps = NULL;
	options->nmaps = 0;
}
