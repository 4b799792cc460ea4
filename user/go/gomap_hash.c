/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/gomap_hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "go/aes_round.h"

#define MAX_STRING (1u << 20)	/* of a key: nobody waits for longer ones */
#define MAX_LENGTH (1ull << 40) /* no string is as long */
#define MAX_DEPTH 8
#define MAX_FIELDS 256
#define MAX_ELEMS 4096
#define MAX_KEY 1024 /* of a value in an interface */

/* src/runtime/alg.go: c0, c1 */
#define C0 33054211828000289ull
#define C1 23344194077549503ull

/* type Type and what stands behind it (src/internal/abi/type.go) */
#define TYPE_SIZE 0
#define TYPE_TFLAG 20
#define TYPE_KIND 23
#define TYPE_READ 80
#define ARRAY_ELEM 48
#define ARRAY_LEN 64
#define STRUCT_FIELDS 56
#define INTERFACE_METHODS 64 /* how many */
#define FIELD_SIZE 24
#define ITAB_TYPE 8
#define TFLAG_REGULAR_MEMORY 8
#define TFLAG_DIRECT 32 /* from 1.26 on; before a bit of kind */
#define KIND_DIRECT 32
#define KIND_MASK 31
#define DIRECT_IN_TFLAG 26
#define BY_PARTS 27
#define UNROLLED 32 /* bytes of an array's elements that are hashed in one go */

enum {
	KIND_FLOAT32 = 13,
	KIND_FLOAT64,
	KIND_COMPLEX64,
	KIND_COMPLEX128,
	KIND_ARRAY,
	KIND_INTERFACE = 20,
	KIND_STRING = 24,
	KIND_STRUCT = 25,
};

struct value { /* copied from the process */
	uint64_t type;
	const uint8_t *data;
	uint64_t size;
};

struct walk {
	const struct gomap_hash *h;
	int depth;
	uint32_t steps; /* that are left, of all parts together */
};

static int hash_value(struct walk *w, const struct value *v, bool compiled, uint64_t *h);

static int hash_float(struct walk *w, const uint8_t *p, size_t size, uint64_t *h)
{
	bool zero, nan;

	if (size == 4) {
		uint32_t bits = get_le32(p) & 0x7fffffffu;

		zero = !bits;
		nan = bits > 0x7f800000u;
	} else {
		uint64_t bits = get_le64(p) & 0x7fffffffffffffffull;

		zero = !bits;
		nan = bits > 0x7ff0000000000000ull;
	}
	if (nan)
		return -ENOTSUP;
	*h = zero ? C1 * (C0 ^ *h) : gomap_memhash(w->h->keys, p, size, *h);
	return 0;
}

static int hash_string(struct walk *w, const uint8_t *p, uint64_t *h)
{
	uint64_t at = get_le64(p), len = get_le64(p + 8);
	uint8_t small[256], *data = small;
	int r = 0;

	if (len > MAX_LENGTH)
		return -EFAULT;
	if (len > MAX_STRING) { /* one that was torn ends where nothing is */
		r = memory_read(w->h->memory, at + len - 1, small, 1);
		return r ? r : -ENOTSUP;
	}
	if (len > sizeof(small))
		data = malloc(len);
	if (!data)
		return -ENOMEM;
	if (len)
		r = memory_read(w->h->memory, at, data, len);
	if (!r)
		*h = gomap_memhash(w->h->keys, data, len, *h);
	if (data != small)
		free(data);
	return r;
}

static int read_type(struct walk *w, uint64_t type, uint8_t raw[TYPE_READ])
{
	if (!w->steps--)
		return w->steps = 1, -ENOTSUP;
	/* a descriptor may be the last thing there is: what stands behind it is not always needed */
	if (!memory_read(w->h->memory, type, raw, TYPE_READ))
		return 0;
	memset(raw, 0, TYPE_READ);
	return memory_read(w->h->memory, type, raw, 48);
}

static int hash_interface(struct walk *w, const struct value *v, uint64_t methods, uint64_t *h)
{
	uint64_t type = get_le64(v->data), word = get_le64(v->data + 8), size, inner;
	uint8_t raw[TYPE_READ], data[MAX_KEY];
	struct value held;
	bool direct;
	int r;

	if (!type)
		return 0;
	if (methods) {
		r = memory_u64(w->h->memory, type + ITAB_TYPE, &type);
		if (r)
			return r;
	}
	r = read_type(w, type, raw);
	if (r)
		return r;
	size = get_le64(raw + TYPE_SIZE);
	direct = w->h->layout->minor >= DIRECT_IN_TFLAG ? raw[TYPE_TFLAG] & TFLAG_DIRECT
							: raw[TYPE_KIND] & KIND_DIRECT;
	if (size > sizeof(data))
		return -ENOTSUP;
	if (direct)
		memcpy(data, &word, 8);
	else
		r = memory_read(w->h->memory, word, data, size);
	if (r)
		return r;
	held = (struct value){type, data, size};
	inner = *h ^ C0;
	r = hash_value(w, &held, false, &inner);
	*h = C1 * inner;
	return r;
}

static int hash_array(struct walk *w, const struct value *v, const uint8_t *raw, bool compiled,
		      uint64_t *h)
{
	uint64_t elem = get_le64(raw + ARRAY_ELEM), n = get_le64(raw + ARRAY_LEN), size, i;
	int r = memory_u64(w->h->memory, elem, &size);

	for (i = 0; i < n && !r; i++) {
		struct value e;

		if (n > MAX_ELEMS || !range_fits(i * size, size, v->size))
			return -ENOTSUP;
		e = (struct value){elem, v->data + i * size, size};
		r = hash_value(w, &e, compiled, h);
	}
	return r;
}

struct field {
	uint64_t type, offset, size;
	bool blank, regular;
};

static int read_field(struct walk *w, uint64_t at, const struct value *v, struct field *f)
{
	uint8_t raw[FIELD_SIZE], type[TYPE_READ], name[3];
	int r = memory_read(w->h->memory, at, raw, sizeof(raw));

	if (!r)
		r = memory_read(w->h->memory, get_le64(raw), name, sizeof(name));
	if (r)
		return r;
	f->type = get_le64(raw + 8);
	f->offset = get_le64(raw + 16);
	r = read_type(w, f->type, type);
	if (r)
		return r;
	f->size = get_le64(type + TYPE_SIZE);
	f->regular = type[TYPE_TFLAG] & TFLAG_REGULAR_MEMORY;
	f->blank = name[1] == 1 && name[2] == '_';
	return range_fits(f->offset, f->size, v->size) ? 0 : -EFAULT;
}

/* The compiler hashes fields of plain memory that follow one another without a gap in one go. */
static uint64_t run_of(const struct field *fields, size_t n, size_t i, size_t *next)
{
	uint64_t end = fields[i].offset + fields[i].size;

	for (*next = i + 1; *next < n; ++*next) {
		const struct field *f = &fields[*next];

		if (f->blank || !f->regular || f->offset != end)
			break;
		end += f->size;
	}
	return end - fields[i].offset;
}

static int hash_struct(struct walk *w, const struct value *v, const uint8_t *raw, bool compiled,
		       uint64_t *h)
{
	uint64_t at = get_le64(raw + STRUCT_FIELDS), n = get_le64(raw + STRUCT_FIELDS + 8);
	struct field *fields;
	size_t i, next;
	int r = 0;

	if (n > MAX_FIELDS)
		return -ENOTSUP;
	fields = calloc(n ? n : 1, sizeof(*fields));
	if (!fields)
		return -ENOMEM;
	for (i = 0; i < n && !r; i++)
		r = read_field(w, at + i * FIELD_SIZE, v, &fields[i]);
	for (i = 0; i < n && !r; i = next) {
		const struct field *f = &fields[i];

		next = i + 1;
		if (f->blank)
			continue;
		if (compiled && f->regular) {
			uint64_t size = run_of(fields, n, i, &next);

			*h = gomap_memhash(w->h->keys, v->data + f->offset, size, *h);
		} else {
			struct value part = {f->type, v->data + f->offset, f->size};

			r = hash_value(w, &part, compiled, h);
		}
	}
	free(fields);
	return r;
}

static int hash_regular(struct walk *w, const struct value *v, uint64_t *h)
{
	if (v->size == 4)
		*h = gomap_memhash32(w->h->keys, get_le32(v->data), *h);
	else if (v->size == 8)
		*h = gomap_memhash64(w->h->keys, get_le64(v->data), *h);
	else
		*h = gomap_memhash(w->h->keys, v->data, v->size, *h);
	return 0;
}

static uint64_t size_of_kind(int kind)
{
	return kind == KIND_FLOAT32							  ? 4
	       : kind == KIND_FLOAT64 || kind == KIND_COMPLEX64				  ? 8
	       : kind == KIND_COMPLEX128 || kind == KIND_INTERFACE || kind == KIND_STRING ? 16
											  : 0;
}

static int hash_kind(struct walk *w, const struct value *v, const uint8_t *raw, bool compiled,
		     uint64_t *h)
{
	int kind = raw[TYPE_KIND] & KIND_MASK, r;

	if (v->size < size_of_kind(kind))
		return -EFAULT;
	switch (kind) {
	case KIND_FLOAT32:
	case KIND_FLOAT64:
		return hash_float(w, v->data, kind == KIND_FLOAT32 ? 4 : 8, h);
	case KIND_COMPLEX64:
	case KIND_COMPLEX128:
		r = hash_float(w, v->data, kind == KIND_COMPLEX64 ? 4 : 8, h);
		return r ? r
			 : hash_float(w, v->data + v->size / 2, kind == KIND_COMPLEX64 ? 4 : 8, h);
	case KIND_STRING:
		return hash_string(w, v->data, h);
	case KIND_INTERFACE:
		return hash_interface(w, v, get_le64(raw + INTERFACE_METHODS), h);
	case KIND_ARRAY:
		return hash_array(w, v, raw, compiled, h);
	case KIND_STRUCT:
		return hash_struct(w, v, raw, compiled, h);
	}
	return -ENOTSUP;
}

static int hash_value(struct walk *w, const struct value *v, bool compiled, uint64_t *h)
{
	uint8_t raw[TYPE_READ];
	int r;

	if (w->depth == MAX_DEPTH)
		return -ENOTSUP;
	r = read_type(w, v->type, raw);
	if (r)
		return r;
	if (get_le64(raw + TYPE_SIZE) != v->size)
		return -EFAULT;
	if (raw[TYPE_TFLAG] & TFLAG_REGULAR_MEMORY)
		return hash_regular(w, v, h);
	w->depth++;
	r = hash_kind(w, v, raw, compiled, h);
	w->depth--;
	return r;
}

/*
 * From 1.27 on the compiler makes one function for all types that have the same parts
 * (cmd/compile/internal/reflectdata: eqSignature), however they are nested: plain memory without a
 * gap is hashed in one go, across structures too, and of arrays so many elements as have 32 bytes.
 */
struct parts {
	struct walk *w;
	const struct value *key;
	uint64_t at, len; /* of plain memory that is not hashed yet */
	uint64_t *h;
};

static void hash_memory(struct parts *p)
{
	const struct value v = {0, p->key->data + p->at, p->len};

	if (p->len)
		hash_regular(p->w, &v, p->h);
	p->len = 0;
}

static void add_memory(struct parts *p, uint64_t at, uint64_t len)
{
	if (p->len && p->at + p->len == at) {
		p->len += len;
		return;
	}
	hash_memory(p);
	p->at = at;
	p->len = len;
}

static int add_parts(struct parts *p, uint64_t type, uint64_t at);

static int add_elems(struct parts *p, const uint8_t *raw, uint64_t at)
{
	uint64_t elem = get_le64(raw + ARRAY_ELEM), n = get_le64(raw + ARRAY_LEN), size, i, k, once;
	int r = memory_u64(p->w->h->memory, elem, &size);

	if (r || !n || !size)
		return r;
	if (n > MAX_ELEMS)
		return -ENOTSUP;
	once = size > UNROLLED / 2 ? 1 : UNROLLED / size;
	for (i = 0; i < n % once && !r; i++)
		r = add_parts(p, elem, at + i * size);
	for (; i < n && !r; i += once) {
		if (n / once > 1)
			hash_memory(p);
		for (k = 0; k < once && !r; k++)
			r = add_parts(p, elem, at + (i + k) * size);
		if (n / once > 1)
			hash_memory(p);
	}
	return r;
}

static int add_fields(struct parts *p, const uint8_t *raw, const struct value *v, uint64_t at)
{
	uint64_t fields = get_le64(raw + STRUCT_FIELDS), n = get_le64(raw + STRUCT_FIELDS + 8), i;
	struct field f;
	int r = n > MAX_FIELDS ? -ENOTSUP : 0;

	for (i = 0; i < n && !r; i++) {
		r = read_field(p->w, fields + i * FIELD_SIZE, v, &f);
		if (!r && !f.blank)
			r = add_parts(p, f.type, at + f.offset);
	}
	return r;
}

static int add_parts(struct parts *p, uint64_t type, uint64_t at)
{
	struct value v = {.type = type};
	uint8_t raw[TYPE_READ];
	int kind, r;

	if (p->w->depth == MAX_DEPTH)
		return -ENOTSUP;
	r = read_type(p->w, type, raw);
	if (r)
		return r;
	v.size = get_le64(raw + TYPE_SIZE);
	if (!range_fits(at, v.size, p->key->size))
		return -EFAULT;
	v.data = p->key->data + at;
	kind = raw[TYPE_KIND] & KIND_MASK;
	p->w->depth++;
	if (raw[TYPE_TFLAG] & TFLAG_REGULAR_MEMORY) {
		add_memory(p, at, v.size);
	} else if (kind == KIND_STRUCT) {
		r = add_fields(p, raw, &v, at);
	} else if (kind == KIND_ARRAY) {
		r = add_elems(p, raw, at);
	} else {
		hash_memory(p);
		r = hash_kind(p->w, &v, raw, true, p->h);
	}
	p->w->depth--;
	return r;
}

static int hash_by_parts(struct walk *w, const struct value *key, uint64_t *h)
{
	struct parts p = {.w = w, .key = key, .h = h};
	int r = add_parts(&p, key->type, 0);

	hash_memory(&p);
	return r;
}

int gomap_hash_key(const struct gomap_hash *h, const uint8_t *key, uint64_t seed, uint64_t *out)
{
	struct walk w = {.h = h, .steps = 10000};
	struct value v = {h->key_type, key, h->key_size};

	*out = seed;
	switch (h->how) {
	case GOMAP_HASH_NONE:
		return -ENOTSUP;
	case GOMAP_HASH_ZERO:
		return 0;
	case GOMAP_HASH_32:
		*out = gomap_memhash32(h->keys, get_le32(key), seed);
		return h->key_size == 4 ? 0 : -ENOTSUP;
	case GOMAP_HASH_64:
		*out = gomap_memhash64(h->keys, get_le64(key), seed);
		return h->key_size == 8 ? 0 : -ENOTSUP;
	case GOMAP_HASH_BYTES:
		*out = gomap_memhash(h->keys, key, h->key_size, seed);
		return 0;
	case GOMAP_HASH_STRING:
		return h->key_size == 16 ? hash_string(&w, key, out) : -ENOTSUP;
	case GOMAP_HASH_COMPILED:
		if (h->layout->minor >= BY_PARTS)
			return hash_by_parts(&w, &v, out);
		return hash_value(&w, &v, true, out);
	case GOMAP_HASH_TYPE:
		return hash_value(&w, &v, false, out);
	}
	return -ENOTSUP;
}
