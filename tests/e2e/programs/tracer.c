/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Traces a command and all that it forks, as strace -f does, and does nothing else. With -p TID:
 * one thread, which it does not stop.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALL (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

static int trace_thread(pid_t tid)
{
	int status, sig, event;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
		return 1;
	puts("ready");
	fflush(stdout);
	while (waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status)) {
		sig = WSTOPSIG(status);
		event = status >> 16;
		if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
			ptrace(PTRACE_LISTEN, tid, NULL, NULL);
		else
			ptrace(PTRACE_CONT, tid, NULL, (void *)(intptr_t)(event ? 0 : sig));
	}
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0, result = 1, sig;
	pid_t child, pid;

	if (argc == 3 && !strcmp(argv[1], "-p"))
		return trace_thread((pid_t)atoi(argv[2]));
	child = fork();
	if (argc < 2 || child < 0)
		return 2;
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(intptr_t)ALL);
	ptrace(PTRACE_CONT, child, NULL, NULL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid > 0 && WIFSTOPPED(status)) {
			sig = WSTOPSIG(status);
			ptrace(PTRACE_CONT, pid, NULL,
			       (void *)(intptr_t)(sig == SIGTRAP || sig == SIGSTOP ? 0 : sig));
		} else if (pid == child) {
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			break;
		}
	}
	return result;
}
