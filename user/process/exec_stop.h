/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_EXEC_STOP_H
#define MAPRACE_PROCESS_EXEC_STOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Stops a thread that is inside an execve(2) right behind it, before the program's first
 * instruction. Nobody but us can see that: its parent is told of no stop. Should we die it runs on.
 * Source: ptrace(2), PTRACE_SEIZE, PTRACE_O_TRACEEXEC. All by one thread of ours.
 */
struct exec_stop {
	pid_t tid, pid;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
	bool interrupted;  /* it has been waited for long enough */
};

enum exec_stop_state {
	EXEC_STOP_WAIT,	   /* not there yet: look again */
	EXEC_STOP_STOPPED, /* the process stands behind its execve; process_resume() lets it go */
	EXEC_STOP_FREE,	   /* it was let go: the execve failed, or took too long */
	EXEC_STOP_ENDED,   /* and was reaped: its status is that of waitpid(2) */
};

/* Before the thread goes on in its execve. -EPERM somebody else traces it, -ESRCH it is gone. */
int exec_stop_begin(struct exec_stop *s, pid_t tid, pid_t pid);
enum exec_stop_state exec_stop_look(struct exec_stop *s, int *status);

#endif
