/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_FREEZE_H
#define MAPRACE_SNAPSHOT_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/err.h"
#include "process/process.h"

/*
 * A process stands still for a moment: each of its threads is seized and interrupted (ptrace(2)),
 * which neither the process nor its parent sees, as no signal is sent.
 *
 * Whoever does that is a process of its own, which shares our memory and nothing else, and whose
 * end is the one way out: when it ends, for whatever reason, the kernel lets all of them go on
 * (PTRACE_O_EXITKILL is never set), a signal that a thread was about to get is delivered, and what
 * has died meanwhile goes to its own parent. It ends by itself, when we end, and by a timer of the
 * kernel, also where it is stopped or waits for a page of the target that does not come.
 *
 * A thread that waits in a system call goes on waiting, as after any trap of a debugger: the kernel
 * begins those calls anew that it can; see mend_call() for the others.
 */
struct frozen_thread {
	pid_t tid;
	pid_t own; /* what the thread takes for its id: in its own PID namespace */
	bool stopped;
	bool gone;  /* ended meanwhile */
	int signal; /* that it was to get: passed on */
	bool known; /* regs was read */
	struct user_regs_struct regs;
};

struct freeze {
	const struct process *process;
	struct frozen_thread *threads;
	size_t n, room;
	uint8_t *seen;			       /* a bit for each thread id */
	uint64_t began_ns, until_ns, ended_ns; /* CLOCK_MONOTONIC: from the first thread on */
};

/*
 * Calls look() while all threads stand still, new ones that appeared meanwhile included, and
 * returns what it does. look() is to end at until_ns of CLOCK_MONOTONIC; soon after that it is
 * ended. It may allocate, and must not touch files, standard streams or signals. How long the
 * process stood still is ended_ns - began_ns.
 *
 * -ETIME it did not stop in the time given, -ESRCH it is gone, or was before look() was through:
 * what that saw says nothing then; -EPERM somebody else traces it, or not allowed; with the reason.
 * -ECANCELED with the reason: look() was ended from outside, and may have been in the middle of an
 * allocation. All that is left to do then is to print the reason, and to _exit().
 */
int freeze_look(struct freeze *f, const struct process *p, uint64_t max_ns, int (*look)(void *arg),
		void *arg, struct err *err);
void freeze_free(struct freeze *f);

/* One more set of a thread's registers (elf.h: NT_FPREGSET and so on), while it is frozen: how many
 * bytes, or negative errno. */
ssize_t freeze_registers(const struct frozen_thread *t, int set, void *buf, size_t size);

/* By the id that the process itself knows. */
const struct frozen_thread *freeze_thread(const struct freeze *f, pid_t own);

#endif
