/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_LOOP_H
#define MAPRACE_SESSION_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

/*
 * What every watch has of libevent, whatever it looks at: a tick, and the signals that end it or
 * ask for the report. Whoever uses it adds the events of its own to `base`.
 */
#define SESSION_TICK_NS 250000000ull
#define SESSION_SIGNALS 4
/* A finding is told this long after its first sighting, so that its count says something. */
#define SESSION_REPORT_DELAY_NS 1000000000ull

struct session_use {
	void (*tick)(void *ctx);   /* four times a second: refresh, print, record */
	void (*report)(void *ctx); /* SIGUSR1 */
	void (*hangup)(void *ctx); /* SIGHUP; NULL: as stop */
	void (*stop)(void *ctx);   /* SIGINT, SIGTERM */
};

struct session_loop {
	struct event_base *base;
	const struct session_use *use;
	void *ctx;
	struct event *signals[SESSION_SIGNALS], *tick;
};

/* Keeps the signals until session_loop_begin(): who says that it is enough while we attach gets a
 * report as well. */
void session_hold_signals(void);
/* 0 or -ENOMEM; session_loop_end() is due in any case. All zero before. */
int session_loop_begin(struct session_loop *s, const struct session_use *use, void *ctx);
/* Until somebody breaks the loop. 0 or -EIO. */
int session_loop_run(struct session_loop *s);
void session_loop_end(struct session_loop *s);

#endif
