/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/findings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "detect/bpfmap/actors.h"
#include "detect/bpfmap/keys.h"

#define MAX_FINDINGS MR_BPF_FINDINGS

#define MAX_TAGS 4

/* The kernel's side may keep one finding under several tags: a program has one before it is known
 * and another one after. */
struct finding {
	uint64_t tags[MAX_TAGS];
	bool proves[MAX_TAGS];
	size_t ntags;
	bool reported;
	struct mr_bpf_actor actor[2]; /* as the kernel's side told of them */
	enum report_doubt doubt[2];   /* whether it was one actor that read and wrote */
	struct report_race race;
};

struct findings {
	uint64_t start_ns;
	struct kernel_maps *maps;
	const struct programs *programs;
	bool foreign;
	struct finding **list;
	size_t n;
	uint64_t bad_events;
	bool wants_programs;
	bool (*hides)(const void *ctx, const struct report_race *race);
	const void *hides_ctx;
};

struct findings *findings_new(uint64_t start_ns, struct kernel_maps *maps,
			      const struct programs *programs, bool foreign)
{
	struct findings *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->start_ns = start_ns;
	f->maps = maps;
	f->programs = programs;
	f->foreign = foreign;
	return f;
}

void findings_set_filter(struct findings *f,
			 bool (*hides)(const void *ctx, const struct report_race *race),
			 const void *ctx)
{
	f->hides = hides;
	f->hides_ctx = ctx;
}

/* Asked each time: a program that was not known gets its name later. */
static bool is_hidden(const struct findings *f, const struct finding *one)
{
	return f->hides && f->hides(f->hides_ctx, &one->race);
}

void findings_free(struct findings *f)
{
	size_t i;

	if (!f)
		return;
	for (i = 0; i < f->n; i++) {
		report_race_free(&f->list[i]->race);
		free(f->list[i]);
	}
	free(f->list);
	free(f);
}

static uint64_t since(const struct findings *f, uint64_t ns)
{
	return ns > f->start_ns ? ns - f->start_ns : 0;
}

static uint64_t fnv(uint64_t hash, const char *s)
{
	for (; s && *s; s++)
		hash = (hash ^ (unsigned char)*s) * 0x100000001b3ull;
	return (hash ^ 0xff) * 0x100000001b3ull;
}

/* Stable from run to run: the map's name and type, the two actors' names, the kind; whichever came
 * first. */
static void identify(struct report_race *race)
{
	const struct report_bpf *b = race->bpf;
	uint64_t one = fnv(0xcbf29ce484222325ull, actor_label(&b->actor[0]));
	uint64_t two = fnv(0xcbf29ce484222325ull, actor_label(&b->actor[1]));
	uint64_t hash = fnv(fnv(fnv(0xcbf29ce484222325ull, b->map_name), b->map_type), b->key);

	hash = fnv(hash, report_kind_name(race->kind)) ^ (one + two) * 0x9e3779b97f4a7c15ull;
	snprintf(race->id, sizeof(race->id), "%016" PRIx64, hash);
}

static int fill_bpf(struct findings *f, struct report_bpf *b, const struct mr_bpf_event_finding *e)
{
	struct kernel_map *map = kernel_maps_get(f->maps, e->map_id);
	const struct btf *btf = map ? kernel_map_btf(map) : NULL;
	size_t key_size = e->key_size < MR_BPF_KEY_MAX ? e->key_size : MR_BPF_KEY_MAX;
	size_t value_size = e->value_size < MR_BPF_KEY_MAX ? e->value_size : MR_BPF_KEY_MAX;

	b->map_id = e->map_id;
	b->map_name = strdup(map ? map->name : "");
	b->map_type = strdup(map ? map_type_name(map->type) : "gone");
	b->key = bytes_hex(e->key, key_size, e->key_size);
	b->key_typed = bytes_typed(btf, map ? map->key_type : 0, e->key, key_size);
	b->value = bytes_hex(e->value, e->op == MR_BPF_DELETE ? 0 : value_size,
			     e->op == MR_BPF_DELETE ? 0 : e->value_size);
	b->value_typed = bytes_typed(btf, map && e->op != MR_BPF_DELETE ? map->value_type : 0,
				     e->value, value_size);
	b->lost = e->lost;
	b->read_ns = e->read_ns ? since(f, e->read_ns) : 0;
	b->differs = e->write_digest != e->other_digest;
	if (actor_name(&b->actor[0], &e->writer, f->programs, f->foreign) ||
	    actor_name(&b->actor[1], &e->other, f->programs, f->foreign))
		return -ENOMEM;
	return b->map_name && b->map_type && b->key && b->key_typed && b->value && b->value_typed
		       ? 0
		       : -ENOMEM;
}

static int fill_access(struct report_access *a, const struct mr_bpf_actor *actor, uint64_t ns,
		       enum report_op op)
{
	a->op = op;
	a->tid = actor->tid;
	a->cpu = actor->cpu;
	a->time_ns = ns;
	a->created_by.at.function = strdup("");
	a->created_by.at.file = strdup("");
	return a->created_by.at.function && a->created_by.at.file ? 0 : -ENOMEM;
}

static int fill_race(struct findings *f, struct report_race *race,
		     const struct mr_bpf_event_finding *e)
{
	bool lost = e->finding == MR_BPF_LOST_UPDATE;

	race->evidence = lost ? REPORT_SEQUENCE : REPORT_IN_FLIGHT;
	race->kind = lost ? REPORT_LOST_UPDATE : REPORT_CONCURRENT_UPDATE;
	race->count = 1;
	race->first_seen_s = race->last_seen_s = (double)since(f, e->header.time_ns) / 1e9;
	race->pid = e->writer.tgid;
	race->has_other = true;
	race->message = strdup("");
	race->bpf = calloc(1, sizeof(*race->bpf));
	if (!race->message || !race->bpf)
		return -ENOMEM;
	if (fill_access(&race->access[0], &e->writer, since(f, e->write_ns),
			e->op == MR_BPF_DELETE ? REPORT_DELETE : REPORT_WRITE) ||
	    fill_access(&race->access[1], &e->other, since(f, e->other_ns),
			lost && e->other_digest == MR_BPF_ABSENT ? REPORT_DELETE : REPORT_WRITE) ||
	    fill_bpf(f, race->bpf, e))
		return -ENOMEM;
	race->map.type = strdup(race->bpf->map_type);
	if (!race->map.type)
		return -ENOMEM;
	identify(race);
	return 0;
}

/* Programs that were not known when the event came. */
static int name_again(struct findings *f, struct finding *one)
{
	struct report_actor named;
	size_t i;
	int r;

	for (i = 0; i < 2; i++) {
		struct report_actor *actor = &one->race.bpf->actor[i];

		if (!actor->program || actor->prog_id ||
		    !programs_at(f->programs, one->actor[i].caller))
			continue;
		r = actor_name(&named, &one->actor[i], f->programs, f->foreign);
		if (r) {
			report_actor_free(&named);
			return r;
		}
		report_actor_free(actor);
		*actor = named;
		identify(&one->race);
	}
	return 0;
}

static bool same_actor(const struct report_actor *a, const struct report_actor *b)
{
	return a->program == b->program &&
	       (a->program ? a->prog_id && a->prog_id == b->prog_id : a->pid == b->pid);
}

static bool same_finding(const struct report_race *a, const struct report_race *b)
{
	return a->kind == b->kind && a->bpf->map_id == b->bpf->map_id &&
	       !strcmp(a->bpf->key, b->bpf->key) && !strstr(a->bpf->key, "...") &&
	       same_actor(&a->bpf->actor[0], &b->bpf->actor[0]) &&
	       same_actor(&a->bpf->actor[1], &b->bpf->actor[1]);
}

/* The one that it belongs to under another tag; NULL: it is new. */
static struct finding *same_as(struct findings *f, const struct finding *one)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->list[i]->ntags < MAX_TAGS && same_finding(&f->list[i]->race, &one->race))
			return f->list[i];
	return NULL;
}

/* A process's file is looked at once, not for each of its keys. */
static enum report_doubt doubt_of(const struct findings *f, const struct report_actor *actor)
{
	const struct finding *known;
	size_t i, k;

	for (i = 0; i < f->n && !actor->program && actor->exe[0]; i++) {
		known = f->list[i];
		for (k = 0; k < 2; k++)
			if (!known->race.bpf->actor[k].program &&
			    known->race.bpf->actor[k].pid == actor->pid &&
			    !strcmp(known->race.bpf->actor[k].exe, actor->exe))
				return known->doubt[k];
	}
	return actor_doubt(actor);
}

/*
 * The one who writes back must have read what it overwrites; the other one need not, unless it is
 * not known which of the two wrote last. The kernel's side tells of the first sighting only: that
 * one decides.
 */
static void judge(const struct findings *f, struct finding *one,
		  const struct mr_bpf_event_finding *e)
{
	struct report_bpf *b = one->race.bpf;
	size_t i;

	for (i = 0; i < 2; i++)
		one->doubt[i] = doubt_of(f, &b->actor[i]);
	if (one->race.kind != REPORT_LOST_UPDATE)
		return;
	b->doubt = one->doubt[0];
	if (b->doubt == REPORT_NO_DOUBT && e->flags & MR_BPF_BOTH_READ)
		b->doubt = one->doubt[1];
}

static bool is_proven(const struct finding *one)
{
	return report_proves(&one->race) != REPORT_PROVES_NOTHING;
}

/* Another event of a finding that is known under another tag. What it proves is told, although a
 * suspect was before. */
static void join(struct finding *known, const struct finding *one, uint64_t tag)
{
	known->proves[known->ntags] = is_proven(one);
	known->tags[known->ntags++] = tag;
	if (!is_proven(one) || is_proven(known))
		return;
	known->race.bpf->doubt = REPORT_NO_DOUBT;
	known->race.count = one->race.count;
	known->race.bpf->lost = one->race.bpf->lost;
	known->reported = false;
}

static bool has_tag(const struct finding *one, uint64_t tag)
{
	size_t i;

	for (i = 0; i < one->ntags; i++)
		if (one->tags[i] == tag)
			return true;
	return false;
}

static int add_finding(struct findings *f, const struct mr_bpf_event_finding *e)
{
	struct finding **grown, *one, *known;
	size_t i;
	int r;

	for (i = 0; i < f->n; i++) {
		if (has_tag(f->list[i], e->tag))
			return 0;
		r = name_again(f, f->list[i]);
		if (r)
			return r;
	}
	if (f->n >= MAX_FINDINGS)
		return 0;
	grown = realloc(f->list, (f->n + 1) * sizeof(struct finding *));
	if (!grown)
		return -ENOMEM;
	f->list = grown;
	one = calloc(1, sizeof(*one));
	if (!one)
		return -ENOMEM;
	one->tags[one->ntags++] = e->tag;
	one->actor[0] = e->writer;
	one->actor[1] = e->other;
	r = fill_race(f, &one->race, e);
	if (!r)
		judge(f, one, e);
	one->proves[0] = !r && is_proven(one);
	known = r ? NULL : same_as(f, one);
	if (known)
		join(known, one, e->tag);
	if (r || known) {
		report_race_free(&one->race);
		free(one);
		return r;
	}
	grown[f->n++] = one;
	return 0;
}

int findings_event(struct findings *f, const void *data, size_t size)
{
	struct mr_bpf_event header;
	struct mr_bpf_event_finding e;

	if (size < sizeof(header)) {
		f->bad_events++;
		return 0;
	}
	memcpy(&header, data, sizeof(header));
	if (header.size > size) {
		f->bad_events++;
		return 0;
	}
	if (header.kind == MR_BPF_EVENT_UNKNOWN_PROGRAM) {
		struct mr_bpf_event_unknown unknown = {};

		memcpy(&unknown, data, size < sizeof(unknown) ? size : sizeof(unknown));
		log_debug("an unknown program calls from 0x%" PRIx64, (uint64_t)unknown.caller);
		f->wants_programs = true;
		return 0;
	}
	if (header.kind != MR_BPF_EVENT_FINDING || header.size < sizeof(e)) {
		f->bad_events++;
		return 0;
	}
	memcpy(&e, data, sizeof(e));
	if (e.finding != MR_BPF_LOST_UPDATE && e.finding != MR_BPF_CONCURRENT_WRITE) {
		f->bad_events++;
		return 0;
	}
	return add_finding(f, &e);
}

static const struct mr_bpf_finding *table_find(const struct mr_bpf_finding *table, uint64_t tag)
{
	size_t base = tag & (MR_BPF_FINDINGS - MR_BPF_WAYS), i;

	for (i = 0; i < MR_BPF_WAYS; i++)
		if (table[base + i].tag == tag)
			return &table[base + i];
	return NULL;
}

static void refresh(struct findings *f, struct finding *one, const struct mr_bpf_finding *table)
{
	uint64_t count = 0, first = UINT64_MAX, last = 0;
	const struct mr_bpf_finding *t;
	struct report_race *race = &one->race;
	int64_t lost = 0;
	size_t i;

	for (i = 0; i < one->ntags; i++) {
		if (is_proven(one) && !one->proves[i])
			continue; /* what was in doubt is not counted as proven */
		t = table_find(table, one->tags[i]);
		if (!t || !t->count)
			continue;
		count += t->count;
		lost += t->lost;
		first = t->first_ns < first ? t->first_ns : first;
		last = t->last_ns > last ? t->last_ns : last;
	}
	if (count < race->count)
		return;
	race->count = count;
	race->bpf->lost = lost;
	race->first_seen_s = (double)since(f, first) / 1e9;
	race->last_seen_s = (double)since(f, last) / 1e9;
}

int findings_refresh(struct findings *f, const struct mr_bpf_finding *table)
{
	size_t i;
	int r = 0;

	for (i = 0; i < f->n && !r; i++) {
		refresh(f, f->list[i], table);
		r = name_again(f, f->list[i]);
	}
	return r;
}

bool findings_wants_programs(struct findings *f)
{
	bool wants = f->wants_programs;

	f->wants_programs = false;
	return wants;
}

const struct report_race *findings_take(struct findings *f, uint64_t until_ns, bool *suspect)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		struct finding *one = f->list[i];

		if (one->reported || one->race.first_seen_s * 1e9 > (double)until_ns ||
		    is_hidden(f, one))
			continue;
		one->reported = true;
		*suspect = !is_proven(one);
		return &one->race;
	}
	return NULL;
}

size_t findings_proven(const struct findings *f)
{
	size_t i, n = 0;

	for (i = 0; i < f->n; i++)
		n += is_proven(f->list[i]) && !is_hidden(f, f->list[i]);
	return n;
}

size_t findings_doubted(const struct findings *f)
{
	size_t i, n = 0;

	for (i = 0; i < f->n; i++)
		n += f->list[i]->race.kind == REPORT_LOST_UPDATE && !is_proven(f->list[i]) &&
		     !is_hidden(f, f->list[i]);
	return n;
}

uint64_t findings_bad_events(const struct findings *f)
{
	return f->bad_events;
}

int64_t findings_lost(const struct findings *f)
{
	int64_t lost = 0;
	size_t i;

	for (i = 0; i < f->n; i++)
		lost += is_proven(f->list[i]) && !is_hidden(f, f->list[i])
				? f->list[i]->race.bpf->lost
				: 0;
	return lost;
}

int findings_lend(const struct findings *f, struct report *report)
{
	size_t i;

	report->races = calloc(f->n + 1, sizeof(*report->races));
	report->suspects = calloc(f->n + 1, sizeof(*report->suspects));
	if (!report->races || !report->suspects)
		return -ENOMEM;
	for (i = 0; i < f->n; i++) {
		const struct report_race *race = &f->list[i]->race;

		if (is_proven(f->list[i]))
			report->races[report->nraces++] = *race;
		else
			report->suspects[report->nsuspects++] = *race;
	}
	return 0;
}
