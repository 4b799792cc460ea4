/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_SILENCE_H
#define MAPRACE_SESSION_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "process/situation.h"
#include "session/watched_files.h"

struct report_stats;
struct watch;
struct watched;

/*
 * What it is worth that nothing is found in a target: what is known to keep its goroutines from
 * meeting, or us from seeing its operations. Looked for while it lives; of what comes and goes the
 * state that lets most be found counts.
 */
struct silence {
	uint64_t procs_at;     /* run-time address of runtime.gomaxprocs; 0: not known */
	unsigned int procs;    /* the most Ps that it was seen to have; 0: none seen */
	unsigned int asked;    /* GOMAXPROCS in its environment; 0: none */
	unsigned int cpus;     /* the most CPUs that it was seen to be allowed; 0: not known */
	unsigned int threads;  /* the most that a forked process was seen to have; 0: not known */
	struct situation last; /* at the last thorough look */
	int sites, foreign;    /* probed ones, and of them such as the kernel puts no probe at */
	uint64_t code_ns;      /* when that was looked at */
	char library[256]; /* a Go library that it has loaded and that is not watched; "": none */
	struct watched_files files;   /* looked into for that one so far */
	pid_t child;		      /* a child that is a Go program; 0: none */
	uint64_t cpu_ns, cpu_from_ns; /* CPU time, and how much of it was before */
	unsigned int looks;
	const char *lost; /* why it is not watched any more while the process goes on; NULL: it is */
	double lost_s;	  /* since when */
	bool go_tool;	  /* it is cmd/go, at work on a test or a program that it will run */
	bool said_procs, said_cpus, said_stopped, said_foreign;
};

/* Before a target runs on. Says what is known already. */
void silence_begin(struct watched *t);
/* Now and then: cheap, every so often a thorough look; says what is new. */
void silence_look(struct watched *t);
/* It goes on, but is not watched any more: why, a constant. Says so. */
void silence_lost(struct watched *t, uint64_t start_ns, const char *why);
/* The last look, at a process that still lives. */
void silence_end(struct watched *t);
/* What is to be said of a target, now or when it has ended. 0 or -ENOMEM. */
int silence_report_target(const struct watched *t, struct report_stats *stats);
/* Adds to what the report says. 0 or -ENOMEM. */
int silence_report(const struct watch *w, struct report_stats *stats);

#endif
