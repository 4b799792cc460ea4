/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_LIVE_READER_H
#define MAPRACE_PROCESS_LIVE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads the memory of processes that run, and comes to an end. A page that a process keeps from
 * coming (userfaultfd, a file of a server that does not answer) keeps whoever reads it in the
 * kernel, deaf to all signals but SIGKILL: so another thread reads, and is left there when it takes
 * too long. What is waited for one process is bounded too: a second, and after that one in a
 * minute. For the main loop; whoever reads what stands still, in a process of his own that somebody
 * ends (freeze.h), reads by himself.
 */

/* Copies len bytes: 0, or -EFAULT any of them is not there, -ETIME they did not come, -ESRCH the
 * process is gone, -EPERM, -ENOMEM, -EAGAIN. */
int live_read(pid_t pid, uint64_t addr, void *buf, size_t len);

/* The same without a bound. */
int live_read_here(pid_t pid, uint64_t addr, void *buf, size_t len);

/* How many reads were given up so far, of all processes. */
uint64_t live_reads_given_up(void);

/* The thread that waits for work ends; the next read makes another one. For who gives up rights,
 * which each thread has for itself. */
void live_reader_end(void);

#endif
