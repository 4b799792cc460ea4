/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_END_STATUS_H
#define MAPRACE_PROCESS_END_STATUS_H

#include "process/process.h"

/*
 * How a process has ended that need not be our child: as waitpid(2) would tell it. From its own
 * parent, /proc/PID/stat as long as nobody has collected it, or what its pidfd tells (Linux 6.15).
 * 0, or -ENODATA: nobody tells. Source: proc(5), include/uapi/linux/pidfd.h.
 */
int process_end_status(const struct process *p, int *status);

/* Whether it has ended, or is about to: SIGKILL was sent to it, or its first thread ends. */
bool process_is_ending(pid_t pid);

#endif
