/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_ESCAPE_H
#define MAPRACE_BASE_ESCAPE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Strings of an untrusted target made safe to show. Both forms write a byte that is not part of
 * valid UTF-8 as the four characters \xNN; a backslash stands for itself, so that a text read back
 * from JSON renders as the live one did.
 */

/* Longest string that is shown to a person, in bytes; the rest becomes "...". */
#define ESCAPE_TEXT_MAX 1024

/*
 * Writes at most ESCAPE_TEXT_MAX bytes of s (NULL counts as ""): controls (C0, DEL, C1) and code
 * points that reorder, hide or break lines (bidirectional marks, zero width, line separators) come
 * out as \xNN or \u{NNNN}. Safe on any terminal.
 */
void escape_text(FILE *out, const char *s);

/* The same of all len bytes, however many: a line that is escaped as a whole. */
void escape_line(FILE *out, const char *s, size_t len);

/* A malloc'ed copy of s that is valid UTF-8; NULL when memory is short. Controls are left to the
 * JSON encoder. */
char *escape_utf8(const char *s);

/* Length of the valid UTF-8 sequence at s (n bytes left) and its code point; 0 when there is none. */
size_t escape_decode(const unsigned char *s, size_t n, uint32_t *code);

#endif
