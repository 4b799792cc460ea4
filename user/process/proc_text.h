/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_PROC_TEXT_H
#define MAPRACE_PROCESS_PROC_TEXT_H

#include <stddef.h>
#include <sys/types.h>

/* What /proc/PID/name says, its first `most` bytes, with a 0 behind them; "" when it cannot be
 * read. To be freed; NULL: no memory. */
char *proc_text(pid_t pid, const char *name, size_t most, size_t *len);

#endif
