/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_RAW_G_H
#define MAPRACE_SNAPSHOT_RAW_G_H

#include <stdbool.h>
#include <stdint.h>

#include "go/go_layout.h"
#include "process/memory.h"

#define MAX_ADDRESS (1ull << 47)

/* A runtime.g as it lies in memory, whatever that may be. */
struct raw_g {
	uint64_t lo, hi, m, id, parent, gopc, startpc, waitsince, labels;
	uint64_t sp, pc, bp, syscallsp, syscallpc;
	uint32_t status, reason;
};

/* 0, -EFAULT it cannot be there, or as memory_read(). */
int raw_g_read(struct memory *memory, const struct go_layout *l, uint64_t addr, struct raw_g *g);
bool raw_g_is_unused(const struct raw_g *g);
/* What every g has. What no other structure has as well by chance, sixty-four times in a row. */
bool raw_g_looks_right(const struct raw_g *g);

#endif
