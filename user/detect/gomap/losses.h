/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_LOSSES_H
#define MAPRACE_DETECT_GOMAP_LOSSES_H

#include <maprace/wire.h>

#include "model/model.h"

/*
 * Names and meanings of everything that was lost or could not be seen: those counted in BPF (enum
 * mr_loss) and ours. Fills stats->losses (allocated, owned by stats). 0 or -ENOMEM.
 */
struct losses_user {
	uint64_t missed_runs;		/* programs that the kernel skipped */
	uint64_t bad_events;		/* events that did not have the form they must have */
	uint64_t dropped_races;		/* races beyond the number that is kept */
	uint64_t dropped_growths;	/* likewise */
	uint64_t dropped_panics;	/* likewise */
	uint64_t unresolved_pcs;	/* program counters outside the Go code */
	uint64_t names_cut, stacks_cut; /* longer than we keep */
	uint64_t plugins;		/* loaded, and not watched */
	uint64_t reads_given_up;	/* of a target's memory or file that did not come */
	uint64_t bare_calls;		/* call sites without a probe of their own */
};

int losses_fill(struct report_stats *stats, const struct mr_cpu *sum,
		const struct losses_user *user);

#endif
