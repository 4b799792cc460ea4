/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/labels.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 16
#define TEXT_MAX 128
#define BUCKETS_MAX 8
#define BUCKET_SLOTS 8
#define MIN_TOP_HASH 5 /* Go 1.19 src/runtime/map.go: smaller ones mark empty slots */

struct string { /* Go's */
	uint64_t data, len;
};

struct label {
	struct string key, value;
};

struct slice {
	uint64_t data, len, cap;
};

/* Go 1.19 src/runtime/map.go: hmap and bmap of a map[string]string */
struct hmap {
	uint64_t count;
	uint8_t flags, log2_buckets;
	uint16_t overflow;
	uint32_t seed;
	uint64_t buckets;
};

struct bucket {
	uint8_t top[BUCKET_SLOTS];
	struct string keys[BUCKET_SLOTS], values[BUCKET_SLOTS];
	uint64_t overflow;
};

struct decoder {
	labels_source read;
	void *ctx;
	struct report_label **labels;
	size_t *n;
};

static char *read_text(const struct decoder *d, const struct string *s)
{
	size_t len = s->len < TEXT_MAX ? (size_t)s->len : TEXT_MAX;
	char *text = calloc(1, len + 1);

	if (text && len && d->read(d->ctx, s->data, text, len))
		text[0] = '\0';
	return text;
}

static int add(const struct decoder *d, const struct label *raw)
{
	struct report_label *grown, *label;

	if (*d->n >= LABELS_MAX)
		return 0;
	grown = reallocarray(*d->labels, *d->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*d->labels = grown;
	label = &grown[(*d->n)++];
	label->key = read_text(d, &raw->key);
	label->value = read_text(d, &raw->value);
	return label->key && label->value ? 0 : -ENOMEM;
}

static int read_list(const struct decoder *d, uint64_t at)
{
	struct label raw[LABELS_MAX];
	struct slice list;
	size_t i, n;
	int r = 0;

	if (d->read(d->ctx, at, &list, sizeof(list)) || !list.len || list.len > list.cap)
		return 0;
	n = list.len < LABELS_MAX ? (size_t)list.len : LABELS_MAX;
	if (d->read(d->ctx, list.data, raw, n * sizeof(raw[0])))
		return 0;
	for (i = 0; i < n && !r; i++)
		r = add(d, &raw[i]);
	return r;
}

static int read_map(const struct decoder *d, uint64_t at)
{
	struct bucket bucket;
	struct label raw;
	struct hmap map;
	uint64_t header;
	size_t i, k, n;
	int r = 0;

	if (d->read(d->ctx, at, &header, sizeof(header)) || !header ||
	    d->read(d->ctx, header, &map, sizeof(map)) || !map.count || map.log2_buckets > 31)
		return 0;
	n = (size_t)1 << map.log2_buckets;
	for (i = 0; i < n && i < BUCKETS_MAX && !r; i++) {
		if (d->read(d->ctx, map.buckets + i * sizeof(bucket), &bucket, sizeof(bucket)))
			return 0;
		for (k = 0; k < BUCKET_SLOTS && !r; k++) {
			raw = (struct label){bucket.keys[k], bucket.values[k]};
			if (bucket.top[k] >= MIN_TOP_HASH)
				r = add(d, &raw);
		}
	}
	return r;
}

static int by_key(const void *a, const void *b)
{
	const struct report_label *x = a, *y = b;

	return strcmp(x->key, y->key);
}

int labels_decode(const struct go_layout *l, uint64_t at, labels_source read, void *ctx,
		  struct report_label **labels, size_t *n)
{
	const struct decoder d = {read, ctx, labels, n};
	int r;

	*labels = NULL;
	*n = 0;
	r = l->labels_are_list ? read_list(&d, at) : read_map(&d, at);
	if (!r && *n)
		qsort(*labels, *n, sizeof(**labels), by_key);
	return r;
}
