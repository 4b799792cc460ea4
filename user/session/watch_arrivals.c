/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who comes while the loop of `maprace watch` turns, and what is left of those who have gone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "session/past.h"
#include "session/watch_loop.h"

/* Executions are read so long after the first one: many come together. */
#define GATHER_US 10000

/* ---- what the command starts ---- */

static void end_earlier_program(struct loop *l, pid_t pid)
{
	size_t i;

	for (i = 0; i < l->watch->ntargets; i++)
		if (l->watch->targets[i]->process.pid == pid && l->sources[i])
			loop_end_target(l->sources[i]);
}

static void join_process(struct loop *l, struct followed *one)
{
	struct watch *w = l->watch;
	struct watched *t;

	end_earlier_program(l, one->pid);
	t = watch_join_process(w, one);
	if (t)
		loop_add_target(l, w->ntargets - 1);
	follow_let_go(one);
	if (t)
		t->process.stopped = false;
}

static void on_follow(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval soon = {.tv_usec = 1000};
	struct loop *l = ctx;
	struct watch *w = l->watch;
	struct followed one;

	(void)fd;
	(void)what;
	while (!loop_is_over(l) && follow_next(w->follow, watch_now() - w->start_ns, &one))
		join_process(l, &one);
	if (follow_waits(w->follow))
		event_add(l->follow_again, &soon);
	if (follow_is_lost(w->follow))
		event_del(l->follow);
	loop_stop_if_all_ended(l);
}

int loop_expect_followed(struct loop *l)
{
	l->follow =
		event_new(l->base, follow_fd(l->watch->follow), EV_READ | EV_PERSIST, on_follow, l);
	l->follow_again = event_new(l->base, -1, 0, on_follow, l);
	return !l->follow || !l->follow_again || event_add(l->follow, NULL) ? -ENOMEM : 0;
}

/* ---- what comes on the host ---- */

static void join_host(struct loop *l, const struct census_one *one)
{
	struct watch *w = l->watch;

	end_earlier_program(l, one->pid);
	if (watch_join_host(w, one))
		loop_add_target(l, w->ntargets - 1);
}

static void wait_for_turns(struct loop *l)
{
	struct watch *w = l->watch;
	uint64_t ns = census_wait(w->census, watch_now(), watch_host_places(w));
	struct timeval until = {.tv_sec = (time_t)(ns / 1000000000u),
				.tv_usec = (suseconds_t)(ns % 1000000000u / 1000)};

	if (ns != UINT64_MAX)
		event_add(l->census_again, &until);
}

/* One at a time: those that are watched are not kept waiting. */
static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *l = ctx;
	struct watch *w = l->watch;
	struct census_one one;

	(void)fd;
	(void)what;
	census_read(w->census);
	if (census_next(w->census, watch_now(), watch_host_places(w), &one))
		join_host(l, &one);
	if (l->census)
		event_add(l->census, NULL);
	wait_for_turns(l);
}

static void on_executions(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval soon = {.tv_usec = GATHER_US};
	struct loop *l = ctx;

	(void)fd;
	(void)what;
	event_add(l->census_again, &soon);
}

int loop_expect_host(struct loop *l)
{
	static const struct timeval now = {};
	int fd = census_fd(l->watch->census);

	l->census_again = event_new(l->base, -1, 0, on_turn, l);
	if (!l->census_again || event_add(l->census_again, &now))
		return -ENOMEM;
	if (fd < 0)
		return 0;
	l->census = event_new(l->base, fd, EV_READ, on_executions, l);
	return !l->census || event_add(l->census, NULL) ? -ENOMEM : 0;
}

void loop_look_at_host(struct loop *l)
{
	if (!l->watch->census)
		return;
	census_look(l->watch->census, watch_now());
	if (!event_pending(l->census_again, EV_TIMEOUT, NULL))
		wait_for_turns(l);
}

/* ---- who has gone ---- */

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
				     : tracker_knows(w->tracker, &t->source));
}

struct retiring {
	const struct watch *watch;
	const char *exe;
};

static void retire(void *ctx, const struct report_race *race)
{
	const struct retiring *r = ctx;

	if (r->watch->hooks)
		r->watch->hooks->retire(r->watch->hooks_ctx, race, r->exe);
}

static void drop(struct watch *w, size_t i)
{
	struct watched *t = w->targets[i];
	struct retiring who = {w, t->past->report.targets[0].exe};

	tracker_forget(w->tracker, &t->source, retire, &who);
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
