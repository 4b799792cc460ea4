/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Traces a process that runs, and lets it run: a debugger that does nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2 || ptrace(PTRACE_SEIZE, (pid_t)atoi(argv[1]), NULL, NULL))
		return 2;
	puts("holding");
	fflush(stdout);
	pause();
	return 0;
}
