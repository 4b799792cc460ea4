/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_POST_MORTEM_H
#define MAPRACE_SESSION_POST_MORTEM_H

#include <stdbool.h>
#include <stddef.h>

#include <maprace/death.h>

#include "model/snapshot.h"
#include "session/watched.h"

struct watch;

/*
 * A process that the runtime's own check ends is stopped by our probe (attach.h). It is looked at,
 * let go, and dies as it would have. Who stood inside an operation on the map is told by the stacks
 * (inside.h).
 */
struct post_mortem {
	struct report_death *deaths;
	size_t n;
	size_t told;	 /* of them have been printed */
	size_t too_many; /* more than are kept */
	size_t kept_frames;
	bool core_written;
};

/* Now and then, while it lives: what is to be known of it before. */
void post_mortem_prepare(struct watched *t);
/* Now and then, also when it has died: who waits for it has not seen it stop, or goes on. */
void post_mortem_look_at_waiters(struct watched *t);
/* Whether who waits for it may have stopped itself because it stood still: it died just now. */
bool post_mortem_may_wake(const struct watched *t);
/*
 * The event of a process that stands still, or is about to end. meanwhile() is called when it has
 * been looked at, before it is let go; if the other one that the event names cannot have been the
 * one inside, it names nobody by then. 0 or -ENOMEM; -ECANCELED: our own memory may be torn, and
 * all that is left to do is to _exit().
 */
int post_mortem_take(struct watch *w, struct watched *t, struct mr_event_fatal *e,
		     int (*meanwhile)(void *arg), void *arg);
void post_mortem_free(struct post_mortem *pm);

#endif
