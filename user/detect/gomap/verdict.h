/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_VERDICT_H
#define MAPRACE_DETECT_GOMAP_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include <maprace/wire.h>

#include "model/model.h"

/*
 * What is said of a map, from what the kernel's experiment counted (bpf/gomap/trial.bpf.h, and
 * docs/verdicts.md for the why). Nothing but arithmetic.
 */
struct verdict_input {
	uint64_t collisions;	  /* proofs of any kind */
	bool met;		  /* two goroutines met, and no proof of it reached us */
	bool crowded;		  /* more call sites used it than there are counts for */
	const uint16_t *sites;	  /* not 0: a call site that used the map, MR_MAP_SITES of them */
	uint32_t holds, controls; /* how the coin fell */
	const uint8_t *by_site;	  /* controls met by the control's site, MR_MAP_SITES of them;
				     NULL: there was no trial */
};

struct verdict {
	enum report_verdict verdict;
	double expected; /* collisions that would have been seen at the least had nothing ordered
			    the accesses, of the call site that was tested least */
	double p;	 /* exp(-expected) when ordered, else 1 */
};

#define VERDICT_P 1e-6

/* How much rarer than a control a hold may be met for other reasons than order: a held goroutine
 * occupies a CPU that others may be waiting for. */
#define VERDICT_HINDRANCE (1.0 / 3)

struct verdict verdict_of(const struct verdict_input *in);

#endif
