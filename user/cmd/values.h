/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_VALUES_H
#define MAPRACE_CMD_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "session/settings.h"

/*
 * Values of command-line options. All return 0 or -EINVAL (not of that form) or -ERANGE (of that
 * form, but not a usable value), and leave *out alone on failure. Numbers are plain decimal ("3",
 * "2.5", ".5"): no sign, exponent, hexadecimal, or surrounding blanks.
 */

/* TIME: a number with us, ms or s. Zero is -ERANGE. */
int value_time(const char *s, uint64_t *ns);
/* SECONDS: a number without a unit, or a TIME. Zero is -ERANGE. */
int value_seconds(const char *s, uint64_t *ns);
/* A share of a CPU in percent, a millionth of it at least and at most 100, with or without "%". */
#define VALUE_PERCENT_MIN 0.0001
int value_percent(const char *s, double *percent);
/* SIZE: bytes, or with K, M or G: "500K", "16M"; 0 too. */
int value_size(const char *s, uint64_t *bytes);
/* How many times as long something may take: 1.01 to 100. */
int value_factor(const char *s, double *factor);
/* 0 to max. */
int value_integer(const char *s, unsigned int max, unsigned int *out);

/* The name or number of a user; as /etc/passwd has it, no other service is asked. */
int value_user(const char *s, uint32_t *uid);

/* PID[,PID...] appended to a list (malloc'ed, grown here); a PID that is there already is not added
 * again. -ENOMEM. */
int value_pids(const char *s, struct pid_list *list);
void pid_list_free(struct pid_list *list);

#endif
