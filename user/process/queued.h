/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_QUEUED_H
#define MAPRACE_PROCESS_QUEUED_H

#include <stdint.h>
#include <sys/types.h>

/* How long the threads that it has now have stood ready to run without a CPU, added up
 * (/proc/PID/task/TID/schedstat); 0 where the kernel does not tell. */
uint64_t process_queued_ns(pid_t pid);

#endif
