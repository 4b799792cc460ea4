/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_PAST_H
#define MAPRACE_SESSION_PAST_H

#include "detect/gomap/losses.h"
#include "model/model.h"
#include "probe/attach.h"

struct watched;

/*
 * What the report needs of a target that has ended, when its engine, tables and binary are gone: a
 * test suite has hundreds of them, and each takes megabytes.
 */
struct past {
	struct report report; /* its target, its maps, its functions and caveats */
	struct attachment_sum sum;
	uint32_t sites;
	uint64_t missed, bare_calls;
	uint64_t spent_ns, trap_ns, windows, cold_calls;
};

/* Of many of which no row of the report is kept. */
struct past_sum {
	uint64_t targets;
	struct attachment_sum sum;
	uint64_t sites, missed, bare_calls;
	uint64_t spent_ns, trap_ns, windows, cold_calls;
	uint64_t bad_events, dropped_races, dropped_growths, dropped_panics, unresolved, names_cut,
		stacks_cut, plugins, maps;
};

void past_add_counters(struct attachment_sum *to, const struct attachment_sum *one);
/* Adds one that is about to be freed. */
void past_add(struct past_sum *to, const struct watched *t);
/* Takes it from one that watch_conclude() has concluded, and frees all else of the target's;
 * nothing of it is used by the loop any more. Another one is to be in its engine. 0, or -ENOMEM:
 * then it stays as it is. */
int past_take(struct watched *t);
/* Copies what the report shows of it. 0 or -ENOMEM. */
int past_fill(const struct past *past, struct report *report);
int past_fill_duties(const struct past *past, struct report_stats *stats);
int past_fill_caveats(const struct past *past, struct report_stats *stats);
void past_free(struct past *past); /* NULL is fine */

#endif
