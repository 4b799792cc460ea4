/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_ERR_H
#define MAPRACE_BASE_ERR_H

#include <stdarg.h>

/*
 * One sentence for a person, filled once, where the reason is known: the object, what is wrong, and
 * what to do about it. Functions return a negative errno; whoever knows the context calls err_set()
 * and everybody above only passes the code on.
 */
struct err {
	char text[512]; /* "" until set; no newline at its end */
	char hint[256]; /* what to do about it, or "" */
};

/* Sets the text unless it is set already (the innermost reason wins) and returns code, so that
 * `return err_set(…)` reads well. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Sets the hint unless one is set. */
void err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "ENOENT" for 2 or -2; "E123" for an unknown one. Static storage or a per-thread buffer. */
const char *err_name(int code);

#endif
