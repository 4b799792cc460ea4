/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/typename.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"

/* type Type struct */
#define TYPE_SIZE 48
#define TYPE_TFLAG 20
#define TYPE_KIND 23
#define TYPE_STR 40
#define TFLAG_EXTRA_STAR \
	2 /* the name is stored with a '*' in front, shared with the pointer type's */
#define KIND_MASK 31

enum { KIND_ARRAY = 17, KIND_CHAN = 18, KIND_MAP = 21, KIND_POINTER = 22, KIND_SLICE = 23 };

/* Behind the Type: MapType.Key and Elem; Elem of the pointer, slice, chan and array types;
 * ArrayType.Len, ChanType.Dir */
#define MAP_KEY 48
#define MAP_ELEM 56
#define OTHER_ELEM 48
#define CHAN_DIR 56
#define ARRAY_LEN 64
#define TYPE_READ 72

#define MAX_DEPTH 8
#define MAX_NAME (64u << 10)

/* A name under construction; what does not fit is dropped and marked at the end. */
struct text {
	char *buf;
	size_t len, used;
	bool cut;
};

static void put(struct text *t, const char *s, size_t n)
{
	size_t room = t->len - 1 - t->used;

	if (n > room) {
		n = room;
		t->cut = true;
	}
	memcpy(t->buf + t->used, s, n);
	t->used += n;
	t->buf[t->used] = '\0';
}

static void put_str(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static void put_end(struct text *t)
{
	static const char dots[] = "...";

	if (t->cut && t->len > sizeof(dots))
		memcpy(t->buf + t->len - sizeof(dots), dots, sizeof(dots));
}

/* [start, start + len) inside the section that holds types and names */
static bool in_types(const struct moduledata *md, uint64_t start, uint64_t len)
{
	return start >= md->types && range_fits(start - md->types, len, md->etypes - md->types);
}

static int read_length(const struct elf_file *elf, const struct moduledata *md, uint64_t *place,
		       uint32_t *out)
{
	uint32_t value = 0;
	unsigned int shift;

	for (shift = 0; shift < 21; shift += 7) {
		uint8_t byte;

		if (!in_types(md, *place, 1) || elf_file_read(elf, (*place)++, &byte, 1))
			return -EBADMSG;
		value |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*out = value;
			return 0;
		}
	}
	return -EBADMSG;
}

static int put_name(const struct elf_file *elf, const struct moduledata *md, int32_t offset,
		    bool star, struct text *t)
{
	uint64_t place = md->types + (uint32_t)offset + 1; /* behind the flag byte */
	char part[256];
	uint32_t len;

	if (offset < 0 || read_length(elf, md, &place, &len) || len > MAX_NAME ||
	    !in_types(md, place, len))
		return -EBADMSG;
	if (star && len) {
		place++;
		len--;
	}
	while (len && !t->cut) {
		uint32_t n = len < sizeof(part) ? len : sizeof(part);

		if (elf_file_read(elf, place, part, n))
			return -EBADMSG;
		if (memchr(part, '\0', n))
			return -EBADMSG;
		put(t, part, n);
		place += n;
		len -= n;
	}
	return 0;
}

static int put_static(const struct elf_file *elf, const struct moduledata *md, uint64_t type,
		      struct text *t)
{
	uint8_t raw[TYPE_SIZE];

	if (!in_types(md, type, sizeof(raw)))
		return -ENOENT;
	if (elf_file_read(elf, type, raw, sizeof(raw)))
		return -EBADMSG;
	return put_name(elf, md, (int32_t)get_le32(raw + TYPE_STR),
			raw[TYPE_TFLAG] & TFLAG_EXTRA_STAR, t);
}

struct live {
	const struct elf_file *elf;
	const struct moduledata *md;
	uint64_t bias;
	go_read_mem read_mem;
	void *ctx;
	struct text text;
};

static int put_live(struct live *l, uint64_t type, int depth);

/* An element that cannot be named is one "?" in a name that is right otherwise. */
static void put_element(struct live *l, uint64_t type, int depth)
{
	size_t before = l->text.used;

	if (!depth || put_live(l, type, depth)) {
		l->text.used = before;
		put_str(&l->text, "?");
	}
}

static void put_chan(struct live *l, const uint8_t *raw, int depth)
{
	uint64_t dir = get_le64(raw + CHAN_DIR); /* 1 receives, 2 sends */

	put_str(&l->text, dir == 1 ? "<-chan " : dir == 2 ? "chan<- " : "chan ");
	put_element(l, get_le64(raw + OTHER_ELEM), depth);
}

static int put_made(struct live *l, const uint8_t *raw, int depth)
{
	char count[32];

	switch (raw[TYPE_KIND] & KIND_MASK) {
	case KIND_MAP:
		put_str(&l->text, "map[");
		put_element(l, get_le64(raw + MAP_KEY), depth);
		put_str(&l->text, "]");
		put_element(l, get_le64(raw + MAP_ELEM), depth);
		return 0;
	case KIND_POINTER:
		put_str(&l->text, "*");
		break;
	case KIND_SLICE:
		put_str(&l->text, "[]");
		break;
	case KIND_ARRAY:
		snprintf(count, sizeof(count), "[%llu]",
			 (unsigned long long)get_le64(raw + ARRAY_LEN));
		put_str(&l->text, count);
		break;
	case KIND_CHAN:
		put_chan(l, raw, depth);
		return 0;
	default:
		return -ENOENT; /* a struct or function made by reflection: its text would need its
				   fields */
	}
	put_element(l, get_le64(raw + OTHER_ELEM), depth);
	return 0;
}

static int put_live(struct live *l, uint64_t type, int depth)
{
	uint8_t raw[TYPE_READ];
	int err;

	err = put_static(l->elf, l->md, type - l->bias, &l->text);
	if (err != -ENOENT)
		return err;
	err = l->read_mem(l->ctx, type, raw, sizeof(raw));
	return err ? err : put_made(l, raw, depth - 1);
}

int typename_static(const struct elf_file *elf, const struct moduledata *md, uint64_t type,
		    char *buf, size_t len)
{
	struct text t = {.buf = buf, .len = len};
	int err;

	if (!len)
		return -EINVAL;
	buf[0] = '\0';
	err = put_static(elf, md, type, &t);
	put_end(&t);
	if (err)
		buf[0] = '\0';
	return err;
}

int typename_live(const struct elf_file *elf, const struct moduledata *md, uint64_t bias,
		  uint64_t type, go_read_mem read_mem, void *ctx, char *buf, size_t len)
{
	struct live l = {
		.elf = elf,
		.md = md,
		.bias = bias,
		.read_mem = read_mem,
		.ctx = ctx,
		.text = {.buf = buf, .len = len},
	};
	int err;

	if (!len)
		return -EINVAL;
	buf[0] = '\0';
	err = put_live(&l, type, MAX_DEPTH);
	put_end(&l.text);
	if (err)
		buf[0] = '\0';
	return err;
}
