/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/tracker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detect/gomap/fatal.h"
#include "detect/gomap/globals.h"
#include "detect/gomap/maprows.h"
#include "model/evidence.h"

_Static_assert(REPORT_DISTANCES == MR_DISTANCES, "one histogram");

/* A target cannot make us grow without bound. */
#define MAX_RACES 10000
#define MAX_BYTES (32u << 20) /* of all of them, suspects included */

struct tracked {
	struct report_race race;
	struct tracker_source *source;
	uint64_t *pairs; /* keys of the kernel's pairs that are this race */
	size_t npairs;
	uint64_t unpaired;  /* sightings that the kernel does not count: fatal errors */
	uint64_t accounted; /* of the count, in the sightings over time */
	size_t bytes;
	bool told, hidden;
};

struct tracked_list {
	struct tracked **items;
	size_t count;
	bool (*hides)(const void *ctx, const struct report_race *race);
	const void *hides_ctx;
	size_t hidden; /* of count */
};

struct tracker {
	struct tracked_list races, suspects;
	size_t forgotten; /* races of sources that are gone */
	uint64_t start_ns;
	size_t bytes;
};

struct tracker *tracker_new(uint64_t start_ns)
{
	struct tracker *t = calloc(1, sizeof(*t));

	if (t)
		t->start_ns = start_ns;
	return t;
}

static void tracked_free(struct tracked *k)
{
	report_race_free(&k->race);
	free(k->pairs);
	free(k);
}

static void list_free(struct tracked_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		tracked_free(list->items[i]);
	free(list->items);
}

void tracker_free(struct tracker *t)
{
	if (!t)
		return;
	list_free(&t->races);
	list_free(&t->suspects);
	free(t);
}

void tracker_set_filter(struct tracker *t, bool (*hides)(const void *, const struct report_race *),
			const void *ctx)
{
	t->races.hides = t->suspects.hides = hides;
	t->races.hides_ctx = t->suspects.hides_ctx = ctx;
}

static double seconds(const struct tracker *t, uint64_t ns)
{
	return ns > t->start_ns ? (double)(ns - t->start_ns) / 1e9 : 0;
}

/* Two runtimes in one process may have the same functions: not the same race. */
static bool same_race(const struct report_race *a, const struct report_race *b)
{
	return a->target == b->target && !strcmp(a->id, b->id);
}

/* on_map: what is ordered on one map need not be on another. */
static struct tracked *find(const struct tracked_list *list, const struct report_race *race,
			    bool on_map)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (same_race(&list->items[i]->race, race) &&
		    (!on_map || list->items[i]->race.map.addr == race->map.addr))
			return list->items[i];
	return NULL;
}

static int add_pair(struct tracked *k, uint64_t pair)
{
	uint64_t *grown = realloc(k->pairs, (k->npairs + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	k->pairs = grown;
	k->pairs[k->npairs++] = pair;
	return 0;
}

static void account(struct tracked *k)
{
	if (k->race.count <= k->accounted)
		return;
	report_sightings_add(&k->race.sightings, k->race.last_seen_s, k->race.count - k->accounted);
	k->accounted = k->race.count;
}

static size_t frame_bytes(const struct report_frame *f)
{
	return sizeof(*f) + strlen(f->function) + strlen(f->file);
}

static size_t access_bytes(const struct report_access *a)
{
	size_t bytes = 0, i;

	for (i = 0; i < a->nframes; i++)
		bytes += frame_bytes(&a->frames[i]);
	for (i = 0; i < a->nlabels; i++)
		bytes += sizeof(a->labels[i]) + strlen(a->labels[i].key) +
			 strlen(a->labels[i].value);
	return bytes;
}

/* About what it takes here, and in a document. */
static size_t race_bytes(const struct report_race *race)
{
	return sizeof(struct tracked) + access_bytes(&race->access[0]) +
	       access_bytes(&race->access[1]) + strlen(race->map.type);
}

/*
 * That its own check has fired is a fact about a process, be there several runtimes in it. Of one
 * that has ended, or has run another program since, the number may be another one's.
 */
static bool same_process(const struct tracker_source *a, const struct tracker_source *b)
{
	return a == b ||
	       (!a->ended && !b->ended && a->resolver.process->pid == b->resolver.process->pid);
}

static bool has_fired(const struct tracker *t, const struct tracker_source *source)
{
	size_t i;

	for (i = 0; i < t->races.count; i++)
		if (t->races.items[i]->race.check_fired &&
		    same_process(t->races.items[i]->source, source))
			return true;
	return source->check_fired;
}

/* After a collection another map may lie there, and of clones of one map each has its seed. */
static char *name_global(struct tracker_source *source, const struct report_map *map)
{
	char *name = map->header_known ? globals_name(&source->resolver, map->addr, map->seed)
				       : NULL;

	if (name && attachment_clones(source->attachment) &&
	    attachment_collected(source->attachment, map->collected)) {
		free(name);
		name = NULL;
	}
	return name;
}

/* A race that is news. */
static struct tracked *add(struct tracker *t, struct tracked_list *list,
			   struct tracker_source *source, struct report_race *race, size_t bytes)
{
	struct tracked *k = calloc(1, sizeof(*k)), **grown;

	grown = realloc(list->items, (list->count + 1) * sizeof(*grown));
	if (grown)
		list->items = grown;
	if (!k || !grown) {
		free(k);
		return NULL;
	}
	k->source = source;
	k->race = *race;
	t->bytes += k->bytes = bytes;
	k->race.map.global = name_global(source, &race->map);
	k->race.check_fired |= has_fired(t, source);
	k->hidden = list->hides && list->hides(list->hides_ctx, race);
	list->hidden += k->hidden;
	list->items[list->count++] = k;
	return k;
}

/* Shows it by this evidence from now on; what was counted before stays. Leaves the old one in race.
 */
static void replace(struct tracked *k, struct report_race *race)
{
	struct report_race old = k->race;

	k->race = *race;
	k->race.count = old.count;
	k->race.first_seen_s = old.first_seen_s;
	k->race.last_seen_s = old.last_seen_s;
	k->race.sightings = old.sightings;
	k->race.check_fired = old.check_fired;
	/* anew: the same lines use several maps, in the same place perhaps */
	k->race.map.global = name_global(k->source, &k->race.map);
	*race = old;
}

/* Another sighting of it. Of a proof in which the other one was held both stacks are known, so that
 * it is the one that is shown; what the runtime said of the two stays with them either way. */
static void add_sighting(struct tracker *t, struct tracked *k, struct report_race *race)
{
	size_t bytes = race_bytes(race);
	char *message;

	k->race.count++;
	if (race->last_seen_s > k->race.last_seen_s)
		k->race.last_seen_s = race->last_seen_s;
	if (evidence_kind(race->evidence)->held && !evidence_kind(k->race.evidence)->held &&
	    bytes <= MAX_BYTES - t->bytes + k->bytes) {
		t->bytes += bytes - k->bytes;
		k->bytes = bytes;
		replace(k, race);
	}
	if (race->message[0] && !k->race.message[0]) {
		message = k->race.message;
		k->race.message = race->message;
		race->message = message;
	}
	report_race_free(race);
}

/* Takes the race over. */
static int merge(struct tracker *t, struct tracked_list *list, struct tracker_source *source,
		 struct report_race *race, const __u64 *pair)
{
	struct tracked *k = find(list, race, list == &t->suspects);
	size_t bytes = race_bytes(race);

	if (k) {
		add_sighting(t, k, race);
	} else if (list->count >= MAX_RACES || bytes > MAX_BYTES - t->bytes) {
		source->dropped_races++;
		report_race_free(race);
		return 0;
	} else {
		k = add(t, list, source, race, bytes);
		if (!k) {
			report_race_free(race);
			return -ENOMEM;
		}
	}
	account(k);
	if (!pair) {
		k->unpaired++;
		return 0;
	}
	return add_pair(k, *pair);
}

/* What the kernel's evidence is called here. What has no row is none. */
static const struct {
	enum mr_evidence seen;
	enum report_evidence evidence;
} evidences[] = {
	{MR_EVIDENCE_COLLISION, REPORT_COLLISION},
	{MR_EVIDENCE_IN_FLIGHT, REPORT_IN_FLIGHT},
	{MR_EVIDENCE_WINDOW, REPORT_WINDOW},
};

static bool evidence_find(uint32_t seen, enum report_evidence *evidence)
{
	size_t i;

	for (i = 0; i < sizeof(evidences) / sizeof(evidences[0]); i++)
		if (evidences[i].seen == seen) {
			*evidence = evidences[i].evidence;
			return true;
		}
	return false;
}

static int on_race(struct tracker *t, struct tracker_source *source, const struct mr_event_race *e,
		   enum report_evidence evidence)
{
	const struct evidence_kind *kind = evidence_kind(evidence);
	struct resolver *r = &source->resolver;
	struct report_race race = {};
	size_t header_len = e->map_header_size <= MR_HEADER_MAX ? e->map_header_size : 0;
	int ret;

	race.evidence = evidence;
	race.pid = (uint32_t)r->process->pid;
	race.target = source;
	race.count = 1;
	race.first_seen_s = race.last_seen_s = seconds(t, e->header.time_ns);
	race.held_ns = kind->held ? e->held_ns : 0;
	race.has_other = !(e->access[1].flags & MR_ACCESS_UNKNOWN);
	race.message = strdup("");
	ret = race.message ? 0 : -ENOMEM;
	if (!ret)
		ret = resolve_access(r, &e->access[0], &race.access[0]);
	if (!ret && race.has_other)
		ret = resolve_access(r, &e->access[1], &race.access[1]);
	if (!ret)
		ret = resolve_map(r, mr_addr(e->map),
				  e->access[0].type ? e->access[0].type : e->access[1].type,
				  e->map_header, header_len, &race.map);
	if (ret) {
		report_race_free(&race);
		return ret;
	}
	race.map.growing = race.map.growing || e->growing;
	race.map.seen_ns = e->header.time_ns;
	race.map.collected = e->access[0].collections;
	race.kind = report_kind_of(race.access[0].op, resolve_op(e->access[1].op));
	report_race_identify(&race);
	return merge(t, kind->proves ? &t->races : &t->suspects, source, &race, &e->pair);
}

static void note_fatal(struct tracked_list *list, const struct tracker_source *source)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (same_process(list->items[i]->source, source))
			list->items[i]->race.check_fired = true;
}

static int on_fatal(struct tracker *t, struct tracker_source *source,
		    const struct mr_event_fatal *e)
{
	struct report_race race;
	int ret = fatal_race(source, e, &race);

	if (ret)
		return ret == -ENOENT ? 0
				      : ret; /* another fatal error of the runtime: none of ours */
	race.first_seen_s = race.last_seen_s = seconds(t, e->header.time_ns);
	race.map.seen_ns = e->header.time_ns;
	race.map.collected = e->access.collections;
	report_race_identify(&race);
	source->check_fired = true;
	note_fatal(&t->races, source);
	note_fatal(&t->suspects, source);
	return merge(t, &t->races, source, &race, NULL);
}

static bool access_well_formed(const struct mr_access *a)
{
	return a->nframes >= 1 && a->nframes <= MR_FRAMES && a->op < MR_OP_MAX;
}

/* Neither map nor goroutines are another target's. */
static bool of_one_target(const struct mr_event_header *h, uint64_t map, const struct mr_access *a,
			  const struct mr_access *other)
{
	return (!map || mr_tag(map) == h->tag) && mr_tag(a->g) == h->tag &&
	       (other->flags & MR_ACCESS_UNKNOWN || mr_tag(other->g) == h->tag);
}

bool tracker_is_death(const struct mr_event_fatal *e)
{
	return access_well_formed(&e->access) && mr_tag(e->access.g) == e->header.tag;
}

int tracker_event(struct tracker *t, struct tracker_source *source, const void *data, size_t size)
{
	const struct mr_event_header *h = data;
	const struct mr_event_fatal *fatal = data;
	const struct mr_event_race *race = data;
	enum report_evidence evidence;

	if (size >= sizeof(*race) && h->kind == MR_EVENT_RACE &&
	    access_well_formed(&race->access[0]) && access_well_formed(&race->access[1]) &&
	    of_one_target(h, race->map, &race->access[0], &race->access[1]) &&
	    (mr_op_writes(race->access[0].op) || mr_op_writes(race->access[1].op)) &&
	    evidence_find(race->evidence, &evidence))
		return on_race(t, source, race, evidence);
	if (size >= sizeof(*fatal) && h->kind == MR_EVENT_FATAL &&
	    access_well_formed(&fatal->access) && fatal->other.nframes <= MR_FRAMES &&
	    fatal->other.op < MR_OP_MAX && fatal->op < MR_OP_MAX &&
	    of_one_target(h, fatal->map, &fatal->access, &fatal->other))
		return on_fatal(t, source, fatal);
	if (size >= sizeof(*fatal) && h->kind == MR_EVENT_DEATH)
		return 0; /* of another reason than a race */
	source->bad_events++;
	return 0;
}

void tracker_skip(struct tracker_source *source)
{
	source->dropped_races++;
}

static bool is_of(const struct tracked *k, const struct tracker_source *of)
{
	return !k->source->ended && (!of || k->source == of);
}

static void refresh_race(const struct tracker *t, struct tracked *k)
{
	uint64_t count = k->unpaired;
	struct mr_pair pair;
	size_t i;

	for (i = 0; i < k->npairs; i++) {
		if (attachment_pair(k->source->attachment, k->pairs[i], &pair))
			continue;
		count += pair.count;
		if (seconds(t, pair.last_ns) > k->race.last_seen_s)
			k->race.last_seen_s = seconds(t, pair.last_ns);
	}
	if (count > k->race.count)
		k->race.count = count;
	account(k);
}

/* Those whose distances are counted, which the kernel keeps apart from other pairs. */
static void refresh_suspect(const struct tracker *t, struct tracked *k)
{
	struct mr_suspect suspect;
	uint64_t count = 0;
	size_t i, n;

	memset(k->race.distances, 0, sizeof(k->race.distances));
	for (i = 0; i < k->npairs; i++) {
		if (attachment_suspect(k->source->attachment, k->pairs[i], &suspect))
			continue;
		count += suspect.count;
		for (n = 0; n < MR_DISTANCES; n++)
			k->race.distances[n] += suspect.distance[n];
		if (seconds(t, suspect.last_ns) > k->race.last_seen_s)
			k->race.last_seen_s = seconds(t, suspect.last_ns);
	}
	if (count > k->race.count)
		k->race.count = count;
	account(k);
}

static void refresh_list(const struct tracker *t, struct tracked_list *list,
			 const struct tracker_source *of)
{
	struct tracked *k;
	size_t i;

	for (i = 0; i < list->count; i++) {
		k = list->items[i];
		if (!is_of(k, of))
			continue;
		if (evidence_kind(k->race.evidence)->distances)
			refresh_suspect(t, k);
		else
			refresh_race(t, k);
	}
}

void tracker_refresh_source(struct tracker *t, const struct tracker_source *source)
{
	refresh_list(t, &t->races, source);
	refresh_list(t, &t->suspects, source);
}

void tracker_refresh(struct tracker *t)
{
	tracker_refresh_source(t, NULL); /* of all of them */
}

size_t tracker_races(const struct tracker *t)
{
	return t->races.count - t->races.hidden + t->forgotten;
}

static void forget(struct tracker *t, struct tracked_list *list,
		   const struct tracker_source *source,
		   void (*each)(void *ctx, const struct report_race *race), void *ctx)
{
	size_t i, kept = 0;

	for (i = 0; i < list->count; i++) {
		struct tracked *k = list->items[i];

		if (k->source != source) {
			list->items[kept++] = k;
			continue;
		}
		if (each && !k->hidden)
			each(ctx, &k->race);
		t->forgotten += each && !k->hidden;
		list->hidden -= k->hidden;
		t->bytes -= k->bytes;
		tracked_free(k);
	}
	list->count = kept;
}

void tracker_forget(struct tracker *t, const struct tracker_source *source,
		    void (*each)(void *ctx, const struct report_race *race), void *ctx)
{
	forget(t, &t->races, source, each, ctx);
	forget(t, &t->suspects, source, NULL, NULL);
}

static bool has(const struct tracked_list *list, const struct tracker_source *source)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->items[i]->source == source)
			return true;
	return false;
}

bool tracker_owes(const struct tracker *t, const struct tracker_source *source)
{
	size_t i;

	for (i = 0; i < t->races.count; i++)
		if (t->races.items[i]->source == source && !t->races.items[i]->told &&
		    !t->races.items[i]->hidden)
			return true;
	return false;
}

bool tracker_knows(const struct tracker *t, const struct tracker_source *source)
{
	return has(&t->races, source) || has(&t->suspects, source);
}

const struct report_race *tracker_take(struct tracker *t, uint64_t until_ns)
{
	size_t i;

	for (i = 0; i < t->races.count; i++) {
		struct tracked *k = t->races.items[i];

		if (k->told || k->hidden || k->race.first_seen_s > (double)until_ns / 1e9)
			continue;
		k->told = true;
		return &k->race;
	}
	return NULL;
}

/* What is proved is no suspect any more, and what is ordered never was one; of several maps one is
 * enough. */
static bool is_suspect(const struct tracker *t, const struct report *report,
		       const struct tracked *k)
{
	const struct report_race *race = &k->race;
	size_t i;

	if (find(&t->races, race, false))
		return false;
	for (i = 0; i < report->nsuspects; i++)
		if (same_race(&report->suspects[i], race))
			return false;
	for (i = 0; i < report->nmaps; i++)
		if (maprows_is_of(&report->maps[i], race))
			return report->maps[i].verdict != REPORT_ORDERED;
	return true;
}

int tracker_borrow(struct tracker *t, struct report *report)
{
	size_t i;

	report->races = calloc(t->races.count + 1, sizeof(*report->races));
	report->suspects = calloc(t->suspects.count + 1, sizeof(*report->suspects));
	if (!report->races || !report->suspects)
		return -ENOMEM;
	for (i = 0; i < t->races.count; i++)
		report->races[i] = t->races.items[i]->race;
	report->nraces = t->races.count;
	maprows_prove(report);
	for (i = 0; i < t->suspects.count; i++)
		if (is_suspect(t, report, t->suspects.items[i]))
			report->suspects[report->nsuspects++] = t->suspects.items[i]->race;
	return 0;
}
