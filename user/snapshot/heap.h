/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_HEAP_H
#define MAPRACE_SNAPSHOT_HEAP_H

#include "go/heap_profile.h"
#include "model/memory.h"

/* The runtime's profile with names and lines, scaled as runtime/pprof does it: what was sampled
 * stands for what was not. Names are the binary's. 0 or -ENOMEM; *out is to be freed either way. */
int heap_resolve(struct report_heap *out, const struct heap_profile *p, const struct go_binary *bin,
		 uint64_t bias);

/* Sums, and the places that keep most. 0 or -ENOMEM. */
int heap_sum(struct report_memory *out, const struct report_heap *h);

#endif
