/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_MAP_LOSSES_H
#define MAPRACE_DETECT_BPFMAP_MAP_LOSSES_H

#include <maprace/bpfmap.h>

#include "model/model.h"

/* Names and meanings of what could not be seen. Fills stats->losses (allocated, owned by stats). 0
 * or -ENOMEM. */
int map_losses_fill(struct report_stats *stats, const struct mr_bpf_cpu *sum, uint64_t missed_runs,
		    uint64_t bad_events, uint64_t programs_dropped);

#endif
