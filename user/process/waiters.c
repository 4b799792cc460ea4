/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/waiters.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/proc_text.h"

#define STAT 1024
#define SAME_LOOK_NS 5000000u

struct stat_of {
	char state;
	int parent;
	uint64_t start;
};

static bool read_stat(pid_t pid, struct stat_of *out)
{
	size_t len;
	char *text = proc_text(pid, "stat", STAT, &len);
	char *at = text ? strrchr(text, ')') : NULL; /* the name may have anything in it */
	bool ok = at &&
		  sscanf(at,
			 ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			 "%*d %*d %" SCNu64,
			 &out->state, &out->parent, &out->start) == 3;

	free(text);
	return ok;
}

/* Many processes have the same parents, and are looked at one after the other. */
static bool read_parent(size_t level, pid_t pid, struct stat_of *out)
{
	static struct {
		uint64_t at_ns;
		pid_t pid;
		struct stat_of stat;
	} last[WAITERS];
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (last[level].pid != pid || now - last[level].at_ns > SAME_LOOK_NS) {
		last[level].pid = read_stat(pid, &last[level].stat) ? pid : 0;
		last[level].at_ns = now;
	}
	*out = last[level].stat;
	return last[level].pid == pid;
}

void waiters_note(struct waiters *w, pid_t pid)
{
	struct stat_of s;

	w->n = 0;
	if (!read_stat(pid, &s))
		return;
	while (w->n < WAITERS && s.parent > 1 && s.parent != getpid()) {
		pid = s.parent;
		if (!read_parent(w->n, pid, &s))
			return;
		w->list[w->n++] = (struct waiter){pid, s.start, s.state == 'T'};
	}
}

size_t waiters_release(const struct waiters *w)
{
	struct stat_of s;
	size_t i, n = 0;

	for (i = 0; i < w->n; i++)
		if (!w->list[i].stopped && read_stat(w->list[i].pid, &s) &&
		    s.start == w->list[i].start && s.state == 'T' && !kill(w->list[i].pid, SIGCONT))
			n++;
	return n;
}
