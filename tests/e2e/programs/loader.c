/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Loads the library that each line of its input names, "RACY PATH", and starts it. At a line that
 * is no such one its first thread ends, and the others go on. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	char path[4096];
	int racy;

	puts("ready");
	fflush(stdout);
	while (scanf("%d %4095s", &racy, path) == 2) {
		void *library = dlopen(path, RTLD_NOW);
		void (*start)(int) = library ? (void (*)(int))dlsym(library, "Start") : NULL;

		if (!start) {
			printf("%s\n", dlerror());
			return 1;
		}
		start(racy);
		printf("loaded %s\n", path);
		fflush(stdout);
	}
	if (!feof(stdin))
		pthread_exit(NULL);
	return 0;
}
