/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TOP_MESSAGES_H
#define MAPRACE_TOP_MESSAGES_H

#include <stdio.h>

/*
 * What is said while a screen is on the terminal: the last lines of it are kept, for the screen,
 * and for standard error once the screen is gone. One at a time.
 */
#define MESSAGES_KEPT 64
#define MESSAGE_LENGTH 1000 /* of more the rest is left out */

/* Takes lines that are escaped; NULL: no memory. */
FILE *messages_open(void);
/* The last one; NULL: none. Until the next one comes. */
const char *messages_last(void);
/* How many there were. */
size_t messages_count(void);
/* Says what was kept, first come first (to NULL: not); then stream is closed, and nothing kept. */
void messages_close(FILE *stream, FILE *to);

#endif
