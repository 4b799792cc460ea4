/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/loop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

static const int wanted[SESSION_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

static void mask_signals(int how)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < SESSION_SIGNALS; i++)
		sigaddset(&set, wanted[i]);
	sigprocmask(how, &set, NULL);
}

void session_hold_signals(void)
{
	mask_signals(SIG_BLOCK);
}

static void on_signal(evutil_socket_t sig, short what, void *ctx)
{
	struct session_loop *s = ctx;

	(void)what;
	if (sig == SIGUSR1)
		s->use->report(s->ctx);
	else if (sig == SIGHUP && s->use->hangup)
		s->use->hangup(s->ctx);
	else
		s->use->stop(s->ctx);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct session_loop *s = ctx;

	(void)fd;
	(void)what;
	s->use->tick(s->ctx);
}

int session_loop_begin(struct session_loop *s, const struct session_use *use, void *ctx)
{
	const struct timeval tick = {.tv_usec = SESSION_TICK_NS / 1000};
	size_t i;

	s->use = use;
	s->ctx = ctx;
	s->base = event_base_new();
	if (!s->base)
		return -ENOMEM;
	for (i = 0; i < SESSION_SIGNALS; i++) {
		s->signals[i] = evsignal_new(s->base, wanted[i], on_signal, s);
		if (!s->signals[i] || event_add(s->signals[i], NULL))
			return -ENOMEM;
	}
	mask_signals(SIG_UNBLOCK);
	s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
	return s->tick && !event_add(s->tick, &tick) ? 0 : -ENOMEM;
}

int session_loop_run(struct session_loop *s)
{
	return event_base_dispatch(s->base) < 0 ? -EIO : 0;
}

void session_loop_end(struct session_loop *s)
{
	size_t i;

	for (i = 0; i < SESSION_SIGNALS; i++)
		if (s->signals[i])
			event_free(s->signals[i]);
	if (s->tick)
		event_free(s->tick);
	if (s->base)
		event_base_free(s->base);
	*s = (struct session_loop){};
}
