/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Goroutines of snapshots as a profile for `go tool pprof`, like /debug/pprof/goroutine has it: a
 * sample for each group, its value the number of goroutines. The format: a protocol buffer
 * (google/pprof, proto/profile.proto), written by hand, in a gzip file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "model/snapshot.h"
#include "report/printers.h"

/* message Profile */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING_TABLE = 6,
	PROFILE_TIME_NANOS = 9,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	PROFILE_COMMENT = 13,
};
enum { VALUE_TYPE = 1, VALUE_UNIT = 2 };
enum { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };
enum { LABEL_KEY = 1, LABEL_STR = 2 };
enum {
	MAPPING_ID = 1,
	MAPPING_FILENAME = 5,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILENAMES = 8,
	MAPPING_HAS_LINES = 9,
	MAPPING_HAS_INLINES = 10
};
enum { LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3, LOCATION_LINE = 4 };
enum { LINE_FUNCTION = 1, LINE_LINE = 2 };
enum {
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILE = 4,
	FUNCTION_START_LINE = 5
};

struct bytes {
	uint8_t *data;
	size_t n, room;
	bool failed;
};

struct profile {
	struct bytes out, strings;
	const char **texts; /* whose number is their place */
	uint64_t ntexts, nlocations, nfunctions;
	uint64_t *table; /* text + 1, by hash */
	size_t mask;
	bool failed;
};

static void put(struct bytes *b, const void *data, size_t n)
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

static void put_varint(struct bytes *b, uint64_t v)
{
	uint8_t byte;

	for (; v >= 0x80; v >>= 7) {
		byte = (uint8_t)(v | 0x80);
		put(b, &byte, 1);
	}
	byte = (uint8_t)v;
	put(b, &byte, 1);
}

static void put_number(struct bytes *b, unsigned int field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

static void put_block(struct bytes *b, unsigned int field, const void *data, size_t n)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, n);
	put(b, data, n);
}

/* Takes the message over. */
static void put_message(struct bytes *b, unsigned int field, struct bytes *message)
{
	b->failed |= message->failed;
	put_block(b, field, message->data, message->n);
	free(message->data);
	*message = (struct bytes){.data = NULL};
}

static uint64_t hash_of(const char *s)
{
	uint64_t h = 14695981039346656037ull;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 1099511628211ull;
	return h ^ h >> 29;
}

static void grow_table(struct profile *p)
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

/* The number of a text, whose memory stays where it is until the end. */
static uint64_t text_id(struct profile *p, const char *s)
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

static void put_type(struct profile *p, unsigned int field)
{
	struct bytes type = {.data = NULL};

	put_number(&type, VALUE_TYPE, text_id(p, "goroutine"));
	put_number(&type, VALUE_UNIT, text_id(p, "count"));
	put_message(&p->out, field, &type);
}

/* Frames that were inlined into one another are lines of one location, innermost first. */
static void put_location(struct profile *p, const struct report_frame *frames, size_t n)
{
	struct bytes location = {.data = NULL};
	size_t i;

	put_number(&location, LOCATION_ID, ++p->nlocations);
	put_number(&location, LOCATION_MAPPING, 1);
	put_number(&location, LOCATION_ADDRESS, frames[0].pc);
	for (i = 0; i < n; i++) {
		struct bytes function = {.data = NULL}, line = {.data = NULL};
		uint64_t name = text_id(p, frames[i].function);

		put_number(&function, FUNCTION_ID, ++p->nfunctions);
		put_number(&function, FUNCTION_NAME, name);
		put_number(&function, FUNCTION_SYSTEM_NAME, name);
		put_number(&function, FUNCTION_FILE, text_id(p, frames[i].file));
		put_number(&function, FUNCTION_START_LINE, (uint64_t)frames[i].start_line);
		put_message(&p->out, PROFILE_FUNCTION, &function);
		put_number(&line, LINE_FUNCTION, p->nfunctions);
		put_number(&line, LINE_LINE, (uint64_t)frames[i].line);
		put_message(&location, LOCATION_LINE, &line);
	}
	put_message(&p->out, PROFILE_LOCATION, &location);
}

static void put_label(struct profile *p, struct bytes *sample, const char *key, const char *value)
{
	struct bytes label = {.data = NULL};

	if (!value[0])
		return;
	put_number(&label, LABEL_KEY, text_id(p, key));
	put_number(&label, LABEL_STR, text_id(p, value));
	put_message(sample, SAMPLE_LABEL, &label);
}

/* Of a group whose places have been put, from first on: so many of its goroutines. */
static void put_sample(struct profile *p, const struct report_group *g, uint64_t first,
		       uint64_t count, const struct report_label_set *labels)
{
	struct bytes sample = {.data = NULL};
	uint64_t location;
	size_t i;

	for (location = first; location <= p->nlocations; location++)
		put_number(&sample, SAMPLE_LOCATION_ID, location);
	put_number(&sample, SAMPLE_VALUE, count);
	put_label(p, &sample, "state", g->state);
	put_label(p, &sample, "wait", g->wait);
	for (i = 0; labels && i < labels->n; i++)
		put_label(p, &sample, labels->labels[i].key, labels->labels[i].value);
	put_message(&p->out, PROFILE_SAMPLE, &sample);
}

/* A sample for each set of labels, and one for those without. */
static void put_group(struct profile *p, const struct report_group *g)
{
	uint64_t first = p->nlocations + 1, left = g->count;
	size_t i, n;

	for (i = 0; i < g->nframes; i += n) {
		for (n = 1; i + n < g->nframes && g->frames[i + n - 1].inlined; n++)
			;
		put_location(p, g->frames + i, n);
	}
	for (i = 0; i < g->nlabel_sets; i++) {
		put_sample(p, g, first, g->label_sets[i].count, &g->label_sets[i]);
		left -= g->label_sets[i].count < left ? g->label_sets[i].count : left;
	}
	if (left)
		put_sample(p, g, first, left, NULL);
}

static void put_mapping(struct profile *p, const char *exe)
{
	struct bytes mapping = {.data = NULL};
	unsigned int field;

	put_number(&mapping, MAPPING_ID, 1);
	put_number(&mapping, MAPPING_FILENAME, text_id(p, exe));
	for (field = MAPPING_HAS_FUNCTIONS; field <= MAPPING_HAS_INLINES; field++)
		put_number(&mapping, field, 1);
	put_message(&p->out, PROFILE_MAPPING, &mapping);
}

static void put_profile(struct profile *p, const struct report *report)
{
	size_t i, k;

	text_id(p, ""); /* the first text must be this one */
	put_type(p, PROFILE_SAMPLE_TYPE);
	put_mapping(p, report->nsnapshots ? report->snapshots[0].exe : "");
	for (i = 0; i < report->nsnapshots; i++) {
		const struct report_snapshot *snapshot = &report->snapshots[i];

		for (k = 0; k < snapshot->ngroups; k++)
			put_group(p, &snapshot->groups[k]);
		for (k = 0; k < snapshot->nnotes; k++) /* what is missing: pprof -comments */
			put_number(&p->out, PROFILE_COMMENT, text_id(p, snapshot->notes[k]));
	}
	put_number(&p->out, PROFILE_TIME_NANOS, (uint64_t)report->started_unix_ns);
	put_type(p, PROFILE_PERIOD_TYPE);
	put_number(&p->out, PROFILE_PERIOD, 1);
	if (!report->nsnapshots)
		put_number(&p->out, PROFILE_COMMENT,
			   text_id(p, "no snapshot is in this report: maprace snapshot makes one"));
	put(&p->out, p->strings.data, p->strings.n);
	p->failed |= p->out.failed | p->strings.failed;
}

static int write_gzip(FILE *out, const struct bytes *b)
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

int pprof_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	struct profile p = {.mask = 0};
	int r;

	(void)options;
	put_profile(&p, report);
	r = p.failed ? -ENOMEM : write_gzip(out, &p.out);
	free(p.out.data);
	free(p.strings.data);
	free(p.texts);
	free(p.table);
	return r;
}
