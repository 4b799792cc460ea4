/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/gomap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "go/gomap_values.h"
#include "go/gomap_walk.h"

#define SAMPLE 64
/* A slot says 7 or 8 bits of its hash: with fewer that agree it may be chance. */
#define SAMPLE_SURE 3
#define SAMPLE_ALL 2 /* that is enough where all do */
#define MAX_STRING (1u << 20)
#define MAX_DEFECTS 100000 /* then it is not looked at any further */

/* --- what the walks use --- */

void gomap_defect(struct gomap_walk *w, const char *where, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	if (w->sample || w->out->ndefects == REPORT_MAP_DEFECTS) {
		w->out->all_defects++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (report_map_defect(w->out, where, what))
		w->stopped = -ENOMEM;
}

void gomap_heat(struct gomap_walk *w, uint64_t at, uint64_t n)
{
	if (w->cells)
		w->fill[at < w->cells ? at * REPORT_MAP_HEAT / w->cells : REPORT_MAP_HEAT - 1] += n;
}

bool gomap_go_on(struct gomap_walk *w)
{
	if (w->stopped && w->stopped != -EFAULT)
		return false;
	if (w->sample && w->out->entries + w->out->all_defects >= w->sample)
		return false;
	if (memory_late(w->g->memory))
		w->stopped = -ETIME;
	else if (w->out->all_defects > MAX_DEFECTS)
		w->stopped = -E2BIG;
	if (w->stopped && w->stopped != -EFAULT)
		return false;
	return true;
}

static uint64_t slot_at(const struct gomap_type *t, uint64_t slot)
{
	return t->key_at + slot * t->key_stride;
}

/* The key in a slot of a bucket or group, wherever it is. */
static int read_key(const struct gomap_walk *w, const uint8_t *bucket, uint64_t slot,
		    uint8_t data[GOMAP_MAX_KEY])
{
	const struct gomap_type *t = w->type;
	const uint8_t *at = bucket + slot_at(t, slot);

	if (t->key_size > GOMAP_MAX_KEY)
		return -ENOTSUP;
	if (t->indirect_key)
		return memory_read(w->g->memory, get_le64(at), data, t->key_size);
	memcpy(data, at, t->key_size);
	return 0;
}

bool gomap_elem_is_there(struct gomap_walk *w, const struct gomap_entry *e)
{
	const struct gomap_type *t = w->type;
	uint8_t byte;
	int r = 0;

	if (!t->indirect_elem || !t->elem_size || (!w->sample && !w->out->type_given))
		return true;
	r = memory_read(w->g->memory, get_le64(e->elem), &byte, 1);
	if (!r)
		r = memory_read(w->g->memory, get_le64(e->elem) + t->elem_size - 1, &byte, 1);
	if (r && r != -EFAULT)
		w->stopped = r;
	return r != -EFAULT;
}

int gomap_entry_read(struct gomap_walk *w, uint64_t slot, struct gomap_entry *e)
{
	int r;

	e->slot = slot;
	e->hashed = false;
	e->key = w->bucket + slot_at(w->type, slot);
	e->elem = w->bucket + w->type->elem_at + slot * w->type->elem_stride;
	r = memory_late(w->g->memory) ? -ETIME : read_key(w, w->bucket, slot, e->data);
	if (!r)
		r = w->g->keys ? gomap_hash_key(&w->hash, e->data, w->seed, &e->hash) : -ENOTSUP;
	/* only that a page is not there says something of the map */
	if (r && r != -EFAULT && r != -ENOTSUP) {
		w->stopped = r;
		return r;
	}
	if (r == -ENOTSUP) {
		w->out->unchecked++;
	} else if (r) {
		return -EFAULT;
	} else {
		e->hashed = true;
		w->out->checked++;
	}
	if (w->g->values && !w->sample && w->out->nvalues < REPORT_MAP_VALUES &&
	    gomap_value_add(w, e))
		w->stopped = -ENOMEM;
	return 0;
}

static bool same_strings(const struct gomap_walk *w, const uint8_t *a, const uint8_t *b)
{
	uint64_t len = get_le64(a + 8), done, n;
	uint8_t x[256], y[256];

	if (len != get_le64(b + 8) || len > MAX_STRING)
		return false;
	for (done = 0; done < len; done += n) {
		n = len - done < sizeof(x) ? len - done : sizeof(x);
		if (memory_read(w->g->memory, get_le64(a) + done, x, n) ||
		    memory_read(w->g->memory, get_le64(b) + done, y, n) || memcmp(x, y, n) != 0)
			return false;
	}
	return true;
}

bool gomap_same_key(struct gomap_walk *w, const struct gomap_entry *e, const uint8_t *bucket,
		    uint64_t slot)
{
	uint8_t other[GOMAP_MAX_KEY];

	if (read_key(w, bucket, slot, other))
		return false;
	if (w->type->how == GOMAP_HASH_STRING)
		return same_strings(w, e->data, other);
	/* of a key with strings or interfaces in it only one that is the same to the byte */
	return !memcmp(e->data, other, w->type->key_size);
}

/* --- a map --- */

static int begin(struct gomap_walk *w, const struct gomap *g, uint64_t addr,
		 struct report_map_dump *out)
{
	const struct go_layout *l = g->layout;
	int r;

	memset(w, 0, sizeof(*w));
	w->g = g;
	w->out = out;
	w->addr = addr;
	if (l->map_size > sizeof(w->header))
		return -EFAULT;
	r = memory_read(g->memory, addr, w->header, l->map_size);
	if (r)
		return r;
	w->bucket = calloc(2, GOMAP_MAX_BUCKET);
	if (!w->bucket)
		return -ENOMEM;
	w->seed = l->map_seed_size == 4 ? get_le32(w->header + l->map_seed)
					: get_le64(w->header + l->map_seed);
	return 0;
}

static void walk(struct gomap_walk *w, const struct gomap_type *type)
{
	const struct gomap *g = w->g;

	w->type = type;
	w->hash = (struct gomap_hash){
		.keys = g->keys,
		.layout = g->layout,
		.memory = g->memory,
		.how = type->how,
		.key_type = type->key_type,
		.key_size = type->key_size,
	};
	if (g->layout->map_impl == GO_MAP_SWISS)
		gomap_walk_swiss(w);
	else
		gomap_walk_classic(w);
}

/* How many of the first entries agree with a type. */
static uint64_t agreement(const struct gomap *g, uint64_t addr, const struct gomap_type *type,
			  uint64_t *of)
{
	struct report_map_dump scratch = {.map = {.addr = addr}};
	struct gomap_walk w;

	*of = 0;
	if (begin(&w, g, addr, &scratch))
		return 0;
	w.sample = SAMPLE;
	walk(&w, type);
	free(w.bucket);
	*of = scratch.entries + scratch.all_defects;
	*of -= scratch.unchecked < *of ? scratch.unchecked : *of;
	return w.agree;
}

static bool same_shape(const struct gomap_type *a, const struct gomap_type *b)
{
	return a->how == b->how && a->key_size == b->key_size && a->bucket_size == b->bucket_size &&
	       a->key_at == b->key_at && a->key_stride == b->key_stride &&
	       a->elem_at == b->elem_at && a->elem_stride == b->elem_stride &&
	       a->indirect_key == b->indirect_key && a->indirect_elem == b->indirect_elem &&
	       (a->how < GOMAP_HASH_TYPE || a->key_type == b->key_type);
}

/* As it is in the process. */
static struct gomap_type placed(const struct gomap *g, const struct gomap_type *type)
{
	struct gomap_type t = *type;

	t.addr += g->bias;
	t.key_type += g->bias;
	t.elem_type += g->bias;
	return t;
}

struct guess {
	bool found;
	struct gomap_type type;
	uint64_t agree, of; /* of a sample: entries and what is wrong */
	uint32_t others;
};

/* The type that most of the entries agree with; of one shape the first. name: only those. */
static int guess(const struct gomap *g, uint64_t addr, const char *name, struct guess *best)
{
	bool *asked = calloc(g->types->n ? g->types->n : 1, sizeof(*asked));
	uint64_t agree, of;
	size_t i, k;

	*best = (struct guess){};
	if (!asked)
		return -ENOMEM;
	for (i = 0; i < g->types->n && !memory_late(g->memory); i++) {
		const struct gomap_type *type = &g->types->list[i];
		struct gomap_type t = placed(g, type);
		uint32_t others = 0;

		if (asked[i] || (name && strcmp(name, t.name) != 0))
			continue;
		for (k = i + 1; k < g->types->n; k++)
			if (!asked[k] && same_shape(type, &g->types->list[k]) &&
			    (!name || !strcmp(name, g->types->list[k].name))) {
				asked[k] = true;
				others++;
			}
		agree = agreement(g, addr, &t, &of);
		if (!best->found ? name || (agree && 2 * agree >= of)
				 : agree > best->agree && 2 * agree >= of)
			*best = (struct guess){true, t, agree, of, others};
	}
	free(asked);
	return 0;
}

/*
 * What is wrong with it is wrong with a map only if something else says that it is one: entries of
 * which their slots say what their hashes do, so many that it is no chance. One whose hash is not
 * known says nothing.
 */
static bool is_no_such_map(const struct gomap_walk *w)
{
	bool all = w->agree + w->out->unchecked == w->out->entries;

	return w->out->all_defects && w->agree < SAMPLE_SURE && (!all || w->agree < SAMPLE_ALL);
}

static const char *why_not_read(const struct gomap *g)
{
	return !memory_late(g->memory) && memory_is_absent(g->memory)
		       ? "a page of it did not come"
		       : "the time given with --max-freeze was up";
}

static int judge(const struct gomap_walk *w, struct report_map_dump *out)
{
	bool all = !w->stopped && !out->unchecked;
	int r = 0;

	if (out->map.writing)
		r = report_map_say(out, "a writer is inside%s",
				   out->all_defects ? ", so that what does not agree says nothing"
						    : "");
	if (!r && w->stopped == -ETIME)
		r = report_map_say(out, "%s", why_not_read(w->g));
	if (!r && w->stopped == -E2BIG)
		r = report_map_say(out,
				   "so much of it is wrong that it was not looked at any further");
	if (!r && !w->g->keys)
		r = report_map_say(out, "what this process hashes with was not found");
	else if (!r && w->type->how == GOMAP_HASH_NONE)
		r = report_map_say(out, "its keys are hashed by %s, which maprace does not know",
				   w->type->hasher);
	else if (!r && out->unchecked)
		r = report_map_say(out,
				   "%" PRIu64
				   " keys have no hash that can be known (a NaN, or too large)",
				   out->unchecked);
	if (!r && is_no_such_map(w) && (out->checked || !out->unchecked))
		r = report_map_say(out,
				   "%s of it agrees with %s: it is of another type, is no "
				   "longer this map, or its header is damaged",
				   w->agree ? "too little" : "nothing", w->type->name);
	out->integrity = is_no_such_map(w)  ? REPORT_UNCHECKED
			 : out->all_defects ? out->map.writing ? REPORT_UNDER_WAY : REPORT_BROKEN
			 : all		    ? REPORT_INTACT
			 : out->checked	    ? REPORT_PART_INTACT
					    : REPORT_UNCHECKED;
	if (!r && out->integrity == REPORT_BROKEN)
		r = report_map_say(out,
				   "if the program has dropped this map, that is what is left of "
				   "it");
	if (!r && !out->reason)
		out->reason = strdup("");
	return r ? r : out->reason ? 0 : -ENOMEM;
}

static void fill_heat(const struct gomap_walk *w, struct report_map_dump *out)
{
	uint64_t n = w->cells < REPORT_MAP_HEAT ? w->cells : REPORT_MAP_HEAT, i, lo, hi;

	for (i = 0; i < n; i++) {
		uint64_t cell = w->cells < REPORT_MAP_HEAT ? i * REPORT_MAP_HEAT / w->cells : i;

		/* groups k of which k * HEAT / cells is the cell */
		lo = (cell * w->cells + REPORT_MAP_HEAT - 1) / REPORT_MAP_HEAT;
		hi = ((cell + 1) * w->cells + REPORT_MAP_HEAT - 1) / REPORT_MAP_HEAT;
		out->heat[i] =
			(double)w->fill[cell] / (double)(GOMAP_SLOTS * (hi > lo ? hi - lo : 1));
	}
	out->nheat = n;
	out->heat_seen = n;
	if (w->stopped && w->stopped != -EFAULT && w->at < w->cells)
		out->heat_seen = w->at * n / w->cells;
}

static void fill_header(const struct gomap_walk *w, struct report_map_dump *out)
{
	const struct go_layout *l = w->g->layout;

	out->map.header_known = true;
	out->map.swiss = l->map_impl == GO_MAP_SWISS;
	out->map.len = get_le64(w->header);
	out->map.seed = w->seed;
	/* Swiss: 0 or 1; anything else is damage, and no writer */
	out->map.writing = out->map.swiss ? w->header[l->map_flags] == 1
					  : w->header[l->map_flags] & l->map_writing_mask;
}

/* No type agrees: what the header says is all that is known. */
static int not_known(struct report_map_dump *out, const struct guess *best)
{
	out->integrity = REPORT_UNCHECKED;
	if (!out->map.len)
		return report_map_say(out, "it is empty, or no map");
	if (best->agree)
		return report_map_say(
			out,
			"its entries are too few to tell its type from: give it, as in "
			"--map 0x%" PRIx64 "=map[string]int",
			out->map.addr);
	return report_map_say(out, "what is there agrees with no map type of the program");
}

static bool is_of_another(const struct guess *best)
{
	return best->of >= SAMPLE_SURE && 2 * best->agree < best->of;
}

/* The type that was given is not that of the map. */
static int another_type(const struct gomap *g, struct report_map_dump *out,
			const struct guess *best)
{
	struct guess other;
	int r = report_map_say(out,
			       "hardly anything of it agrees with %s: it is of another type, or no "
			       "longer this map",
			       best->type.name);

	if (!r)
		r = guess(g, out->map.addr, NULL, &other);
	if (!r && other.found && other.agree >= SAMPLE_SURE && other.agree == other.of)
		r = report_map_say(out, "all of it agrees with %s", other.type.name);
	return r;
}

int gomap_dump(const struct gomap *g, uint64_t addr, const char *name, struct report_map_dump *out)
{
	struct guess best;
	struct gomap_walk w;
	int r;

	memset(out, 0, sizeof(*out));
	out->map.addr = addr;
	out->map.type = strdup("");
	out->integrity = REPORT_UNCHECKED;
	out->type_given = name != NULL;
	r = out->map.type ? begin(&w, g, addr, out) : -ENOMEM;
	if (r)
		return r == -ENOMEM  ? r
		       : r == -ETIME ? report_map_say(out, "%s", why_not_read(g))
				     : report_map_say(out, "nothing is in memory at this address");
	fill_header(&w, out);
	r = guess(g, addr, name, &best);
	if (!r && name && !best.found) { /* one that reflection made is not described */
		out->type_given = false;
		r = report_map_say(out, "the program has no map type of the name %s", name);
		if (!r)
			r = guess(g, addr, NULL, &best);
	}
	if (!r && (!best.found || (!out->type_given && best.agree < SAMPLE_SURE)))
		r = not_known(out, &best);
	else if (!r && is_of_another(&best))
		r = another_type(g, out, &best);
	else if (!r) {
		free(out->map.type);
		out->map.type = strdup(best.type.name);
		out->type_others = best.others;
		walk(&w, &best.type);
		fill_heat(&w, out);
		r = out->map.type && w.stopped != -ENOMEM ? judge(&w, out) : -ENOMEM;
	}
	free(w.bucket);
	return r;
}
