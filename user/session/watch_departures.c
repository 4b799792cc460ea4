/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is left of those who have gone while the loop of `maprace watch` turns. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "session/past.h"
#include "session/watch_loop.h"

/* Not where others lean on it. */
static bool may_forget(const struct watch *w, const struct watched *t)
{
	size_t i;

	if (!t->ended || t->past || t == w->command || !t->started)
		return false;
	for (i = 0; i < w->ntargets; i++)
		if (w->targets[i]->host == t)
			return false;
	return true;
}

/* Whether another one is there for which the engine, and its ring, stay. */
static bool is_last_of_ring(const struct loop *l, const struct source *s)
{
	size_t i;

	for (i = 0; i < l->watch->ntargets; i++)
		if (l->sources[i] && l->sources[i] != s && l->sources[i]->ring == s->ring)
			return false;
	return true;
}

/*
 * A command may start hundreds: of those that have ended is kept what the report needs, when what
 * they have left in the ring has been read. The last one of an engine stays: the engine is there
 * for those that come.
 */
static void keep_what_is_needed(struct loop *l)
{
	struct watch *w = l->watch;
	size_t i;

	for (i = 0; (w->follow || w->census) && !w->growths && i < w->ntargets; i++) {
		struct source *s = l->sources[i];

		if (!s || !may_forget(w, s->watched) || !s->ring || is_last_of_ring(l, s) ||
		    !rings_drain(s->ring))
			continue;
		loop_free_events(s);
		if (past_take(s->watched))
			log_verbose("out of memory: process %d is kept whole",
				    (int)s->watched->process.pid);
		else
			s->ring = NULL;
	}
}

/* Its races are in the report: then it has its place there, unless somebody else keeps them. */
static bool is_needed(const struct watch *w, const struct watched *t)
{
	return !t->past || (w->hooks ? tracker_owes(w->tracker, &t->source)
				     : tracker_knows(w->tracker, &t->source) ||
					       panics_knows(w->panics, &t->source));
}

struct retiring {
	const struct watch *watch;
	const struct report_target *of;
};

static void retire(void *ctx, const struct report_race *race)
{
	const struct retiring *r = ctx;

	if (r->watch->hooks)
		r->watch->hooks->retire(r->watch->hooks_ctx, race, r->of);
}

static void drop(struct watch *w, size_t i)
{
	struct watched *t = w->targets[i];
	struct retiring who = {w, &t->past->report.targets[0]};

	tracker_forget(w->tracker, &t->source, retire, &who);
	watch_panics_forget(w, t);
	past_add(&w->gone, t);
	watch_remove_target(w, i);
}

/* A host's come and go for months: of the oldest ones only what they have counted is kept. */
static void drop_oldest(struct loop *l)
{
	struct watch *w = l->watch;
	size_t i, n = 0;

	for (i = 0; i < w->ntargets; i++)
		n += !is_needed(w, w->targets[i]);
	for (i = 0; i < w->ntargets && n > WATCH_PASTS; i++) {
		if (is_needed(w, w->targets[i]))
			continue;
		drop(w, i);
		free(l->sources[i]);
		memmove(&l->sources[i], &l->sources[i + 1],
			(w->ntargets - i) * sizeof(*l->sources));
		l->sources[w->ntargets] = NULL;
		i--;
		n--;
	}
}

void loop_forget_ended(struct loop *l)
{
	keep_what_is_needed(l);
	if (l->watch->census)
		drop_oldest(l);
}
