/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_MEMORY_LIMIT_H
#define MAPRACE_PROCESS_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What bounds the memory of a process, and what it has of it: control groups of version 1 and 2
 * (their own and those above, as far as they are to be seen here), RLIMIT_AS and RLIMIT_DATA,
 * GOMEMLIMIT of the environment that it was started with, and a limit that the user gives. Each
 * limit has its own use: the group's memory without the files that it would drop at once
 * (inactive_file), the address space, the data, what is resident beside files, what is resident.
 * Source: cgroup-v2.rst, cgroup-v1/memory.rst, proc(5), getrlimit(2), src/runtime/extern.go.
 */
enum memory_limit_kind {
	MEMORY_LIMIT_CGROUP2,
	MEMORY_LIMIT_CGROUP1,
	MEMORY_LIMIT_ADDRESS_SPACE,
	MEMORY_LIMIT_DATA,
	MEMORY_LIMIT_GO, /* soft: Go collects garbage more often when it is near */
	MEMORY_LIMIT_GIVEN,
};

#define MEMORY_LIMITS 16 /* that are kept: levels above these have none, or larger ones */

struct memory_limit {
	enum memory_limit_kind kind;
	uint64_t most, used;
	char *dir, *name; /* of a group; NULL */
};

struct memory_limits {
	struct memory_limit list[MEMORY_LIMITS];
	size_t n;
	char *own_dir; /* the group that the process itself is in; NULL: not known */
	bool own_old;
};

/* What applies now; given: 0, or the user's. 0, -ENOMEM or -ESRCH; to be freed either way. */
int memory_limits_find(struct memory_limits *l, const char *root, pid_t pid, uint64_t given);
/*
 * How much of each is used, of the soft ones (GOMEMLIMIT, at which a process may well live) or of
 * all others. The fullest one, of which the smallest part is left; NULL: there is no
 * limit, or nothing could be read. What a group would drop is only asked for (it costs the kernel
 * some) where more than `from` of the limit is in use.
 */
const struct memory_limit *memory_limits_look(struct memory_limits *l, const char *root, pid_t pid,
					      double from, bool soft);
void memory_limits_free(struct memory_limits *l);

/* GOMEMLIMIT as the runtime reads it ("512MiB"): 0 where it is "off", or none that it takes. */
uint64_t memory_limit_of_go(const char *text);

#endif
