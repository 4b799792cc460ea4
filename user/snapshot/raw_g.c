/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/raw_g.h"

#include <errno.h>

#include "base/bits.h"
#include "snapshot/goroutines.h"

#define SCAN 0x1000u	       /* _Gscan: its stack is being looked through */
#define MAX_STACK (1ull << 30) /* runtime.maxstacksize on 64 bits, and then some */
#define MAX_ID (1ull << 56)

bool raw_g_may_be_at(uint64_t addr)
{
	return !(addr & 7) && addr >= 4096 && addr < RAW_G_ADDRESSES;
}

void raw_g_parse(struct raw_g *g, const struct go_layout *l, const uint8_t *raw)
{
	*g = (struct raw_g){
		.lo = get_le64(raw + l->g_stack_lo),
		.hi = get_le64(raw + l->g_stack_hi),
		.m = get_le64(raw + l->g_m),
		.id = get_le64(raw + l->g_goid),
		.gopc = get_le64(raw + l->g_gopc),
		.startpc = get_le64(raw + l->g_startpc),
		.waitsince = get_le64(raw + l->g_waitsince),
		.labels = get_le64(raw + l->g_labels),
		.sp = get_le64(raw + l->g_sched_sp),
		.pc = get_le64(raw + l->g_sched_pc),
		.bp = get_le64(raw + l->g_sched_bp),
		.syscallsp = get_le64(raw + l->g_syscallsp),
		.syscallpc = get_le64(raw + l->g_syscallpc),
		.status = get_le32(raw + l->g_status) & ~SCAN,
		.reason = raw[l->g_waitreason],
	};
	if (l->g_parent_goid != GO_NO_OFFSET)
		g->parent = get_le64(raw + l->g_parent_goid);
}

int raw_g_read(struct memory *memory, const struct go_layout *layout, uint64_t addr,
	       struct raw_g *g)
{
	uint8_t raw[RAW_G_SIZE];
	int r;

	if (!raw_g_may_be_at(addr) || layout->g_size > sizeof(raw))
		return -EFAULT;
	r = memory_read(memory, addr, raw, layout->g_size);
	if (!r)
		raw_g_parse(g, layout, raw);
	return r;
}

bool raw_g_is_unused(const struct raw_g *g)
{
	return g->status == GOROUTINE_IDLE || g->status == GOROUTINE_DEAD ||
	       g->status == GOROUTINE_DEADEXTRA;
}

bool raw_g_looks_right(const struct raw_g *g)
{
	bool stack = g->lo < g->hi && g->hi - g->lo <= MAX_STACK && !(g->lo & 7) && !(g->hi & 7) &&
		     g->hi < RAW_G_ADDRESSES;

	if (g->status >= GOROUTINE_STATUSES || g->status == 5 || g->status == 7)
		return false;
	if (raw_g_is_unused(g))
		return stack || (!g->lo && !g->hi);
	if (!stack || !g->id || g->id >= MAX_ID || g->gopc >= RAW_G_ADDRESSES)
		return false;
	if (g->status == GOROUTINE_RUNNING || g->status == GOROUTINE_SYSCALL)
		return g->m && !(g->m & 7) && g->m < RAW_G_ADDRESSES;
	return g->status == GOROUTINE_COPYSTACK || (g->sp >= g->lo && g->sp <= g->hi);
}
