/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_THREAD_H
#define MAPRACE_BASE_THREAD_H

/*
 * A thread that nobody waits for, on a small stack and deaf to signals: they are the main loop's.
 * 0 or a negative errno.
 */
int thread_start(void *(*run)(void *arg), void *arg);

#endif
