/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/exec_stop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/clock.h"

#define PATIENCE_NS 2000000000u /* an execve that waits for its file longer is let alone */

int exec_stop_begin(struct exec_stop *s, pid_t tid, pid_t pid)
{
	*s = (struct exec_stop){.tid = tid, .pid = pid, .since_ns = clock_ns(CLOCK_MONOTONIC)};
	return ptrace(PTRACE_SEIZE, tid, NULL, (void *)(intptr_t)PTRACE_O_TRACEEXEC) ? -errno : 0;
}

/* A thread that was not the first one of its process is the first one behind its execve. */
static pid_t wait_for(const struct exec_stop *s, int *status)
{
	pid_t r = waitpid(s->pid, status, __WALL | WNOHANG);

	if ((r < 0 || (!r && s->tid != s->pid)) && s->tid != s->pid)
		r = waitpid(s->tid, status, __WALL | WNOHANG);
	return r;
}

static enum exec_stop_state let_go(pid_t tid)
{
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	return EXEC_STOP_FREE;
}

/* Stopped, but not by its execve. */
static enum exec_stop_state pass_on(struct exec_stop *s, pid_t tid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && s->interrupted)
		return let_go(tid);
	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		ptrace(PTRACE_LISTEN, tid, NULL, NULL); /* SIGSTOP and its like: it stays so */
	else
		ptrace(PTRACE_CONT, tid, NULL, (void *)(intptr_t)(event ? 0 : sig));
	return EXEC_STOP_WAIT;
}

enum exec_stop_state exec_stop_look(struct exec_stop *s, int *status)
{
	pid_t tid = wait_for(s, status);

	if (tid < 0)
		return EXEC_STOP_FREE; /* gone, and somebody else's to reap */
	if (!tid) {
		if (!s->interrupted && clock_ns(CLOCK_MONOTONIC) - s->since_ns > PATIENCE_NS) {
			s->interrupted = true;
			ptrace(PTRACE_INTERRUPT, s->tid, NULL, NULL);
		}
		return EXEC_STOP_WAIT;
	}
	if (!WIFSTOPPED(*status))
		return tid == s->pid ? EXEC_STOP_ENDED : EXEC_STOP_FREE;
	if (*status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		return EXEC_STOP_STOPPED;
	return pass_on(s, tid, *status);
}
