/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/values.h"

#include <errno.h>
#include <pwd.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest time that is taken, about 31 years: far below where nanoseconds overflow. */
#define TIME_MAX_NS 1e18

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal number at the start of s; *end is what follows. strtod would take "nan", "1e5" and
 * "0x1" too. */
static int parse_decimal(const char *s, double *out, const char **end)
{
	double value = 0, scale = 1;
	size_t digits = 0;

	for (; is_digit(*s); s++, digits++)
		value = value * 10 + (*s - '0');
	if (*s == '.')
		for (s++; is_digit(*s); s++, digits++) {
			scale *= 10;
			if (scale <= 1e15)
				value += (*s - '0') / scale;
		}
	if (!digits)
		return -EINVAL;
	*out = value;
	*end = s;
	return 0;
}

static int time_ns(double value, double unit, uint64_t *ns)
{
	value = value * unit + 0.5;
	if (!(value >= 1) || value > TIME_MAX_NS)
		return -ERANGE;
	*ns = (uint64_t)value;
	return 0;
}

static int parse_time(const char *s, double bare_unit, uint64_t *ns)
{
	const char *unit;
	double value;

	if (parse_decimal(s, &value, &unit))
		return -EINVAL;
	if (!strcmp(unit, "us"))
		return time_ns(value, 1e3, ns);
	if (!strcmp(unit, "ms"))
		return time_ns(value, 1e6, ns);
	if (!strcmp(unit, "s"))
		return time_ns(value, 1e9, ns);
	if (!*unit && bare_unit > 0)
		return time_ns(value, bare_unit, ns);
	return -EINVAL;
}

int value_time(const char *s, uint64_t *ns)
{
	return parse_time(s, 0, ns);
}

int value_seconds(const char *s, uint64_t *ns)
{
	return parse_time(s, 1e9, ns);
}

int value_percent(const char *s, double *percent)
{
	const char *end;
	double value;

	if (parse_decimal(s, &value, &end) || (*end && strcmp(end, "%")))
		return -EINVAL;
	if (value < VALUE_PERCENT_MIN || value > 100)
		return -ERANGE;
	*percent = value;
	return 0;
}

int value_factor(const char *s, double *factor)
{
	const char *end;
	double value;

	if (parse_decimal(s, &value, &end) || *end)
		return -EINVAL;
	if (value < 1.01 || value > 100)
		return -ERANGE;
	*factor = value;
	return 0;
}

static int parse_integer(const char **s, unsigned int max, unsigned int *out)
{
	const char *p = *s;
	uint64_t value = 0;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++)
		if (value <= UINT_MAX)
			value = value * 10 + (uint64_t)(*p - '0');
	*s = p;
	if (value > max)
		return -ERANGE;
	*out = (unsigned int)value;
	return 0;
}

int value_integer(const char *s, unsigned int max, unsigned int *out)
{
	unsigned int value = 0;
	int rc = parse_integer(&s, max, &value);

	if (rc == -EINVAL || *s)
		return -EINVAL;
	if (!rc)
		*out = value;
	return rc;
}

static int pid_list_add(struct pid_list *list, uint32_t pid)
{
	uint32_t *grown;
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->pids[i] == pid)
			return 0;
	grown = reallocarray(list->pids, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->pids = grown;
	list->pids[list->n++] = pid;
	return 0;
}

int value_user(const char *s, uint32_t *uid)
{
	struct passwd *entry;
	unsigned int n;
	int rc = -EINVAL;
	FILE *f;

	if (!value_integer(s, INT32_MAX, &n)) {
		*uid = n;
		return 0;
	}
	f = fopen("/etc/passwd", "re");
	while (f && rc && (entry = fgetpwent(f)))
		if (!strcmp(entry->pw_name, s)) {
			*uid = entry->pw_uid;
			rc = 0;
		}
	if (f)
		fclose(f);
	return rc;
}

int value_pids(const char *s, struct pid_list *list)
{
	unsigned int pid = 0;
	int rc;

	for (;;) {
		rc = parse_integer(&s, INT_MAX, &pid);
		if (rc)
			return rc;
		if (*s && *s != ',')
			return -EINVAL;
		if (!pid)
			return -ERANGE;
		rc = pid_list_add(list, pid);
		if (rc || !*s)
			return rc;
		s++;
	}
}

void pid_list_free(struct pid_list *list)
{
	free(list->pids);
	memset(list, 0, sizeof(*list));
}

int value_size(const char *s, uint64_t *bytes)
{
	static const char units[] = "KMG";
	const char *unit;
	uint64_t n;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(s, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if ((*end && !unit) || (*end && end[1]))
		return -EINVAL;
	if (errno || n >> 30)
		return -ERANGE;
	*bytes = unit ? n << (10 * (unit - units + 1)) : n;
	return 0;
}
