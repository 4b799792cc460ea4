/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/unwind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BITS 12
#define CACHE (1u << CACHE_BITS)
#define MAX_STEPS 1024

enum kind {
	PLAIN,
	FIRST,	   /* nothing called it: goexit, the start of a thread */
	SWITCH,	   /* has changed from the goroutine's stack to that of the thread */
	INJECTED,  /* its return address is an instruction that was interrupted */
	SIGRETURN, /* above a signal's handler: the kernel's frame is there */
	VDSO, /* goes to the thread's stack by itself, and notes that nowhere in the goroutine */
};

struct pc_info {
	uint64_t pc;
	uint64_t entry;
	int32_t delta;
	bool used, known;
	enum kind kind;
};

/* rt_sigframe of amd64, from where the handler returned to: ucontext, its mcontext at 40 */
#define UCONTEXT_RBP 120
#define UCONTEXT_RSP 160
#define UCONTEXT_RIP 168

static bool is_named(const char *name, const char *want)
{
	size_t n = strlen(want);

	return !strncmp(name, want, n) && (!name[n] || !strcmp(name + n, ".abi0"));
}

static enum kind kind_of(const char *name)
{
	static const struct {
		const char *name;
		enum kind kind;
	} kinds[] = {
		{"runtime.goexit", FIRST},
		{"runtime.mstart", FIRST},
		{"runtime.rt0_go", FIRST},
		{"runtime.systemstack", SWITCH},
		{"runtime.mcall", SWITCH},
		{"runtime.morestack", SWITCH},
		{"runtime.asyncPreempt", INJECTED},
		{"runtime.sigpanic", INJECTED},
		{"runtime.sigreturn", SIGRETURN},
		{"runtime.sigreturn__sigaction", SIGRETURN},
		{"runtime.nanotime1", VDSO},
		{"runtime.walltime", VDSO},
		{"time.now", VDSO},
	};
	size_t i;

	if (strncmp(name, "runtime.", 8) != 0 && name[0] != 't')
		return PLAIN;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (is_named(name, kinds[i].name))
			return kinds[i].kind;
	return PLAIN;
}

int unwinder_init(struct unwinder *u, const struct go_binary *bin, uint64_t bias,
		  struct memory *memory)
{
	*u = (struct unwinder){.bin = bin, .bias = bias, .memory = memory};
	u->cache = calloc(CACHE, sizeof(*u->cache));
	return u->cache ? 0 : -ENOMEM;
}

void unwinder_free(struct unwinder *u)
{
	free(u->cache);
	u->cache = NULL;
}

static const struct pc_info *look_up(struct unwinder *u, uint64_t pc)
{
	struct pc_info *info = &u->cache[(pc * 0x9e3779b97f4a7c15ull) >> (64 - CACHE_BITS)];
	struct go_func f;
	int32_t delta;

	if (info->used && info->pc == pc)
		return info;
	*info = (struct pc_info){.pc = pc, .used = true};
	if (!go_binary_sp_delta(u->bin, pc - u->bias, &f, &delta) && delta >= 0) {
		info->known = true;
		info->delta = delta;
		info->entry = f.entry + u->bias;
		info->kind = kind_of(f.name);
	}
	return info;
}

struct walk {
	struct unwinder *u;
	const struct unwind_from *from;
	struct unwound *out;
	uint64_t pc, sp, bp;
	bool exact;
	bool switched;
};

static bool on_stack(const struct walk *w, uint64_t sp)
{
	return sp >= w->from->lo && sp < w->from->hi;
}

static void push(struct walk *w)
{
	w->out->slots[w->out->n] = 0;
	w->out->pcs[w->out->n++] = w->pc | (w->exact ? UNWIND_EXACT : 0);
}

/* What the frame pointer leads to: who called, and from where. */
static bool read_frame(const struct walk *w, uint64_t *bp, uint64_t *ret)
{
	return !(w->bp & 7) && !memory_u64(w->u->memory, w->bp, bp) &&
	       !memory_u64(w->u->memory, w->bp + 8, ret);
}

static void leave_frame(struct walk *w, uint64_t bp, uint64_t ret)
{
	w->sp = w->bp + 16;
	w->bp = bp;
	w->pc = ret;
	w->exact = false;
}

/* Foreign code: its frame, and what the frame pointer leads to. False: to nothing. */
static bool step_foreign(struct walk *w)
{
	uint64_t ret, bp;

	w->out->approximate = true;
	if (!read_frame(w, &bp, &ret))
		return false;
	/* upwards on one stack; from the thread's to the goroutine's in any direction */
	if (bp <= w->bp && on_stack(w, w->bp) == on_stack(w, bp))
		return false;
	leave_frame(w, bp, ret);
	return true;
}

static bool step_signal(struct walk *w)
{
	uint64_t at = w->sp, pc, sp, bp;

	if (memory_u64(w->u->memory, at + UCONTEXT_RIP, &pc) ||
	    memory_u64(w->u->memory, at + UCONTEXT_RSP, &sp) ||
	    memory_u64(w->u->memory, at + UCONTEXT_RBP, &bp))
		return false;
	w->pc = pc;
	w->sp = sp;
	w->bp = bp;
	w->exact = true;
	return true;
}

static bool step_switch(struct walk *w)
{
	const struct pc_info *info;

	if (w->switched || !on_stack(w, w->from->sched_sp))
		return false;
	w->switched = true;
	w->pc = w->from->sched_pc;
	w->sp = w->from->sched_sp;
	w->bp = w->from->sched_bp;
	info = look_up(w->u, w->pc);
	w->exact = true;
	return info->known;
}

static bool step_plain(struct walk *w, const struct pc_info *info)
{
	uint64_t at = w->sp + (uint64_t)info->delta, ret;

	if (memory_u64(w->u->memory, at, &ret))
		return false;
	if (info->delta >= 8 && memory_u64(w->u->memory, at - 8, &w->bp))
		return false;
	w->out->slots[w->out->n - 1] = at; /* its frame was pushed just now */
	w->exact = info->kind == INJECTED;
	w->sp = at + 8;
	w->pc = ret;
	return ret != 0;
}

/* On the thread's stack its frame is where the frame pointer says, on the goroutine's: Go's
 * assembler saves it first in each function with a frame. */
static bool step_vdso(struct walk *w)
{
	uint64_t ret, bp;

	if (!on_stack(w, w->bp) || !read_frame(w, &bp, &ret) || !look_up(w->u, ret - 1)->known)
		return false;
	w->out->slots[w->out->n - 1] = w->bp + 8;
	leave_frame(w, bp, ret);
	return true;
}

/* False at the end, which is the right one when truncated is not set. */
static bool step(struct walk *w)
{
	const struct pc_info *info = look_up(w->u, w->exact ? w->pc : w->pc - 1);

	if (!info->known) {
		if (on_stack(w, w->sp))
			push(w);
		w->out->truncated = !step_foreign(w);
		return !w->out->truncated;
	}
	if (info->kind == FIRST) {
		/* the thread's: the goroutine is about to be run, and not reached from here */
		w->out->truncated = !on_stack(w, w->sp);
		return false;
	}
	if (info->kind == SIGRETURN) {
		w->out->truncated = !step_signal(w);
		return !w->out->truncated;
	}
	push(w);
	if (info->kind == SWITCH && !on_stack(w, w->sp))
		w->out->truncated = !step_switch(w);
	else if (info->kind == VDSO && !on_stack(w, w->sp))
		w->out->truncated = !step_vdso(w);
	else
		w->out->truncated = !step_plain(w, info);
	return !w->out->truncated;
}

void unwind(struct unwinder *u, const struct unwind_from *from, struct unwound *out)
{
	struct walk w = {
		.u = u, .from = from, .out = out, .pc = from->pc, .sp = from->sp, .bp = from->bp};
	size_t steps;

	out->n = 0;
	out->truncated = out->approximate = false;
	/* one that was never started stands at its entry, which nobody has called from */
	w.exact = from->running || look_up(u, from->pc)->entry == from->pc;
	for (steps = 0; steps < MAX_STEPS && out->n < UNWIND_MAX; steps++)
		if (!step(&w))
			return;
	out->truncated = true;
}
