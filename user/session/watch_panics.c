/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Panics of the targets of a watch: from the kernel's table to the report, and to the hooks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "session/watch.h"

#define TICK_NS 1000000000ull
/* By then it is known what has become of most. */
#define RIPE_NS 1000000000ull

/* Panics are paired where both ends are seen. */
static double part_watched(const struct watched *t)
{
	double part = 1, one;
	uint32_t slot;

	if (!t->attachment || t->source.ended)
		return t->panics_watched;
	for (slot = 0; slot < MR_SITE_SLOTS && t->account_kept; slot++) {
		if (!mr_op_is_panics(attachment_op(t->attachment, slot)) ||
		    !t->account.functions[slot].hits)
			continue;
		one = account_attached(&t->account, slot);
		part = one < part ? one : part;
	}
	return part;
}

static const struct watched *whose(const struct watch *w, const struct tracker_source *source)
{
	size_t i;

	for (i = 0; i < w->ntargets; i++)
		if (&w->targets[i]->source == source)
			return w->targets[i];
	return NULL;
}

static void tell(void *ctx, const struct tracker_source *source, const struct report_panic *panic,
		 const struct panics_news *news)
{
	const struct watch *w = ctx;
	const struct watched *t = whose(w, source);

	if (t)
		w->hooks->panic(w->hooks_ctx, t, panic, news);
}

static void tell_news(struct watch *w)
{
	if (w->hooks && w->hooks->panic)
		panics_tell(w->panics, RIPE_NS, watch_now(), tell, w);
}

static int catch_up(struct watch *w)
{
	size_t i;
	int r = 0;

	for (i = 0; i < w->ntargets && !r; i++) {
		r = panics_catch_up(w->panics, &w->targets[i]->source);
		panics_set_watched(w->panics, &w->targets[i]->source, part_watched(w->targets[i]));
	}
	return r;
}

int watch_panics_fill(struct watch *w, struct report *report)
{
	int r;

	if (!w->panics)
		return 0;
	r = catch_up(w);
	if (r)
		return r;
	tell_news(w);
	return panics_lend(w->panics, report);
}

int watch_panics_conclude(struct watch *w, struct watched *t)
{
	int r;

	if (!w->panics)
		return 0;
	t->panics_watched = part_watched(t);
	r = panics_catch_up(w->panics, &t->source);
	panics_set_watched(w->panics, &t->source, t->panics_watched);
	panics_conclude(w->panics, &t->source);
	return r;
}

void watch_panics_forget(struct watch *w, const struct watched *t)
{
	if (!w->panics)
		return;
	tell_news(w);
	panics_forget(w->panics, &t->source);
}

void watch_panics_tick(struct watch *w)
{
	uint64_t now = watch_now();

	if (!w->panics || !w->hooks || now - w->panics_told_ns < TICK_NS)
		return;
	w->panics_told_ns = now;
	if (catch_up(w))
		log_warn("out of memory: some panics are not told of");
	tell_news(w);
}
