/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REPORT_JSON_MAKE_H
#define MAPRACE_REPORT_JSON_MAKE_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

/*
 * Making JSON values. All return NULL when memory is short. json_put() takes the value over and
 * lets a NULL one fail, so that a builder only has to look at the sum of its puts, with
 * json_finish().
 */
int json_put(json_t *object, const char *key, json_t *value);
/* object, or NULL with object freed when something failed. */
json_t *json_finish(json_t *object, int failed);

/* json_t *name(const type *items, size_t n), an array of what build() makes of each. */
#define JSON_BUILD_LIST(name, type, build)                                       \
	static json_t *name(const type *items, size_t n)                         \
	{                                                                        \
		json_t *list = json_array();                                     \
		int failed = 0;                                                  \
		size_t i;                                                        \
                                                                                 \
		for (i = 0; i < n && !failed; i++)                               \
			failed |= json_array_append_new(list, build(&items[i])); \
		return json_finish(list, failed);                                \
	}

/* Of any bytes: what is not UTF-8 becomes \xNN. */
json_t *json_text(const char *s);
/* JSON integers end at INT64_MAX here; a counter never gets there, a hostile goroutine id may. */
json_t *json_number(uint64_t n);
json_t *json_known_number(uint64_t n); /* null for 0 */
json_t *json_number_real(double x);    /* null when it is not finite */
json_t *json_hex(uint64_t n);	       /* "0x…" */
/* "2026-11-21T10:52:23.123Z", null before 1970 */
json_t *json_time(int64_t unix_ns);

/*
 * Takes value over, writes it and a newline. Pure ASCII leaves the encoder, because C1 controls and
 * direction marks from a target's strings must not reach a terminal. flags: JSON_INDENT(2) or
 * JSON_COMPACT. 0, -ENOMEM (value NULL too) or what writing gave.
 */
int json_print_value(FILE *out, json_t *value, size_t flags);

#endif
