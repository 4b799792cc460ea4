/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_OPTION_VALUES_H
#define MAPRACE_CMD_OPTION_VALUES_H

#include <stddef.h>

/*
 * What rows of option tables set: offset, parser and list in one, so that the parser is that of the
 * member's type.
 */
#define OPTION_AT(type, options, member)                                                        \
	(offsetof(options, member) +                                                            \
	 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((options *)0)->member), type) \
				 ? 1                                                            \
				 : -1]))
#define OPTION_BY(parse, type, options, member) OPTION_AT(type, options, member), parse, NULL

#define OPTION_FLAG(options, member) OPTION_BY(option_flag, _Bool, options, member)
#define OPTION_COUNT(options, member) OPTION_BY(option_count, int, options, member)
#define OPTION_TEXT(options, member) OPTION_BY(option_text, const char *, options, member)
#define OPTION_STATUS(options, member) OPTION_BY(option_status, int, options, member)
#define OPTION_PID(options, member) OPTION_BY(option_pid, uint32_t, options, member)
#define OPTION_TIME(options, member) OPTION_BY(option_time, uint64_t, options, member)
#define OPTION_SECONDS(options, member) OPTION_BY(option_seconds, uint64_t, options, member)
#define OPTION_PERCENT(options, member) OPTION_BY(option_percent, double, options, member)
#define OPTION_SIZE(options, member) OPTION_BY(option_size, uint64_t, options, member)
#define OPTION_FORMAT(options, member) \
	OPTION_AT(enum report_format, options, member), option_format, option_format_names
/* Of what sets several members. */
#define OPTION_ALL(parse) 0, parse, NULL

/* value points to the member. */
int option_flag(void *value, const char *arg);	  /* true when given */
int option_count(void *value, const char *arg);	  /* how often it was given */
int option_text(void *value, const char *arg);	  /* not empty; not copied */
int option_status(void *value, const char *arg);  /* an exit status */
int option_pid(void *value, const char *arg);	  /* a process id */
int option_time(void *value, const char *arg);	  /* value_time() */
int option_seconds(void *value, const char *arg); /* value_seconds() */
int option_percent(void *value, const char *arg); /* value_percent() */
int option_size(void *value, const char *arg);	  /* value_size() */
int option_format(void *value, const char *arg);  /* of a report, by name */

/* What they expect. */
#define EXPECTS_FILE "a file name"
#define EXPECTS_DIRECTORY "a directory"
#define EXPECTS_SIZE "a number of bytes, or with K, M or G"
#define EXPECTS_STATUS "a number from 0 to 255"
#define EXPECTS_TIME "a time, as in 500us, 100ms or 1s"
#define EXPECTS_SECONDS "a number of seconds above 0, as in 10 or 2.5"
#define EXPECTS_PERCENT "a percentage from 0.0001 to 100"

/* For the rows' list: "text, json, … or mrec", ".txt (text), .json, … or .mrec". */
const char *option_format_names(void);
const char *option_format_extensions(void);

#endif
