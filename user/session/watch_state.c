/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* --state: what earlier runs have learnt arms call sites before they are visited first, and what
 * this one learns is kept. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/log.h"
#include "probe/callsites.h"
#include "session/outputs.h"
#include "session/watch.h"

#define WRITE_NS 10000000000ull /* so often what is new is written while the watch lasts */
#define PLACES 32		/* of one site in a program: a function may be inlined into many */

int watch_state_open(struct watch *w, struct err *err)
{
	int r;

	if (!w->options->state)
		return 0;
	r = outputs_check_path(w->options->state, "--state", err);
	if (!r)
		r = statebook_open(&w->state, w->options->state, err);
	if (!r)
		w->state_known = statebook_count(w->state);
	return r;
}

/* Tells builds of a program apart; 0: that cannot be told (-ldflags=-buildid=). */
static uint32_t build_of(const struct watched *t)
{
	const char *id = elf_file_build_id(go_binary_elf(t->bin)), *go = go_binary_version(t->bin);
	uLong crc = crc32(crc32(0, NULL, 0), (const Bytef *)id, (uInt)strlen(id));

	if (!id[0])
		return 0;
	return (uint32_t)crc32(crc, (const Bytef *)go, (uInt)strlen(go));
}

static void site_fill(struct statebook_site *site, const struct report_access *access)
{
	const struct report_frame *frame = report_access_site(access);

	site->name = report_site_hash(access);
	site->op = access->op;
	snprintf(site->text, sizeof(site->text), "%.140s+%d", frame ? frame->function : "?",
		 frame ? frame->line - frame->start_line : 0);
}

/* What a call of a map function there is called, whichever run it is. 0 or -ENOMEM. */
static int site_name(struct watched *t, uint64_t ip, uint8_t op, uint64_t ret,
		     struct statebook_site *site)
{
	const struct mr_access raw = {.op = op, .nframes = 2, .pcs = {ip, ret}};
	struct report_access access;
	int r = resolve_access(&t->source.resolver, &raw, &access);

	if (r)
		return r;
	site_fill(site, &access);
	report_access_free(&access);
	return 0;
}

/* ---- arming ---- */

struct wanted { /* a site, and where it is in this program */
	struct statebook_site site;
	struct attachment_caller places[PLACES];
	size_t n;
};

struct arming {
	struct watched *t;
	struct wanted *wanted; /* by name and operation */
	size_t n;
	bool ops[MR_OP_MAX]; /* some are of these */
};

static int by_name(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	if (x->site.name != y->site.name)
		return x->site.name < y->site.name ? -1 : 1;
	return (int)x->site.op - (int)y->site.op;
}

/* What is ordered in one build need not be in the next. */
static bool is_wanted(const struct statebook_pair *p, uint32_t build)
{
	return p->status != STATEBOOK_ORDERED || !build || p->build != build;
}

static struct wanted *find(const struct arming *all, const struct statebook_site *site)
{
	struct wanted key = {};

	key.site.name = site->name;
	key.site.op = site->op;
	return all->n ? bsearch(&key, all->wanted, all->n, sizeof(key), by_name) : NULL;
}

static int collect(struct arming *all, const struct statebook *b, uint32_t build)
{
	size_t i, k, n = statebook_count(b);

	all->wanted = calloc(2 * n + 1, sizeof(*all->wanted));
	if (!all->wanted)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		for (k = 0; k < 2 && is_wanted(statebook_pair(b, i), build); k++)
			all->wanted[all->n++].site = statebook_pair(b, i)->site[k];
	qsort(all->wanted, all->n, sizeof(*all->wanted), by_name);
	for (i = k = 0; i < all->n; i++) {
		struct wanted *one = &all->wanted[i], *last = k ? &all->wanted[k - 1] : NULL;

		if (!last || by_name(last, one))
			all->wanted[k++] = *one;
		else if (one->site.tried > last->site.tried)
			last->site.tried = one->site.tried;
	}
	all->n = k;
	for (i = 0; i < MR_OP_MAX; i++)
		for (k = 0; k < all->n; k++)
			all->ops[i] |= all->wanted[k].site.op == resolve_op((uint32_t)i);
	return 0;
}

static int on_call(void *ctx, const struct hook *hook, uint64_t ret)
{
	struct arming *all = ctx;
	struct watched *t = all->t;
	uint32_t slots[MR_SITE_SLOTS];
	struct statebook_site site;
	struct wanted *of;
	size_t i, n;
	int r;

	/* the runtime's own calls are seen behind the call of theirs */
	if (!all->ops[hook->op] || (ret >= t->hooks.runtime_lo && ret < t->hooks.runtime_hi))
		return 0;
	ret += t->source.resolver.bias;
	r = site_name(t, hook->entry + t->source.resolver.bias, hook->op, ret, &site);
	of = r ? NULL : find(all, &site);
	if (!of)
		return r;
	n = attachment_caller_slots(t->attachment, hook, slots);
	for (i = 0; i < n && of->n < PLACES; i++)
		of->places[of->n++] = (struct attachment_caller){.ret = ret, .slot = slots[i]};
	return 0;
}

/* How many of its places were not armed yet, or a negative errno. */
static int arm_side(struct watched *t, const struct wanted *side, const struct wanted *other)
{
	size_t i;
	int r = 0, n = 0;

	for (i = 0; i < side->n && r >= 0; i++) {
		r = attachment_arm(t->attachment, &side->places[i], &other->places[0],
				   side->site.tried);
		n += r > 0;
	}
	return r < 0 ? r : n;
}

static int arm_all(const struct arming *all, const struct statebook *b, uint32_t build,
		   size_t *pairs)
{
	size_t i;
	int r = 0;

	for (i = 0; i < statebook_count(b) && r >= 0; i++) {
		const struct statebook_pair *p = statebook_pair(b, i);
		const struct wanted *one = find(all, &p->site[0]), *two = find(all, &p->site[1]);

		if (!is_wanted(p, build) || !one || !two || !one->n || !two->n)
			continue;
		r = arm_side(all->t, one, two);
		if (r >= 0)
			r = arm_side(all->t, two, one);
		++*pairs;
	}
	return r < 0 ? r : 0;
}

void watch_state_arm(struct watch *w, struct watched *t)
{
	struct arming all = {.t = t};
	uint32_t build;
	size_t pairs = 0;
	int r;

	if (!w->state || !statebook_count(w->state))
		return;
	build = build_of(t);
	r = collect(&all, w->state, build);
	if (!r && all.n)
		r = callsites_find(t->bin, &t->hooks, on_call, &all);
	if (!r)
		r = arm_all(&all, w->state, build, &pairs);
	free(all.wanted);
	w->state_armed += pairs;
	if (r)
		log_warn("process %d: not all that the state has of it could be armed: %s",
			 (int)t->process.pid, err_name(r));
	else
		log_verbose("process %d: %zu pairs of call sites are armed", (int)t->process.pid,
			    pairs);
}

/* ---- learning ---- */

static void note(struct watch *w, const struct statebook_pair *pair)
{
	if (!statebook_note(w->state, pair))
		return;
	log_error("out of memory");
	w->failed = true;
}

void watch_state_event(struct watch *w, struct watched *t, const struct mr_event_near *e)
{
	struct statebook_pair pair = {.status = e->ordered ? STATEBOOK_ORDERED : STATEBOOK_ARMED};
	uint32_t slot;
	size_t i;

	if (!w->state || !t->bin)
		return;
	for (i = 0; i < 2; i++)
		if (!attachment_caller_site(t->attachment, e->key[i], e->ret[i], &slot) ||
		    site_name(t, attachment_site(t->attachment, slot),
			      attachment_op(t->attachment, slot), e->ret[i], &pair.site[i]))
			return;
	pair.build = build_of(t);
	note(w, &pair);
}

void watch_state_race(struct watch *w, const struct report_race *race)
{
	struct statebook_pair pair = {.status = STATEBOOK_PROVED};
	size_t i;

	if (!w->state || !race->has_other || report_proves(race) != REPORT_PROVES_PAIR)
		return;
	for (i = 0; i < 2; i++)
		site_fill(&pair.site[i], &race->access[i]);
	for (i = 0; i < w->ntargets; i++)
		if (race->target == &w->targets[i]->source && w->targets[i]->bin)
			pair.build = build_of(w->targets[i]);
	note(w, &pair);
}

struct ended {
	struct watch *watch;
	struct watched *target;
};

static int on_tried(void *ctx, const struct attachment_caller *caller, unsigned int tried)
{
	const struct ended *of = ctx;
	const struct attachment *a = of->target->attachment;
	struct statebook_site site;
	int r = site_name(of->target, attachment_site(a, caller->slot),
			  attachment_op(a, caller->slot), caller->ret, &site);

	if (!r)
		statebook_tried(of->watch->state, &site, tried);
	return r;
}

void watch_state_conclude(struct watch *w, struct watched *t)
{
	struct ended of = {w, t};

	if (!w->state || !t->started || !t->bin || t->past || t->state_read)
		return;
	t->state_read = true;
	if (attachment_tried(t->attachment, on_tried, &of))
		log_verbose("process %d: how its armed call sites were held is not known",
			    (int)t->process.pid);
}

static void write_state(struct watch *w)
{
	struct err err = {};
	size_t dropped;
	int r = statebook_write(w->state, &dropped, &err);

	w->state_ns = watch_now();
	if (r && !w->state_failed) {
		log_error("%s", err.text[0] ? err.text : err_name(r));
		if (err.hint[0])
			log_hint("%s", err.hint);
	}
	if (!r && dropped)
		log_warn(
			"the state %s has room for %d pairs of call sites: %zu, the oldest, were left out",
			w->options->state, STATEBOOK_MOST, dropped);
	w->state_failed |= r != 0;
}

void watch_state_tick(struct watch *w)
{
	if (w->state && watch_now() - w->state_ns > WRITE_NS)
		write_state(w);
}

void watch_state_finish(struct watch *w)
{
	size_t i, proved = 0;

	if (!w->state)
		return;
	for (i = 0; i < w->ntargets; i++)
		watch_state_conclude(w, w->targets[i]);
	w->state_failed = false; /* said once more, now that it is the last time */
	write_state(w);
	w->failed |= w->state_failed;
	for (i = 0; i < statebook_count(w->state); i++)
		proved += statebook_pair(w->state, i)->status == STATEBOOK_PROVED;
	log_info(
		"state %s: %zu pairs of call sites known, %zu of them proved; %zu were known before, %zu armed from the start",
		w->options->state, statebook_count(w->state), proved, w->state_known,
		w->state_armed);
}
