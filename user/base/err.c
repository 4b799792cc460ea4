/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err || err->text[0])
		return code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

void err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err || err->hint[0])
		return;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
}

const char *err_name(int code)
{
	static __thread char unknown[16];
	const char *name = strerrorname_np(abs(code));

	if (name)
		return name;
	snprintf(unknown, sizeof(unknown), "E%d", abs(code));
	return unknown;
}
