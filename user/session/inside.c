/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/home.h"
#include "snapshot/unwind.h"

#define MAX_FRAME 65536
#define SPILLED 96 /* the return address, and registers that are arguments */

/* Whether the frame belongs to the function that has this site. */
static bool is_frame_of(const struct snapshot_sight *s, uint64_t stored, uint64_t site)
{
	uint64_t pc = (stored & ~UNWIND_EXACT) - !(stored & UNWIND_EXACT);
	struct go_func f;

	return !go_binary_func_by_pc(s->bin, site - s->bias, &f) && pc - s->bias >= f.entry &&
	       pc - s->bias < f.end;
}

static bool is_stack_check(const struct snapshot_sight *s, uint64_t stored)
{
	uint64_t pc = (stored & ~UNWIND_EXACT) - !(stored & UNWIND_EXACT);
	struct go_func f;

	return !go_binary_func_by_pc(s->bin, pc - s->bias, &f) && f.name &&
	       !strncmp(f.name, "runtime.morestack", 17);
}

/* Not one that has only just come, and stands in front of the operation: at the stack check, where
 * it may be held by ourselves, or parked. */
static bool has_begun(const struct snapshot_sight *s, const struct goroutine *g, size_t frame,
		      uint64_t site)
{
	const uint64_t *pcs = s->goroutines->pcs + g->at;

	if (frame)
		return !is_stack_check(s, pcs[frame - 1]);
	return g->status == GOROUTINE_RUNNING && pcs[0] & UNWIND_EXACT &&
	       (pcs[0] & ~UNWIND_EXACT) > site;
}

/* Whether any of these words is the one that is looked for. */
static bool has_word(struct memory *memory, uint64_t lo, uint64_t hi, uint64_t word)
{
	uint64_t at, value;

	if (hi < lo || hi - lo > MAX_FRAME)
		return false;
	for (at = lo; at < hi; at += 8)
		if (!memory_u64(memory, at, &value) && value == word)
			return true;
	return false;
}

static bool has_register(const struct user_regs_struct *r, uint64_t word)
{
	const unsigned long long all[] = {r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp,
					  r->r8,  r->r9,  r->r10, r->r11, r->r12, r->r13, r->r15};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] == word)
			return true;
	return false;
}

/*
 * A map function needs its map to the end, so it has it still: in its frame, where its registers
 * are spilled above the return address, or, where it has called nobody, in a register. What the
 * engine has noted and this does not bear out is of an earlier operation: the kernel may leave out
 * runs of our programs.
 */
static bool has_argument(const struct snapshot_sight *s, const struct goroutine *g, size_t frame,
			 uint64_t arg)
{
	const uint64_t *slots = s->goroutines->slots + g->at;
	const struct frozen_thread *t;

	if (frame)
		return slots[frame - 1] &&
		       has_word(s->memory, slots[frame - 1] + 8, slots[frame] + SPILLED, arg);
	t = g->tid ? freeze_thread(s->freeze, g->tid) : NULL;
	return t && t->known &&
	       (has_register(&t->regs, arg) ||
		has_word(s->memory, t->regs.rsp & ~7ull, slots[frame] + SPILLED, arg));
}

/*
 * Whether a panic has come out of this frame: deferred functions run on top of it, for as long as
 * they like, and nobody comes back to it.
 */
static bool is_left(const struct inside_finder *f, const struct goroutine *g, size_t frame)
{
	const uint64_t *pcs = f->sight->goroutines->pcs + g->at;
	uint64_t pc;
	size_t i;

	for (i = 0; i < frame; i++) {
		pc = (pcs[i] & ~UNWIND_EXACT) - !(pcs[i] & UNWIND_EXACT) - f->sight->bias;
		if (pc >= f->panics.entry && pc < f->panics.end)
			return true;
	}
	return false;
}

/* Whether it stands inside the map operation that it entered last, by what the engine has noted. */
static bool find_noted(const struct inside_finder *f, size_t which, struct inside *out)
{
	const struct snapshot_sight *s = f->sight;
	const struct goroutine *g = &s->goroutines->list[which];
	struct attachment_last_op op;
	uint64_t map;
	size_t i;

	/* what an earlier run of the function has left in the frame bears out that one */
	if (f->target->source.may_miss)
		return false;
	if (!g->n || !attachment_last_op(f->target->attachment, g->addr, &op))
		return false;
	for (i = 0; i < g->n; i++)
		if (s->goroutines->slots[g->at + i] == op.sp)
			break;
	if (i == g->n || is_left(f, g, i) ||
	    !is_frame_of(s, s->goroutines->pcs[g->at + i], op.site) ||
	    !has_begun(s, g, i, op.site) || !has_argument(s, g, i, op.arg))
		return false;
	map = op.arg;
	if (op.site_iterates &&
	    memory_u64(s->memory, op.arg + go_binary_layout(s->bin)->iter_map, &map))
		return false;
	*out = (struct inside){which, map, resolve_op(op.op), mr_op_writes(op.op)};
	return map != 0;
}

/* Map functions that have no probe, as another one that calls them has it: where their map is. */
static const struct {
	const char *name;
	uint8_t map_arg, op;
} beside[] = {
	{"internal/runtime/maps.(*Map).Delete", MR_ARG_0, MR_OP_DELETE},
};

#define NBESIDE (sizeof(beside) / sizeof(beside[0]))
#define PANICS "runtime.gopanic" /* calls deferred functions (Go src/runtime/panic.go) */

static int by_entry(const void *x, const void *y)
{
	const struct inside_function *a = x, *b = y;

	return a->entry < b->entry ? -1 : a->entry > b->entry;
}

static void add(struct inside_finder *f, const struct go_func *func, uint8_t op, uint8_t map_arg)
{
	f->functions[f->n++] = (struct inside_function){func->entry, func->end, op, map_arg};
}

int inside_begin(struct inside_finder *f, const struct watched *t, const struct snapshot_sight *s)
{
	const struct hook_set *set = &t->hooks;
	const char *names[NBESIDE + 1];
	struct go_func found[NBESIDE + 1], func;
	size_t i;

	*f = (struct inside_finder){.target = t, .sight = s};
	f->functions = calloc(set->count + NBESIDE, sizeof(*f->functions));
	if (!f->functions)
		return -ENOMEM;
	for (i = 0; i < set->count; i++) {
		const struct hook *h = &set->hooks[i];

		if (h->entry && h->map_arg != MR_ARG_NONE && h->op && h->op < MR_OP_MAX &&
		    !go_binary_func_by_pc(s->bin, h->entry, &func) && func.entry == h->entry)
			add(f, &func, h->op, h->map_arg);
	}
	for (i = 0; i < NBESIDE; i++)
		names[i] = beside[i].name;
	names[NBESIDE] = PANICS;
	if (!go_binary_find_funcs(s->bin, names, NBESIDE + 1, found)) {
		for (i = 0; i < NBESIDE; i++)
			if (found[i].name)
				add(f, &found[i], beside[i].op, beside[i].map_arg);
		if (found[NBESIDE].name)
			f->panics = (struct inside_function){found[NBESIDE].entry,
							     found[NBESIDE].end, 0, 0};
	}
	qsort(f->functions, f->n, sizeof(*f->functions), by_entry);
	return 0;
}

void inside_end(struct inside_finder *f)
{
	free(f->functions);
	f->functions = NULL;
	f->n = 0;
}

static const struct inside_function *function_at(const struct inside_finder *f, uint64_t pc)
{
	size_t lo = 0, hi = f->n;

	if (!f->n || pc < f->functions[0].entry || pc >= f->functions[f->n - 1].end)
		return NULL;
	while (lo < hi) { /* the first one that ends behind pc */
		size_t mid = lo + (hi - lo) / 2;

		if (f->functions[mid].end <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->n && f->functions[lo].entry <= pc ? &f->functions[lo] : NULL;
}

/* Of the innermost of its frames that is a map function's. */
static const struct inside_function *find_function(const struct inside_finder *f,
						   const struct goroutine *g, size_t *frame)
{
	const struct inside_function *function = NULL;
	uint64_t stored;
	size_t i;

	for (i = 0; i < g->n && !function; i++) {
		stored = f->sight->goroutines->pcs[g->at + i];
		function = function_at(f, (stored & ~UNWIND_EXACT) - !(stored & UNWIND_EXACT) -
						  f->sight->bias);
		*frame = i;
	}
	return function;
}

/* Whether it stands inside a map function that has its map where it can be told for certain. */
static bool find_at_home(const struct inside_finder *f, size_t which, struct inside *out)
{
	const struct snapshot_sight *s = f->sight;
	const struct goroutine *g = &s->goroutines->list[which];
	const struct inside_function *function;
	uint64_t pc, slot, map;
	unsigned int reg;
	size_t frame;

	function = find_function(f, g, &frame);
	if (!function || is_left(f, g, frame))
		return false;
	pc = s->goroutines->pcs[g->at + frame];
	slot = s->goroutines->slots[g->at + frame];
	reg = mr_arg_register(function->map_arg);
	if (!slot ||
	    !home_is_filled(s->bin, (pc & ~UNWIND_EXACT) - s->bias, !(pc & UNWIND_EXACT), reg) ||
	    memory_u64(s->memory, slot + mr_home_offset(reg), &map))
		return false;
	if (function->map_arg == MR_ARG_ITER &&
	    memory_u64(s->memory, map + go_binary_layout(s->bin)->iter_map, &map))
		return false;
	*out = (struct inside){which, map, resolve_op(function->op), mr_op_writes(function->op)};
	return map != 0;
}

bool inside_find(const struct inside_finder *f, size_t which, struct inside *out)
{
	return find_at_home(f, which, out) || find_noted(f, which, out);
}
