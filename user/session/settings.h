/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_SETTINGS_H
#define MAPRACE_SESSION_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/format.h"

/*
 * What a watch is asked to do, as plain data that the command line fills. Strings are not owned.
 * verbose is the number of -v: one shows more of ours, two libbpf's messages too.
 */

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

struct pid_list { /* each once; owned */
	uint32_t *pids;
	size_t n;
};

struct host_options {	       /* which processes of a host are meant; NULL: of any */
	const char *match;     /* of its program or command line, a pattern as a shell's */
	const char *cgroup;    /* its path, or that of one above it */
	const char *container; /* id or name, or the beginning of it */
	bool user_given;
	uint32_t user;	   /* number */
	unsigned int most; /* are watched at a time */
};

#define MEMORY_THRESHOLDS 3
struct memory_options {
	bool on;
	double at[MEMORY_THRESHOLDS]; /* percent of the limit, ascending */
	uint64_t limit;		      /* that is to hold for each process; 0: none */
	const char *dir;	      /* for profiles of the heap; NULL: none are written */
};

struct watch_options {
	struct output_options out;
	struct pid_list targets; /* -p; empty with a command */
	char **command;		 /* after "--", NULL-terminated; NULL with -p */
	uint64_t duration_ns;	 /* 0: until the targets end or a signal comes */
	const char *source_root; /* NULL: none */
	bool json, quiet;
	int verbose;
	double budget_percent;
	double slowdown; /* what a command may take longer; not where the budget was given */
	uint64_t max_hold_ns, window_ns;
	uint64_t long_hold_ns; /* of a command's cold call sites */
	unsigned int procs;    /* GOMAXPROCS of a command */
	bool budget_given, slowdown_given, procs_given;
	bool window_given, suspects, growth, panics;
	bool halt_on_race;
	int exitcode; /* 0 to 255 */
	bool dry_run, no_color;
	bool all; /* of this host */
	struct host_options host;
	bool host_given; /* something of it */
	bool no_follow;	 /* the command alone, not what it starts */
	bool no_post_mortem;
	struct memory_options memory;
	bool goroutines;	/* from outside, again and again: watch_vitals.c */
	bool panic_values;	/* what a program says when it panics is told */
	uint64_t max_freeze_ns; /* of a process that dies */
	const char *core;	/* a core file of it; NULL: none */
	const char *state;	/* what runs have learnt; NULL: nothing is kept */
};

struct bpf_options {
	struct output_options out;
	const char **maps; /* --map: id, name or path; owned */
	size_t nmaps;
	uint64_t duration_ns; /* 0: until a signal comes */
	bool json, top, quiet, no_color, suspects;
	int verbose;
	double budget_percent;
	uint64_t window_ns;
	int exitcode; /* 0 to 255 */
};

/* Whether what goes to fd may be coloured: a terminal that is not dumb, no --no-color, no NO_COLOR
 * in the environment. */
bool options_color(bool no_color, int fd);

#endif
