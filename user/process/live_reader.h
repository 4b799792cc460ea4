/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_LIVE_READER_H
#define MAPRACE_PROCESS_LIVE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads the memory of processes that run, and comes to an end: see base/errand.h. Whoever reads
 * what stands still, in a process of his own that somebody ends (freeze.h), reads by himself.
 */

/* Copies len bytes: 0, or -EFAULT any of them is not there, -ETIME they did not come, -ESRCH the
 * process is gone, -EPERM, -ENOMEM. */
int live_read(pid_t pid, uint64_t addr, void *buf, size_t len);

/* The same without a bound. */
int live_read_here(pid_t pid, uint64_t addr, void *buf, size_t len);

#endif
