/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/pprof/pprof_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "report/printers.h"

static void put(struct pprof_bytes *b, const void *data, size_t n)
{
	if (b->n + n > b->room) {
		size_t room = 2 * (b->n + n) + 256;
		uint8_t *grown = realloc(b->data, room);

		if (!grown) {
			b->failed = true;
			return;
		}
		b->data = grown;
		b->room = room;
	}
	if (n)
		memcpy(b->data + b->n, data, n);
	b->n += n;
}

static void put_varint(struct pprof_bytes *b, uint64_t v)
{
	uint8_t byte;

	for (; v >= 0x80; v >>= 7) {
		byte = (uint8_t)(v | 0x80);
		put(b, &byte, 1);
	}
	byte = (uint8_t)v;
	put(b, &byte, 1);
}

void pprof_number(struct pprof_bytes *b, unsigned int field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

static void put_block(struct pprof_bytes *b, unsigned int field, const void *data, size_t n)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, n);
	put(b, data, n);
}

void pprof_message(struct pprof_bytes *b, unsigned int field, struct pprof_bytes *message)
{
	b->failed |= message->failed;
	put_block(b, field, message->data, message->n);
	free(message->data);
	*message = (struct pprof_bytes){.data = NULL};
}

static uint64_t hash_of(const char *s)
{
	uint64_t h = 14695981039346656037ull;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 1099511628211ull;
	return h ^ h >> 29;
}

static void grow_table(struct pprof *p)
{
	size_t mask = p->mask ? 2 * p->mask + 1 : 255, i, k;
	uint64_t *table = calloc(mask + 1, sizeof(*table));
	const char **texts = reallocarray(p->texts, mask + 1, sizeof(*texts));

	if (texts)
		p->texts = texts;
	if (!table || !texts) {
		free(table);
		p->failed = true;
		return;
	}
	for (i = 0; i < p->ntexts; i++) {
		for (k = hash_of(p->texts[i]) & mask; table[k]; k = (k + 1) & mask)
			;
		table[k] = i + 1;
	}
	free(p->table);
	p->table = table;
	p->mask = mask;
}

uint64_t pprof_text(struct pprof *p, const char *s)
{
	size_t i;

	if (2 * p->ntexts >= p->mask)
		grow_table(p);
	if (p->failed)
		return 0;
	for (i = hash_of(s) & p->mask; p->table[i]; i = (i + 1) & p->mask)
		if (!strcmp(p->texts[p->table[i] - 1], s))
			return p->table[i] - 1;
	p->texts[p->ntexts++] = s;
	p->table[i] = p->ntexts;
	put_block(&p->strings, PROFILE_STRING_TABLE, s, strlen(s));
	return p->ntexts - 1;
}

void pprof_type(struct pprof *p, unsigned int field, const char *type, const char *unit)
{
	struct pprof_bytes value = {.data = NULL};

	pprof_number(&value, VALUE_TYPE, pprof_text(p, type));
	pprof_number(&value, VALUE_UNIT, pprof_text(p, unit));
	pprof_message(&p->out, field, &value);
}

void pprof_line(struct pprof *p, struct pprof_bytes *location, const char *function,
		const char *file, int line, int start_line)
{
	struct pprof_bytes of = {.data = NULL}, at = {.data = NULL};
	uint64_t name = pprof_text(p, function);

	pprof_number(&of, FUNCTION_ID, ++p->nfunctions);
	pprof_number(&of, FUNCTION_NAME, name);
	pprof_number(&of, FUNCTION_SYSTEM_NAME, name);
	pprof_number(&of, FUNCTION_FILE, pprof_text(p, file));
	pprof_number(&of, FUNCTION_START_LINE, (uint64_t)start_line);
	pprof_message(&p->out, PROFILE_FUNCTION, &of);
	pprof_number(&at, LINE_FUNCTION, p->nfunctions);
	pprof_number(&at, LINE_LINE, (uint64_t)line);
	pprof_message(location, LOCATION_LINE, &at);
}

void pprof_mapping(struct pprof *p, const char *exe)
{
	struct pprof_bytes mapping = {.data = NULL};
	unsigned int field;

	pprof_number(&mapping, MAPPING_ID, 1);
	pprof_number(&mapping, MAPPING_FILENAME, pprof_text(p, exe));
	for (field = MAPPING_HAS_FUNCTIONS; field <= MAPPING_HAS_INLINES; field++)
		pprof_number(&mapping, field, 1);
	pprof_message(&p->out, PROFILE_MAPPING, &mapping);
}

static int write_gzip(FILE *out, const struct pprof_bytes *b)
{
	uint8_t piece[16384] = {};
	z_stream z = {.next_in = b->data, .avail_in = (uInt)b->n};
	int r;

	if (b->n > UINT32_MAX ||
	    deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	do {
		z.next_out = piece;
		z.avail_out = sizeof(piece);
		r = deflate(&z, Z_FINISH);
		fwrite(piece, 1, sizeof(piece) - z.avail_out, out);
	} while (r == Z_OK);
	deflateEnd(&z);
	return r == Z_STREAM_END ? print_finish(out) : -EIO;
}

int pprof_finish(FILE *out, struct pprof *p)
{
	int r;

	put(&p->out, p->strings.data, p->strings.n);
	p->failed |= p->out.failed | p->strings.failed;
	r = p->failed ? -ENOMEM : write_gzip(out, &p->out);
	free(p->out.data);
	free(p->strings.data);
	free(p->texts);
	free(p->table);
	return r;
}
