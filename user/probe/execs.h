/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_EXECS_H
#define MAPRACE_PROBE_EXECS_H

#include <stdint.h>

#include <maprace/execs.h>

#include "base/err.h"

/*
 * Tells of each program that anybody on this host has executed, in whatever namespaces, a moment
 * later: nobody is kept waiting. Not of processes that have no number in our PID namespace. Source:
 * the kernel's tracepoint sched_process_exec.
 */
struct execs;

/* 0, or negative errno: the kernel, or our privileges, do not allow it. */
int execs_open(struct execs **out, struct err *err);
/* Readable when there is something to be read; quiet until all has been read. */
int execs_fd(const struct execs *x);
/* Calls back with each event that is there now. */
int execs_read(struct execs *x, void (*each)(void *ctx, const struct execs_event *e), void *ctx);
/* Events that there was no room for, so far. */
uint64_t execs_lost(const struct execs *x);
void execs_close(struct execs *x); /* NULL is fine */

#endif
