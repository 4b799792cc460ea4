/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_WATCH_VITALS_H
#define MAPRACE_SESSION_WATCH_VITALS_H

#include <stddef.h>
#include <stdint.h>

#include "model/vitals.h"

struct watch;
struct watched;

/*
 * Goroutines of what is watched, looked at from outside once a second, with an account of its own:
 * all looks together take a hundredth of a CPU, and an advance of a quarter of a second. Where that
 * is not enough each process is looked at less often.
 */
struct watch_vitals {
	int64_t credit_ns;
	uint64_t credited_ns; /* until then */
	size_t next;	      /* of the targets: each has its turn */
	uint64_t looks, failed, cpu_ns, goroutines;
	struct report_vitals *past; /* of those that have ended */
	size_t npast;
	uint64_t past_unseen; /* others that have ended: never looked at, or there was no room */
};

/* On each tick. Nothing where nobody asked for it. */
void watch_vitals_step(struct watch *w);
/* It has ended: what was seen last is kept. */
void watch_vitals_conclude(struct watch *w, const struct watched *t);
/* Of how many processes and libraries there is nothing to tell, though somebody asked for it. */
uint64_t watch_vitals_unseen(const struct watch *w);
/* 0 or -ENOMEM. */
int watch_vitals_fill(const struct watch *w, struct report *report);
void watch_vitals_free(struct watch *w);

#endif
