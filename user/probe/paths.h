/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_PATHS_H
#define MAPRACE_PROBE_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"

/*
 * The ways through a function's machine code. Who is seen at a function that it calls is seen
 * always only where each way from its entry to a return leads through a call of that one.
 */
enum paths {
	PATHS_NONE, /* it does not call it */
	PATHS_SOME, /* or there are ways that cannot be followed */
	PATHS_ALL,
};

/*
 * Whether f calls one of the n functions that begin at targets, on which of its ways; *which of
 * them, of the first call that was found. Ways that end in a panic are no matter. Negative errno:
 * its code cannot be read, or -ENOMEM.
 */
int paths_calling(const struct go_binary *bin, const struct go_func *f, const uint64_t *targets,
		  size_t n, size_t *which);

#endif
