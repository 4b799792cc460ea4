/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"

static enum log_level current_level = LOG_INFO;
static void (*before_line)(void);
static FILE *stream; /* NULL: standard error */

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

void log_set_stream(FILE *to)
{
	stream = to;
}

static void print_line(FILE *to, enum log_level level, const char *more, const char *text,
		       size_t len)
{
	fputs(prefixes[level], to);
	fputs(more, to);
	escape_line(to, text, len);
	fputc('\n', to);
}

/*
 * Messages quote names that a target chose (its executable, its functions). A message is one line,
 * and escaped as a whole, here, so that nothing in it is taken for a command to the terminal or for
 * another message.
 */
void log_vprint(enum log_level level, const char *fmt, va_list ap)
{
	FILE *to = stream ? stream : stderr;
	char *text;
	int n;

	if (level > current_level)
		return;
	n = vasprintf(&text, fmt, ap);
	if (n < 0)
		return; /* no memory for a message: whoever ran out of it fails in its own way */
	if (before_line)
		before_line();
	flockfile(to);
	print_line(to, level, "", text, (size_t)n);
	funlockfile(to);
	free(text);
}

void log_print(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vprint(level, fmt, ap);
	va_end(ap);
}

void log_vlines(enum log_level level, const char *fmt, va_list ap)
{
	FILE *to = stream ? stream : stderr;
	char *text, *at, *end;

	if (level > current_level || vasprintf(&text, fmt, ap) < 0)
		return;
	if (before_line)
		before_line();
	flockfile(to);
	for (at = text; *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, '\n');
		print_line(to, level, at == text ? "" : "| ", at, (size_t)(end - at));
	}
	funlockfile(to);
	free(text);
}
