/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_CLOCK_H
#define MAPRACE_BASE_CLOCK_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/*
 * Nanoseconds of a clock, 0 where it cannot be read (that of a process which is gone).
 * CLOCK_MONOTONIC is the host's, as bpf_ktime_get_ns() and so all events have it, also in a time
 * namespace, whose own is another one (time_namespaces(7)).
 */
uint64_t clock_ns(clockid_t clock);

/* What is added to the host's CLOCK_MONOTONIC in the time namespace that this file tells of
 * (/proc/PID/timens_offsets), in nanoseconds; 0: nothing, or it is not there. */
int64_t clock_offset_ns(const char *path);
/* The same of a process. */
int64_t clock_offset_of(pid_t pid);

#endif
