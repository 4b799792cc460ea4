/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_EXEC_GATE_H
#define MAPRACE_PROCESS_EXEC_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Tells of each program that a descendant of ours is about to execute, and keeps the descendant
 * inside its execve(2) until it is let go. Source: fanotify(7), FAN_OPEN_EXEC_PERM (Linux 5.0).
 *
 * The kernel asks about every execve of the machine. A process of its own answers, so that nobody
 * waits for us: who is no descendant of ours, or executes what is of no interest, is let go at
 * once, and everybody else after EXEC_GATE_PATIENCE_MS, whatever we do. When that process ends,
 * which it does when we do, the kernel lets everybody go.
 *
 * Descendants whose parents have ended are adopted by us (PR_SET_CHILD_SUBREAPER) for as long as we
 * live: that is how they are known. Programs on file systems that were mounted since, in another
 * mount namespace, are seen from the first execve on that follows there.
 */
struct exec_gate;

#define EXEC_GATE_PATIENCE_MS 10000 /* a busy machine, and many at once */

struct exec_request {
	uint32_t id;	   /* for exec_gate_allow() */
	pid_t tid, pid;	   /* who executes: that thread of this process; it becomes its first one */
	pid_t parent;	   /* of the process */
	uint64_t dev, ino; /* of the file */
};

struct exec_counts {	    /* since the gate was opened */
	uint64_t processes; /* descendants that have executed something */
	uint64_t impatient; /* were let go although nobody had answered */
	uint64_t unmarked;  /* file systems that cannot be watched */
};

/*
 * of_interest: called in the process that answers, for an open file. -EPERM -EINVAL -ENOSYS: the
 * kernel, or the privileges that we have, do not allow it: err says which.
 */
int exec_gate_open(struct exec_gate **out, bool (*of_interest)(int fd), struct err *err);
/* Readable when there is a request, or the gate has ended. */
int exec_gate_fd(const struct exec_gate *gate);
/* 1: *q is the next request; 0: none is there now; -EPIPE: the gate has ended, there are no more. */
int exec_gate_next(struct exec_gate *gate, struct exec_request *q);
void exec_gate_allow(struct exec_gate *gate, uint32_t id);
void exec_gate_count(const struct exec_gate *gate, struct exec_counts *counts);
/* Everybody is let go. NULL is fine. */
void exec_gate_close(struct exec_gate *gate);

#endif
