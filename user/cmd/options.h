/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTIONS_H
#define MAPRACE_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/values.h"
#include "report/format.h"
#include "session/settings.h"
#include "snapshot/snapshot.h"

/*
 * The commands' options, as docs/maprace.1 lists them. argv[0] is the command's own word ("watch").
 * Strings point into argv. Each parser returns OPTIONS_RUN, or the exit status with which the tool
 * ends at once: 0 after --help (printed on standard output), 2 after bad usage (one line on
 * standard error). *_free() is due in either case.
 */
#define OPTIONS_RUN (-1)

enum exit_status {
	EXIT_NOTHING = 0, /* nothing found */
	EXIT_TOOL = 1,	  /* the tool failed */
	EXIT_USAGE = 2,	  /* bad usage */
	EXIT_RACE = 66,	  /* a race was found; --exitcode */
};

int options_parse_watch(int argc, char **argv, struct watch_options *options);
void watch_options_free(struct watch_options *options);

struct report_options {
	const char *file, *other; /* "-": standard input; other: with --diff, the newer one */
	bool diff;
	const char *suppressions, *baseline; /* NULL: none */
	int exitcode; /* with --diff or --baseline, when there is something new */
	enum report_format format;
	const char *source_root; /* NULL: none */
	int verbose;
	bool no_color;
};
int options_parse_report(int argc, char **argv, struct report_options *options);

int options_parse_bpf(int argc, char **argv, struct bpf_options *options);
void bpf_options_free(struct bpf_options *options);

struct audit_options {
	struct output_options out; /* first, as in settings.h */
	const char **programs;	   /* --prog: id or name; owned */
	size_t nprograms;
	const char **objects; /* --object: files; owned */
	size_t nobjects;
	const char *source_root; /* NULL: none */
	bool json, quiet, no_color, strict, live;
	uint64_t duration_ns; /* with live */
	int verbose;
	int exitcode; /* 0 to 255, with strict */
};
int options_parse_audit(int argc, char **argv, struct audit_options *options);
void audit_options_free(struct audit_options *options);

struct snapshot_cmd_options {
	struct output_options out;
	uint32_t pid;
	struct snapshot_map *maps; /* --map; owned, and so are their types */
	size_t nmaps;
	uint64_t max_freeze_ns;
	const char *core; /* NULL: none */
	bool values, quiet, no_color;
	int verbose;
	int exitcode; /* 0 to 255, when a map is broken */
};
int options_parse_snapshot(int argc, char **argv, struct snapshot_cmd_options *options);
void snapshot_options_free(struct snapshot_cmd_options *options);

struct inspect_options { /* either a file or a process */
	const char *file;
	uint32_t pid; /* 0 with a file */
	int verbose;
};
int options_parse_inspect(int argc, char **argv, struct inspect_options *options);

struct doctor_options {
	int verbose;
};
int options_parse_doctor(int argc, char **argv, struct doctor_options *options);

/* Sets the log level that -q and -v ask for. */
void options_set_log(bool quiet, int verbose);

#endif
