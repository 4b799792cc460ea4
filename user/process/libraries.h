/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_LIBRARIES_H
#define MAPRACE_PROCESS_LIBRARIES_H

#include <stdbool.h>
#include <stdint.h>

#include "process/process.h"

struct process_library {	/* a file beside the program that code is mapped from */
	const char *path;	/* as the process sees it; what stands there may be another file */
	const char *link;	/* the kernel's own to the file that is mapped */
	uint64_t start, offset; /* where its code is, and which part of the file */
	uint64_t dev, ino;	/* some file systems show others than stat(2) */
	uint64_t head;		/* where the beginning of the file is mapped; 0: nowhere */
	bool gone;		/* the file has no name any more */
	pid_t pid;
};

/* Calls back with each of them. 0 or negative errno. */
int process_libraries(const struct process *p,
		      void (*each)(void *arg, const struct process_library *lib), void *arg);

/*
 * Where the very file that is mapped can be opened. At its path, as the process sees it, may stand
 * another one, or none: it was replaced, another file system was mounted over it, the process has
 * another root than the one that its maps tell of, or only a thread of its sees it. The kernel's
 * own link needs CAP_CHECKPOINT_RESTORE. 0, or a negative errno: -ESTALE where it is another file.
 */
int library_file(const struct process_library *lib, char path[PROCESS_PATH]);

/* Whether a Go linker has made it, by its notes in the process's memory: where there is no file. */
bool library_is_go(const struct process_library *lib);

#endif
