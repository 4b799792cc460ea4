/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_MAPPINGS_H
#define MAPRACE_PROCESS_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* All that a process has mapped, by ascending address. Source: proc(5), /proc/PID/maps. */
struct mapping {
	uint64_t start, end, offset;
	uint64_t dev, ino; /* of the file; some file systems show others here than stat(2) */
	bool readable, writable, executable, shared;
	const char *path; /* of a file, with " (deleted)" where it is; "[heap]"; "" for none */
};

struct mappings {
	struct mapping *list;
	size_t n;
	char *text; /* that the paths are in */
};

/* One after the other: NULL and errno; false after the last one. line and cap are those of
 * getline(3); the path is in the line. */
FILE *mappings_open(pid_t pid);
bool mappings_next(FILE *f, char **line, size_t *cap, struct mapping *m);

/* Uses no standard streams: may be called while the process is frozen, and ends soon after until_ns
 * of CLOCK_MONOTONIC (0: when it is through). 0, -ETIME or another negative errno; free it either
 * way. */
int mappings_read(struct mappings *m, pid_t pid, uint64_t until_ns);
void mappings_free(struct mappings *m);

/* Whether a file is behind it: none of "[heap]" and the like. */
bool mapping_has_file(const struct mapping *m);

#endif
