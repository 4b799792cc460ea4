/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Starts a command as a shell that controls jobs does, and tells at its end what it has seen of it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void on_child(int sig)
{
	(void)sig;
	signals = signals + 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_child};
	int status, stops = 0;
	pid_t child, pid;

	if (argc < 2 || sigaction(SIGCHLD, &action, NULL))
		return 2;
	child = fork();
	if (!child) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	printf("child %d\n", (int)child);
	fflush(stdout);
	for (;;) {
		pid = waitpid(child, &status, WUNTRACED | WCONTINUED);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0 || WIFEXITED(status) || WIFSIGNALED(status))
			break;
		stops++;
	}
	printf("end: stops %d, signals %d, status %d\n", stops, (int)signals, status);
	return 0;
}
