/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/growing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LAST (GROWING_LOOKS - 1)
#define QUIET_NS 30000000000ull
#define EARLY_NS 100000000u /* a look may come before its time */
#define FEWEST 30	    /* that were counted, be it that each stands for many */
#define GROWN_PART 0.8	    /* of those that came are more than there were */
#define WAIT_PART 0.9	    /* of them wait */
#define KEPT_PART 0.95	    /* of those that came are there still */
#define STEADY_PART 4	    /* no step is less than that part of the average */

static const struct rule {
	uint64_t step_ns;
	uint32_t least; /* that came, and have not ended, of all but the last step */
	bool clients;	/* be it that they may be clients */
} rules[GROWING_ROWS] = {
	{1000000000ull, 200, false},
	{10000000000ull, 100, false},
	{100000000000ull, 60, false},
	{720000000000ull, 60, true},
};

int growing_open(struct growing *g)
{
	*g = (struct growing){.sites = calloc(GROWING_SITES, sizeof(*g->sites)), .scale = 1};
	return g->sites ? 0 : -ENOMEM;
}

void growing_close(struct growing *g)
{
	free(g->sites);
	*g = (struct growing){};
}

void growing_begin(struct growing *g, uint64_t scale)
{
	size_t i, row;

	for (row = 0; scale != g->scale && row < GROWING_ROWS; row++)
		g->rows[row].n = 0;
	g->scale = scale;
	g->io = g->others = 0;
	for (i = 0; i < g->n; i++) {
		g->sites[i].now = g->sites[i].waiting = g->sites[i].io = 0;
		memset(g->sites[i].kept, 0, sizeof(g->sites[i].kept));
	}
}

static uint16_t *slot_of(struct growing *g, uint64_t gopc)
{
	size_t i = (size_t)(gopc * 0x9e3779b97f4a7c15ull >> 40) % GROWING_SLOTS;

	while (g->slots[i] && g->sites[g->slots[i] - 1].gopc != gopc)
		i = (i + 1) % GROWING_SLOTS;
	return &g->slots[i];
}

static struct growing_site *site_of(struct growing *g, uint64_t gopc)
{
	uint16_t *slot = slot_of(g, gopc);

	if (!*slot) {
		if (g->n == GROWING_SITES)
			return NULL;
		g->sites[g->n++] = (struct growing_site){.gopc = gopc};
		*slot = (uint16_t)g->n;
	}
	return &g->sites[*slot - 1];
}

void growing_add(struct growing *g, uint64_t gopc, uint64_t id, bool waits, bool io)
{
	struct growing_site *s = site_of(g, gopc);
	size_t row, k;

	g->io += io;
	if (id > g->highest)
		g->highest = id;
	if (!s) {
		g->others++;
		return;
	}
	s->now++;
	s->waiting += waits;
	s->io += io;
	for (row = 0; row < GROWING_ROWS; row++) {
		for (k = g->rows[row].n; k && id <= g->rows[row].id[k - 1]; k--)
			;
		if (k)
			s->kept[row][k - 1]++;
	}
}

/* The oldest look is forgotten. */
static void shift(uint32_t *list)
{
	memmove(list, list + 1, LAST * sizeof(*list));
}

static void make_room(struct growing *g, size_t row)
{
	struct growing_row *r = &g->rows[row];
	size_t i;

	if (r->n < GROWING_LOOKS)
		return;
	r->n--;
	memmove(r->at_ns, r->at_ns + 1, LAST * sizeof(*r->at_ns));
	memmove(r->id, r->id + 1, LAST * sizeof(*r->id));
	shift(r->io);
	for (i = 0; i < g->n; i++) {
		shift(g->sites[i].count[row]);
		shift(g->sites[i].came[row]);
		shift(g->sites[i].kept[row]);
	}
}

static void note(struct growing *g, size_t row, uint64_t now_ns)
{
	struct growing_row *r = &g->rows[row];
	size_t i;

	make_room(g, row);
	for (i = 0; i < g->n; i++) {
		struct growing_site *s = &g->sites[i];

		s->count[row][r->n] = s->now;
		s->came[row][r->n] = 0;
		if (r->n >= 2)
			s->came[row][r->n - 2] = s->kept[row][r->n - 2];
	}
	r->at_ns[r->n] = now_ns;
	r->id[r->n] = g->highest;
	r->io[r->n] = g->io;
	r->n++;
}

/* How many came and lived for a step, and of these are there still. Those who came in the last step
 * are none of them. */
static void survivors(const struct growing_site *s, size_t row, uint64_t *came, uint64_t *kept)
{
	size_t k;

	*came = *kept = 0;
	for (k = 0; k < LAST - 1; k++) {
		uint32_t here = s->kept[row][k], all = s->came[row][k];

		*came += all;
		*kept += here < all ? here
				    : all; /* numbers are dealt out in packs: some come late */
	}
}

/* Some come in each step, and others do not end instead. */
static bool is_steady(const struct growing_site *s, size_t row, uint64_t kept)
{
	const uint32_t *count = s->count[row];
	size_t k;

	for (k = 0; k < LAST - 1; k++)
		if ((uint64_t)s->kept[row][k] * (LAST - 1) * STEADY_PART < kept)
			return false;
	return count[LAST] > count[0] &&
	       (double)(count[LAST] - count[0]) >= GROWN_PART * (double)kept;
}

static bool may_be_clients(const struct growing_row *r, uint64_t more)
{
	return r->io[LAST] > r->io[0] && 2 * (uint64_t)(r->io[LAST] - r->io[0]) >= more;
}

static bool grows(const struct growing *g, const struct growing_site *s, size_t row)
{
	const struct growing_row *r = &g->rows[row];
	uint64_t came, kept;

	if (r->n < GROWING_LOOKS)
		return false;
	survivors(s, row, &came, &kept);
	return kept >= FEWEST && kept * g->scale >= rules[row].least &&
	       (double)kept >= KEPT_PART * (double)came && is_steady(s, row, kept) &&
	       (double)s->waiting >= WAIT_PART * (double)s->now &&
	       (rules[row].clients || !may_be_clients(r, kept));
}

static void name(const struct growing *g, struct growing_site *s, size_t row, uint64_t now_ns)
{
	const struct growing_row *r = &g->rows[row];
	uint64_t came, kept;

	survivors(s, row, &came, &kept);
	s->named = true;
	s->named_ns = now_ns;
	s->grown_ns = now_ns;
	s->from = s->count[row][0];
	s->most = s->now;
	s->seconds = (double)(r->at_ns[LAST - 1] - r->at_ns[0]) / 1e9;
	s->per_second = (double)(kept * g->scale) / s->seconds;
	s->quiet_ns = QUIET_NS > 2 * rules[row].step_ns ? QUIET_NS : 2 * rules[row].step_ns;
}

static size_t judge(struct growing *g, size_t row, uint64_t now_ns)
{
	size_t i, named = 0;

	for (i = 0; i < g->n; i++)
		if (!g->sites[i].named && grows(g, &g->sites[i], row)) {
			name(g, &g->sites[i], row, now_ns);
			named++;
		}
	return named;
}

/* Those that nobody has been made at since: all of theirs have ended. */
static void forget(struct growing *g)
{
	size_t i, n = 0;

	for (i = 0; i < g->n; i++)
		if (g->sites[i].now || g->sites[i].named)
			g->sites[n++] = g->sites[i];
	if (n == g->n)
		return;
	g->n = n;
	memset(g->slots, 0, sizeof(g->slots));
	for (i = 0; i < n; i++)
		*slot_of(g, g->sites[i].gopc) = (uint16_t)(i + 1);
}

size_t growing_end(struct growing *g, uint64_t now_ns)
{
	size_t i, row, named = 0;

	for (row = 0; row < GROWING_ROWS; row++) {
		const struct growing_row *r = &g->rows[row];

		if (r->n && now_ns - r->at_ns[r->n - 1] < rules[row].step_ns - EARLY_NS)
			continue;
		note(g, row, now_ns);
		named += judge(g, row, now_ns);
	}
	for (i = 0; i < g->n; i++) {
		struct growing_site *s = &g->sites[i];

		s->last = s->now;
		if (s->named && s->now > s->most) {
			s->most = s->now;
			s->grown_ns = now_ns;
		}
		s->grows = s->named && now_ns - s->grown_ns < s->quiet_ns;
	}
	if (g->n == GROWING_SITES)
		forget(g);
	return named;
}
