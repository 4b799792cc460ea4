/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_FUNCTIONS_H
#define MAPRACE_DETECT_BPFMAP_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's functions that are watched, and the programs of bpf/bpfmap/bpfmap.bpf.c that watch
 * them. */
struct map_function {
	const char *name;
	const char *programs[2]; /* [1] NULL where one does */
	uint64_t types;		 /* 1 << BPF_MAP_TYPE_…: whose calls may pass through it */
	bool needed;		 /* without it nothing can be proven of hash maps */
	const char *without;	 /* what goes unseen without it; NULL: counts only, or the
				    kernel has others for it */
};

extern const struct map_function map_functions[];
extern const size_t map_functions_n;

#endif
