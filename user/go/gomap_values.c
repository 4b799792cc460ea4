/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/gomap_values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

#define TYPE_KIND 23
#define KIND_MASK 31
#define MAX_TEXT 256 /* of a string that is kept */

enum {
	KIND_BOOL = 1,
	KIND_INT = 2,
	KIND_INT64 = 6,
	KIND_UINT = 7,
	KIND_UINTPTR = 12,
	KIND_FLOAT32 = 13,
	KIND_FLOAT64 = 14,
	KIND_STRING = 24,
};

static char *text_of_string(struct gomap_walk *w, const uint8_t *data)
{
	uint64_t len = get_le64(data + 8), n = len < MAX_TEXT ? len : MAX_TEXT;
	char raw[MAX_TEXT], text[4 * MAX_TEXT + 1], *made, *to = text;
	uint64_t i;

	if (n && memory_read(w->g->memory, get_le64(data), raw, n))
		return strdup("(not in memory)");
	for (i = 0; i < n; i++)
		if (raw[i])
			*to++ = raw[i];
		else
			to = stpcpy(to, "\\x00"); /* what is behind it counts too */
	*to = '\0';
	return asprintf(&made, "\"%s\"%s", text, len > n ? "..." : "") < 0 ? NULL : made;
}

static uint64_t word(const uint8_t *data, uint64_t size)
{
	uint64_t v = 0;

	memcpy(&v, data, size <= 8 ? size : 8);
	return v;
}

static char *text_of(struct gomap_walk *w, uint64_t type, const uint8_t *data, uint64_t size)
{
	uint8_t kind;
	char *made;
	int n = -1;

	if (memory_read(w->g->memory, type + TYPE_KIND, &kind, 1))
		return strdup("...");
	kind &= KIND_MASK;
	if (kind == KIND_STRING && size == 16)
		return text_of_string(w, data);
	if (kind == KIND_BOOL && size == 1)
		return strdup(data[0] ? "true" : "false");
	if (kind >= KIND_INT && kind <= KIND_INT64 && size && size <= 8)
		n = asprintf(&made, "%" PRId64,
			     (int64_t)(word(data, size) << (64 - 8 * size)) >> (64 - 8 * size));
	else if (kind >= KIND_UINT && kind <= KIND_UINTPTR && size <= 8)
		n = asprintf(&made, "%" PRIu64, word(data, size));
	else if (kind == KIND_FLOAT64 && size == 8) {
		double x;

		memcpy(&x, data, sizeof(x));
		n = asprintf(&made, "%.17g", x);
	} else if (kind == KIND_FLOAT32 && size == 4) {
		float x;

		memcpy(&x, data, sizeof(x));
		n = asprintf(&made, "%.9g", (double)x);
	} else {
		return strdup("...");
	}
	return n < 0 ? NULL : made;
}

static char *text_of_elem(struct gomap_walk *w, const struct gomap_entry *e)
{
	const struct gomap_type *t = w->type;
	uint8_t data[GOMAP_MAX_KEY];

	if (t->elem_size > sizeof(data) ||
	    (t->indirect_elem && memory_read(w->g->memory, get_le64(e->elem), data, t->elem_size)))
		return strdup("...");
	return text_of(w, t->elem_type, t->indirect_elem ? data : e->elem, t->elem_size);
}

int gomap_value_add(struct gomap_walk *w, const struct gomap_entry *e)
{
	struct report_map_dump *out = w->out;
	struct report_entry *grown, made;

	grown = reallocarray(out->values, out->nvalues + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	out->values = grown;
	made.key = text_of(w, w->type->key_type, e->data, w->type->key_size);
	made.value = text_of_elem(w, e);
	if (!made.key || !made.value) {
		free(made.key);
		free(made.value);
		return -ENOMEM;
	}
	grown[out->nvalues++] = made;
	return 0;
}
