/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_PROC_STAT_H
#define MAPRACE_PROCESS_PROC_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What /proc/PID/stat says of a process. Source: proc_pid_stat(5). */
struct proc_stat {
	char state;
	pid_t parent;
	unsigned int threads;
	uint64_t started;     /* in ticks since boot: with its number, which process it is */
	uint64_t code, stack; /* where execve put them, and nothing else does: a fork has them of
				 its parent; 0: nobody may see them */
};

/* 0, -ESRCH it is gone, or -ENOMEM. */
int proc_stat_read(pid_t pid, struct proc_stat *s);
/* Whether the two run what one and the same execve has put there; false where that is not known. */
bool proc_stat_same_layout(const struct proc_stat *a, const struct proc_stat *b);

#endif
