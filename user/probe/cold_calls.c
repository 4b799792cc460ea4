/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/cold_calls.h"

#include <errno.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "probe/callsites.h"

#define AGAIN_NS 60000000000ull
#define CODE_MAX (1u << 20)

struct finding {
	struct cold_calls *found;
	const struct go_binary *bin;
	const struct hook_set *set;
	uint64_t bias;
	const uint8_t *slots;
	size_t room;
	struct go_func f; /* the last one that was read */
	uint8_t *code;
};

/* Its code, once for all calls in it. */
static bool read_function(struct finding *f, uint64_t pc)
{
	if (f->code && pc >= f->f.entry && pc < f->f.end)
		return true;
	free(f->code);
	f->code = NULL;
	if (go_binary_func_by_pc(f->bin, pc, &f->f) || f->f.end <= f->f.entry ||
	    f->f.end - f->f.entry > CODE_MAX)
		return false;
	f->code = malloc(f->f.end - f->f.entry);
	if (f->code &&
	    !elf_file_read(go_binary_elf(f->bin), f->f.entry, f->code, f->f.end - f->f.entry))
		return true;
	free(f->code);
	f->code = NULL;
	return false;
}

/*
 * Whether an instruction begins at pc: those before it are gone through from the function's entry
 * on. A breakpoint in the middle of one would be the end of the process.
 */
static bool is_instruction(struct finding *f, uint64_t pc)
{
	struct arch_insn insn;
	uint64_t at;

	if (!read_function(f, pc))
		return false;
	for (at = f->f.entry; at < pc; at += insn.len)
		if (!arch_decode(f->code + (at - f->f.entry), f->f.end - at, at, &insn) ||
		    !insn.len)
			return false;
	return at == pc;
}

/* A wrapper's call is not where it is called from. */
static bool is_runtime(const struct hook_set *set, uint64_t pc)
{
	return pc >= set->runtime_lo && pc < set->runtime_hi;
}

static int on_call(void *ctx, const struct hook *hook, uint64_t ret)
{
	struct finding *f = ctx;
	struct cold_calls *c = f->found;
	uint64_t at = ret - ARCH_CALL_LEN, offset;
	uint8_t slot = f->slots[hook - f->set->hooks];
	struct cold_call *grown;

	if (slot >= MR_SITE_SLOTS || is_runtime(f->set, at) || !is_instruction(f, at) ||
	    elf_file_offset(go_binary_elf(f->bin), at, &offset))
		return 0;
	if (c->count == f->room) {
		f->room = f->room ? 2 * f->room : 256;
		grown = realloc(c->list, f->room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		c->list = grown;
	}
	c->list[c->count++] =
		(struct cold_call){.ip = at + f->bias, .link = {.offset = offset, .slot = slot}};
	return 0;
}

int cold_calls_find(struct cold_calls *c, const struct go_binary *bin, const struct hook_set *set,
		    uint64_t bias, const uint8_t *slots)
{
	struct finding f = {.found = c, .bin = bin, .set = set, .bias = bias, .slots = slots};
	int r;

	c->searched = true;
	r = callsites_find(bin, set, on_call, &f);
	free(f.code);
	return r;
}

const struct cold_call *cold_calls_next(struct cold_calls *c, const uint8_t *away, uint64_t now_ns)
{
	while (c->next < c->count) {
		const struct cold_call *call = &c->list[c->next++];

		if (away[call->link.slot])
			return call;
	}
	if (now_ns - c->wrapped_ns < AGAIN_NS)
		return NULL;
	c->wrapped_ns = now_ns;
	c->next = 0;
	return NULL;
}

void cold_calls_free(struct cold_calls *c)
{
	free(c->list);
	*c = (struct cold_calls){};
}
