/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_GOMAP_WALK_H
#define MAPRACE_GO_GOMAP_WALK_H

#include "go/gomap.h"

/* What the two designs of maps share. */
#define GOMAP_SLOTS 8	      /* of a bucket or a group */
#define GOMAP_MAX_BUCKET 8192 /* bytes: 128 of key and element at most, each, and the rest */
#define GOMAP_MAX_KEY 4096    /* of a key elsewhere that is looked at */
#define GOMAP_HEADER 64

struct gomap_walk {
	const struct gomap *g;
	const struct gomap_type *type;
	struct report_map_dump *out;
	struct gomap_hash hash;
	uint64_t addr, seed;
	uint8_t header[GOMAP_HEADER];
	uint64_t cells, at; /* buckets or groups in all, and the one that is looked at: the heat */
	uint64_t fill[REPORT_MAP_HEAT];
	uint64_t sample; /* end after so many entries; 0: none */
	uint64_t agree;	 /* entries of which their slot says what their hash does */
	int stopped;	 /* why not all was looked at: -ETIME, -EFAULT, -ENOMEM; 0 */
	uint8_t *bucket; /* GOMAP_MAX_BUCKET bytes */
};

struct gomap_entry {
	uint64_t slot;	    /* in its bucket or group */
	const uint8_t *key; /* where it is in the bucket or group that was read */
	const uint8_t *elem;
	bool hashed;
	uint64_t hash;
	uint8_t data[GOMAP_MAX_KEY]; /* the key itself */
};

void gomap_walk_classic(struct gomap_walk *w);
void gomap_walk_swiss(struct gomap_walk *w);

/* Something is wrong with it. */
void gomap_defect(struct gomap_walk *w, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Reads the entry's key and computes its hash; counts it. -EFAULT: its key is not in memory, which
 * is a defect; others: time is up, and w->stopped says so. */
int gomap_entry_read(struct gomap_walk *w, uint64_t slot, struct gomap_entry *e);
#define GOMAP_NO_KEY "its key refers to what is not in memory"
/* False: its element is elsewhere, and not in memory. Types differ in that too: asked where a type
 * is looked for, or was given. */
bool gomap_elem_is_there(struct gomap_walk *w, const struct gomap_entry *e);
#define GOMAP_NO_ELEM "its element refers to what is not in memory"
/* Whether the slot of another bucket or group holds the same key: only where all of a key is known.
 */
bool gomap_same_key(struct gomap_walk *w, const struct gomap_entry *e, const uint8_t *bucket,
		    uint64_t slot);
/* So many entries are in the bucket or group of that number. */
void gomap_heat(struct gomap_walk *w, uint64_t at, uint64_t n);
/* Whether to go on: there is time, and the sample is not complete. */
bool gomap_go_on(struct gomap_walk *w);

#endif
