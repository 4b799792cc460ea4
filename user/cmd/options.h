/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTIONS_H
#define MAPRACE_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/values.h"
#include "report/format.h"

/*
 * The command line, as docs/maprace.1 lists it. argv[0] is the command's own word ("watch") for all
 * but options_parse_global(). Strings point into argv. Each parser returns OPTIONS_RUN, or the exit
 * status with which the tool ends at once: 0 after --help or
 * --version (printed on standard output), 2 after bad usage (one line on standard error). *_free()
 * is due in either case.
 */
#define OPTIONS_RUN (-1)

enum exit_status {
	EXIT_NOTHING = 0, /* nothing found */
	EXIT_TOOL = 1,	  /* the tool failed */
	EXIT_USAGE = 2,	  /* bad usage */
	EXIT_RACE = 66,	  /* a race was found; --exitcode */
};

/* verbose is the number of -v: one shows more of ours, two libbpf's messages too. */

/* Shares travel in millionths from here to the BPF programs. */
#define PPM_OF_PERCENT 10000

/* What a watch writes, and what it keeps to itself: the same for Go's maps and the kernel's. */
#define OUTPUTS 8
struct output_options {
	const char *paths[OUTPUTS]; /* -o, each in its own format */
	size_t n;
	bool format_given; /* format is that of all outputs, else their extension says it */
	enum report_format format;
	const char *record;		     /* NULL: no recording but those of -o */
	const char *suppressions, *baseline; /* NULL: none */
};
/* The format of an output. */
enum report_format output_format(const struct output_options *options, const char *path);

struct watch_options {
	struct output_options out; /* first: options that set it know nothing else */
	struct pid_list targets;   /* -p; empty with a command */
	char **command;		   /* after "--", NULL-terminated; NULL with -p */
	uint64_t duration_ns;	   /* 0: until the targets end or a signal comes */
	const char *source_root;   /* NULL: none */
	bool json, quiet;
	int verbose;
	double budget_percent;
	uint64_t max_hold_ns, window_ns;
	bool window_given, suspects, growth;
	bool halt_on_race;
	int exitcode; /* 0 to 255 */
	bool dry_run, no_color;
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

struct bpf_options {
	struct output_options out; /* first, as above */
	const char **maps;	   /* --map: id, name or path; owned */
	size_t nmaps;
	uint64_t duration_ns; /* 0: until a signal comes */
	bool json, top, quiet, no_color, suspects;
	int verbose;
	double budget_percent;
	uint64_t window_ns;
	int exitcode; /* 0 to 255 */
};
int options_parse_bpf(int argc, char **argv, struct bpf_options *options);
void bpf_options_free(struct bpf_options *options);

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

enum command { COMMAND_WATCH, COMMAND_REPORT, COMMAND_BPF, COMMAND_INSPECT, COMMAND_DOCTOR };
/* The whole command line; on OPTIONS_RUN, argv[*at] is the command's word and what follows is its
 * own. */
int options_parse_global(int argc, char **argv, enum command *command, int *at);

/* Sets the log level that -q and -v ask for. */
void options_set_log(bool quiet, int verbose);
/* Whether what goes to fd may be coloured: a terminal that is not dumb, no --no-color, no NO_COLOR
 * in the environment. */
bool options_color(bool no_color, int fd);

#endif
