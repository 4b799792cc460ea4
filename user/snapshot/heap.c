/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/heap.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define STALE 3 /* times as much is there as was then */

static int compare_pcs(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool is_runtime(const char *function)
{
	return !strncmp(function, "runtime.", 8) || !strncmp(function, "internal/runtime/", 17);
}

/* The runtime's stacks have one counter for each function, inlined ones too: what stands innermost
 * at it is the one. */
static void name_frame(struct report_heap_frame *f, const struct go_binary *bin, uint64_t bias)
{
	struct go_frame frame;

	if (!go_binary_frames(bin, f->pc - bias, true, &frame, 1))
		frame = (struct go_frame){"?", "", 0, 0, false};
	f->function = frame.function;
	f->file = frame.file;
	f->line = frame.line;
	f->start_line = frame.start_line;
	f->runtime = is_runtime(frame.function);
}

/* Each program counter once, in order. */
static int make_frames(struct report_heap *out, const struct heap_profile *p,
		       const struct go_binary *bin, uint64_t bias)
{
	uint64_t *pcs = malloc((p->npcs + 1) * sizeof(*pcs));
	size_t i;

	out->frames = calloc(p->npcs + 1, sizeof(*out->frames));
	if (!pcs || !out->frames) {
		free(pcs);
		return -ENOMEM;
	}
	if (p->npcs)
		memcpy(pcs, p->pcs, p->npcs * sizeof(*pcs));
	qsort(pcs, p->npcs, sizeof(*pcs), compare_pcs);
	for (i = 0; i < p->npcs; i++) {
		if (i && pcs[i] == pcs[i - 1])
			continue;
		out->frames[out->nframes].pc = pcs[i];
		name_frame(&out->frames[out->nframes++], bin, bias);
	}
	free(pcs);
	return 0;
}

static uint32_t find_frame(const struct report_heap *h, uint64_t pc)
{
	size_t lo = 0, hi = h->nframes, mid;

	while (lo + 1 < hi) {
		mid = lo + (hi - lo) / 2;
		if (h->frames[mid].pc <= pc)
			lo = mid;
		else
			hi = mid;
	}
	return (uint32_t)lo;
}

/* src/runtime/pprof/protomem.go: scaleHeapSample. An allocation of so many bytes is sampled with
 * the probability 1 - exp(-bytes / rate). */
static void scale(uint64_t count, uint64_t bytes, uint64_t rate, int64_t *objects, int64_t *sum)
{
	double by = 1;

	*objects = *sum = 0;
	if (!count || !bytes)
		return;
	if (rate > 1)
		by = 1 / (1 - exp(-((double)bytes / (double)count) / (double)rate));
	*objects = (int64_t)fmin((double)count * by, 9e18);
	*sum = (int64_t)fmin((double)bytes * by, 9e18);
}

static void use_of(struct report_heap_use *u, const struct heap_counts *c, uint64_t rate)
{
	scale(c->allocs, c->alloc_bytes, rate, &u->alloc_objects, &u->alloc_bytes);
	scale(c->allocs - c->frees, c->alloc_bytes - c->free_bytes, rate, &u->inuse_objects,
	      &u->inuse_bytes);
}

/* Whether of what the heap holds by far the most has come after the last collection that is over:
 * there was none so far, as with GOGC=off, or it is long in coming. What was kept then says little
 * of what it is full of. Where nothing hinders them the next one comes when it has doubled. */
static bool is_stale(const struct heap_profile *p)
{
	double published = 0, all = 0;
	struct report_heap_use use;
	size_t i;

	for (i = 0; i < p->n; i++) {
		use_of(&use, &p->list[i].published, p->rate);
		published += (double)use.inuse_bytes;
		use_of(&use, &p->list[i].all, p->rate);
		all += (double)use.inuse_bytes;
	}
	return published * STALE < all;
}

int heap_resolve(struct report_heap *out, const struct heap_profile *p, const struct go_binary *bin,
		 uint64_t bias)
{
	size_t i, k;
	int r;

	*out = (struct report_heap){.rate = p->rate,
				    .unix_ns = (int64_t)clock_ns(CLOCK_REALTIME),
				    .with_recent = is_stale(p)};
	r = make_frames(out, p, bin, bias);
	out->samples = calloc(p->n + 1, sizeof(*out->samples));
	out->stacks = calloc(p->npcs + 1, sizeof(*out->stacks));
	if (r || !out->samples || !out->stacks)
		return -ENOMEM;
	for (i = 0; i < p->n; i++) {
		const struct heap_bucket *b = &p->list[i];
		struct report_heap_sample *s = &out->samples[out->nsamples++];

		s->size = b->size;
		s->at = out->nstacks;
		s->n = b->n;
		for (k = 0; k < b->n; k++)
			out->stacks[out->nstacks++] = find_frame(out, p->pcs[b->at + k]);
		use_of(&s->use, out->with_recent ? &b->all : &b->published, p->rate);
	}
	return 0;
}

static int64_t sum_of(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void add(struct report_heap_use *to, const struct report_heap_use *u)
{
	to->alloc_objects = sum_of(to->alloc_objects, u->alloc_objects);
	to->alloc_bytes = sum_of(to->alloc_bytes, u->alloc_bytes);
	to->inuse_objects = sum_of(to->inuse_objects, u->inuse_objects);
	to->inuse_bytes = sum_of(to->inuse_bytes, u->inuse_bytes);
}

struct place { /* the innermost function outside the runtime, at a line */
	const struct report_heap_frame *at;
	struct report_heap_use use;
};

static const struct report_heap_frame *site_of(const struct report_heap *h,
					       const struct report_heap_sample *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!h->frames[h->stacks[s->at + i]].runtime)
			return &h->frames[h->stacks[s->at + i]];
	return s->n ? &h->frames[h->stacks[s->at]] : NULL;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int r = strcmp(x->at->function, y->at->function);

	if (!r)
		r = strcmp(x->at->file, y->at->file);
	return r ? r : (x->at->line > y->at->line) - (x->at->line < y->at->line);
}

static int compare_uses(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->use.inuse_bytes < y->use.inuse_bytes) -
	       (x->use.inuse_bytes > y->use.inuse_bytes);
}

static int keep(struct report_memory *out, const struct place *p)
{
	struct report_heap_site *s = &out->sites[out->nsites++];

	s->use = p->use;
	s->at = (struct report_frame){.function = strdup(p->at->function),
				      .file = strdup(p->at->file),
				      .line = p->at->line,
				      .start_line = p->at->start_line,
				      .pc = p->at->pc,
				      .runtime = p->at->runtime};
	return s->at.function && s->at.file ? 0 : -ENOMEM;
}

int heap_sum(struct report_memory *out, const struct report_heap *h)
{
	struct place *places = calloc(h->nsamples + 1, sizeof(*places));
	size_t i, n = 0, merged = 0;
	int r = 0;

	if (!places)
		return -ENOMEM;
	out->heap_with_recent = h->with_recent;
	for (i = 0; i < h->nsamples; i++) {
		const struct report_heap_frame *at = site_of(h, &h->samples[i]);

		add(&out->heap, &h->samples[i].use);
		if (at && h->samples[i].use.inuse_bytes > 0)
			places[n++] = (struct place){at, h->samples[i].use};
	}
	qsort(places, n, sizeof(*places), compare_places);
	for (i = 0; i < n; i++)
		if (merged && !compare_places(&places[merged - 1], &places[i]))
			add(&places[merged - 1].use, &places[i].use);
		else
			places[merged++] = places[i];
	qsort(places, merged, sizeof(*places), compare_uses);
	for (i = 0; i < merged && i < REPORT_HEAP_SITES && !r; i++)
		r = keep(out, &places[i]);
	free(places);
	return r;
}
