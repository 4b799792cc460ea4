/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/map_losses.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
	const char *name, *meaning;
} kernel_losses[MR_BPF_COUNT_MAX] = {
	[MR_BPF_COUNT_NESTED] = {"nested_calls",
				 "calls not seen: they interrupted our own program"},
	[MR_BPF_COUNT_BUDGET] = {"over_budget",
				 "calls not looked at: their CPU was over the budget (--budget)"},
	[MR_BPF_COUNT_KEY_FAULT] = {"keys_unreadable", "calls whose key could not be read"},
	[MR_BPF_COUNT_VALUE_FAULT] = {"values_unreadable", "calls whose value could not be read"},
	[MR_BPF_COUNT_VALUE_LONG] = {"values_long",
				     "values of which only the first 256 bytes were compared"},
	[MR_BPF_COUNT_KEY_REPLACED] = {"key_records_replaced",
				       "keys in use that were forgotten for others"},
	[MR_BPF_COUNT_KEY_BUSY] = {"key_records_busy",
				   "writes not followed: two CPUs began the same record"},
	[MR_BPF_COUNT_READ_REPLACED] = {"read_records_replaced",
					"reads that were forgotten for others"},
	[MR_BPF_COUNT_ROW_REPLACED] = {"map_rows_replaced",
				       "maps whose counts were given up for others"},
	[MR_BPF_COUNT_FINDING_FULL] = {"findings_lost",
				       "findings lost: the table of findings was full"},
	[MR_BPF_COUNT_RING_FULL] = {"events_lost", "findings lost: the ring buffer was full"},
	[MR_BPF_COUNT_EXIT_UNMATCHED] =
		{"exits_unmatched", "writes whose end could not be matched with their beginning"},
	[MR_BPF_COUNT_PROGRAM_UNKNOWN] = {"programs_unknown",
					  "calls by programs that were not known yet"},
	[MR_BPF_COUNT_STACK_FAULT] = {"stacks_unreadable",
				      "calls whose kernel stack could not be read"},
	[MR_BPF_COUNT_READ_OLD] =
		{"reads_dropped",
		 "reads not paired with their write: something went unseen in between, or a program's "
		 "thread lost its CPU"},
	[MR_BPF_COUNT_READ_EXPIRED] =
		{"reads_expired",
		 "writes that came later after their read than the window (--window)"},
	[MR_BPF_COUNT_UNNAMED] =
		{"unnamed",
		 "stale writes whose two were not named yet: they count once these are a finding"},
	[MR_BPF_COUNT_UNDECIDED] =
		{"undecided",
		 "writes that met another one, made without a read: which was last is not known"},
};

static void add(struct report_stats *stats, const char *name, const char *meaning, uint64_t value)
{
	stats->losses[stats->nlosses++] =
		(struct report_counter){.name = name, .meaning = meaning, .value = value};
}

int map_losses_fill(struct report_stats *stats, const struct mr_bpf_cpu *sum, uint64_t missed_runs,
		    uint64_t bad_events, uint64_t programs_dropped)
{
	size_t i;

	stats->nlosses = 0;
	stats->losses = calloc(MR_BPF_COUNT_MAX + 3, sizeof(*stats->losses));
	if (!stats->losses)
		return -ENOMEM;
	for (i = 0; i < MR_BPF_COUNT_MAX; i++)
		if (kernel_losses[i].name && i != MR_BPF_COUNT_RING_FULL)
			add(stats, kernel_losses[i].name, kernel_losses[i].meaning, sum->counts[i]);
	stats->events_lost = sum->counts[MR_BPF_COUNT_RING_FULL];
	add(stats, "missed_runs", "calls not seen: the kernel skipped the program", missed_runs);
	add(stats, "bad_events", "events that were malformed", bad_events);
	add(stats, "code_unplaced", "pieces of programs for which the table of code had no room",
	    programs_dropped);
	return 0;
}
