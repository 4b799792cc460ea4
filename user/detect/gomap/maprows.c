/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/maprows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "detect/gomap/verdict.h"

/* A row more or less: a report is of no moment more exact than this. */
#define TAGS_NS 50000000u

struct candidate {
	uint32_t index;
	uint32_t collisions;
	uint64_t operations;
};

static int worse_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->collisions != y->collisions)
		return x->collisions < y->collisions ? 1 : -1;
	if (x->operations != y->operations)
		return x->operations < y->operations ? 1 : -1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* A record may have been taken over while a collision was noted. */
static uint32_t collisions_of(const struct mr_map *m)
{
	return mr_map_proved(m, m->addr) ? m->collisions : 0;
}

/* Goroutines behind a 64-bit sketch: each sets one bit; as many as set bits, more once it fills up.
 */
static uint32_t goroutines_of(uint64_t seen)
{
	return (uint32_t)__builtin_popcountll(seen);
}

/* Counts are copied first: the kernel goes on counting meanwhile. */
static struct verdict verdict_now(const struct tracker_source *source, const struct mr_map *m,
				  uint32_t index)
{
	const struct mr_trial *trials = attachment_trials(source->attachment);
	struct verdict_input in = {
		.collisions = collisions_of(m),
		.met = m->flags & MR_MAP_MET,
		.crowded = m->flags & MR_MAP_CROWDED,
		.sites = m->sites,
	};
	struct mr_trial t;

	if (trials) {
		t = trials[index & (MR_TRIAL_SLOTS - 1)];
		if (t.map == m->addr && t.born == m->first_ns) {
			in.holds = t.holds;
			in.controls = t.controls;
			in.by_site = t.by_site;
		}
	}
	return verdict_of(&in);
}

static int fill(struct report_maprow *row, struct tracker_source *source, const struct mr_map *m,
		uint32_t index)
{
	struct verdict verdict = verdict_now(source, m, index);

	row->pid = (uint32_t)source->resolver.process->pid;
	row->addr = mr_addr(m->addr);
	row->since_ns = m->first_ns;
	row->goroutines = goroutines_of(m->seen);
	row->reads = m->reads;
	row->writes = m->writes;
	row->holds = m->holds;
	row->hold_ns = m->hold_ns;
	row->collisions = collisions_of(m);
	row->expected = verdict.expected;
	row->p = verdict.p;
	row->verdict = verdict.verdict;
	row->type = resolve_type(&source->resolver, m->type);
	return row->type ? 0 : -ENOMEM;
}

/*
 * The records of each target, for a moment: a report goes through those of each of its targets, and
 * to look at a record is to fetch it from memory. records[begin[tag]] to records[begin[tag + 1]]
 * are those that had that tag.
 */
struct by_tag {
	const struct mr_map *of;
	uint32_t size;
	uint64_t read_ns;
	uint32_t *records;
	uint32_t begin[UINT16_MAX + 2];
};

static void sort_by_tag(struct by_tag *b, const struct mr_map *maps, uint16_t *tags)
{
	uint32_t k, tag, n = 0;

	memset(b->begin, 0, sizeof(b->begin));
	for (k = 0; k < b->size; k++) {
		tags[k] = mr_tag(maps[k].addr);
		b->begin[tags[k] + 1]++;
	}
	for (tag = 0; tag <= UINT16_MAX; tag++) {
		n += b->begin[tag + 1];
		b->begin[tag + 1] = n;
	}
	/* from behind, so that each target's are in their order, and the ends become beginnings */
	for (k = b->size; k--;)
		b->records[--b->begin[tags[k] + 1]] = k;
	memmove(b->begin, b->begin + 1, (UINT16_MAX + 1) * sizeof(*b->begin));
	b->begin[UINT16_MAX + 1] = b->size;
}

/* Not those of a moment ago where it is for the last time: a process may have lived for less. *n of
 * them; NULL: no memory. */
static const uint32_t *records_of(const struct mr_map *maps, uint32_t count, uint16_t tag,
				  bool anew, size_t *n)
{
	static struct by_tag b;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint16_t *tags;

	*n = 0;
	if (anew || b.of != maps || b.size != count || !b.records || now - b.read_ns >= TAGS_NS) {
		free(b.records);
		b.of = maps;
		b.size = count;
		b.records = calloc(count, sizeof(*b.records));
		tags = calloc(count, sizeof(*tags));
		if (!b.records || !tags) {
			free(tags);
			free(b.records);
			b.records = NULL;
			return NULL;
		}
		sort_by_tag(&b, maps, tags);
		free(tags);
		b.read_ns = clock_ns(CLOCK_MONOTONIC);
	}
	*n = b.begin[tag + 1] - b.begin[tag];
	return &b.records[b.begin[tag]];
}

size_t maprows_count(const struct tracker_source *source)
{
	const struct mr_map *maps;
	uint32_t count;
	size_t n = 0;

	if (source->ended)
		return source->maps_at_end;
	maps = attachment_maps(source->attachment, &count);
	if (count)
		(void)records_of(maps, count, attachment_tag(source->attachment), false, &n);
	return n;
}

/* False: it is another target's by now, or about to be: whose type that is is not known. */
static bool copy_record(struct mr_map *to, const struct mr_map *from, uint16_t tag)
{
	*to = *from;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return mr_tag(to->addr) == tag && *(const volatile __u64 *)&from->addr == to->addr;
}

struct rows {
	struct report_maprow *items;
	size_t n;
};

/* Room for as many more, wiped. */
static struct report_maprow *rows_grow(struct rows *rows, size_t n)
{
	struct report_maprow *grown =
		realloc(rows->items, (rows->n + n + 1) * sizeof(*rows->items));

	if (!grown)
		return NULL;
	rows->items = grown;
	memset(&grown[rows->n], 0, n * sizeof(*grown));
	return &grown[rows->n];
}

/* From the table as it is now. */
static int collect(struct rows *rows, struct tracker_source *source, size_t max, bool anew)
{
	const uint16_t tag = attachment_tag(source->attachment);
	struct candidate *found = NULL;
	struct report_maprow *row;
	const struct mr_map *maps;
	const uint32_t *mine;
	size_t n = 0, i, nmine;
	uint32_t count;
	int ret = 0;

	maps = attachment_maps(source->attachment, &count);
	if (!count)
		return 0;
	mine = records_of(maps, count, tag, anew, &nmine);
	found = mine ? calloc(nmine + 1, sizeof(*found)) : NULL;
	if (!found)
		return -ENOMEM;
	for (i = 0; i < nmine; i++) {
		const struct mr_map *m = &maps[mine[i]];

		if (mr_tag(m->addr) != tag || m->flags & MR_MAP_STACK)
			continue;
		if (collisions_of(m) || (m->flags & MR_MAP_SHARED && m->flags & MR_MAP_WRITTEN))
			found[n++] =
				(struct candidate){mine[i], collisions_of(m), m->reads + m->writes};
	}
	qsort(found, n, sizeof(*found), worse_first);
	if (n > max)
		n = max;
	row = rows_grow(rows, n);
	if (!row)
		ret = -ENOMEM;
	for (i = 0; i < n && !ret; i++) {
		struct mr_map m;

		if (!copy_record(&m, &maps[found[i].index], tag))
			continue;
		ret = fill(row++, source, &m, found[i].index);
		rows->n++;
	}
	free(found);
	return ret;
}

static int copy_kept(struct rows *rows, const struct tracker_source *source)
{
	struct report_maprow *row = rows_grow(rows, source->nkept);
	size_t i;

	for (i = 0; row && i < source->nkept; i++, rows->n++) {
		row[i] = source->kept[i];
		row[i].type = strdup(source->kept[i].type);
		if (!row[i].type)
			return -ENOMEM;
	}
	return row ? 0 : -ENOMEM;
}

int maprows_append(struct report *report, struct tracker_source *source, size_t max)
{
	struct rows rows = {report->maps, report->nmaps};
	int r = source->ended ? copy_kept(&rows, source) : collect(&rows, source, max, false);

	report->maps = rows.items;
	report->nmaps = rows.n;
	return r;
}

int maprows_keep(struct tracker_source *source, size_t max)
{
	struct rows rows = {};
	size_t i;
	int r;

	if (source->ended)
		return 0;
	r = collect(&rows, source, max, true);
	source->maps_at_end = maprows_count(source); /* by the same look */
	for (i = 0; i < rows.n; i++)
		rows.items[i].until_ns = clock_ns(CLOCK_MONOTONIC);
	source->kept = rows.items;
	source->nkept = rows.n;
	source->ended = true;
	return r;
}

void maprows_forget(struct tracker_source *source)
{
	size_t i;

	for (i = 0; i < source->nkept; i++)
		free(source->kept[i].type);
	free(source->kept);
	source->kept = NULL;
	source->nkept = 0;
}

/* The engine counts first_ns up by a few when it proves something. */
#define SINCE_SLACK_NS 1000

bool maprows_is_of(const struct report_maprow *row, const struct report_race *race)
{
	return race->pid == row->pid && race->map.addr == row->addr &&
	       race->map.seen_ns + SINCE_SLACK_NS >= row->since_ns &&
	       (!row->until_ns || race->map.seen_ns < row->until_ns);
}

void maprows_prove(struct report *report)
{
	size_t i, k;

	for (i = 0; i < report->nmaps; i++)
		for (k = 0; k < report->nraces; k++) {
			struct report_maprow *row = &report->maps[i];
			const struct report_race *race = &report->races[k];

			if (report_proves(race) >= REPORT_PROVES_MAP && maprows_is_of(row, race)) {
				row->verdict = REPORT_RACY;
				row->p = 1;
			}
		}
}
