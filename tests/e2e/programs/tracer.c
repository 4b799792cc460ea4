/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Traces a command and all that it forks, as strace -f does, and does nothing else. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALL (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

int main(int argc, char **argv)
{
	int status = 0, result = 1, sig;
	pid_t child = fork(), pid;

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
