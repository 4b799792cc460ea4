/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_make.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/escape.h"

int json_put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

json_t *json_finish(json_t *object, int failed)
{
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

json_t *json_text(const char *s)
{
	char *utf8 = escape_utf8(s);
	json_t *value = utf8 ? json_string_nocheck(utf8) : NULL;

	free(utf8);
	return value;
}

json_t *json_number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *json_known_number(uint64_t n)
{
	return n ? json_number(n) : json_null();
}

json_t *json_number_real(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

json_t *json_hex(uint64_t n)
{
	return json_sprintf("0x%" PRIx64, n);
}

json_t *json_time(int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	int ms = (int)(unix_ns / 1000000 % 1000);
	char date[64];
	struct tm tm;

	if (unix_ns < 0 || !gmtime_r(&seconds, &tm))
		return json_null();
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%03dZ", date, ms);
}

int json_print_value(FILE *out, json_t *value, size_t flags)
{
	char *dump;
	int rc = 0;

	if (!value)
		return -ENOMEM;
	dump = json_dumps(value, flags | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));
	json_decref(value);
	if (!dump)
		return -ENOMEM;
	errno = 0;
	if (fputs(dump, out) == EOF || fputc('\n', out) == EOF || fflush(out) == EOF)
		rc = errno ? -errno : -EIO;
	free(dump);
	return rc;
}
