/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "cmd/option_values.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd/values.h"
#include "report/format.h"

int option_flag(void *value, const char *arg)
{
	(void)arg;
	*(bool *)value = true;
	return 0;
}

int option_count(void *value, const char *arg)
{
	(void)arg;
	++*(int *)value;
	return 0;
}

int option_text(void *value, const char *arg)
{
	if (!*arg)
		return -EINVAL;
	*(const char **)value = arg;
	return 0;
}

int option_status(void *value, const char *arg)
{
	unsigned int status;
	int rc = value_integer(arg, 255, &status);

	if (!rc)
		*(int *)value = (int)status;
	return rc;
}

int option_pid(void *value, const char *arg)
{
	unsigned int pid;
	int rc = value_integer(arg, INT32_MAX, &pid);

	if (rc || !pid)
		return rc ? rc : -ERANGE;
	*(uint32_t *)value = pid;
	return 0;
}

int option_time(void *value, const char *arg)
{
	return value_time(arg, value);
}

int option_size(void *value, const char *arg)
{
	return value_size(arg, value);
}

int option_seconds(void *value, const char *arg)
{
	return value_seconds(arg, value);
}

int option_percent(void *value, const char *arg)
{
	return value_percent(arg, value);
}

int option_format(void *value, const char *arg)
{
	return format_find(arg, value) ? 0 : -EINVAL;
}

/* --- lists --- */

#define LIST_MAX 512

/* ", ", or what stands before the last one. */
static const char *separator(size_t i)
{
	return !i ? "" : i + 1 < REPORT_FORMATS ? ", " : " or ";
}

const char *option_format_names(void)
{
	static char list[LIST_MAX];
	size_t i, n = 0;

	for (i = 0; i < REPORT_FORMATS && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", separator(i),
				      format_name((enum report_format)i));
	return list;
}

/* Where the extension does not say the name it stands beside. */
const char *option_format_extensions(void)
{
	static char list[LIST_MAX];
	size_t i, n = 0;

	for (i = 0; i < REPORT_FORMATS && n < sizeof(list); i++) {
		const char *name = format_name((enum report_format)i);
		const char *extension = format_extension((enum report_format)i);
		bool same = !strcmp(extension + 1, name);

		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s%s%s%s", separator(i),
				      extension, same ? "" : " (", same ? "" : name,
				      same ? "" : ")");
	}
	return list;
}
