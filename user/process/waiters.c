/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/waiters.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/proc_stat.h"

#define SAME_LOOK_NS 5000000u

/* Many processes have the same parents, and are looked at one after the other. */
static bool read_parent(size_t level, pid_t pid, struct proc_stat *out)
{
	static struct {
		uint64_t at_ns;
		pid_t pid;
		struct proc_stat stat;
	} last[WAITERS];
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (last[level].pid != pid || now - last[level].at_ns > SAME_LOOK_NS) {
		last[level].pid = proc_stat_read(pid, &last[level].stat) ? 0 : pid;
		last[level].at_ns = now;
	}
	*out = last[level].stat;
	return last[level].pid == pid;
}

void waiters_note(struct waiters *w, pid_t pid)
{
	struct proc_stat s;

	w->n = 0;
	if (proc_stat_read(pid, &s))
		return;
	while (w->n < WAITERS && s.parent > 1 && s.parent != getpid()) {
		pid = s.parent;
		if (!read_parent(w->n, pid, &s))
			return;
		w->list[w->n++] = (struct waiter){pid, s.started, s.state == 'T'};
	}
}

size_t waiters_release(const struct waiters *w)
{
	struct proc_stat s;
	size_t i, n = 0;

	for (i = 0; i < w->n; i++)
		if (!w->list[i].stopped && !proc_stat_read(w->list[i].pid, &s) &&
		    s.started == w->list[i].start && s.state == 'T' &&
		    !kill(w->list[i].pid, SIGCONT))
			n++;
	return n;
}
