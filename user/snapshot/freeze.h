/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_FREEZE_H
#define MAPRACE_SNAPSHOT_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/err.h"

/*
 * A process stands still for a moment: each of its threads is seized and interrupted (ptrace(2)),
 * which neither the process nor its parent sees, as no signal is sent. If we die meanwhile the
 * kernel lets all of them go on (PTRACE_O_EXITKILL is never set). A thread that waits in a system
 * call goes on waiting, as after any trap of a debugger: the kernel begins those calls anew that
 * it can; epoll_wait without a time limit, which it ends with EINTR, is begun anew by us.
 */
struct frozen_thread {
	pid_t tid;
	pid_t own; /* what the thread takes for its id: in its own PID namespace */
	bool stopped;
	bool gone;     /* ended meanwhile */
	bool by_event; /* stopped for us; else on its way to a signal */
	int signal;    /* that it was to get: passed on */
	bool known;    /* regs was read */
	struct user_regs_struct regs;
};

struct freeze {
	pid_t pid;
	struct frozen_thread *threads;
	size_t n, room;
	int priority; /* ours, from before */
	bool hurried;
	uint64_t began_ns, ended_ns; /* CLOCK_MONOTONIC: from the first thread on, to the last */
};

/*
 * All threads, new ones that appear meanwhile included, until the given moment of CLOCK_MONOTONIC.
 * -ETIME with the reason, -ESRCH it is gone, -EPERM somebody else traces it, or not allowed. Where
 * it fails nothing stands still any more, but for a thread that nobody can stop: that one is let go
 * by the kernel when we end.
 */
int freeze_begin(struct freeze *f, pid_t pid, uint64_t until_ns, struct err *err);
/* Lets all of them go on. How long it stood still is ended_ns - began_ns from then on. */
void freeze_end(struct freeze *f);
void freeze_free(struct freeze *f);

/* By the id that the process itself knows. */
const struct frozen_thread *freeze_thread(const struct freeze *f, pid_t own);

#endif
