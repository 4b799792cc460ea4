/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "track/growths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/globals.h"

/* A target cannot make us grow without bound: when KEPT_MOST are there, KEPT stay. Nor may it make
 * a recording's record of the state too large (report/mrec.h). */
#define KEPT_MOST 400
#define KEPT 200
#define DETAILS 8 /* payers of a growth, and iterations */
#define FRAMES 16 /* of each */

struct part { /* as it came: its names are looked up when somebody wants to know */
	uint64_t g, since_ns;
	uint64_t steps, ns;
	struct mr_access access;
};

struct growth {
	struct tracker_source *source;
	uint64_t map, id;
	uint64_t began_ns, ended_ns; /* 0: not seen */
	enum report_growth_kind kind;
	uint64_t from, to;
	uint64_t type;
	uint8_t header[MR_HEADER_MAX];
	size_t header_size;
	struct part *payers, *iterators;
	size_t npayers, niterators;
	struct report_growth report; /* of as many parts as it has */
};

struct growths {
	uint64_t start_ns;
	struct growth **items;
	size_t count;
};

struct growths *growths_new(uint64_t start_ns)
{
	struct growths *all = calloc(1, sizeof(*all));

	if (all)
		all->start_ns = start_ns;
	return all;
}

static void growth_free(struct growth *g)
{
	report_growth_free(&g->report);
	free(g->payers);
	free(g->iterators);
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

static uint64_t busy_ns(const struct growth *g)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < g->npayers; i++)
		sum += g->payers[i].ns;
	return sum;
}

static int busiest_first(const void *a, const void *b)
{
	uint64_t x = busy_ns(*(struct growth *const *)a), y = busy_ns(*(struct growth *const *)b);

	return x < y ? 1 : x > y ? -1 : 0;
}

static void make_room(struct growths *all)
{
	if (all->count < KEPT_MOST)
		return;
	qsort(all->items, all->count, sizeof(struct growth *), busiest_first);
	while (all->count > KEPT) {
		struct growth *g = all->items[--all->count];

		g->source->dropped_growths++;
		growth_free(g);
	}
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

static uint64_t power(uint8_t exponent)
{
	return exponent < 64 ? 1ull << exponent : 0;
}

/* hmap (src/runtime/map.go): flags u8 at 8, of which 8 is sameSizeGrow; B u8 at 9. */
static void classic_sizes(struct growth *g, const struct mr_event_growth *e)
{
	const struct mr_grower *who = &e->who;
	bool late = who->flags & MR_GROWTH_LATE;

	if (who->header_size < 48)
		return;
	g->to = power(who->header[9]);
	if (late) { /* the new buckets are there already */
		g->from = who->header[8] & 8 ? g->to : g->to / 2;
	} else {
		g->from = g->to;
		g->to = e->header_size >= 48 ? power(e->after[9]) : 0;
	}
	g->kind = g->from == g->to ? REPORT_GROWTH_SAME_SIZE : REPORT_GROWTH_DOUBLE;
}

/* A table doubles up to 1024 slots, and is split in two of that size then (maxTableCapacity in
 * src/internal/runtime/maps/table.go); growToTable() begins with 16. */
static void swiss_sizes(struct growth *g, const struct mr_event_growth *e,
			const struct go_layout *layout)
{
	uint16_t capacity = 0;

	if (e->who.op == MR_OP_TABLE) {
		g->kind = REPORT_GROWTH_TABLE;
		g->from = 8;
		g->to = 16;
		return;
	}
	if (layout->table_capacity + sizeof(capacity) <= MR_TABLE_MAX)
		memcpy(&capacity, e->who.table + layout->table_capacity, sizeof(capacity));
	g->kind = capacity >= 1024 ? REPORT_GROWTH_SPLIT : REPORT_GROWTH_DOUBLE;
	g->from = capacity;
	g->to = 2 * (uint64_t)capacity;
}

/* From the first that is heard of it. */
static struct growth *growth_new(struct growths *all, struct tracker_source *source,
				 const struct mr_event_growth *e)
{
	struct growth *g, **more;

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
	g->type = e->who.access.type;
	g->header_size = e->who.header_size <= MR_HEADER_MAX ? e->who.header_size : 0;
	memcpy(g->header, e->who.header, g->header_size);
	return g;
}

/* The part of the goroutine that began with it at this time: as it was known so far, or new. */
static int part_put(struct part **parts, size_t *n, const struct mr_event_growth *e,
		    struct tracker_source *source)
{
	const struct mr_grower *who = &e->who;
	struct part *p;
	size_t i;

	for (i = 0; i < *n; i++)
		if ((*parts)[i].g == who->g && (*parts)[i].access.time_ns == who->access.time_ns)
			break;
	if (i == DETAILS) {
		source->dropped_growths++;
		return 0;
	}
	if (i == *n) {
		p = reallocarray(*parts, *n + 1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		*parts = p;
		p[i] = (struct part){.g = who->g, .since_ns = e->since_ns, .access = who->access};
		if (who->access.nframes > FRAMES) {
			p[i].access.nframes = FRAMES;
			p[i].access.flags |= MR_ACCESS_TRUNCATED;
		}
		++*n;
	}
	p = &(*parts)[i];
	if (p->steps <= who->steps) { /* a torn one may be older */
		p->steps = who->steps;
		p->ns = who->busy_ns;
	}
	return 0;
}

static int take(struct growths *all, struct tracker_source *source, const struct mr_event_growth *e)
{
	const struct go_layout *layout = go_binary_layout(source->resolver.bin);
	struct growth *g = find(all, source, &e->who);

	if (!g)
		g = growth_new(all, source, e);
	if (!g)
		return -ENOMEM;
	if (e->what & MR_GROWTH_ITERATOR)
		return part_put(&g->iterators, &g->niterators, e, source);
	/* who began it knows how it was before; of one that nobody saw begin, anybody */
	if (!g->to && (e->what & MR_GROWTH_BEGAN || e->who.flags & MR_GROWTH_LATE)) {
		if (layout->map_impl == GO_MAP_SWISS)
			swiss_sizes(g, e, layout);
		else
			classic_sizes(g, e);
		g->header_size = e->who.header_size <= MR_HEADER_MAX ? e->who.header_size : 0;
		memcpy(g->header, e->who.header, g->header_size);
	}
	if (e->what & MR_GROWTH_ENDED)
		g->ended_ns = e->header.time_ns;
	return part_put(&g->payers, &g->npayers, e, source);
}

int growths_event(struct growths *all, struct tracker_source *source, const void *data, size_t size)
{
	const struct mr_event_growth *e = data;

	if (size < sizeof(*e) || e->header.kind != MR_EVENT_GROWTH || !e->who.g || !e->who.id ||
	    e->who.access.nframes < 1 || e->who.access.nframes > MR_FRAMES ||
	    e->header_size > MR_HEADER_MAX || e->who.header_size > MR_HEADER_MAX) {
		source->bad_events++;
		return 0;
	}
	return take(all, source, e);
}

int growths_catch_up(struct growths *all, struct tracker_source *source)
{
	const struct mr_grower *growers = attachment_growers(source->attachment);
	struct mr_event_growth e = {.what = MR_GROWTH_PAID};
	size_t i;
	int r = 0;

	for (i = 0; growers && i < MR_GROWERS && !r; i++) {
		e.who = growers[i];
		if (e.who.g && e.who.old && e.who.id && e.who.steps != e.who.told &&
		    e.who.access.nframes >= 1 && e.who.access.nframes <= MR_FRAMES &&
		    e.who.header_size <= MR_HEADER_MAX)
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

static int fill_payers(struct growth *g)
{
	struct report_growth *r = &g->report;
	struct report_payer *more = reallocarray(r->payers, g->npayers + 1, sizeof(*more));
	size_t i;
	int e;

	if (!more)
		return -ENOMEM;
	r->payers = more;
	while (r->npayers < g->npayers) {
		struct report_payer *p = &more[r->npayers];

		e = resolve_access(&g->source->resolver, &g->payers[r->npayers].access, &p->access);
		if (e)
			return e;
		p->access.op = op_of(&p->access);
		r->npayers++;
	}
	r->steps = r->busy_ns = 0;
	for (i = 0; i < r->npayers; i++) {
		more[i].steps = g->payers[i].steps;
		more[i].ns = g->payers[i].ns;
		r->steps += more[i].steps;
		r->busy_ns += more[i].ns;
	}
	return 0;
}

static int fill_iterators(const struct growths *all, struct growth *g)
{
	struct report_growth *r = &g->report;
	struct report_iterator *more = reallocarray(r->iterators, g->niterators + 1, sizeof(*more));
	int e;

	if (!more)
		return -ENOMEM;
	r->iterators = more;
	while (r->niterators < g->niterators) {
		struct report_iterator *it = &more[r->niterators];

		e = resolve_access(&g->source->resolver, &g->iterators[r->niterators].access,
				   &it->access);
		if (e)
			return e;
		it->since_s = seconds(all, g->iterators[r->niterators].since_ns);
		r->niterators++;
	}
	return 0;
}

/* Looked for in all of the process's data: once a map is enough. */
static char *global_of(const struct growths *all, struct growth *g)
{
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct growth *other = all->items[i];

		if (other->map == g->map && other->source == g->source && other->report.map.global)
			return strdup(other->report.map.global);
	}
	return globals_name(&g->source->resolver, g->map);
}

static int fill(const struct growths *all, struct growth *g)
{
	struct resolver *resolver = &g->source->resolver;
	int r;

	if (!g->report.map.type) {
		r = resolve_map(resolver, g->map, g->type, g->header, g->header_size,
				&g->report.map);
		if (r)
			return r;
		g->report.map.global = global_of(all, g);
	}
	g->report.pid = (uint32_t)resolver->process->pid;
	g->report.kind = g->kind;
	g->report.from = g->from;
	g->report.to = g->to;
	g->report.began_s = seconds(all, g->began_ns);
	g->report.ended_s = seconds(all, g->ended_ns);
	r = fill_payers(g);
	return r ? r : fill_iterators(all, g);
}

static int first_first(const void *a, const void *b)
{
	uint64_t x = (*(struct growth *const *)a)->id, y = (*(struct growth *const *)b)->id;

	return x > y ? 1 : x < y ? -1 : 0;
}

int growths_lend(struct growths *all, struct report *report)
{
	size_t i;
	int r;

	report->growth = true;
	report->growths = calloc(all->count + 1, sizeof(*report->growths));
	if (!report->growths)
		return -ENOMEM;
	if (all->count)
		qsort(all->items, all->count, sizeof(struct growth *), first_first);
	for (i = 0; i < all->count; i++) {
		r = fill(all, all->items[i]);
		if (r)
			return r;
		report->growths[report->ngrowths++] = all->items[i]->report;
	}
	return 0;
}
