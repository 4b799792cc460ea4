/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* src/runtime/map.go (to 1.23), map_noswiss.go */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "go/gomap_walk.h"

/* type hmap */
#define HMAP_FLAGS 8
#define HMAP_B 9
#define HMAP_BUCKETS 16
#define HMAP_OLDBUCKETS 24
#define HMAP_NEVACUATE 32
#define FLAG_SAME_SIZE_GROW 8
#define MAX_B 48
/* tophash */
#define EMPTY_REST 0
#define EMPTY_ONE 1
#define EVACUATED_X 2
#define EVACUATED_EMPTY 4
#define MIN_TOP_HASH 5

#define WHERE 96

struct classic {
	struct gomap_walk *w;
	uint64_t buckets, old, n, nold, evacuate;
	bool old_now;  /* old buckets are being walked */
	bool may_have; /* entries: its old bucket is evacuated */
};

static void name_slot(const struct classic *c, uint64_t bucket, uint64_t link, uint64_t slot,
		      char where[WHERE])
{
	char chain[40] = "";

	if (link)
		snprintf(chain, sizeof(chain), ", overflow %" PRIu64, link);
	snprintf(where, WHERE, "%sbucket %" PRIu64 "%s, slot %" PRIu64, c->old_now ? "old " : "",
		 bucket, chain, slot);
}

/* Whether an earlier slot of its chain holds the same key. */
static void look_for_twin(struct classic *c, const struct gomap_entry *e, uint8_t top,
			  uint64_t bucket, uint64_t first, uint64_t link)
{
	struct gomap_walk *w = c->w;
	uint8_t *other = w->bucket + GOMAP_MAX_BUCKET;
	uint64_t addr = first, k, i;
	char where[WHERE], twin[WHERE];

	for (k = 0; k <= link; k++) {
		const uint8_t *b = k == link ? w->bucket : other;

		if (k < link && memory_read(w->g->memory, addr, other, w->type->bucket_size))
			return;
		for (i = 0; i < (k == link ? e->slot : GOMAP_SLOTS); i++)
			if (b[i] == top && gomap_same_key(w, e, b, i)) {
				name_slot(c, bucket, link, e->slot, where);
				name_slot(c, bucket, k, i, twin);
				gomap_defect(w, where, "its key is also in %s", twin);
				return;
			}
		addr = get_le64(b + w->type->bucket_size - 8);
	}
}

static uint8_t top_of(uint64_t hash)
{
	uint8_t top = (uint8_t)(hash >> 56);

	return top < MIN_TOP_HASH ? top + MIN_TOP_HASH : top;
}

struct place {
	uint64_t bucket, first, link; /* first: the address of the chain's first bucket */
};

static void check_entry(struct classic *c, const struct place *p, uint64_t slot, uint8_t top)
{
	struct gomap_walk *w = c->w;
	uint64_t mask = (c->old_now ? c->nold : c->n) - 1;
	struct gomap_entry e;
	char where[WHERE];
	int r;

	if (!c->may_have) {
		name_slot(c, p->bucket, p->link, slot, where);
		gomap_defect(w, where, "it holds an entry before its old bucket was moved");
	}
	r = gomap_entry_read(w, slot, &e);
	if (r == -EFAULT) {
		name_slot(c, p->bucket, p->link, slot, where);
		gomap_defect(w, where, GOMAP_NO_KEY);
	}
	if (!r && !gomap_elem_is_there(w, &e)) {
		name_slot(c, p->bucket, p->link, slot, where);
		gomap_defect(w, where, GOMAP_NO_ELEM);
		if (w->sample)
			return;
	}
	if (r || !e.hashed)
		return;
	w->agree += top == top_of(e.hash); /* its bucket depends on a header that may be damaged */
	if (top == top_of(e.hash) && (e.hash & mask) == p->bucket) {
		look_for_twin(c, &e, top, p->bucket, p->first, p->link);
		return;
	}
	name_slot(c, p->bucket, p->link, slot, where);
	if (top != top_of(e.hash)) {
		gomap_defect(w, where, "its tophash is 0x%02x, and its key's hash says 0x%02x", top,
			     top_of(e.hash));
	} else {
		gomap_defect(w, where, "its key's hash belongs to bucket %" PRIu64, e.hash & mask);
	}
}

static void walk_slots(struct classic *c, const struct place *p, bool *ended)
{
	struct gomap_walk *w = c->w;
	uint8_t tops[GOMAP_SLOTS];
	char where[WHERE];
	uint64_t i, full = 0;

	memcpy(tops, w->bucket, sizeof(tops));
	for (i = 0; i < GOMAP_SLOTS; i++) {
		if (tops[i] == EMPTY_REST) {
			*ended = true;
			continue;
		}
		if (tops[i] == EMPTY_ONE && !*ended)
			continue;
		if (*ended || tops[i] < MIN_TOP_HASH)
			name_slot(c, p->bucket, p->link, i, where);
		if (*ended) {
			gomap_defect(w, where,
				     "it stands behind the mark that says that nothing follows");
			if (tops[i] < MIN_TOP_HASH)
				continue;
		} else if (tops[i] < MIN_TOP_HASH) {
			gomap_defect(w, where,
				     "its tophash is 0x%02x, which marks what was moved away",
				     tops[i]);
			continue;
		}
		full++;
		check_entry(c, p, i, tops[i]);
	}
	w->out->entries += full;
	if (!c->old_now) {
		w->out->slots_seen += GOMAP_SLOTS;
		gomap_heat(w, w->at, full);
	}
}

/* Whether a chain comes back to itself: found by a mark that moves on at powers of two. */
static bool goes_round(struct classic *c, uint64_t addr)
{
	struct gomap_walk *w = c->w;
	uint64_t mark = addr, link, limit = 1;

	for (link = 0; gomap_go_on(w); link++) {
		if (memory_u64(w->g->memory, addr + w->type->bucket_size - 8, &addr) || !addr)
			return false;
		if (addr == mark)
			return true;
		if (link == limit) {
			mark = addr;
			limit *= 2;
		}
	}
	return false;
}

/* A bucket and its overflow buckets. */
static bool walk_chain(struct classic *c, uint64_t bucket, uint64_t addr)
{
	struct gomap_walk *w = c->w;
	struct place p = {bucket, addr, 0};
	bool ended = false, round = goes_round(c, addr);
	char where[WHERE];
	int r;

	for (;; p.link++) {
		if (!gomap_go_on(w))
			return false;
		r = memory_read(w->g->memory, addr, w->bucket, w->type->bucket_size);
		if (r) {
			name_slot(c, bucket, p.link, 0, where);
			w->stopped = r;
			if (r == -EFAULT)
				gomap_defect(w, where,
					     "its bucket at 0x%" PRIx64 " is not in memory", addr);
			break;
		}
		walk_slots(c, &p, &ended);
		addr = get_le64(w->bucket + w->type->bucket_size - 8);
		if (!addr)
			break;
		if (round) { /* where it does so does not matter */
			name_slot(c, bucket, 0, 0, where);
			gomap_defect(
				w, where,
				"its chain of overflow buckets comes back to itself: a look-up "
				"of a key that is not there never ends");
			break;
		}
	}
	w->out->overflow += p.link;
	if (p.link + 1 > w->out->longest_chain)
		w->out->longest_chain = p.link + 1;
	if (!c->old_now)
		w->out->lengths[p.link < REPORT_MAP_LENGTHS ? p.link : REPORT_MAP_LENGTHS - 1]++;
	return !w->stopped || w->stopped == -EFAULT;
}

static bool is_evacuated(struct classic *c, uint64_t old_bucket, bool *out)
{
	uint8_t top;

	if (memory_read(c->w->g->memory, c->old + old_bucket * c->w->type->bucket_size, &top, 1))
		return false;
	*out = top >= EVACUATED_X && top <= EVACUATED_EMPTY;
	return true;
}

static void walk_new(struct classic *c)
{
	struct gomap_walk *w = c->w;
	uint64_t i;

	c->old_now = false;
	for (i = 0; i < c->n; i++) {
		c->may_have = true;
		w->at = i;
		if (c->old && !is_evacuated(c, i & (c->nold - 1), &c->may_have))
			c->may_have = true;
		if (!walk_chain(c, i, c->buckets + i * w->type->bucket_size))
			return;
	}
}

static void walk_old(struct classic *c)
{
	struct gomap_walk *w = c->w;
	bool moved = false;
	char where[WHERE];
	uint64_t i;

	c->old_now = c->may_have = true;
	for (i = 0; i < c->nold && gomap_go_on(w); i++) {
		snprintf(where, sizeof(where), "old bucket %" PRIu64, i);
		if (!is_evacuated(c, i, &moved)) {
			if (!memory_late(w->g->memory))
				gomap_defect(w, where, "it is not in memory");
			return;
		}
		w->out->evacuated += moved;
		if (!moved && i < c->evacuate)
			gomap_defect(w, where,
				     "it is not moved, and the map says that all before %" PRIu64
				     " are",
				     c->evacuate);
		if (!moved && !walk_chain(c, i, c->old + i * w->type->bucket_size))
			return;
	}
}

static bool header_is_right(struct classic *c, uint32_t b)
{
	struct gomap_walk *w = c->w;

	if (b > MAX_B) {
		gomap_defect(w, "header", "it says that there are 2 to the power of %u buckets", b);
		w->stopped = -EBADMSG;
		return false;
	}
	c->n = 1ull << b;
	w->out->map.buckets = c->n;
	if (c->old) {
		c->nold = w->header[HMAP_FLAGS] & FLAG_SAME_SIZE_GROW || !b ? c->n : c->n / 2;
		w->out->map.growing = true;
		w->out->old_buckets = c->nold;
	}
	return true;
}

void gomap_walk_classic(struct gomap_walk *w)
{
	struct classic c = {
		.w = w,
		.buckets = get_le64(w->header + HMAP_BUCKETS),
		.old = get_le64(w->header + HMAP_OLDBUCKETS),
		.evacuate = get_le64(w->header + HMAP_NEVACUATE),
	};

	w->out->depth = w->header[HMAP_B];
	if (!header_is_right(&c, w->header[HMAP_B]))
		return;
	if (c.buckets) {
		w->out->capacity = c.n * GOMAP_SLOTS;
		w->cells = c.n;
		walk_new(&c);
		if (c.old && !w->stopped && !(w->sample && w->out->entries >= w->sample))
			walk_old(&c);
		w->out->capacity += w->out->overflow * GOMAP_SLOTS;
	}
	if (!w->stopped && !w->sample && w->out->entries != w->out->map.len)
		gomap_defect(w, "header",
			     "the map says that it has %" PRIu64 " entries, and %" PRIu64
			     " are there",
			     w->out->map.len, w->out->entries);
}
