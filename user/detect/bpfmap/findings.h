/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_FINDINGS_H
#define MAPRACE_DETECT_BPFMAP_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include <maprace/bpfmap.h>

#include "detect/bpfmap/kernel_maps.h"
#include "detect/bpfmap/programs.h"
#include "model/model.h"

/* Events in, findings out: one for each kind, map, key and pair of processes or programs. */
struct findings;

/* start_ns: CLOCK_MONOTONIC when the watch began; maps and programs must outlive it. foreign: the
 * numbers of processes are not those of /proc here, so that no process can be looked at. NULL: no
 * memory. */
struct findings *findings_new(uint64_t start_ns, struct kernel_maps *maps,
			      const struct programs *programs, bool foreign);
void findings_free(struct findings *f);
/* What is not to be told or counted, by whatever it says of itself then; ctx must outlive it. */
void findings_set_filter(struct findings *f,
			 bool (*hides)(const void *ctx, const struct report_race *race),
			 const void *ctx);
/* One record of the ring buffer, not trusted to have the right form. 0 or -ENOMEM; malformed ones
 * are counted. */
int findings_event(struct findings *f, const void *data, size_t size);
/* Counts and times anew from the kernel's table, names of programs that have become known. 0 or
 * -ENOMEM. */
int findings_refresh(struct findings *f, const struct mr_bpf_finding *table);
/* Whether the last event asked for another look at the programs; clears the wish. */
bool findings_wants_programs(struct findings *f);
/* The next finding that nobody was told of, first seen at or before this time (ns since the start).
 */
const struct report_race *findings_take(struct findings *f, uint64_t until_ns, bool *suspect);
size_t findings_proven(const struct findings *f);
/* Lost updates that are not, see enum report_doubt. */
size_t findings_doubted(const struct findings *f);
uint64_t findings_bad_events(const struct findings *f);
/* Sum of updates lost in all proven findings. */
int64_t findings_lost(const struct findings *f);
/* All of them, hidden or not. report borrows the contents until findings_free(): free report->races
 * and report->suspects with free() only. 0 or -ENOMEM. */
int findings_lend(const struct findings *f, struct report *report);

#endif
