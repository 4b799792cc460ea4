/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_GROUPS_H
#define MAPRACE_SNAPSHOT_GROUPS_H

#include "go/go_binary.h"
#include "model/snapshot.h"
#include "snapshot/goroutines.h"

/*
 * Goroutines with the same stack, in the same state and made at the same place become a group, with
 * functions and lines. Those inside map operations come first, then those that run, then the
 * largest groups; the runtime's own are last. now_ns: the target's CLOCK_MONOTONIC. 0 or -ENOMEM.
 */
int groups_make(struct report_snapshot *out, const struct goroutines *gs,
		const struct go_binary *bin, uint64_t bias, uint64_t now_ns);

/* One goroutine as a group of its own. 0 or -ENOMEM; free with report_group_free() either way. */
int groups_make_one(struct report_group *out, const struct goroutine *g,
		    const struct goroutines *gs, const struct go_binary *bin, uint64_t bias,
		    uint64_t now_ns);

/* Whether a function of the runtime is an operation on a map. */
bool groups_is_map_function(const char *function);
/* Whether a map function is anywhere in its stack. */
bool groups_may_write(const struct report_group *g);
/* Whether a map is copied anywhere in it: a classic one has no mark of that. */
bool groups_may_clone(const struct report_group *g);

#endif
