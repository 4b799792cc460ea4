/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_PROCS_H
#define MAPRACE_PROBE_PROCS_H

#include <stdint.h>

#include "go/go_binary.h"

/*
 * Where a program keeps the number of its Ps: runtime.gomaxprocs, an int32, by its link-time
 * address. No symbol is needed: runtime.procresize (src/runtime/proc.go), which every program has,
 * begins by loading it and ends by storing it through a pointer. An address is given only where the
 * two agree. 0, or -ENOENT.
 */
int procs_find(const struct go_binary *bin, uint64_t *addr);

#endif
