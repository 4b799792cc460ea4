/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/keys.h"

#include <bpf/btf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 1024
#define MAX_DEPTH 8
#define MAX_ITEMS 64
#define MAX_MODIFIERS 32

struct printer {
	const struct btf *btf;
	const uint8_t *bytes;
	size_t have;
	char text[MAX_TEXT];
	size_t len;
	bool failed; /* out of room, or bytes are missing: better nothing than half of it */
};

char *bytes_hex(const uint8_t *bytes, size_t have, size_t whole)
{
	size_t n = have < whole ? have : whole, i, at = 0;
	char *text = malloc(n * 3 + 8);

	if (!text)
		return NULL;
	text[0] = '\0';
	for (i = 0; i < n; i++)
		at += (size_t)sprintf(&text[at], i ? " %02x" : "%02x", bytes[i]);
	if (whole > n)
		strcpy(&text[at], " ...");
	return text;
}

static void __attribute__((format(printf, 2, 3))) say(struct printer *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(&p->text[p->len], sizeof(p->text) - p->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(p->text) - p->len)
		p->failed = true;
	else
		p->len += (size_t)n;
}

static const struct btf_type *strip(const struct btf *btf, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(btf, *id);
	int i;

	for (i = 0; t && i < MAX_MODIFIERS; i++) {
		if (!btf_is_mod(t) && !btf_is_typedef(t))
			return t;
		*id = t->type;
		t = btf__type_by_id(btf, *id);
	}
	return NULL;
}

static uint64_t get_bits(struct printer *p, uint64_t bit, uint32_t bits)
{
	uint64_t value = 0;
	uint32_t i;

	if (!bits || bits > 64 || bit / 8 >= p->have || (bit + bits + 7) / 8 > p->have) {
		p->failed = true;
		return 0;
	}
	for (i = 0; i < bits; i++)
		value |= (uint64_t)(p->bytes[(bit + i) / 8] >> (bit + i) % 8 & 1) << i;
	return value;
}

static void print_int(struct printer *p, const struct btf_type *t, uint64_t bit, uint32_t bits)
{
	uint64_t value = get_bits(p, bit, bits);

	if (btf_int_encoding(t) & BTF_INT_SIGNED && bits > 0 && bits < 64 && value >> (bits - 1))
		value |= ~0ull << bits;
	if (btf_int_encoding(t) & BTF_INT_SIGNED)
		say(p, "%" PRId64, (int64_t)value);
	else
		say(p, "%" PRIu64, value);
}

static bool is_text(const struct printer *p, const struct btf_type *element, uint64_t bit,
		    uint32_t n)
{
	uint64_t at = bit / 8;
	uint32_t i;
	bool ended = false;

	if (!btf_is_int(element) || element->size != 1 || at + n > p->have || !n)
		return false;
	for (i = 0; i < n; i++) {
		uint8_t c = p->bytes[at + i];

		if (ended ? c != 0 : c != 0 && (c < 0x20 || c > 0x7e || c == '"' || c == '\\'))
			return false;
		ended |= c == 0;
	}
	return p->bytes[at] != 0;
}

static void print_type(struct printer *p, uint32_t id, uint64_t bit, uint32_t bits, int depth);

static void print_array(struct printer *p, const struct btf_array *array, uint64_t bit, int depth)
{
	uint32_t element_id = array->type, i;
	const struct btf_type *element = strip(p->btf, &element_id);
	int64_t size = btf__resolve_size(p->btf, array->type);

	if (!element || size <= 0 || size > 4096 || array->nelems > MAX_ITEMS) {
		p->failed = true;
		return;
	}
	if (is_text(p, element, bit, array->nelems)) {
		say(p, "\"%.*s\"", (int)array->nelems, (const char *)&p->bytes[bit / 8]);
		return;
	}
	say(p, "{");
	for (i = 0; i < array->nelems && !p->failed; i++) {
		say(p, i ? ", " : "");
		print_type(p, array->type, bit + (uint64_t)i * (uint64_t)size * 8, 0, depth + 1);
	}
	say(p, "}");
}

static void print_members(struct printer *p, const struct btf_type *t, uint64_t bit, int depth)
{
	const struct btf_member *m = btf_members(t);
	uint16_t i, n = btf_vlen(t);
	const char *name;

	if (n > MAX_ITEMS) {
		p->failed = true;
		return;
	}
	say(p, "{");
	for (i = 0; i < n && !p->failed; i++) {
		name = btf__name_by_offset(p->btf, m[i].name_off);
		say(p, "%s", i ? ", " : "");
		if (name && *name)
			say(p, ".%s = ", name);
		print_type(p, m[i].type, bit + btf_member_bit_offset(t, i),
			   btf_member_bitfield_size(t, i), depth + 1);
	}
	say(p, "}");
}

static void print_enum(struct printer *p, const struct btf_type *t, uint64_t bit, uint32_t bits)
{
	uint64_t value = get_bits(p, bit, bits);
	const struct btf_enum *e = btf_enum(t);
	uint16_t i;

	for (i = 0; btf_is_enum(t) && i < btf_vlen(t); i++)
		if ((uint32_t)e[i].val == (uint32_t)value) {
			say(p, "%s", btf__name_by_offset(p->btf, e[i].name_off));
			return;
		}
	say(p, "%" PRIu64, value);
}

/* bits: width of a bit field, 0 for the type's own. */
static void print_type(struct printer *p, uint32_t id, uint64_t bit, uint32_t bits, int depth)
{
	const struct btf_type *t = strip(p->btf, &id);

	if (!t || depth > MAX_DEPTH)
		p->failed = true;
	if (p->failed)
		return;
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		print_int(p, t, bit, bits ? bits : (uint32_t)btf_int_bits(t));
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		print_enum(p, t, bit, bits ? bits : t->size * 8);
		break;
	case BTF_KIND_PTR:
		say(p, "0x%" PRIx64, get_bits(p, bit, 64));
		break;
	case BTF_KIND_ARRAY:
		print_array(p, btf_array(t), bit, depth);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		print_members(p, t, bit, depth);
		break;
	default:
		p->failed = true;
		break;
	}
}

char *bytes_typed(const struct btf *btf, uint32_t type, const uint8_t *bytes, size_t have)
{
	struct printer *p;
	char *text;

	if (!btf || !type)
		return strdup("");
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->btf = btf;
	p->bytes = bytes;
	p->have = have;
	print_type(p, type, 0, 0, 0);
	text = strdup(p->failed ? "" : p->text);
	free(p);
	return text;
}
