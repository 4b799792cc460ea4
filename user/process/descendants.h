/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_DESCENDANTS_H
#define MAPRACE_PROCESS_DESCENDANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Who descends from us and lives, our helpers aside, in the order of their numbers; to be freed.
 * Who comes or goes meanwhile may be missing. None where the kernel does not tell
 * (CONFIG_PROC_CHILDREN). 0 or -ENOMEM.
 */
int descendants_list(pid_t **list, size_t *n);

/* Whether a process is about to become another program: within its execve(2), or with the memory of
 * its parent, which waits for that (vfork(2)). */
bool descendant_is_on_its_way(pid_t pid, pid_t parent);

#endif
