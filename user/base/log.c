/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/log.h"

#include <stdio.h>
#include <string.h>

static enum log_level current_level = LOG_INFO;
static void (*before_line)(void);

static const char *const prefixes[] = {
	[LOG_ERROR] = "maprace: error: ", [LOG_WARN] = "maprace: warning: ", [LOG_HINT] = "maprace: hint: ",
	[LOG_INFO] = "maprace: ",	  [LOG_VERBOSE] = "maprace: ",	     [LOG_DEBUG] = "maprace: debug: ",
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

void log_vprint(enum log_level level, const char *fmt, va_list ap)
{
	size_t n = strlen(fmt);

	if (level > current_level)
		return;
	if (before_line)
		before_line();
	flockfile(stderr);
	fputs(prefixes[level], stderr);
	vfprintf(stderr, fmt, ap);
	if (!n || fmt[n - 1] != '\n')
		fputc('\n', stderr);
	funlockfile(stderr);
}

void log_print(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vprint(level, fmt, ap);
	va_end(ap);
}
