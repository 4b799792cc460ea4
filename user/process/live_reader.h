/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_LIVE_READER_H
#define MAPRACE_PROCESS_LIVE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads the memory of processes that run, and comes to an end: see base/errand.h. Whoever reads
 * what stands still (memory_stopped()) does so by himself where a page is there.
 */

/* Copies len bytes: 0, or -EFAULT any of them is not there, -ETIME they did not come, -ESRCH the
 * process is gone, -EPERM, -ENOMEM. */
int live_read(pid_t pid, uint64_t addr, void *buf, size_t len);
/* The LIVE_PAGES pages from addr on that are there, a bit of *pages for each; that takes most_ns at
 * the most. 0 or as live_read(), but for -EFAULT. */
#define LIVE_PAGES 16u
#define LIVE_ALL_PAGES ((1u << LIVE_PAGES) - 1)
int live_read_pages(pid_t pid, uint64_t addr, void *buf, uint32_t *pages, uint64_t most_ns);

/* The same without a bound. */
int live_read_here(pid_t pid, uint64_t addr, void *buf, size_t len);

#endif
