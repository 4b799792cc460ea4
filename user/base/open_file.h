/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_OPEN_FILE_H
#define MAPRACE_BASE_OPEN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Files whose names or contents a watched process chose. To open a device may do something, and a
 * FIFO waits: so a file is found first, which opens nothing, looked at with fstat(), and only then
 * opened. Who serves it (a server of the network, a process with FUSE) may not answer: each of
 * these comes to an end all the same (errand.h), with -ETIME. Files are closed on exec. All return
 * a file descriptor, or what is said; or a negative errno.
 */
struct file_identity {
	uint64_t dev, ino; /* as stat(2) has them */
	uint64_t size, ctime_ns, mtime_ns;
	mode_t mode;
	uint64_t head; /* file_head(); 0: nobody has looked */
};

/* Finds a file. What is below /proc/PID/root stays there, whatever its links say. */
int file_find(const char *path);
/* The same where the name comes from a stranger: links of /proc lead nowhere. */
int file_find_strange(const char *path);
/* Opens for reading what was found, a regular file; found stays open. */
int file_open_found(int found);

/* What is known of it here: a server is not asked again. 0. */
int file_identify(const char *path, struct file_identity *out);
int file_identify_open(int fd, struct file_identity *out);
/* Without a bound: for who is on an errand. */
int file_identify_here(const char *path, struct file_identity *out);

/* A number for what a file begins with, never 0: of an ELF file its headers, and the build id in
 * all that linkers make. */
#define FILE_HEAD 4096
uint64_t file_head(const void *bytes, size_t len);
/*
 * Whether it is taken to have the contents that it had before, of one and the same file: nobody has
 * done anything to it, or at least its size and its beginning are what they were. Its names, who
 * may use it and its times are changed without any harm.
 */
bool file_is_unwritten(int fd, const struct file_identity *before, const struct file_identity *now);

/* How many bytes were read: len, or as many as there are. */
ssize_t file_read_at(int fd, void *buf, size_t len, uint64_t offset);
/* Stays open where whoever serves it is not there. */
void file_close(int fd);

#endif
