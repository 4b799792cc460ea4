/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_EXEC_GATE_H
#define MAPRACE_PROCESS_EXEC_GATE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/file_version.h"

/*
 * Tells of each program that a descendant of ours is about to execute, and keeps the descendant
 * inside its execve(2) until it is let go. Source: fanotify(7), FAN_OPEN_EXEC_PERM (Linux 5.0).
 *
 * The kernel asks about every execve on the file systems that are looked at, whosever it is. A
 * process of its own answers, so that nobody waits for us: who is no descendant of ours, or
 * executes what is of no interest, is let go at once, and everybody else after
 * EXEC_GATE_PATIENCE_MS, whatever we do. When that process ends the kernel lets everybody go. It
 * ends when we do, and when it is held up itself for EXEC_GATE_STUCK_MS: the kernel opens each file
 * for it, and a file's owner, or a server that does not answer, may make that last. So file systems
 * of servers, of user space and of networks, are not looked at, nor parts of a file system that are
 * mounted elsewhere (as a container has some of its host's).
 *
 * Descendants whose parents have ended are adopted by us (PR_SET_CHILD_SUBREAPER) for as long as we
 * live: that is how they are known. Programs on file systems that were mounted since, in another
 * mount namespace, are seen from the first execve on that follows there.
 */
struct exec_gate;

#define EXEC_GATE_PATIENCE_MS 10000 /* a busy machine, and many at once */
#define EXEC_GATE_STUCK_MS 2000

enum exec_interest { EXEC_OF_NONE, EXEC_PERHAPS, EXEC_CERTAINLY };

struct exec_request {
	uint32_t id;	   /* for exec_gate_allow() */
	pid_t tid, pid;	   /* who executes: that thread of this process; it becomes its first one */
	uint64_t since_ns; /* CLOCK_MONOTONIC */
	enum exec_interest interest;
	struct file_version file;
};

struct exec_counts {	    /* since the gate was opened */
	uint64_t processes; /* descendants that have executed something */
	uint64_t impatient; /* were let go although nobody had answered */
	uint64_t unmarked;  /* file systems that are not looked at */
};

/*
 * of_interest: called in the process that answers, for an open file. -EPERM -EINVAL -ENOSYS: the
 * kernel, or the privileges that we have, do not allow it: err says which.
 */
int exec_gate_open(struct exec_gate **out, enum exec_interest (*of_interest)(int fd),
		   struct err *err);
/* Whether there can be one: 0, or why not, as above. Nobody is kept waiting. */
int exec_gate_try(struct err *err);
/* Readable when there is a request, or the gate has ended. */
int exec_gate_fd(const struct exec_gate *gate);
/* 1: *q is the next request; 0: none is there now; -EPIPE: the gate has ended, there are no more. */
int exec_gate_next(struct exec_gate *gate, struct exec_request *q);
void exec_gate_allow(struct exec_gate *gate, uint32_t id);
void exec_gate_count(const struct exec_gate *gate, struct exec_counts *counts);
/* Everybody is let go. NULL is fine. */
void exec_gate_close(struct exec_gate *gate);

#endif
