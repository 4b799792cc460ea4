/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_COLD_CALLS_H
#define MAPRACE_PROBE_COLD_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <maprace/wire.h>

#include "go/go_binary.h"
#include "probe/hooks.h"
#include "probe/links.h"

/*
 * Call sites of functions that come too often for a probe of their own at all times. Most of a hot
 * function's operations come from a few call sites; the others are as cold as if the function were,
 * and a probe at the call instruction costs next to nothing there (bpf/gomap/gomap.bpf.c, call()).
 * Here is what there is of them in the program, and who of them is tried next.
 */
struct cold_calls {
	bool searched;
	struct cold_call {
		uint64_t ip; /* of the process */
		struct links_call link;
	} * list;
	size_t count, next;
	uint64_t wrapped_ns;
};

/* The calls of these functions in the program: slots, by hook, in which their sites are; NULL of
 * those that are not probed. Once; what cannot be read has none. */
int cold_calls_find(struct cold_calls *c, const struct go_binary *bin, const struct hook_set *set,
		    uint64_t bias, const uint8_t *slots);
/*
 * The next one whose function's probe is away (mr_target.away), NULL: none, for now. Each comes
 * again after a minute at the earliest.
 */
const struct cold_call *cold_calls_next(struct cold_calls *c, const uint8_t *away, uint64_t now_ns);
void cold_calls_free(struct cold_calls *c);

#endif
