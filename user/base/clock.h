/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_CLOCK_H
#define MAPRACE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of a clock, 0 where it cannot be read (that of a process which is gone). Events of
 * ours are in CLOCK_MONOTONIC, as bpf_ktime_get_ns() has it. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
