/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/growths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detect/gomap/globals.h"
#include "detect/gomap/growth_sizes.h"

/* A target cannot make us grow without bound: when KEPT_MOST are there, KEPT stay. */
#define KEPT_MOST 400
#define KEPT 200
#define DETAILS 8	   /* payers of a growth that are told apart, and iterations */
#define FRAMES 12	   /* of each */
#define LEND_MAX (6 << 20) /* bytes of a document: a recording's record has its bound */
#define FRESH_NS 1000000000ull
#define NAMED_AT_ONCE 64 /* maps whose global variable is looked for when they are first seen */

/* What a goroutine did from when it began with a growth until it did other work: counted up as it
 * is told. */
struct spell {
	uint64_t began_ns, steps, ns;
};

struct part {
	struct mr_access raw;
	struct report_access access; /* what it says, once somebody wanted to know */
	bool resolved;
	uint64_t since_ns;
	/* The latest, which growths_catch_up() may have read ahead of the ring; the one before it,
	 * of which the ring may still have news; and the sum of all earlier ones. */
	struct spell last, before, sum;
};

struct growth {
	struct tracker_source *source;
	uint64_t map, id;
	uint64_t began_ns, ended_ns; /* 0: not seen */
	struct growth_sizes sizes;
	uint64_t type;
	uint8_t header[MR_HEADER_MAX];
	size_t header_size;
	struct part *payers, *iterators;
	size_t npayers, niterators;
	uint64_t rest_steps, rest_ns; /* of payers beyond those */
	bool described, named;
	struct report_growth report; /* its payers and iterators are the parts' */
};

struct growths {
	uint64_t start_ns, last_op_id;
	struct growth **items;
	size_t count, named, left_out;
};

struct growths *growths_new(uint64_t start_ns)
{
	struct growths *all = calloc(1, sizeof(*all));

	if (all)
		all->start_ns = start_ns;
	return all;
}

static void parts_forget(struct part *parts, size_t n)
{
	for (; n--; parts++) {
		if (parts->resolved)
			report_access_free(&parts->access);
		parts->resolved = false;
	}
}

static void growth_free(struct growth *g)
{
	parts_forget(g->payers, g->npayers);
	parts_forget(g->iterators, g->niterators);
	free(g->payers);
	free(g->iterators);
	free(g->report.payers);
	free(g->report.iterators);
	free(g->report.map.type);
	free(g->report.map.global);
	free(g);
}

void growths_free(struct growths *all)
{
	size_t i;

	if (!all)
		return;
	for (i = 0; i < all->count; i++)
		growth_free(all->items[i]);
	free(all->items);
	free(all);
}

static uint64_t steps_of(const struct part *p)
{
	return p->sum.steps + p->before.steps + p->last.steps;
}

static uint64_t ns_of(const struct part *p)
{
	return p->sum.ns + p->before.ns + p->last.ns;
}

static uint64_t busy_ns(const struct growth *g)
{
	uint64_t sum = g->rest_ns;
	size_t i;

	for (i = 0; i < g->npayers; i++)
		sum += ns_of(&g->payers[i]);
	return sum;
}

static int busiest_first(const void *a, const void *b)
{
	uint64_t x = busy_ns(*(struct growth *const *)a), y = busy_ns(*(struct growth *const *)b);

	return x < y ? 1 : x > y ? -1 : 0;
}

/* What has just begun has not taken its time yet. */
static bool is_fresh(const struct growths *all, const struct growth *g)
{
	return !g->ended_ns && all->last_op_id - g->id < FRESH_NS;
}

static void make_room(struct growths *all)
{
	size_t i, kept = 0;

	if (all->count < KEPT_MOST)
		return;
	qsort(all->items, all->count, sizeof(struct growth *), busiest_first);
	for (i = 0; i < all->count; i++) {
		struct growth *g = all->items[i];

		if (kept < KEPT || (kept < KEPT_MOST - 1 && is_fresh(all, g))) {
			all->items[kept++] = g;
			continue;
		}
		g->source->dropped_growths++;
		growth_free(g);
	}
	all->count = kept;
}

/* The latest are the likeliest. */
static struct growth *find(const struct growths *all, const struct tracker_source *source,
			   const struct mr_grower *who)
{
	size_t i;

	for (i = all->count; i-- > 0;)
		if (all->items[i]->id == who->id && all->items[i]->map == who->map &&
		    all->items[i]->source == source)
			return all->items[i];
	return NULL;
}

static bool seed_of(const struct growth *g, uint64_t *seed)
{
	const struct go_layout *l = go_binary_layout(g->source->resolver.bin);

	if (g->header_size < l->map_seed + l->map_seed_size)
		return false;
	*seed = 0;
	memcpy(seed, g->header + l->map_seed, l->map_seed_size);
	return true;
}

/* Another map may have come to lie at the address. */
static bool same_seed(const struct growth *a, const struct growth *b)
{
	uint64_t x, y;

	return seed_of(a, &x) && seed_of(b, &y) && x == y;
}

/* Which variable holds it: looked for in all of the process's data, so once a map is enough. */
static void name_global(struct growths *all, struct growth *g)
{
	uint64_t seed;
	size_t i;

	if (g->named)
		return;
	g->named = true;
	for (i = 0; i < all->count; i++) {
		const struct growth *other = all->items[i];

		if (other == g || !other->named || other->map != g->map ||
		    other->source != g->source || !same_seed(g, other))
			continue;
		if (other->report.map.global)
			g->report.map.global = strdup(other->report.map.global);
		return;
	}
	all->named++;
	if (seed_of(g, &seed))
		g->report.map.global = globals_name(&g->source->resolver, mr_addr(g->map), seed);
}

/* From the first that is heard of it. */
static struct growth *growth_new(struct growths *all, struct tracker_source *source,
				 const struct mr_event_growth *e)
{
	struct growth *g, **more;

	if (e->who.id > all->last_op_id)
		all->last_op_id = e->who.id;
	make_room(all);
	more = reallocarray(all->items, all->count + 1, sizeof(struct growth *));
	if (!more)
		return NULL;
	all->items = more;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	all->items[all->count++] = g;
	g->source = source;
	g->map = e->who.map;
	g->id = e->who.id;
	g->began_ns = e->who.flags & MR_GROWTH_LATE ? 0 : e->who.id;
	g->header_size = e->who.header_size;
	memcpy(g->header, e->who.header, g->header_size);
	if (all->named < NAMED_AT_ONCE)
		name_global(all, g);
	return g;
}

static struct part *part_of(struct part **parts, size_t *n, const struct mr_access *raw)
{
	struct part *more;
	size_t i;

	for (i = 0; i < *n; i++)
		if ((*parts)[i].raw.goid == raw->goid &&
		    (*parts)[i].raw.stack_hash == raw->stack_hash)
			return &(*parts)[i];
	if (*n == DETAILS)
		return NULL;
	more = reallocarray(*parts, *n + 1, sizeof(*more));
	if (!more)
		return NULL;
	*parts = more;
	more += (*n)++;
	*more = (struct part){.raw = *raw};
	if (raw->nframes > FRAMES) {
		more->raw.nframes = FRAMES;
		more->raw.flags |= MR_ACCESS_TRUNCATED;
	}
	return more;
}

/* A torn one may be older. */
static void spell_raise(struct spell *s, const struct mr_grower *who)
{
	if (s->steps > who->steps)
		return;
	s->steps = who->steps;
	s->ns = who->busy_ns;
}

static void spell_add(struct spell *sum, const struct spell *s)
{
	sum->steps += s->steps;
	sum->ns += s->ns;
}

static void pay(struct growth *g, const struct mr_event_growth *e)
{
	const struct mr_grower *who = &e->who;
	struct spell now = {who->access.time_ns, who->steps, who->busy_ns};
	struct part *p = part_of(&g->payers, &g->npayers, &who->access);

	if (!p) {
		g->source->dropped_growths++;
		g->rest_steps += who->steps;
		g->rest_ns += who->busy_ns;
		return;
	}
	if (now.began_ns == p->last.began_ns) {
		spell_raise(&p->last, who);
	} else if (now.began_ns == p->before.began_ns) {
		spell_raise(&p->before, who);
	} else if (now.began_ns > p->before.began_ns) {
		spell_add(&p->sum, &p->before);
		if (now.began_ns > p->last.began_ns) {
			p->before = p->last;
			p->last = now;
		} else {
			p->before = now;
		}
	}
}

static void iterate(struct growth *g, const struct mr_event_growth *e)
{
	struct part *p = part_of(&g->iterators, &g->niterators, &e->who.access);

	if (!p)
		g->source->dropped_growths++;
	else if (!p->since_ns)
		p->since_ns = e->since_ns;
}

static int take(struct growths *all, struct tracker_source *source, const struct mr_event_growth *e)
{
	const struct go_layout *layout = go_binary_layout(source->resolver.bin);
	struct growth *g = find(all, source, &e->who);

	if (!g)
		g = growth_new(all, source, e);
	if (!g)
		return -ENOMEM;
	if (!g->type)
		g->type = e->who.access.type;
	if (e->what & MR_GROWTH_ITERATOR) {
		iterate(g, e);
		return 0;
	}
	if (e->what & MR_GROWTH_ENDED)
		g->ended_ns = e->header.time_ns;
	if (!(e->what & MR_GROWTH_PAID))
		return 0;
	/* who began it knows how it was before; of one that nobody saw begin, anybody */
	if (!g->sizes.to && (e->what & MR_GROWTH_BEGAN || e->who.flags & MR_GROWTH_LATE)) {
		growth_sizes_read(&g->sizes, e, layout);
		g->header_size = e->who.header_size;
		memcpy(g->header, e->who.header, g->header_size);
	}
	pay(g, e);
	return 0;
}

/* tag: whose it is. A part that was read while another target's took its place is nobody's. */
static bool well_formed(const struct mr_event_growth *e, uint16_t tag)
{
	bool stack = e->what & (MR_GROWTH_PAID | MR_GROWTH_ITERATOR);

	if (mr_tag(e->who.map) != tag || mr_tag(e->who.g) != tag ||
	    (stack && mr_tag(e->who.access.g) != tag))
		return false;
	return e->who.g && e->who.id && e->who.access.nframes <= MR_FRAMES &&
	       (e->who.access.nframes || !stack) && e->header_size <= MR_HEADER_MAX &&
	       e->who.header_size <= MR_HEADER_MAX;
}

int growths_event(struct growths *all, struct tracker_source *source, const void *data, size_t size)
{
	const struct mr_event_growth *e = data;

	if (size < sizeof(*e) || e->header.kind != MR_EVENT_GROWTH ||
	    !well_formed(e, e->header.tag)) {
		source->bad_events++;
		return 0;
	}
	return take(all, source, e);
}

int growths_catch_up(struct growths *all, struct tracker_source *source)
{
	const struct mr_grower *growers = attachment_growers(source->attachment);
	const uint16_t tag = attachment_tag(source->attachment);
	struct mr_event_growth e = {.what = MR_GROWTH_PAID};
	size_t i;
	int r = 0;

	for (i = 0; growers && !source->ended && i < MR_GROWERS && !r; i++) {
		e.who = growers[i];
		if (e.who.steps != e.who.told && well_formed(&e, tag))
			r = take(all, source, &e);
	}
	return r;
}

/* --- the report --- */

static double seconds(const struct growths *all, uint64_t ns)
{
	return !ns ? -1 : ns > all->start_ns ? (double)(ns - all->start_ns) / 1e9 : 0;
}

/* A step of a growth may be part of a delete, too. */
static enum report_op op_of(const struct report_access *access)
{
	size_t i;

	for (i = 0; i < access->nframes && access->frames[i].runtime; i++)
		if (strstr(access->frames[i].function, "delete") ||
		    strstr(access->frames[i].function, "Delete"))
			return REPORT_DELETE;
	return REPORT_WRITE;
}

static int resolve_part(struct growth *g, struct part *p)
{
	int r;

	if (p->resolved)
		return 0;
	r = resolve_access(&g->source->resolver, &p->raw, &p->access);
	p->resolved = !r;
	return r;
}

static int most_steps_first(const void *a, const void *b)
{
	uint64_t x = steps_of(a), y = steps_of(b);

	return x > y ? -1 : x < y;
}

static int most_time_first(const void *a, const void *b)
{
	uint64_t x = ns_of(a), y = ns_of(b);

	return x > y ? -1 : x < y;
}

static int fill_payers(struct growth *g)
{
	struct report_growth *r = &g->report;
	struct report_payer *more = reallocarray(r->payers, g->npayers + 1, sizeof(*more));
	size_t i;
	int e;

	if (!more)
		return -ENOMEM;
	r->payers = more;
	if (g->npayers) /* the time that a classic map's growth took is its beginner's alone */
		qsort(g->payers, g->npayers, sizeof(*g->payers),
		      r->map.swiss ? most_time_first : most_steps_first);
	r->steps = g->rest_steps;
	r->busy_ns = busy_ns(g);
	for (i = 0; i < g->npayers; i++) {
		struct part *p = &g->payers[i];

		e = resolve_part(g, p);
		if (e)
			return e;
		p->access.op = op_of(&p->access);
		more[i] = (struct report_payer){
			.access = p->access, .steps = steps_of(p), .ns = ns_of(p)};
		r->steps += more[i].steps;
	}
	r->npayers = g->npayers;
	return 0;
}

static int fill_iterators(const struct growths *all, struct growth *g)
{
	struct report_growth *r = &g->report;
	struct report_iterator *more = reallocarray(r->iterators, g->niterators + 1, sizeof(*more));
	size_t i;
	int e;

	if (!more)
		return -ENOMEM;
	r->iterators = more;
	for (i = 0; i < g->niterators; i++) {
		struct part *p = &g->iterators[i];

		e = resolve_part(g, p);
		if (e)
			return e;
		more[i] = (struct report_iterator){.access = p->access,
						   .since_s = seconds(all, p->since_ns)};
	}
	r->niterators = g->niterators;
	return 0;
}

static int fill(struct growths *all, struct growth *g)
{
	struct resolver *resolver = &g->source->resolver;
	char *global;
	int r;

	name_global(all, g);
	if (!g->described) {
		global = g->report.map.global;
		r = resolve_map(resolver, mr_addr(g->map), g->type, g->header, g->header_size,
				&g->report.map);
		g->report.map.global = global;
		if (r)
			return r;
		g->described = true;
	}
	g->report.pid = (uint32_t)resolver->process->pid;
	g->report.kind = g->sizes.kind;
	g->report.from = g->sizes.from;
	g->report.to = g->sizes.to;
	g->report.began_s = seconds(all, g->began_ns);
	g->report.ended_s = seconds(all, g->ended_ns);
	r = fill_payers(g);
	return r ? r : fill_iterators(all, g);
}

static size_t access_size(const struct report_access *a)
{
	size_t size = 400, i;

	for (i = 0; i < a->nframes; i++)
		size += 160 + strlen(a->frames[i].function) + strlen(a->frames[i].file);
	return size;
}

/* About so many bytes of a document. */
static size_t growth_size(const struct report_growth *g)
{
	size_t size = 500 + strlen(g->map.type), i;

	for (i = 0; i < g->npayers; i++)
		size += access_size(&g->payers[i].access);
	for (i = 0; i < g->niterators; i++)
		size += access_size(&g->iterators[i].access);
	return size;
}

static int first_first(const void *a, const void *b)
{
	uint64_t x = (*(struct growth *const *)a)->id, y = (*(struct growth *const *)b)->id;

	return x > y ? 1 : x < y ? -1 : 0;
}

/* Stacks are long: those that nobody is shown are found again when they are. */
static void forget(struct growth *g)
{
	parts_forget(g->payers, g->npayers);
	parts_forget(g->iterators, g->niterators);
	g->report.npayers = g->report.niterators = 0;
}

int growths_lend(struct growths *all, struct report *report)
{
	size_t i, shown, size = 0;
	int r;

	report->growth = true;
	report->growths = calloc(all->count + 1, sizeof(*report->growths));
	if (!report->growths)
		return -ENOMEM;
	if (all->count)
		qsort(all->items, all->count, sizeof(struct growth *), busiest_first);
	for (shown = 0; shown < all->count; shown++) {
		r = fill(all, all->items[shown]);
		if (r)
			return r;
		size += growth_size(&all->items[shown]->report);
		if (size > LEND_MAX)
			break;
	}
	all->left_out = all->count - shown;
	for (i = shown; i < all->count; i++)
		forget(all->items[i]);
	if (shown)
		qsort(all->items, shown, sizeof(struct growth *), first_first);
	for (i = 0; i < shown; i++)
		report->growths[report->ngrowths++] = all->items[i]->report;
	return 0;
}

size_t growths_left_out(const struct growths *all)
{
	return all ? all->left_out : 0;
}
