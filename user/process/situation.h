/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_SITUATION_H
#define MAPRACE_PROCESS_SITUATION_H

#include <stdbool.h>
#include <sys/types.h>

#include "process/cgroup.h"

/* What keeps a process from running at all, or two of its threads from running at once. Source:
 * proc(5), sched_getaffinity(2). */
struct situation {
	bool stopped;	   /* by a signal or a debugger */
	unsigned int cpus; /* that its threads may run on, all together; 0: not known */
	struct cgroup group;
};

void situation_look(pid_t pid, struct situation *s);
/* Only that, and cheaply. */
bool situation_is_stopped(pid_t pid);
/* GOMAXPROCS in the environment that it was started with; 0: not there, or no number. */
unsigned int situation_gomaxprocs(pid_t pid);
/*
 * The first word of its command line that is none of the go tool's flags before a subcommand:
 * "test" of `go -C dir test ./...`; "" when there is none.
 */
void situation_subcommand(pid_t pid, char *word, size_t len);

#endif
