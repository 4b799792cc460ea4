/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_value.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void json_reader_enter(struct json_reader *r, const char *list, size_t i)
{
	snprintf(r->where, sizeof(r->where), "%s[%zu]", list, i);
}

int json_reader_fail(struct json_reader *r, const char *key, const char *what)
{
	if (r->rc)
		return r->rc;
	r->rc = -EBADMSG;
	return err_set(r->err, r->rc, "%s%s%s is %s", r->where, r->where[0] ? "." : "", key, what);
}

int json_reader_nomem(struct json_reader *r)
{
	if (r->rc)
		return r->rc;
	r->rc = -ENOMEM;
	return err_set(r->err, r->rc, "out of memory");
}

/* NULL when missing or null, and after a failure. */
static json_t *member(const struct json_reader *r, const json_t *o, const char *key)
{
	json_t *value = r->rc ? NULL : json_object_get(o, key);

	return json_is_null(value) ? NULL : value;
}

bool json_is_known(const json_t *o, const char *key)
{
	const json_t *value = json_object_get(o, key);

	return value && !json_is_null(value);
}

json_t *json_get_object(struct json_reader *r, const json_t *o, const char *key)
{
	json_t *value = member(r, o, key);

	if (value && !json_is_object(value)) {
		json_reader_fail(r, key, "not an object");
		return NULL;
	}
	return value;
}

json_t *json_get_array(struct json_reader *r, const json_t *o, const char *key)
{
	json_t *value = member(r, o, key);

	if (value && !json_is_array(value)) {
		json_reader_fail(r, key, "not an array");
		return NULL;
	}
	return value;
}

void *json_get_items(struct json_reader *r, const json_t *list, const char *name, size_t size,
		     size_t *n)
{
	size_t count = json_array_size(list), i;
	void *items;

	*n = 0;
	if (r->rc || !count)
		return NULL;
	for (i = 0; i < count; i++)
		if (!json_is_object(json_array_get(list, i))) {
			json_reader_fail(r, name, "not an array of objects");
			return NULL;
		}
	items = calloc(count, size);
	if (!items)
		json_reader_nomem(r);
	else
		*n = count;
	return items;
}

char *json_get_text(struct json_reader *r, const json_t *o, const char *key)
{
	const json_t *value = member(r, o, key);
	char *copy;

	if (r->rc)
		return NULL;
	if (value && !json_is_string(value)) {
		json_reader_fail(r, key, "not a string");
		return NULL;
	}
	copy = strdup(value ? json_string_value(value) : "");
	if (!copy)
		json_reader_nomem(r);
	return copy;
}

static uint64_t get_number(struct json_reader *r, const json_t *o, const char *key, uint64_t max)
{
	const json_t *value = member(r, o, key);

	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > max) {
		json_reader_fail(r, key, "not a count that fits");
		return 0;
	}
	return (uint64_t)json_integer_value(value);
}

uint64_t json_get_u64(struct json_reader *r, const json_t *o, const char *key)
{
	return get_number(r, o, key, UINT64_MAX);
}

uint32_t json_get_u32(struct json_reader *r, const json_t *o, const char *key)
{
	return (uint32_t)get_number(r, o, key, UINT32_MAX);
}

int json_get_int(struct json_reader *r, const json_t *o, const char *key)
{
	return (int)get_number(r, o, key, INT_MAX);
}

double json_get_real(struct json_reader *r, const json_t *o, const char *key, double missing)
{
	const json_t *value = member(r, o, key);

	if (!value)
		return missing;
	if (!json_is_number(value) || json_number_value(value) < 0) {
		json_reader_fail(r, key, "not a number from 0 on");
		return 0;
	}
	return json_number_value(value);
}

bool json_get_bool(struct json_reader *r, const json_t *o, const char *key)
{
	const json_t *value = member(r, o, key);

	if (value && !json_is_boolean(value)) {
		json_reader_fail(r, key, "neither true nor false");
		return false;
	}
	return json_is_true(value);
}

uint64_t json_get_hex(struct json_reader *r, const json_t *o, const char *key)
{
	static const char digits[] = "0123456789abcdef";
	const json_t *value = member(r, o, key);
	const char *s, *digit;
	uint64_t n = 0;

	if (!value)
		return 0;
	s = json_string_value(value);
	if (!s || strncmp(s, "0x", 2) || !s[2] || strlen(s) > 18)
		goto bad;
	for (s += 2; *s; s++) {
		digit = strchr(digits, *s);
		if (!digit)
			goto bad;
		n = n << 4 | (uint64_t)(digit - digits);
	}
	return n;
bad:
	json_reader_fail(r, key, "not a hexadecimal number like \"0xc000094480\"");
	return 0;
}

unsigned int json_get_word(struct json_reader *r, const json_t *o, const char *key,
			   const char *(*word)(unsigned int), unsigned int n)
{
	const char *s = json_string_value(member(r, o, key));
	unsigned int i;

	if (r->rc)
		return 0;
	for (i = 0; s && i < n; i++)
		if (!strcmp(s, word(i)))
			return i;
	json_reader_fail(r, key, s ? "a word that this version does not know" : "missing");
	return 0;
}
