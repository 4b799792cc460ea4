/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/home.h"

#include <maprace/wire.h>

#include "arch/arch.h"

#define MAX_REGIONS 64
#define MAX_STEPS 24 /* instructions */

struct code {
	const struct elf_file *elf;
	uint64_t pc;
	uint8_t bytes[ARCH_INSN_MAX];
	int len; /* of what is there */
};

static bool code_at(struct code *c, uint64_t pc)
{
	c->pc = pc;
	for (c->len = ARCH_INSN_MAX; c->len; c->len--)
		if (!elf_file_read(c->elf, pc, c->bytes, (size_t)c->len))
			return true;
	return false;
}

/*
 * Behind a call: the code takes the argument from its home before it does anything else. It would
 * not, if it were not there.
 */
static bool is_fetched(const struct go_binary *bin, uint64_t pc, const struct arch_stack_move *home)
{
	struct code c = {.elf = go_binary_elf(bin)};
	struct arch_stack_move move;
	int steps, n;

	for (steps = 0; steps < MAX_STEPS && code_at(&c, pc); steps++) {
		n = arch_nop_len(c.bytes, c.len);
		if (!n && arch_jump_target(c.bytes, c.len, pc, &pc))
			continue;
		if (!n) {
			n = arch_stack_move_len(c.bytes, c.len, &move);
			if (!n)
				return false;
			if (move.disp == home->disp)
				return move.loads && move.whole;
		}
		pc += (uint64_t)n;
	}
	return false;
}

/*
 * In the straight beginning of the function, behind its prologue, the argument is put there.
 * [*from, *to): whoever is there has come by; jumps out of it lead to *to or further on.
 */
static bool find_beginning(const struct go_binary *bin, const struct go_sp_region *body,
			   const struct arch_stack_move *home, uint64_t *from, uint64_t *to)
{
	struct code c = {.elf = go_binary_elf(bin)};
	struct arch_stack_move move;
	uint64_t pc = body->lo, target;
	int steps, n;

	*from = 0;
	*to = UINT64_MAX;
	for (steps = 0; steps < MAX_STEPS && !*from && code_at(&c, pc);
	     steps++, pc += (uint64_t)n) {
		n = arch_nop_len(c.bytes, c.len);
		if (!n)
			n = arch_asks_len(c.bytes, c.len);
		if (!n && (n = arch_branch_len(c.bytes, c.len, pc, &target)))
			*to = target < *to ? target : *to;
		if (n)
			continue;
		n = arch_stack_move_len(c.bytes, c.len, &move);
		if (!n || (move.loads && move.reg == home->reg))
			return false;
		if (move.loads || move.disp != home->disp)
			continue;
		if (!move.whole || move.reg != home->reg)
			return false;
		*from = pc + (uint64_t)n;
	}
	return *from && *to > *from;
}

/* The region of the function's body: where its frame is complete, for the first time. */
static bool find_body(const struct go_binary *bin, const struct go_func *f, int32_t delta,
		      struct go_sp_region *body)
{
	struct go_sp_region regions[MAX_REGIONS];
	int n = go_binary_sp_regions(bin, f, regions, MAX_REGIONS), i;

	for (i = 0; i < n && i < MAX_REGIONS; i++) {
		if (regions[i].delta < delta)
			continue;
		*body = regions[i];
		return regions[i].delta == delta;
	}
	return false;
}

bool home_is_filled(const struct go_binary *bin, uint64_t pc, bool is_return, unsigned int reg)
{
	static const uint8_t registers[HOME_REGISTERS] = ARCH_ARGUMENTS;
	struct arch_stack_move home = {.disp = 0};
	struct go_sp_region body;
	struct go_func f;
	uint64_t from, to;
	int32_t delta;

	if (reg >= HOME_REGISTERS || go_binary_sp_delta(bin, pc - is_return, &f, &delta) ||
	    delta <= 0)
		return false;
	home.reg = registers[reg];
	home.disp = (int64_t)delta + (int64_t)mr_home_offset(reg);
	if (is_return && is_fetched(bin, pc, &home))
		return true;
	return find_body(bin, &f, delta, &body) && find_beginning(bin, &body, &home, &from, &to) &&
	       pc - is_return >= from && pc - is_return < to;
}
