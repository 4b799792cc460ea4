/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_INSIDE_H
#define MAPRACE_SESSION_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/watched.h"
#include "snapshot/snapshot.h"

/*
 * Who of a frozen process stands inside a map function, and of which map. Told by the function's
 * own code, where that says that the map is in the argument's home (home.h); else by the engine: a
 * return address into the function lies where the engine saw the goroutine enter it last, with this
 * map, while all probes were in place, and the kernel leaves out none of the engine's runs. What
 * neither says is not told; nor who has left it by a panic and is in a deferred function.
 */
struct inside {
	size_t which; /* of the goroutines */
	uint64_t map;
	enum report_op op;
	bool writes;
};

struct inside_function {
	uint64_t entry, end; /* link-time addresses */
	uint8_t op, map_arg; /* enum mr_op, enum mr_arg */
};

struct inside_finder {
	const struct watched *target;
	const struct snapshot_sight *sight;
	struct inside_function *functions; /* by their addresses */
	size_t n;
	struct inside_function panics; /* what deferred functions run on top of */
};

/* 0 or -ENOMEM. */
int inside_begin(struct inside_finder *f, const struct watched *t, const struct snapshot_sight *s);
bool inside_find(const struct inside_finder *f, size_t which, struct inside *out);
void inside_end(struct inside_finder *f);

#endif
