/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_WATCH_LOOP_H
#define MAPRACE_SESSION_WATCH_LOOP_H

#include "session/loop.h"
#include "session/watch.h"
#include "session/watch_rings.h"

/* The event loop of a watch, between its files: watch_loop.c, watch_arrivals.c,
 * watch_departures.c. */

struct source { /* one target in the loop */
	struct loop *loop;
	struct watched *watched;
	struct ring *ring;
	struct event *exit_event, *budget_event;
};

struct loop {
	struct watch *watch;
	struct session_loop session;
	struct event_base *base; /* the session's */
	struct source **sources; /* of each target, of one that is not in the loop yet NULL */
	struct rings rings;
	struct event *price;
	struct event *command_exit, *command_look, *follow, *follow_again;
	struct event *census, *census_again;
	uint64_t look_us;
	uint64_t ended_ns; /* the command, or what was watched last */
	bool told_left;
	uint64_t deadline_ns; /* 0: none */
	bool stopping;
	int error;
};

/* watch_loop.c */
void loop_stop(struct loop *l);
bool loop_is_over(const struct loop *l);
/* The target with this index is looked after from now on; the loop ends where that fails. */
void loop_add_target(struct loop *l, size_t i);
void loop_end_target(struct source *s);
/* It has ended as its process runs another program now. */
void loop_replace_target(struct source *s);
void loop_stop_if_all_ended(struct loop *l);
void loop_free_events(struct source *s);

/* watch_arrivals.c */
/* Those that the command starts, or that come on the host. 0 or -ENOMEM. */
int loop_expect_followed(struct loop *l);
int loop_expect_host(struct loop *l);
/* What the command starts without an execve. */
void loop_look_for_strays(struct loop *l);
/* A look at /proc, where it is due. */
void loop_look_at_host(struct loop *l);
/* watch_departures.c */
/* Of those that have ended what the report needs is kept, and no more. */
void loop_forget_ended(struct loop *l);

#endif
