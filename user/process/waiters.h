/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_WAITERS_H
#define MAPRACE_PROCESS_WAITERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Who waits for a process that is stopped may stop itself, so that its own parent notices: su,
 * sudo, script and nsenter do (util-linux 2.38 login-utils/su-common.c). When we have stopped the
 * process for a moment nobody would let them go on.
 */
#define WAITERS 4 /* parents of parents */

struct waiters {
	struct waiter {
		pid_t pid;
		uint64_t start; /* clock ticks since boot: a number may be another one's by then */
		bool stopped;
	} list[WAITERS];
	size_t n;
};

/* Who they are now, up to ourselves or init, and whether they are stopped. */
void waiters_note(struct waiters *w, pid_t pid);
/* Lets those go on that have been stopped since. How many there were. */
size_t waiters_release(const struct waiters *w);

#endif
