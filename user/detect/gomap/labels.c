/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/labels.h"

#include <errno.h>
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

static char *text_read(const struct process *p, const struct string *s)
{
	size_t len = s->len < TEXT_MAX ? (size_t)s->len : TEXT_MAX;
	char *text = calloc(1, len + 1);

	if (text && len && process_read(p, s->data, text, len))
		text[0] = '\0';
	return text;
}

static int add(const struct process *p, const struct label *raw, struct report_access *out)
{
	struct report_label *grown, *label;

	if (out->nlabels >= LABELS_MAX)
		return 0;
	grown = realloc(out->labels, (out->nlabels + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	out->labels = grown;
	label = &grown[out->nlabels++];
	label->key = text_read(p, &raw->key);
	label->value = text_read(p, &raw->value);
	return label->key && label->value ? 0 : -ENOMEM;
}

static int read_list(const struct process *p, uint64_t at, struct report_access *out)
{
	struct label raw[LABELS_MAX];
	struct slice list;
	size_t i, n;
	int r = 0;

	if (process_read(p, at, &list, sizeof(list)) || !list.len || list.len > list.cap)
		return 0;
	n = list.len < LABELS_MAX ? (size_t)list.len : LABELS_MAX;
	if (process_read(p, list.data, raw, n * sizeof(raw[0])))
		return 0;
	for (i = 0; i < n && !r; i++)
		r = add(p, &raw[i], out);
	return r;
}

static int read_map(const struct process *p, uint64_t at, struct report_access *out)
{
	struct bucket bucket;
	struct label raw;
	struct hmap map;
	uint64_t header;
	size_t i, k, n;
	int r = 0;

	if (process_read(p, at, &header, sizeof(header)) || !header ||
	    process_read(p, header, &map, sizeof(map)) || !map.count || map.log2_buckets > 31)
		return 0;
	n = (size_t)1 << map.log2_buckets;
	for (i = 0; i < n && i < BUCKETS_MAX && !r; i++) {
		if (process_read(p, map.buckets + i * sizeof(bucket), &bucket, sizeof(bucket)))
			return 0;
		for (k = 0; k < BUCKET_SLOTS && !r; k++) {
			raw = (struct label){bucket.keys[k], bucket.values[k]};
			if (bucket.top[k] >= MIN_TOP_HASH)
				r = add(p, &raw, out);
		}
	}
	return r;
}

static int by_key(const void *a, const void *b)
{
	const struct report_label *x = a, *y = b;

	return strcmp(x->key, y->key);
}

int labels_read(const struct resolver *r, const struct mr_access *raw, struct report_access *out)
{
	const struct go_layout *l = go_binary_layout(r->bin);
	uint64_t labels = 0, now = 0, g = mr_addr(raw->g);
	int ret;

	if (!g || !raw->goid || !raw->labels ||
	    process_read(r->process, g + l->g_goid, &now, sizeof(now)) || now != raw->goid ||
	    process_read(r->process, g + l->g_labels, &labels, sizeof(labels)) ||
	    labels != raw->labels)
		return 0;
	ret = l->labels_are_list ? read_list(r->process, labels, out)
				 : read_map(r->process, labels, out);
	if (!ret && out->nlabels)
		qsort(out->labels, out->nlabels, sizeof(*out->labels), by_key);
	return ret;
}
