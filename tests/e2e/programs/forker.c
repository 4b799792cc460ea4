/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* forker MILLISECONDS RACY LIBRARY: forks; the child, which executes nothing, loads the library,
 * starts it, and lives for so long. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int in_child(const char *path, int racy, long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	void *library = dlopen(path, RTLD_NOW);
	void (*start)(int) = library ? (void (*)(int))dlsym(library, "Start") : NULL;

	if (!start) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	start(racy);
	while (nanosleep(&ts, &ts))
		;
	return 0;
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc != 4)
		return 2;
	pid = fork();
	if (!pid)
		_exit(in_child(argv[3], atoi(argv[2]), atol(argv[1])));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
