/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "go/gomap.h"

/* src/internal/abi/type.go, map.go (map_noswiss.go, map_swiss.go), to 1.20 src/runtime/type.go */
#define TYPE_SIZE 0
#define TYPE_KIND 23
#define KIND_MASK 31
#define KIND_MAP 21
#define MAP_KEY 48
#define MAP_ELEM 56
#define MAP_HASHER 72
#define CLASSIC_KEYSIZE 80
#define CLASSIC_ELEMSIZE 81
#define CLASSIC_BUCKETSIZE 82
#define CLASSIC_FLAGS 84
#define SWISS_GROUPSIZE 80
#define SWISS_SLOTSIZE 88
#define SWISS_ELEMOFF 96
#define SWISS_FLAGS 104
#define STRIDES_KEYSOFF 88
#define STRIDES_KEYSTRIDE 96
#define STRIDES_ELEMSOFF 104
#define STRIDES_ELEMSTRIDE 112
#define STRIDES_FLAGS 128
#define MAP_TYPE_MAX 136
#define CTRL_SIZE 8    /* of a group, before its slots */
#define TOPHASH_SIZE 8 /* of a bucket, before its keys */
#define MAX_SLOT 128   /* bytes of a key or element that lies in it */
#define MAX_BUCKET 8192
#define MAX_TYPES_SIZE (64ull << 20)
#define MAX_TYPES 65536

static enum gomap_hasher hasher_of(const char *name)
{
	static const struct {
		const char *name;
		enum gomap_hasher how;
	} hashers[] = {
		{"runtime.memhash0", GOMAP_HASH_ZERO},
		{"runtime.memhash32", GOMAP_HASH_32},
		{"runtime.memhash64", GOMAP_HASH_64},
		{"runtime.memhash8", GOMAP_HASH_BYTES},
		{"runtime.memhash16", GOMAP_HASH_BYTES},
		{"runtime.memhash128", GOMAP_HASH_BYTES},
		{"runtime.memhash_varlen", GOMAP_HASH_BYTES},
		{"runtime.strhash", GOMAP_HASH_STRING},
		{"runtime.f32hash", GOMAP_HASH_TYPE},
		{"runtime.f64hash", GOMAP_HASH_TYPE},
		{"runtime.c64hash", GOMAP_HASH_TYPE},
		{"runtime.c128hash", GOMAP_HASH_TYPE},
		{"runtime.interhash", GOMAP_HASH_TYPE},
		{"runtime.nilinterhash", GOMAP_HASH_TYPE},
		{"reflect.MapOf.func1", GOMAP_HASH_TYPE},
	};
	size_t i;

	for (i = 0; i < sizeof(hashers) / sizeof(hashers[0]); i++)
		if (!strcmp(name, hashers[i].name))
			return hashers[i].how;
	/* to 1.19 type..hash.NAME, later type:.hash.NAME */
	if (!strncmp(name, "type:.hash", 10) || !strncmp(name, "type..hash", 10))
		return GOMAP_HASH_COMPILED;
	return GOMAP_HASH_NONE;
}

/* How many bytes of a key the runtime's function hashes. */
static uint64_t hashed_size(const struct gomap_type *t, struct memory *memory, uint64_t closure)
{
	static const struct {
		const char *name;
		uint64_t size;
	} sizes[] = {
		{"runtime.memhash8", 1},  {"runtime.memhash16", 2},   {"runtime.memhash32", 4},
		{"runtime.memhash64", 8}, {"runtime.memhash128", 16}, {"runtime.strhash", 16},
	};
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (!strcmp(t->hasher, sizes[i].name))
			return sizes[i].size;
	if (!strcmp(t->hasher, "runtime.memhash_varlen") && memory_u64(memory, closure + 8, &size))
		return 0;
	return size;
}

static void read_hasher(struct gomap_type *t, const struct go_binary *bin, uint64_t bias,
			struct memory *memory, uint64_t closure)
{
	uint64_t code;
	struct go_func f;

	t->how = GOMAP_HASH_NONE;
	snprintf(t->hasher, sizeof(t->hasher), "?");
	if (memory_u64(memory, closure, &code) || go_binary_func_by_pc(bin, code - bias, &f) ||
	    !f.name)
		return;
	snprintf(t->hasher, sizeof(t->hasher), "%s", f.name);
	t->how = hasher_of(f.name);
	/* from 1.27 on also that of a larger key, of which it hashes the first part */
	if (go_binary_layout(bin)->minor >= 27 && t->how != GOMAP_HASH_NONE &&
	    t->how < GOMAP_HASH_TYPE && t->key_size != hashed_size(t, memory, closure))
		t->how = GOMAP_HASH_COMPILED;
}

/* Keys, then elements: slots of the size that the bucket gives them. */
static void classic_shape(struct gomap_type *t, const uint8_t *raw)
{
	uint32_t flags = get_le32(raw + CLASSIC_FLAGS);

	t->bucket_size = get_le16(raw + CLASSIC_BUCKETSIZE);
	t->key_at = TOPHASH_SIZE;
	t->key_stride = raw[CLASSIC_KEYSIZE];
	t->elem_at = TOPHASH_SIZE + 8 * t->key_stride;
	t->elem_stride = raw[CLASSIC_ELEMSIZE];
	t->indirect_key = flags & 1;
	t->indirect_elem = flags & 2;
}

static void swiss_shape(struct gomap_type *t, const struct go_layout *layout, const uint8_t *raw)
{
	uint32_t flags;

	t->bucket_size = get_le64(raw + SWISS_GROUPSIZE);
	if (layout->map_type_strides) {
		t->key_at = get_le64(raw + STRIDES_KEYSOFF);
		t->key_stride = get_le64(raw + STRIDES_KEYSTRIDE);
		t->elem_at = get_le64(raw + STRIDES_ELEMSOFF);
		t->elem_stride = get_le64(raw + STRIDES_ELEMSTRIDE);
		flags = get_le32(raw + STRIDES_FLAGS);
	} else {
		t->key_at = CTRL_SIZE;
		t->key_stride = t->elem_stride = get_le64(raw + SWISS_SLOTSIZE);
		t->elem_at = CTRL_SIZE + get_le64(raw + SWISS_ELEMOFF);
		flags = get_le32(raw + SWISS_FLAGS);
	}
	t->indirect_key = flags & 4;
	t->indirect_elem = flags & 8;
}

static bool slots_fit(const struct gomap_type *t, uint64_t at, uint64_t stride, uint64_t size)
{
	return at <= MAX_BUCKET && stride <= MAX_BUCKET && size <= MAX_SLOT &&
	       at + 7 * stride + size <= t->bucket_size;
}

/* Whether 8 slots of such a type fit into a bucket of it. */
static bool shape_is_right(const struct gomap_type *t)
{
	uint64_t key = t->indirect_key ? 8 : t->key_size;
	uint64_t elem = t->indirect_elem ? 8 : t->elem_size;

	return t->bucket_size <= MAX_BUCKET && slots_fit(t, t->key_at, t->key_stride, key) &&
	       slots_fit(t, t->elem_at, t->elem_stride, elem);
}

static int parse(struct gomap_type *t, const struct go_binary *bin, uint64_t bias,
		 struct memory *memory, uint64_t addr, const uint8_t *raw)
{
	const struct go_layout *layout = go_binary_layout(bin);

	memset(t, 0, sizeof(*t));
	if ((raw[TYPE_KIND] & KIND_MASK) != KIND_MAP || get_le64(raw + TYPE_SIZE) != 8)
		return -EBADMSG;
	t->addr = addr;
	t->key_type = get_le64(raw + MAP_KEY);
	t->elem_type = get_le64(raw + MAP_ELEM);
	if (memory_u64(memory, t->key_type, &t->key_size) ||
	    memory_u64(memory, t->elem_type, &t->elem_size))
		return -EBADMSG;
	if (layout->map_impl == GO_MAP_SWISS)
		swiss_shape(t, layout, raw);
	else
		classic_shape(t, raw);
	if (!shape_is_right(t))
		return -EBADMSG;
	read_hasher(t, bin, bias, memory, get_le64(raw + MAP_HASHER));
	return 0;
}

static int read_mem(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return memory_read(ctx, addr, buf, len);
}

int gomap_type_read(struct gomap_type *type, const struct go_binary *bin, uint64_t bias,
		    struct memory *memory, uint64_t addr)
{
	uint8_t raw[MAP_TYPE_MAX] = {};
	size_t len = go_binary_layout(bin)->map_impl == GO_MAP_CLASSIC ? CLASSIC_FLAGS + 4
		     : go_binary_layout(bin)->map_type_strides	       ? MAP_TYPE_MAX
								       : SWISS_FLAGS + 8;
	int r = addr & 7 ? -EBADMSG : memory_read(memory, addr, raw, len);

	if (!r)
		r = parse(type, bin, bias, memory, addr, raw);
	if (r)
		return r;
	if (go_binary_type_name(bin, addr - bias, type->name, sizeof(type->name)) &&
	    go_binary_live_type_name(bin, bias, addr, read_mem, memory, type->name,
				     sizeof(type->name)))
		type->name[0] = '\0';
	return 0;
}

static int add(struct gomap_types *types, const struct gomap_type *t)
{
	struct gomap_type *grown;

	if (!(types->n & (types->n - 1))) { /* 0, 1, 2, 4, … */
		grown = reallocarray(types->list, types->n ? 2 * types->n : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		types->list = grown;
	}
	types->list[types->n++] = *t;
	return 0;
}

int gomap_types_read(struct gomap_types *types, const struct go_binary *bin)
{
	struct memory *memory = memory_file(go_binary_elf(bin));
	uint64_t lo, hi, at;
	struct gomap_type t;
	uint8_t *data = NULL;
	int r = memory ? 0 : -ENOMEM;

	memset(types, 0, sizeof(*types));
	go_binary_types(bin, &lo, &hi);
	lo = (lo + 7) & ~7ull;
	if (r || hi <= lo || hi - lo > MAX_TYPES_SIZE)
		goto out;
	data = malloc(hi - lo);
	if (!data)
		r = -ENOMEM;
	if (!data || memory_read(memory, lo, data, hi - lo))
		hi = lo;
	for (at = 0; at + 72 <= hi - lo && !r && types->n < MAX_TYPES; at += 8)
		if ((data[at + TYPE_KIND] & KIND_MASK) == KIND_MAP && get_le64(data + at) == 8 &&
		    get_le64(data + at + 8) == 8 && !gomap_type_read(&t, bin, 0, memory, lo + at) &&
		    t.name[0])
			r = add(types, &t);
out:
	free(data);
	memory_close(memory);
	return r;
}

void gomap_types_free(struct gomap_types *types)
{
	free(types->list);
	memset(types, 0, sizeof(*types));
}
