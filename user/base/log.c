/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum log_level current_level = LOG_INFO;
static void (*before_line)(void);

static const char *const prefixes[] = {
	[LOG_ERROR] = "maprace: error: ", [LOG_WARN] = "maprace: warning: ",
	[LOG_HINT] = "maprace: hint: ",	  [LOG_INFO] = "maprace: ",
	[LOG_VERBOSE] = "maprace: ",	  [LOG_DEBUG] = "maprace: debug: ",
};

void log_set_level(enum log_level level)
{
	current_level = level;
}

enum log_level log_level(void)
{
	return current_level;
}

void log_set_before(void (*before)(void))
{
	before_line = before;
}

/*
 * Messages quote names that a target chose (its executable, its functions). Controls in them, C1 in
 * UTF-8 included, would be commands to the terminal.
 */
static void defuse(char *s)
{
	unsigned char *p = (unsigned char *)s;

	for (; *p; p++) {
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p[0] = p[1] = '?';
		else if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
			*p = '?';
	}
}

void log_vprint(enum log_level level, const char *fmt, va_list ap)
{
	char *text;
	int n;

	if (level > current_level)
		return;
	n = vasprintf(&text, fmt, ap);
	if (n < 0)
		return; /* no memory for a message: whoever ran out of it fails in its own way */
	defuse(text);
	if (before_line)
		before_line();
	flockfile(stderr);
	fputs(prefixes[level], stderr);
	fputs(text, stderr);
	if (!n || text[n - 1] != '\n')
		fputc('\n', stderr);
	funlockfile(stderr);
	free(text);
}

void log_print(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vprint(level, fmt, ap);
	va_end(ap);
}
