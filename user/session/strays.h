/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_STRAYS_H
#define MAPRACE_SESSION_STRAYS_H

#include <stdbool.h>

struct watch;

/*
 * What comes of a command without an execve of a Go program that follow.h would be told of: copies
 * of a Go program (fork(2), and nothing after it), and Go libraries in programs that are not Go.
 * Looked for among all that descends from us, twice a second, or less often where that takes more
 * than a fiftieth of our time. Who has not been there for a second is let be: between fork and
 * execve everybody is such a copy.
 */
struct strays;

struct strays *strays_new(struct watch *w); /* NULL: no memory */
void strays_free(struct strays *s);	    /* NULL is fine, here and below */
/* Four times a second. Who was found is watched from now on, as the last of the targets; or said
 * not to be. */
void strays_step(struct strays *s);
/* There are copies of what is watched that have not been there for long enough. */
bool strays_may_come(const struct strays *s);

#endif
