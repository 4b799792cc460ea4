/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_EXEFILES_H
#define MAPRACE_SESSION_EXEFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/file_version.h"

/* What the files are that processes run: each is looked at once, the last EXEFILES are known. */
#define EXEFILES 1024

struct census_file { /* as the kernel's event has it, or as stat(2) has it */
	struct file_version version;
	bool told; /* by an event */
};

enum exefile_nature {
	EXEFILE_OTHER,
	EXEFILE_GO,
	EXEFILE_PERHAPS,
	EXEFILE_TOOL, /* of Go's own */
	EXEFILE_FAR,  /* on a file system of the network, or of user space: not looked at */
	EXEFILE_LATE, /* it did not come in time: to be looked at again */
};

struct exefiles {
	struct exefile {
		struct census_file file;
		enum exefile_nature nature;
	} files[EXEFILES];
	size_t nfiles; /* ever */
};

/* NULL: not known, or to be looked at again. Until the next one is. */
struct exefile *exefile_find(struct exefiles *f, const struct census_file *file);
void exefile_know(struct exefiles *f, const struct census_file *file, enum exefile_nature nature);
/* How many are far, or did not come. */
size_t exefile_far(const struct exefiles *f);
/* What a process runs now, without asking whoever serves the file. 0 or negative errno. */
int exefile_of(pid_t pid, struct census_file *file);
/* of: the file that it was told to run; by now it may run another one, of which nothing is said.
 * Their numbers need not agree (overlayfs), their sizes do. 0, or -errno: the process is gone, or
 * runs something else, or nobody may look at it. */
int exefile_look(pid_t pid, const struct census_file *of, enum exefile_nature *nature);

#endif
