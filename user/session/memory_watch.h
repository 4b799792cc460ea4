/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_MEMORY_WATCH_H
#define MAPRACE_SESSION_MEMORY_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/memory.h"
#include "report/metrics/metrics.h"

/*
 * How much of its memory a watched process has left, looked at from outside: more often the nearer
 * and the faster it comes to a threshold. At each threshold a row; at the second one the heap's
 * profile and the goroutines; at the third one both again. When it ends: whether the kernel's OOM
 * killer has taken it.
 */
#define MEMORY_ROWS 64 /* that are kept: the last ones */

struct event;
struct event_base;
struct heap_place;
struct watch;
struct watched;
struct memory_state; /* of a process */

struct memory_watch {
	uint64_t closer_ns; /* our CPU time, for looks at the heap and the goroutines */
	struct event *timer;
	struct report_memory *rows;
	size_t n;
	uint64_t dropped; /* rows, as there were more */
	uint64_t passed[3], oom_kills;
	uint64_t profiles, profiles_failed, snapshots, snapshots_failed;
};

/* 0 or -ENOMEM. Nothing happens where nobody has asked for it. */
int memory_watch_begin(struct watch *w, struct event_base *base);
void memory_watch_end(struct watch *w); /* the loop's event goes */
/* Now, whenever it is due: at once where it has just begun, as it may not live for long. */
void memory_watch_look(struct watch *w, struct watched *t);
/* It has ended: to be called as soon as may be, twice is fine. */
void memory_watch_end_of(struct watch *w, struct watched *t);
/* It was looked at, and no limit applies to it: nothing can be told of its coming to the end. */
bool memory_watch_is_unlimited(const struct watched *t);
/* Its rows, which stay ours. */
void memory_watch_lend(struct watch *w, struct report *report);
#define MEMORY_PROGRAMS 100
/* What is counted, and of the fullest programs how full they are; rows: so many that it lies in.
 * Names are lent. */
void memory_watch_count(const struct watch *w, struct metrics_memory rows[MEMORY_PROGRAMS],
			struct metrics_memory_sum *out);
void memory_watch_free(struct memory_watch *m);
void memory_state_free(struct memory_state *s); /* NULL is fine */

/* memory_look.c */
/* Looks for where its heap's profile is, while there is time. */
void memory_look_prepare(const struct watched *t, struct heap_place *place);
/* Fills in what a process that is near its end keeps in its heap, and what its goroutines do;
 * neither failure is one of the watch. 0 or -ENOMEM. */
int memory_look(struct watch *w, struct watched *t, struct heap_place *place,
		struct report_memory *row);

/* How many of n ascending thresholds a part of the limit has passed, given that it was `before`: a
 * threshold is passed anew only when five points less than it were used in between. */
size_t memory_level(const double *at, size_t n, size_t before, double percent);
/* How long until the next look, given the part of the limit, in percent, at this one and at the
 * last one, so many nanoseconds before. */
uint64_t memory_interval(const double *at, size_t n, double percent, double last,
			 uint64_t since_ns);

#endif
