/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_OPEN_FILE_H
#define MAPRACE_BASE_OPEN_FILE_H

/*
 * Files whose names or contents a watched process chose. To open a device may do something, and a
 * FIFO waits: so a file is found first, which opens nothing, looked at with fstat(), and only then
 * opened. All return a file descriptor that is closed on exec, or a negative errno.
 */

/* Finds a file. What is below /proc/PID/root stays there, whatever its links say. */
int file_find(const char *path);
/* The same where the name comes from a stranger: links of /proc lead nowhere. */
int file_find_strange(const char *path);
/* Opens for reading what was found, a regular file; found stays open. */
int file_open_found(int found);

#endif
