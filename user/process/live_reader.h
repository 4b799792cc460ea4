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

#define LIVE_READ_MANY 128	    /* at a time, at the most */
#define LIVE_READ_BYTES (64u << 10) /* of all of them together */
/* Copies each bytes from n addresses in one go, one behind the other: as many as *done says, up to
 * the first that is not there. 0 (also when *done is 0), -EINVAL, or as live_read() but -EFAULT. */
int live_read_many(pid_t pid, const uint64_t *addrs, size_t n, size_t each, void *buf,
		   size_t *done);
/* CPU time that live_read_many() has taken so far in the process that does it for us. */
uint64_t live_read_many_cpu_ns(void);

/* The same without a bound. */
int live_read_here(pid_t pid, uint64_t addr, void *buf, size_t len);

#endif
