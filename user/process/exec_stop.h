/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_EXEC_STOP_H
#define MAPRACE_PROCESS_EXEC_STOP_H

#include <stdbool.h>

#include "process/exec_gate.h"

/*
 * Stops a thread that is inside an execve(2) right behind it, before the program's first
 * instruction. Nobody but us can see that: its parent is told of no stop. Should we die it runs on.
 * Source: ptrace(2), PTRACE_SEIZE, PTRACE_O_TRACEEXEC.
 *
 * Before Linux 6.8 execve opens its file with the process's cred_guard_mutex held, which
 * PTRACE_SEIZE takes: who is kept waiting there cannot be seized before it is let go, and is then
 * stopped as soon as it can be, which may be some instructions too late. So each stop has a thread
 * of ours, which may be kept waiting, and is the tracer.
 */
struct exec_stop;

enum exec_stop_state {
	EXEC_STOP_WAIT,	   /* not there yet: look again */
	EXEC_STOP_STOPPED, /* the process stands behind its execve until exec_stop_end() */
	EXEC_STOP_FREE,	   /* the execve failed: it runs what it ran */
	EXEC_STOP_SLOW,	   /* the execve took too long: it runs */
	EXEC_STOP_ENDED,   /* before it could be stopped */
	EXEC_STOP_TRACED,  /* it runs: somebody else traces it */
	EXEC_STOP_REFUSED, /* it runs: we may not trace it */
};

/* Whether a process that we have started can be stopped at all: 0 or negative errno. */
int exec_stop_try(void);
/* Whether on this kernel who is stopped may have done some instructions already. */
bool exec_stop_is_late(void);

/*
 * The thread is inside the execve of that file and is kept there until this returns; to be let go
 * then whatever comes back. 0, or -ENOMEM -EAGAIN: nothing will stop it.
 */
int exec_stop_begin(struct exec_stop **out, const struct exec_request *q);
enum exec_stop_state exec_stop_look(const struct exec_stop *s);
/* It goes on, when this returns but for a process that cannot be reached. NULL is fine. */
void exec_stop_end(struct exec_stop *s);

#endif
