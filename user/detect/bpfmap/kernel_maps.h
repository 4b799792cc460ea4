/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_KERNEL_MAPS_H
#define MAPRACE_DETECT_BPFMAP_KERNEL_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct btf;

/* The BPF maps of this kernel. Those that are gone stay known. */
struct kernel_map {
	uint32_t id, type, key_size, value_size, max_entries, flags;
	uint32_t btf_id, key_type, value_type; /* 0: none */
	struct btf *btf;		       /* loaded when first asked for */
	bool btf_tried;
	char name[16];
};

struct kernel_maps {
	struct kernel_map **list; /* by id, ascending */
	size_t n;
};

/* The map with this id, looked up in the kernel when it is new to us. NULL: it is gone, or memory
 * is. */
struct kernel_map *kernel_maps_get(struct kernel_maps *maps, uint32_t id);
/* Learns of all maps there are. 0 or -ENOMEM. */
int kernel_maps_refresh(struct kernel_maps *maps);
/* Id of the map pinned there; -errno. */
int kernel_map_pinned(const char *path, uint32_t *id);
const char *map_type_name(uint32_t type); /* "hash" */
/* NULL when the map has none. */
const struct btf *kernel_map_btf(struct kernel_map *map);
void kernel_maps_free(struct kernel_maps *maps);

#endif
