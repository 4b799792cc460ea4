/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_OUTPUT_FILE_H
#define MAPRACE_BASE_OUTPUT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

/*
 * Where a file that the user named is to be written. In a directory that is sticky and open to all
 * (/tmp) others put links, files and FIFOs in our way: what belongs neither to us nor to the
 * directory's owner is refused there, on kernels and settings too that would let us follow it
 * (fs.protected_symlinks, protected_regular, protected_fifos).
 */
struct output_place {
	int dir;   /* the directory that it is in */
	int found; /* what has the name now, not opened (O_PATH); -1: nothing */
	char name[NAME_MAX + 1];
	struct stat st; /* of what was found */
};

/* 0 or negative errno: -EACCES also for what is refused. Then output_release() is due. */
int output_find(const char *path, struct output_place *place);
void output_release(struct output_place *place);
/* Opens what was found for writing, as it is. */
int output_open_found(const struct output_place *place);
/*
 * A new file beside it, which only we may read: its name, and it open for writing or negative
 * errno. It is ended by output_finish() with what writing it came to (0 or negative errno): closed,
 * and given the place's name, so that who opens that finds all of it, or what was there; or, where
 * anything has failed, removed. 0 or the first error.
 */
int output_temporary(const struct output_place *place, char name[NAME_MAX + 1]);
int output_finish(const struct output_place *place, const char *temporary, int fd, int written);
/* A file of this name, emptied or new; what is no file (a pipe) as it is. */
int output_create(const char *path);
/* Whether output_find() refuses it for what somebody else has put there. */
bool output_is_foreign(const char *path);

#endif
