/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* src/internal/runtime/maps: map.go, table.go, group.go */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "go/gomap_walk.h"

/* type Map */
#define MAP_USED 0
#define MAP_DIR 16
#define MAP_DIRLEN 24
#define MAP_DEPTH 32
#define MAP_SHIFT 33
/* type table */
#define TABLE_USED 0
#define TABLE_CAPACITY 2
#define TABLE_GROWTH 4
#define TABLE_DEPTH 6
#define TABLE_INDEX 8
#define TABLE_GROUPS 16
#define TABLE_MASK 24
#define TABLE_SIZE 32

#define CTRL_EMPTY 0x80
#define CTRL_DELETED 0xfe
#define MAX_DEPTH 32	  /* of a directory: 4 billion tables */
#define MAX_CAPACITY 1024 /* of a table: a fuller one is split */
#define MAX_BAD 1000
#define MAX_COUNTED 65536 /* tables: of more there is no heat map, to save time */
#define WHERE 96

struct table {
	uint64_t addr, groups, mask;
	uint32_t used, capacity, growth, depth;
	int64_t index;
	uint64_t number;      /* as it is called in defects */
	uint64_t first, span; /* its entries of the directory */
};

struct swiss {
	struct gomap_walk *w;
	uint64_t dir, dirlen;
	uint32_t depth, shift;
	const struct table *table; /* NULL: the map is one group */
};

static uint64_t home_of(const struct swiss *s, uint64_t hash)
{
	return (hash >> 7) & s->table->mask;
}

static void name_slot(const struct swiss *s, uint64_t group, uint64_t slot, char where[WHERE])
{
	if (s->w->sample)
		where[0] = '\0';
	else if (s->table)
		snprintf(where, WHERE, "table %" PRIu64 ", group %" PRIu64 ", slot %" PRIu64,
			 s->table->number, group, slot);
	else
		snprintf(where, WHERE, "slot %" PRIu64, slot);
}

static bool holds_empty(const uint8_t *ctrl)
{
	return memchr(ctrl, CTRL_EMPTY, GOMAP_SLOTS) != NULL;
}

/* Whether an earlier slot on its way holds the same key. */
static void look_for_twin(struct swiss *s, const struct gomap_entry *e, uint64_t at,
			  const uint8_t *group, uint64_t number, uint64_t before)
{
	char where[WHERE], other[WHERE];
	uint64_t i;

	for (i = 0; i < before; i++)
		if (group[i] == (e->hash & 0x7f) && gomap_same_key(s->w, e, group, i)) {
			name_slot(s, at, e->slot, where);
			name_slot(s, number, i, other);
			gomap_defect(s->w, where, "its key is also in %s", other);
			return;
		}
}

/* Goes the way that a look-up goes, from the group that the hash says on. */
static void check_way(struct swiss *s, const struct gomap_entry *e, uint64_t at)
{
	struct gomap_walk *w = s->w;
	uint64_t group = home_of(s, e->hash), steps;
	uint8_t *other = w->bucket + GOMAP_MAX_BUCKET;
	char where[WHERE];

	for (steps = 0; steps <= s->table->mask; steps++) {
		if (group == at) {
			w->out->lengths[steps < REPORT_MAP_LENGTHS ? steps
								   : REPORT_MAP_LENGTHS - 1]++;
			look_for_twin(s, e, at, w->bucket, at, e->slot);
			return;
		}
		if (memory_read(w->g->memory, s->table->groups + group * w->type->bucket_size,
				other, w->type->bucket_size))
			return;
		if (holds_empty(other))
			break;
		look_for_twin(s, e, at, other, group, GOMAP_SLOTS);
		group = (group + steps + 1) & s->table->mask;
	}
	name_slot(s, at, e->slot, where);
	gomap_defect(w, where, "a look-up does not come here: it begins at group %" PRIu64,
		     home_of(s, e->hash));
}

static void check_entry(struct swiss *s, uint64_t group, uint64_t slot, uint8_t ctrl)
{
	struct gomap_walk *w = s->w;
	struct gomap_entry e;
	char where[WHERE];
	uint64_t place;
	int r = gomap_entry_read(w, slot, &e);

	if (r == -EFAULT) {
		name_slot(s, group, slot, where);
		gomap_defect(w, where, GOMAP_NO_KEY);
	}
	if (!r && !gomap_elem_is_there(w, &e)) {
		name_slot(s, group, slot, where);
		gomap_defect(w, where, GOMAP_NO_ELEM);
		if (w->sample)
			return;
	}
	if (r || !e.hashed)
		return;
	if (ctrl != (e.hash & 0x7f)) {
		name_slot(s, group, slot, where);
		gomap_defect(w, where, "its control byte is 0x%02x, and its key's hash says 0x%02x",
			     ctrl, (unsigned int)(e.hash & 0x7f));
		return;
	}
	w->agree++;
	if (!s->table) {
		look_for_twin(s, &e, group, w->bucket, group, slot);
		return;
	}
	place = s->dirlen == 1 ? 0 : e.hash >> (s->shift & 63);
	if (place < s->table->first || place - s->table->first >= s->table->span) {
		name_slot(s, group, slot, where);
		gomap_defect(w, where,
			     "its key's hash belongs to another table (directory entry %" PRIu64
			     ")",
			     place);
		return;
	}
	check_way(s, &e, group);
}

struct counts {
	uint64_t full, deleted, empty;
};

/* False: it cannot be read, or time is up. */
static bool walk_group(struct swiss *s, uint64_t addr, uint64_t number, struct counts *n)
{
	struct gomap_walk *w = s->w;
	uint8_t ctrl[GOMAP_SLOTS];
	char where[WHERE];
	uint64_t i, full = n->full;
	int r;

	if (!gomap_go_on(w))
		return false;
	r = memory_read(w->g->memory, addr, w->bucket, w->type->bucket_size);
	if (r) {
		w->stopped = r;
		name_slot(s, number, 0, where);
		if (r == -EFAULT)
			gomap_defect(w, where, "its group at 0x%" PRIx64 " is not in memory", addr);
		return false;
	}
	memcpy(ctrl, w->bucket, sizeof(ctrl));
	for (i = 0; i < GOMAP_SLOTS; i++) {
		if (ctrl[i] == CTRL_EMPTY) {
			n->empty++;
		} else if (ctrl[i] == CTRL_DELETED) {
			n->deleted++;
		} else if (ctrl[i] & 0x80) {
			name_slot(s, number, i, where);
			gomap_defect(w, where, "its control byte is 0x%02x, which no slot has",
				     ctrl[i]);
		} else {
			n->full++;
			check_entry(s, number, i, ctrl[i]);
		}
	}
	w->out->entries += n->full - full;
	w->out->slots_seen += GOMAP_SLOTS;
	gomap_heat(w, w->at++, n->full - full);
	return true;
}

/* The one that a directory entry names. */
static int read_table(struct swiss *s, uint64_t entry, struct table *t)
{
	uint8_t raw[TABLE_SIZE];
	uint64_t addr;
	int r = memory_u64(s->w->g->memory, s->dir + 8 * entry, &addr);

	if (!r)
		r = memory_read(s->w->g->memory, addr, raw, sizeof(raw));
	if (r)
		return r;
	*t = (struct table){
		.addr = addr,
		.used = get_le16(raw + TABLE_USED),
		.capacity = get_le16(raw + TABLE_CAPACITY),
		.growth = get_le16(raw + TABLE_GROWTH),
		.depth = raw[TABLE_DEPTH],
		.index = (int64_t)get_le64(raw + TABLE_INDEX),
		.groups = get_le64(raw + TABLE_GROUPS),
		.mask = get_le64(raw + TABLE_MASK),
	};
	return 0;
}

/* What the rest depends on. */
static bool table_is_right(struct swiss *s, struct table *t, const char *where)
{
	struct gomap_walk *w = s->w;

	if (t->depth > s->depth) {
		gomap_defect(w, where, "its depth is %u, and the directory's is %u", t->depth,
			     s->depth);
		return false;
	}
	t->span = 1ull << (s->depth - t->depth);
	if (!t->capacity || t->capacity > MAX_CAPACITY || t->capacity & (t->capacity - 1) ||
	    t->capacity < GOMAP_SLOTS || t->mask != t->capacity / GOMAP_SLOTS - 1) {
		gomap_defect(w, where,
			     "its capacity is %u and its mask of groups 0x%" PRIx64
			     ", which do not fit",
			     t->capacity, t->mask);
		return false;
	}
	return true;
}

static void check_counts(struct swiss *s, const struct table *t, const struct counts *n,
			 const char *where)
{
	uint32_t most = t->capacity <= GOMAP_SLOTS ? t->capacity - 1 : t->capacity * 7 / 8;

	if (n->full != t->used)
		gomap_defect(s->w, where,
			     "it says that it has %u entries, and %" PRIu64 " are there", t->used,
			     n->full);
	if (t->growth + n->full + n->deleted != most)
		gomap_defect(s->w, where,
			     "it says that %u may be added, and %" PRId64 " may be (%" PRIu64
			     " entries, %" PRIu64 " tombstones)",
			     t->growth, (int64_t)(most - n->full - n->deleted), n->full,
			     n->deleted);
	if (!n->empty)
		gomap_defect(s->w, where,
			     "no slot of it is empty: a look-up of a key that is not "
			     "there never ends");
}

static void walk_table(struct swiss *s, struct table *t)
{
	struct counts n = {};
	char where[WHERE];
	uint64_t i;

	snprintf(where, sizeof(where), "table %" PRIu64, t->number);
	if (t->index != (int64_t)t->first)
		gomap_defect(s->w, where,
			     "its index is %" PRId64 ", and it is directory entry %" PRIu64,
			     t->index, t->first);
	s->table = t;
	for (i = 0; i <= t->mask; i++)
		if (!walk_group(s, t->groups + i * s->w->type->bucket_size, i, &n))
			break;
	s->w->out->tombstones += n.deleted;
	if (i > t->mask && !s->w->sample)
		check_counts(s, t, &n, where);
	s->table = NULL;
}

/* The tables that the directory names, each once; where == NULL only counts their groups. */
static void walk_directory(struct swiss *s, bool count)
{
	struct gomap_walk *w = s->w;
	uint64_t i, k, again, bad = 0;
	char where[WHERE];
	struct table t;
	int r;

	for (i = 0; i < s->dirlen && gomap_go_on(w); i += t.span) {
		t.span = 1;
		snprintf(where, sizeof(where), "directory entry %" PRIu64, i);
		r = read_table(s, i, &t);
		if (r) {
			t.span = 1;
			if (r != -EFAULT)
				w->stopped = r;
			else if (!count)
				gomap_defect(w, where, "no table is there");
			if (count && ++bad > MAX_BAD)
				return; /* what is wrong is said when it is walked */
			continue;
		}
		t.first = i;
		t.number = w->out->tables;
		if (count) {
			if (t.depth <= s->depth && t.mask < MAX_CAPACITY)
				w->cells += t.mask + 1;
			t.span = t.depth <= s->depth ? 1ull << (s->depth - t.depth) : 1;
			continue;
		}
		t.span = 1;
		if (!table_is_right(s, &t, where)) {
			t.span = 1;
			continue;
		}
		for (k = 1; k < t.span && i + k < s->dirlen && gomap_go_on(w); k++)
			if (!memory_u64(w->g->memory, s->dir + 8 * (i + k), &again) &&
			    again != t.addr) {
				gomap_defect(w, where,
					     "its table's depth says that %" PRIu64
					     " entries name it, and entry %" PRIu64
					     " names another one",
					     t.span, i + k);
				t.span = k;
				break;
			}
		w->out->tables++;
		w->out->capacity += t.capacity;
		walk_table(s, &t);
	}
}

static void walk_small(struct swiss *s)
{
	struct gomap_walk *w = s->w;
	struct counts n = {};

	w->out->capacity = s->dir ? GOMAP_SLOTS : 0;
	w->out->map.buckets = s->dir != 0;
	if (s->dir)
		walk_group(s, s->dir, 0, &n);
}

void gomap_walk_swiss(struct gomap_walk *w)
{
	struct swiss s = {
		.w = w,
		.dir = get_le64(w->header + MAP_DIR),
		.dirlen = get_le64(w->header + MAP_DIRLEN),
		.depth = w->header[MAP_DEPTH],
		.shift = w->header[MAP_SHIFT],
	};

	w->out->depth = s.depth;
	if (!w->sample && w->header[w->g->layout->map_flags] > 1)
		gomap_defect(w, "header",
			     "its mark of a writer is 0x%02x, which is neither 0 nor 1",
			     w->header[w->g->layout->map_flags]);
	if (!s.dirlen) {
		walk_small(&s);
	} else if (s.depth > MAX_DEPTH || s.dirlen != 1ull << s.depth || s.shift != 64 - s.depth) {
		gomap_defect(w, "header",
			     "the directory has %" PRIu64
			     " entries, a depth of %u and a shift of %u, "
			     "which do not fit",
			     s.dirlen, s.depth, s.shift);
		w->stopped = -EBADMSG;
		return;
	} else {
		if (!w->sample && s.dirlen <= MAX_COUNTED)
			walk_directory(&s, true);
		walk_directory(&s, false);
	}
	if (!w->stopped && !w->sample && w->out->entries != w->out->map.len)
		gomap_defect(w, "header",
			     "the map says that it has %" PRIu64 " entries, and %" PRIu64
			     " are there",
			     w->out->map.len, w->out->entries);
}
