/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_GLOBALS_H
#define MAPRACE_DETECT_GOMAP_GLOBALS_H

#include <stdint.h>

#include "detect/gomap/resolve.h"

/*
 * The global variable of a live process that holds a map: "main.cache", or "main.state+16" for a
 * map in a struct, by the symbol table. seed: what its header had when it was seen; by now another
 * map may lie at the address, and that one's variable is not this one's. malloc'ed; NULL when there
 * is none, it is another map (or one that was emptied: its seed is drawn anew), no symbols, or no
 * memory. Reads the process's data once: a millisecond.
 */
char *globals_name(struct resolver *r, uint64_t map, uint64_t seed);

#endif
