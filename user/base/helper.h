/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_HELPER_H
#define MAPRACE_BASE_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * A process that we fork for ourselves and that others rely on: it outlives what is done to us.
 * In a session of its own (not stopped from our terminal), deaf to signals, the last to be killed
 * for want of memory, without our standard files (whoever reads what we print is not to wait for
 * it), and under a name that `pkill maprace` does not mean.
 */
void helper_become(const char *name);

/* A child that we have forked for ourselves and wait for ourselves; or no more. */
void helper_note(pid_t pid, bool is_one);
bool helper_is(pid_t pid);

#endif
