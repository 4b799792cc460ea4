/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_RAW_G_H
#define MAPRACE_SNAPSHOT_RAW_G_H

#include <stdbool.h>
#include <stdint.h>

#include "go/go_layout.h"
#include "process/memory.h"

/* A runtime.g as it lies in memory: what of it anybody here asks for. */
struct raw_g {
	uint64_t lo, hi, m, id, parent, gopc, startpc, waitsince, labels;
	uint64_t sp, pc, bp, syscallsp, syscallpc;
	uint32_t status, reason;
};

#define RAW_G_SIZE 512	      /* bytes of one, at the most */
#define RAW_G_MOST (1u << 24) /* 16 million: their stacks alone are 32 GiB */
#define RAW_G_ADDRESSES (1ull << 47)

/* Whether one may be there. */
bool raw_g_may_be_at(uint64_t addr);
/* raw: layout->g_size bytes, at most RAW_G_SIZE. */
void raw_g_parse(struct raw_g *g, const struct go_layout *layout, const uint8_t *raw);
/* 0, -EFAULT, or as memory_read(). */
int raw_g_read(struct memory *memory, const struct go_layout *layout, uint64_t addr,
	       struct raw_g *g);
/* Nobody's at the moment: it waits to be used again. */
bool raw_g_is_unused(const struct raw_g *g);
/* What every g has. What no other structure has as well by chance, sixty-four times in a row. */
bool raw_g_looks_right(const struct raw_g *g);

#endif
