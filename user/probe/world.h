/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_WORLD_H
#define MAPRACE_PROBE_WORLD_H

#include <stdint.h>

#include "go/go_binary.h"

/*
 * Where a program says that the world is to stop: runtime.sched.gcwaiting, by its link-time
 * address. No symbol is needed: runtime.gcstopm (src/runtime/proc.go), which every program has,
 * begins by looking whether it is set. 0, or -ENOENT.
 */
int world_find(const struct go_binary *bin, uint64_t *addr);

#endif
