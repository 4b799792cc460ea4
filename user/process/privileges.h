/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_PRIVILEGES_H
#define MAPRACE_PROCESS_PRIVILEGES_H

#include <stdbool.h>

/*
 * What this process may do, and giving up what it needs no longer.
 *
 * Kept while watching: CAP_BPF (before Linux 5.19 even reading one of our own maps asks for it),
 * CAP_SYS_PTRACE (types and goroutine ids in the target's memory, its /proc files),
 * CAP_CHECKPOINT_RESTORE (the files of plugins: process/libraries.h), CAP_KILL (a
 * command that we started and that changed its user), CAP_SYS_NICE (process/priority.h) and
 * CAP_DAC_OVERRIDE and CAP_CHOWN (the output file). All others go, for good: from the permitted,
 * inheritable and bounding sets, and no program that we might start gains any.
 */

/* perf: perf events will be opened again (the budget takes probes away and puts them back where
 * there is no uprobe-multi), or more files probed (libraries that are yet to be loaded): CAP_PERFMON
 * and CAP_SYS_ADMIN stay too. 0 or a negative errno. A
 * command that is to keep its privileges must have been started before. */
int privileges_drop(bool perf);

#endif
