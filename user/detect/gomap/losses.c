/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/losses.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
	const char *name, *meaning;
} kernel_losses[MR_COUNT_MAX] = {
	[MR_COUNT_FOREIGN] = {"foreign_hits", "hits by other processes, filtered out"},
	[MR_COUNT_UNKNOWN_SITE] = {"unknown_sites", "hits at an address that is no site of ours"},
	[MR_COUNT_ITER_FAULT] = {"iterators_unreadable",
				 "operations not seen: their iterator could not be read"},
	[MR_COUNT_CALLER_FAULT] =
		{"callers_unreadable",
		 "operations not considered for a hold: their caller could not be read"},
	[MR_COUNT_G_FAULT] = {"goroutines_unreadable",
			      "goroutine structures that could not be read"},
	[MR_COUNT_NO_GOID] = {"runtime_operations", "operations of the runtime itself, not held"},
	[MR_COUNT_HEADER_FAULT] = {"headers_unreadable", "map headers that could not be read"},
	[MR_COUNT_SLOT_BUSY] = {"holds_busy", "holds not done: their slot was taken"},
	[MR_COUNT_SNAPSHOT_TORN] = {"snapshots_torn",
				    "possible collisions dropped: the hold ended while it was read"},
	[MR_COUNT_RING_FULL] = {"events_lost", "races lost: the ring buffer was full"},
	[MR_COUNT_PAIRS_FULL] = {"pairs_lost", "races lost: the table of pairs was full"},
	[MR_COUNT_MAP_EVICTED] = {"map_records_replaced", "map records replaced by another map's"},
	[MR_COUNT_MAP_REBORN] =
		{"maps_begun_anew",
		 "maps forgotten: another one, or the same since it was empty, lay at the address"},
	[MR_COUNT_CALLER_EVICTED] = {"caller_records_replaced",
				     "call-site records replaced by another site's"},
	[MR_COUNT_STACK_TRUNCATED] = {"stacks_truncated", "stacks cut at their outer end"},
	[MR_COUNT_STACK_BROKEN] = {"stacks_broken",
				   "stacks whose frame pointers did not lead to their end"},
	[MR_COUNT_NO_TOKENS] = {"holds_unaffordable", "holds not done: over the budget"},
	[MR_COUNT_RECORD_MISSING] = {"records_missing", "operations without a record"},
	[MR_COUNT_IN_FLIGHT_UNATTRIBUTED] =
		{"in_flight_unattributed",
		 "writers inside whose goroutine is not known, not reported"},
	[MR_COUNT_FATAL_UNATTRIBUTED] =
		{"fatal_unattributed",
		 "fatal errors of the runtime of which one goroutine alone is known"},
	[MR_COUNT_KEPT_APART] = {"operations_kept_apart",
				 "operations on racy maps that waited for another's end"},
	[MR_COUNT_CLAIM_STUCK] =
		{"claims_stuck",
		 "slots of holds that the kernel did not free at once: used again under a new key"},
	[MR_COUNT_HOLD_LOCKED] = {"holds_under_locks",
				  "holds not done: the runtime was in the middle of something"},
	[MR_COUNT_HOLD_CUT] = {"holds_cut",
			       "holds ended early: their goroutine was asked to stop, or to make "
			       "way for another hold"},
	[MR_COUNT_CALL_UNASKED] =
		{"call_sites_unasked",
		 "call sites not known to user space yet: the ring buffer was full"},
	[MR_COUNT_HOLD_SHORT] = {"holds_short", "holds that ended before their time"},
	[MR_COUNT_SUSPECTS_FULL] = {"suspects_lost", "suspects lost: the table of them was full"},
	[MR_COUNT_NEAR_EVICTED] =
		{"near_misses_replaced",
		 "maps whose last call sites were forgotten: another map's took their place"},
	[MR_COUNT_NEAR_UNTOLD] =
		{"near_misses_untold",
		 "armed call sites not known to user space: the ring buffer was full"},
	[MR_COUNT_GROWTH_RING] = {"growth_events_lost",
				  "parts of maps' growths lost: the ring buffer was full"},
	[MR_COUNT_GROWTH_UNPAIRED] = {"growth_steps_unpaired",
				      "parts of maps' growths of which one end only was seen"},
	[MR_COUNT_GROWN_EVICTED] = {"growths_replaced",
				    "maps' growths forgotten: another map's took their place"},
	[MR_COUNT_ITERATOR_EVICTED] = {"iterations_replaced",
				       "open iterations forgotten: another one took their place"},
	[MR_COUNT_PANIC_SITES] = {"panics_uncounted",
				  "panics not counted: the table of their sites was full"},
	[MR_COUNT_PANIC_OUTCOME] = {"panic_outcomes_lost",
				    "panics of which it went by unseen what became of them"},
	[MR_COUNT_PANIC_STACK] = {"panic_stacks_lost",
				  "panics whose stack was not told: the ring buffer was full"},
	[MR_COUNT_TRIAL_EVICTED] =
		{"verdicts_restarted",
		 "maps whose test for a verdict was begun anew: another one took its place"},
};

static void add(struct report_stats *stats, const char *name, const char *meaning, uint64_t value)
{
	stats->losses[stats->nlosses++] =
		(struct report_counter){.name = name, .meaning = meaning, .value = value};
}

int losses_fill(struct report_stats *stats, const struct mr_cpu *sum,
		const struct losses_user *user)
{
	size_t i;

	stats->nlosses = 0;
	stats->losses = calloc(MR_COUNT_MAX + 11, sizeof(*stats->losses));
	if (!stats->losses)
		return -ENOMEM;
	for (i = 0; i < MR_COUNT_MAX; i++)
		if (kernel_losses[i].name && i != MR_COUNT_RING_FULL)
			add(stats, kernel_losses[i].name, kernel_losses[i].meaning, sum->counts[i]);
	stats->events_lost = sum->counts[MR_COUNT_RING_FULL];
	add(stats, "missed_runs", "operations not seen: the kernel skipped the program",
	    user->missed_runs);
	add(stats, "bad_events", "events that were malformed", user->bad_events);
	add(stats, "races_dropped", "races lost: too many different ones, or too long",
	    user->dropped_races);
	add(stats, "growths_dropped", "maps' growths, or parts of them, not kept: too many",
	    user->dropped_growths);
	add(stats, "panics_dropped", "sites of panics not kept: too many", user->dropped_panics);
	add(stats, "frames_unresolved", "stack frames outside Go code", user->unresolved_pcs);
	add(stats, "names_cut",
	    "names of functions and files cut at their end: longer than 1024 bytes",
	    user->names_cut);
	add(stats, "stacks_cut",
	    "stacks cut at their outer end: more than 256 frames, inlined ones counted",
	    user->stacks_cut);
	add(stats, "plugins_unwatched",
	    "plugins and Go libraries whose own map operations are not seen", user->plugins);
	add(stats, "reads_given_up",
	    "reads of a process's memory or file given up: it did not come in time",
	    user->reads_given_up);
	add(stats, "call_sites_bare",
	    "call sites of writes where holds are short: no probe at the call instruction",
	    user->bare_calls);
	return 0;
}
