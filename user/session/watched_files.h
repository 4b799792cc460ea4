/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_WATCHED_FILES_H
#define MAPRACE_SESSION_WATCHED_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/libraries.h"

/*
 * The files with code that a process has mapped beside its program, each looked into once: what is
 * in it, and how long a look takes, is the process's choice. All zero: none yet.
 */
struct watched_files {
	struct watched_file {
		uint64_t ino;
		char *path;
	} * list;
	size_t n;
	uint64_t spent_ns; /* with looks into them */
	uint64_t begun_ns; /* when this pass has looked into the first one */
	bool cut;	   /* this pass has left some for the next one */
	bool refused;	   /* there are too many, or they take too long: no more are looked into */
	bool told;	   /* so */
};

/* A pass over all of them begins. */
void watched_files_begin(struct watched_files *f);
/* Whether it is to be looked into now; whoever does says when he has. */
bool watched_files_take(struct watched_files *f, const struct process_library *lib);
void watched_files_looked(struct watched_files *f);
void watched_files_free(struct watched_files *f);

/* Whether it is worth a closer look: a process may have hundreds of libraries, of gigabytes. 0,
 * -ENOEXEC it is not, or another negative errno. */
int watched_files_may_be_go(const char *path, struct err *err);
/*
 * Where it can be opened, if that is worth it: a Go linker has had a part in it, or it does not
 * say. 0, -ENOEXEC if not; of one that may have to be told of, -ESTALE or another errno, and err
 * says why it cannot be.
 */
int watched_files_find(const struct process_library *lib, char path[PROCESS_PATH], struct err *err);

#endif
