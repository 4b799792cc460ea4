/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_LIMITS_H
#define MAPRACE_PROCESS_LIMITS_H

#include <stddef.h>

#include "base/err.h"

/*
 * Sees to it that so many more files can be opened, by raising our own limit as far as it goes
 * without privileges: 0, or -EMFILE. Asked before anything is opened, as libraries end or say
 * something else when they get no more. Commands that we start are to be started before.
 */
int limits_files(size_t more, struct err *err);

/* What this process sees of others is in /proc: 0, or -ENOENT where that is not mounted. */
int limits_proc(struct err *err);

#endif
