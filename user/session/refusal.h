/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_REFUSAL_H
#define MAPRACE_SESSION_REFUSAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "process/process.h"

/* Whether a file says that Go has built it: a program or a library. */
bool refusal_is_go(const char *path);
/* A child of the process, or a child's child, that runs a Go program; 0: none. */
pid_t refusal_go_child(pid_t pid);
/* False: it has started no Go program, which could be meant instead, and err has no hint of that. */
bool refusal_hint_child(struct err *err, const struct process *p);
/*
 * For a process whose program was refused with code: names the program by its path, which is there
 * longer than the process, and, where it is no Go program, says what to give instead.
 */
void refusal_explain(struct err *err, int code, const struct process *p);

#endif
