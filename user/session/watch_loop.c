/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The event loop of `maprace watch`: ring buffers, the targets' ends and what a command starts,
 * beside what every session has.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "session/outputs.h"
#include "session/recorder.h"
#include "session/watch_loop.h"

/* How often a command that is no Go program is looked at, at first and at last. */
#define LOOK_FIRST_US 2000u
#define LOOK_LAST_US 50000u

/* So often a process may be found without its first thread until that is no part of its end. */
#define LEADERLESS_LOOKS 4

/* For so long after its end others may come of what it has left behind. */
#define LEFT_BEHIND_NS 1000000000ull

void loop_stop(struct loop *l)
{
	l->stopping = true;
	event_base_loopbreak(l->base);
}

bool loop_is_over(const struct loop *l)
{
	return l->stopping || l->error || l->watch->enough || l->rings.enough || l->rings.error;
}

/* A command that has ended may have left others behind. */
static void tell_left(struct loop *l, size_t left)
{
	if (l->told_left)
		return;
	l->told_left = true;
	log_warn("the command has ended; %zu %s watched still: ^C or -d ends that", left,
		 left == 1 ? "process that it has started is"
			   : "processes that it has started are");
}

/* What a command leaves behind as it ends may be about to become a Go program. */
static bool may_start_more(struct loop *l)
{
	static const struct timeval soon = {.tv_usec = 20000};
	struct watch *w = l->watch;
	uint64_t now = watch_now();

	if (!l->ended_ns)
		l->ended_ns = now;
	if (!follow_waits(w->follow) &&
	    (!process_reap_adopted(&w->command->process) ||
	     (now - l->ended_ns > LEFT_BEHIND_NS && !strays_may_come(w->strays))))
		return false;
	event_add(l->follow_again, &soon);
	return true;
}

void loop_stop_if_all_ended(struct loop *l)
{
	struct watch *w = l->watch;
	size_t i, left = 0, behind = 0;

	for (i = 0; i < w->ntargets; i++) {
		left += !w->targets[i]->ended;
		/* not the command itself, whose end we may hear of twice */
		behind += !w->targets[i]->ended && !w->targets[i]->process.reaped;
	}
	if (!w->follow && !w->census && !left)
		loop_stop(l);
	if (!w->follow || !w->command->process.reaped)
		return;
	if (behind)
		tell_left(l, behind);
	if (!left && !may_start_more(l)) {
		follow_note_left(w->follow, process_reap_adopted(&w->command->process));
		loop_stop(l);
	}
}

void loop_free_events(struct source *s)
{
	struct event **own[] = {&s->exit_event, &s->budget_event};
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (*own[i])
			event_free(*own[i]);
		*own[i] = NULL;
	}
}

void loop_end_target(struct source *s)
{
	struct watch *w = s->loop->watch;

	if (s->watched->ended)
		return;
	memory_watch_end_of(w, s->watched);
	rings_drain_at_end(s->ring);
	s->watched->ended = true;
	if (s->exit_event)
		event_del(s->exit_event);
	watched_stop(s->watched);
	watch_conclude(w, s->watched);
	s->loop->ended_ns = watch_now();
	if (watch_roster(w) && !s->watched->host)
		roster_note_end(watch_roster(w), s->watched->process.pid,
				watch_now() - w->start_ns);
	loop_stop_if_all_ended(s->loop);
}

void loop_replace_target(struct source *s)
{
	if (s->watched->ended)
		return;
	s->watched->replaced = true;
	loop_end_target(s);
}

/* Collects the status of the command, if it has ended. Once: its number is free from then on. */
static void reap(struct watch *w)
{
	if (w->command && !w->command->process.reaped && process_reap(&w->command->process))
		watch_note_command_end(w);
}

static void on_exit_of(evutil_socket_t fd, short what, void *ctx)
{
	struct source *s = ctx;

	(void)fd;
	(void)what;
	reap(s->loop->watch);
	memory_watch_end_of(s->loop->watch, s->watched); /* before others collect it */
	log_verbose("process %d has ended", (int)s->watched->process.pid);
	loop_end_target(s);
}

/* Those that were found since are the last ones. */
static void look_for_libraries(struct loop *l, struct watched *t)
{
	struct watch *w = l->watch;
	size_t i = w->ntargets;

	if (!watch_look_for_libraries(w, t))
		return;
	for (; i < w->ntargets && !l->error; i++)
		loop_add_target(l, i);
	if (l->error)
		loop_stop(l);
}

static void runs_another(struct source *s)
{
	struct watch *w = s->loop->watch;
	struct watched *t = s->watched;

	silence_lost(t, w->start_ns,
		     "runs another program now, or its own anew: it is not watched any more");
	if (w->census) { /* what it runs has a turn, also where executions are not told */
		t->silence.lost = NULL;
		census_forget(w->census, t->process.pid);
	}
	loop_replace_target(s);
}

/* A process may exec, its own program too: then what we know of it is wrong, and its probes are
 * gone with its old memory. */
static void look_at_target(struct source *s)
{
	struct watched *t = s ? s->watched : NULL;
	bool same = true;
	int r;

	if (t && s->loop->watch->attach.max_freeze_ns)
		post_mortem_look_at_waiters(t);
	if (!t || t->ended)
		return;
	reap(s->loop->watch);
	if (s->loop->watch->follow && follow_is_on_its_way(s->loop->watch->follow, t->process.pid))
		return; /* to another program */
	r = process_same_program(&t->process, &same);
	if (r == -EOWNERDEAD && ++t->leaderless < LEADERLESS_LOOKS)
		r = 0; /* it is ending, perhaps */
	if (r == -ESRCH || t->process.reaped) {
		loop_end_target(s);
	} else if (!r && (!same || incarnation_is_another(&t->incarnation, t->process.pid))) {
		runs_another(s);
	} else if (r == -EOWNERDEAD) {
		silence_lost(t, s->loop->watch->start_ns,
			     "goes on without its first thread: its probes cannot be moved any "
			     "more, and it is not watched any more");
		loop_end_target(s);
	} else if (!attachment_alive(t->attachment)) {
		log_error("process %d is not watched any more: what held its probes was killed",
			  (int)t->process.pid);
		s->loop->watch->failed = true;
		watched_mend(t);
		loop_end_target(s);
	} else {
		watch_budget_beat(t, watch_now());
		watched_look_whether_it_runs(t);
		watched_look_for_plugins(t);
		silence_look(t);
		if (s->loop->watch->attach.max_freeze_ns)
			post_mortem_prepare(t);
		look_for_libraries(s->loop, t);
	}
}

static void on_budget(evutil_socket_t fd, short what, void *ctx)
{
	struct source *s = ctx;
	struct timeval again = {};
	uint64_t ns;

	(void)fd;
	(void)what;
	if (s->watched->ended)
		return;
	rings_drain_if_due(s->ring);
	ns = watch_budget_step(s->watched);
	again.tv_sec = (time_t)(ns / 1000000000u);
	again.tv_usec = (suseconds_t)(ns % 1000000000u / 1000);
	event_add(s->budget_event, &again);
}

static void on_price(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *l = ctx;

	(void)fd;
	(void)what;
	watch_budget_price(l->watch);
}

static void look_at_command(struct loop *l)
{
	struct watch *w = l->watch;

	if (!w->follow)
		return;
	reap(w);
	process_reap_adopted(&w->command->process);
	loop_stop_if_all_ended(l);
}

static void on_command_exit(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *l = ctx;

	(void)fd;
	(void)what;
	reap(l->watch);
	if (l->watch->command->process.reaped)
		event_del(l->command_exit);
	loop_stop_if_all_ended(l);
}

/* It may load a library with Go code, at first sooner than later. */
static void on_command_look(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *l = ctx;
	struct watch *w = l->watch;
	struct timeval again;
	size_t i = w->ntargets;

	(void)fd;
	(void)what;
	if (watch_look_at_command(w)) {
		for (; i < w->ntargets && !l->error; i++)
			loop_add_target(l, i);
		if (l->error)
			loop_stop(l);
		return;
	}
	l->look_us += l->look_us / 8;
	if (l->look_us > LOOK_LAST_US)
		l->look_us = LOOK_LAST_US;
	again = (struct timeval){.tv_usec = (suseconds_t)l->look_us};
	event_add(l->command_look, &again);
}

static void on_tick(void *ctx)
{
	struct loop *l = ctx;
	struct watch *w = l->watch;
	size_t i;

	for (i = 0; i < w->ntargets; i++)
		look_at_target(l->sources[i]);
	for (i = 0; i < w->ntargets; i++)
		watched_have_mended(w->targets[i]);
	loop_look_for_strays(l);
	look_at_command(l);
	loop_look_at_host(l);
	loop_forget_ended(l);
	watch_budget_share(w);
	watch_vitals_step(w);
	watch_print_deaths(w);
	watch_print_races(w, SESSION_REPORT_DELAY_NS);
	watch_panics_tick(w);
	watch_state_tick(w);
	w->failed |= watch_record(w) != 0;
	watch_print_status(w);
	if (w->hooks)
		w->hooks->tick(w->hooks_ctx);
	if (w->failed || (l->deadline_ns && watch_now() >= l->deadline_ns))
		loop_stop(l);
}

static void on_report(void *ctx)
{
	struct loop *l = ctx;

	outputs_are_asked_for(&l->watch->options->out, l->watch->recorder);
	watch_write_output(l->watch);
}

static void on_stop(void *ctx)
{
	loop_stop(ctx);
}

static void on_hangup(void *ctx)
{
	struct loop *l = ctx;

	if (l->watch->hooks && l->watch->hooks->reload)
		l->watch->hooks->reload(l->watch->hooks_ctx);
	else
		loop_stop(l);
}

static int look_after(struct source *s)
{
	static const struct timeval soon = {.tv_usec = 2000};
	struct loop *l = s->loop;
	int r = rings_find(&l->rings, s->watched, &s->ring);

	if (r)
		return r;
	memory_watch_look(l->watch, s->watched); /* before what may take a while */
	if (l->watch->attach.max_freeze_ns)
		post_mortem_look_at_waiters(s->watched);
	s->budget_event = event_new(l->base, -1, 0, on_budget, s);
	if (!s->budget_event || event_add(s->budget_event, &soon))
		return -ENOMEM;
	if (s->watched->process.pidfd < 0)
		return 0; /* the tick looks after it */
	s->exit_event =
		event_new(l->base, s->watched->process.pidfd, EV_READ | EV_PERSIST, on_exit_of, s);
	if (!s->exit_event || event_add(s->exit_event, NULL))
		return -ENOMEM;
	return 0;
}

void loop_add_target(struct loop *l, size_t i)
{
	struct source *s = calloc(1, sizeof(*s));

	if (s) {
		*s = (struct source){.loop = l, .watched = l->watch->targets[i]};
		l->sources[i] = s;
	}
	l->error = s ? look_after(s) : -ENOMEM;
	if (l->error)
		loop_stop(l);
}

static int set_up_command(struct loop *l)
{
	static const struct timeval soon = {.tv_usec = LOOK_FIRST_US};
	struct watch *w = l->watch;

	if (!w->follow)
		return 0;
	if (loop_expect_followed(l))
		return -ENOMEM;
	if (w->command->process.pidfd >= 0) {
		l->command_exit = event_new(l->base, w->command->process.pidfd,
					    EV_READ | EV_PERSIST, on_command_exit, l);
		if (!l->command_exit || event_add(l->command_exit, NULL))
			return -ENOMEM;
	}
	if (w->command_listed)
		return 0;
	l->look_us = LOOK_FIRST_US;
	l->command_look = event_new(l->base, -1, 0, on_command_look, l);
	return !l->command_look || event_add(l->command_look, &soon) ? -ENOMEM : 0;
}

static int set_up(struct loop *l)
{
	static const struct session_use use = {
		.tick = on_tick, .report = on_report, .hangup = on_hangup, .stop = on_stop};
	size_t i;
	int r = session_loop_begin(&l->session, &use, l);

	l->base = l->session.base;
	l->sources = calloc(l->watch->room, sizeof(*l->sources));
	if (r || !l->sources)
		return -ENOMEM;
	l->rings = (struct rings){.watch = l->watch, .base = l->base};
	for (i = 0; i < l->watch->ntargets; i++) {
		loop_add_target(l, i);
		if (l->error)
			return l->error;
	}
	if (l->watch->calibration.fd >= 0) {
		l->price = event_new(l->base, l->watch->calibration.fd, EV_READ, on_price, l);
		if (!l->price || event_add(l->price, NULL))
			return -ENOMEM;
	}
	if (memory_watch_begin(l->watch, l->base))
		return -ENOMEM;
	if (l->watch->options->duration_ns)
		l->deadline_ns = l->watch->start_ns + l->watch->options->duration_ns;
	if (l->watch->hooks && l->watch->hooks->begin(l->watch->hooks_ctx, l->base))
		return -EIO;
	return l->watch->census ? loop_expect_host(l) : set_up_command(l);
}

static void take_down(struct loop *l)
{
	struct event *own[] = {l->price,	l->command_exit, l->command_look, l->follow,
			       l->follow_again, l->census,	 l->census_again};
	size_t i;

	for (i = 0; l->sources && i < l->watch->ntargets; i++) {
		if (l->sources[i])
			loop_free_events(l->sources[i]);
		free(l->sources[i]);
	}
	memory_watch_end(l->watch);
	if (l->watch->hooks)
		l->watch->hooks->end(l->watch->hooks_ctx);
	rings_close(&l->rings);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i])
			event_free(own[i]);
	session_loop_end(&l->session);
	free(l->sources);
}

/* Takes the probes away first, all at once, then reads what they left behind. */
static void wind_up(struct loop *l)
{
	size_t i;

	l->watch->end_ns = watch_now();
	follow_end(l->watch->follow);
	for (i = 0; l->sources && i < l->watch->ntargets; i++) {
		struct watched *t = l->watch->targets[i];

		if (!l->sources[i])
			continue; /* nothing came of it */
		if (!t->ended && !attachment_alive(t->attachment))
			watched_mend(t);
		if (!t->ended)
			silence_end(t);
		watched_stop(t);
	}
	for (i = 0; l->sources && i < l->watch->ntargets; i++)
		if (l->sources[i])
			watched_wait(l->watch->targets[i]);
	rings_drain_last(&l->rings);
}

int watch_loop(struct watch *w)
{
	struct loop l = {.watch = w};
	struct err err = {};
	int r;

	r = set_up(&l);
	if (r) {
		log_error("cannot set up the event loop: %s", err_name(r));
		goto out;
	}
	if (w->command)
		r = process_resume(&w->command->process, &err);
	if (r) {
		log_error("%s", err.text);
		goto out;
	}
	while (!r && !loop_is_over(&l))
		r = session_loop_run(&l.session);
	if (!r)
		r = l.error ? l.error : l.rings.error;
out:
	wind_up(&l);
	take_down(&l);
	return r;
}
