/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_EXEC_MOUNTS_H
#define MAPRACE_PROCESS_EXEC_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The file systems whose executions are looked at: those of the kernel's own that are mounted as a
 * whole. Not those where a server, of the network or in user space, has a say in how long an open()
 * takes, nor parts of one that are mounted elsewhere. Source: proc(5), mountinfo.
 */

/*
 * Marks those of a process's mount namespace ("self", or its number) in a fanotify group. What its
 * root does not reach cannot be executed there either. 0, or why the first one was refused where
 * all were. *unmarked: how many are not looked at; may be NULL.
 */
int exec_mounts_mark(int notify, const char *process, uint64_t *unmarked);
/* Whether the kernel alone has a say in how long a file takes that a process runs, on the device
 * that stat(2) has of it; also where nothing is known of that device. */
bool exec_mounts_is_local(pid_t pid, dev_t dev);
/* Which namespace that is; 0: the process is gone. */
uint64_t exec_mounts_namespace(const char *process);

#endif
