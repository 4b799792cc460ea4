/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_LOG_H
#define MAPRACE_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Messages for the person at the terminal, on standard error. Reports go to standard output and
 * never through here. libbpf's own messages arrive one level lower than it gave them, so that -v
 * shows ours and -vv theirs.
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_HINT, LOG_INFO, LOG_VERBOSE, LOG_DEBUG };

/* Everything up to and including level is printed. LOG_INFO is the default. */
void log_set_level(enum log_level level);
enum log_level log_level(void);

/* Called before a line is written, to clear a status line that stands on the terminal; NULL for
 * none. */
void log_set_before(void (*before)(void));

/* Where lines go from now on, for as long as standard error is the terminal that a screen is on;
 * NULL: standard error again. */
void log_set_stream(FILE *stream);

/* One line, whatever is in it: fmt ends without a newline, and those of its arguments are escaped. */
void log_vprint(enum log_level level, const char *fmt, va_list ap);
void log_print(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Another program's words, several lines of them or one that is ended: each line but the first is
 * marked. */
void log_vlines(enum log_level level, const char *fmt, va_list ap);

#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_print(LOG_WARN, __VA_ARGS__)
#define log_hint(...) log_print(LOG_HINT, __VA_ARGS__)
#define log_info(...) log_print(LOG_INFO, __VA_ARGS__)
#define log_verbose(...) log_print(LOG_VERBOSE, __VA_ARGS__)
#define log_debug(...) log_print(LOG_DEBUG, __VA_ARGS__)

#endif
