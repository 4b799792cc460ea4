/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_GOMAP_H
#define MAPRACE_GO_GOMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"
#include "go/gomap_hash.h"
#include "model/snapshot.h"
#include "process/memory.h"

/*
 * A map as it lies in a process's memory: its type, a walk over all of its entries, and whether all
 * agrees: each entry's hash is computed anew and its place checked. Source: src/runtime/map.go (to
 * 1.23), src/internal/runtime/maps (from 1.24). Nothing is believed: pointers, lengths and chains
 * are what a damaged, or a hostile, process has there.
 */
struct gomap_type {
	uint64_t addr, key_type, elem_type;
	uint64_t key_size, elem_size; /* of the values, wherever they are */
	bool indirect_key, indirect_elem;
	uint64_t bucket_size; /* classic; Swiss: of a group */
	/* of the first slot in a bucket or group, and from slot to slot */
	uint64_t key_at, key_stride, elem_at, elem_stride;
	enum gomap_hasher how;
	char name[128];	  /* as Go prints it */
	char hasher[128]; /* the function's name, where it is not one that can be computed */
};

struct gomap_types { /* of a program */
	struct gomap_type *list;
	size_t n;
};

/* All map types that the program describes, read from its file: link-time addresses. 0 or -ENOMEM.
 */
int gomap_types_read(struct gomap_types *types, const struct go_binary *bin);
void gomap_types_free(struct gomap_types *types);
/* The one at this address, be it one that reflection made. 0, -EBADMSG it is none, -EFAULT. */
int gomap_type_read(struct gomap_type *type, const struct go_binary *bin, uint64_t bias,
		    struct memory *memory, uint64_t addr);

struct gomap {
	const struct go_layout *layout;
	struct memory *memory;
	const struct gomap_keys *keys; /* NULL: not known, no hash can be computed */
	const struct gomap_types *types;
	uint64_t bias; /* of the process: what its addresses differ by from theirs */
	bool values;   /* keep what is in it */
};

/*
 * Walks the map at addr and fills what *out says of it. type: its name, "map[string]int"; NULL
 * where its contents are to tell. 0 whatever it is like, -ENOMEM.
 */
int gomap_dump(const struct gomap *g, uint64_t addr, const char *type, struct report_map_dump *out);

#endif
