/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_LINELOG_H
#define MAPRACE_SESSION_LINELOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A file that whole lines are appended to for months. When it has grown it is renamed FILE.1, what
 * was that FILE.2, and so on; when somebody else has renamed or removed it (logrotate) a new one is
 * begun. A line that cannot be written (full disk) is lost and counted, and no part of it stays.
 */
struct linelog;

struct linelog_counts {
	uint64_t lines, lost, rotations;
};

/* path "-": standard output, never rotated. most: bytes, 0: no bound; files: so many are kept
 * beside. 0 or negative errno. */
int linelog_open(struct linelog **out, const char *path, uint64_t most, unsigned int files,
		 struct err *err);
/* len bytes that end in \n. */
void linelog_write(struct linelog *log, const char *line, size_t len);
/* Looks whether it is still there; to be called now and then, and when asked to (SIGHUP). */
void linelog_look(struct linelog *log);
void linelog_count(const struct linelog *log, struct linelog_counts *counts);
void linelog_close(struct linelog *log); /* NULL is fine */

#endif
