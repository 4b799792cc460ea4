/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/goroutines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "go/labels.h"
#include "snapshot/raw_g.h"

#define ROUNDS 8 /* then only a part in 256 of the time is left */
#define PAGE 4096u
#define MAX_LABELS 1024 /* different ones */

const char *goroutine_status_name(uint32_t status)
{
	static const char *const names[GOROUTINE_STATUSES] = {
		[GOROUTINE_IDLE] = "idle",	     [GOROUTINE_RUNNABLE] = "runnable",
		[GOROUTINE_RUNNING] = "running",     [GOROUTINE_SYSCALL] = "syscall",
		[GOROUTINE_WAITING] = "waiting",     [GOROUTINE_DEAD] = "dead",
		[GOROUTINE_COPYSTACK] = "copystack", [GOROUTINE_PREEMPTED] = "preempted",
		[GOROUTINE_LEAKED] = "leaked",	     [GOROUTINE_DEADEXTRA] = "dead",
	};

	return status < GOROUTINE_STATUSES && names[status] ? names[status] : "?";
}

static int keep_stack(struct goroutines *gs, struct goroutine *g, const struct unwound *stack)
{
	if (gs->npcs + stack->n > gs->room) {
		size_t room = 2 * (gs->npcs + stack->n) + 4096;
		uint64_t *grown = reallocarray(gs->pcs, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		gs->pcs = grown;
		grown = reallocarray(gs->slots, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		gs->slots = grown;
		gs->room = room;
	}
	if (stack->n) {
		memcpy(gs->pcs + gs->npcs, stack->pcs, stack->n * sizeof(*stack->pcs));
		memcpy(gs->slots + gs->npcs, stack->slots, stack->n * sizeof(*stack->slots));
	}
	g->at = gs->npcs;
	g->n = stack->n;
	g->truncated = stack->truncated;
	g->approximate = stack->approximate;
	gs->npcs += stack->n;
	return 0;
}

/* Where the walk of its stack begins. False: that is not known. */
static bool start_of(const struct raw_g *g, const struct frozen_thread *t, struct unwind_from *from)
{
	*from = (struct unwind_from){
		.pc = g->pc,
		.sp = g->sp,
		.bp = g->bp,
		.lo = g->lo,
		.hi = g->hi,
		.sched_pc = g->pc,
		.sched_sp = g->sp,
		.sched_bp = g->bp,
	};
	switch (g->status) {
	case GOROUTINE_COPYSTACK:
		return false;
	case GOROUTINE_SYSCALL:
		from->pc = g->syscallpc;
		from->sp = g->syscallsp;
		break;
	case GOROUTINE_RUNNING:
		if (!t || !t->known)
			return false;
		from->pc = t->regs.rip;
		from->sp = t->regs.rsp;
		from->bp = t->regs.rbp;
		from->running = true;
		return true;
	}
	return from->sp >= g->lo && from->sp < g->hi;
}

/* Addresses, each once. */
struct addresses {
	uint64_t *slots, mask; /* 0: empty */
	size_t n;
};

static int addresses_make(struct addresses *s, size_t n)
{
	for (s->mask = 63; s->mask < 2 * n;)
		s->mask = 2 * s->mask + 1;
	s->slots = calloc(s->mask + 1, sizeof(*s->slots));
	return s->slots ? 0 : -ENOMEM;
}

static uint64_t *addresses_find(const struct addresses *s, uint64_t addr)
{
	uint64_t i = addr * 0x9e3779b97f4a7c15ull >> 32;

	while (s->slots[i & s->mask] && s->slots[i & s->mask] != addr)
		i++;
	return &s->slots[i & s->mask];
}

struct reader {
	struct goroutines *gs;
	const struct go_layout *layout;
	struct memory *memory;
	const struct freeze *freeze;
	struct unwinder *u;
	uint64_t array, next;	/* the list, and the entry that is next */
	uint64_t met;		/* entries that were read before */
	struct addresses early; /* that were read before the list */
};

static int read_stack(struct reader *rd, struct goroutine *g)
{
	const struct frozen_thread *t = NULL;
	struct unwind_from from;
	struct unwound stack;
	struct raw_g raw;

	if (g->walked)
		return 0;
	g->walked = true;
	if (memory_late(rd->memory) || raw_g_read(rd->memory, rd->layout, g->addr, &raw)) {
		rd->gs->no_stack++;
		g->truncated = true;
		return 0;
	}
	if (rd->freeze && g->tid)
		t = freeze_thread(rd->freeze, g->tid);
	if (!start_of(&raw, t, &from)) {
		g->truncated = true;
		return 0;
	}
	unwind(rd->u, &from, &stack);
	return keep_stack(rd->gs, g, &stack);
}

/* The list grows as goroutines are met: what the process says of their number is only its word. */
static int add(struct reader *rd, uint64_t addr, const struct raw_g *raw)
{
	struct goroutines *gs = rd->gs;
	uint64_t tid = 0;

	if (gs->n == gs->list_room) {
		size_t room = gs->list_room ? 2 * gs->list_room : 1024;
		struct goroutine *grown = reallocarray(gs->list, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		gs->list = grown;
		gs->list_room = room;
	}
	if (raw->m && memory_u64(rd->memory, raw->m + rd->layout->m_procid, &tid))
		tid = 0;
	gs->list[gs->n++] = (struct goroutine){
		.addr = addr,
		.id = raw->id,
		.parent = raw->parent,
		.gopc = raw->gopc,
		.startpc = raw->startpc,
		.waitsince = raw->waitsince,
		.stack_lo = raw->lo,
		.stack_hi = raw->hi,
		.labels = raw->labels,
		.status = raw->status,
		.reason = raw->reason,
		.tid = tid < INT32_MAX ? (pid_t)tid : 0,
	};
	return 0;
}

/* An entry of the list. */
static int take(struct reader *rd, uint64_t addr)
{
	struct goroutines *gs = rd->gs;
	struct raw_g raw;

	if (addr && *addresses_find(&rd->early, addr) == addr)
		return 0;
	if (raw_g_read(rd->memory, rd->layout, addr, &raw) || !raw_g_looks_right(&raw)) {
		if (memory_late(rd->memory))
			gs->unread++;
		else
			gs->unreadable++;
		return 0;
	}
	if (!raw_g_is_unused(&raw))
		return add(rd, addr, &raw);
	gs->dead++;
	return 0;
}

static bool runs(const struct goroutine *g)
{
	return g->status == GOROUTINE_RUNNING || g->status == GOROUTINE_SYSCALL;
}

/* What the thread runs, by what Go keeps at fs:-8 (with C code it may be elsewhere, and then it is
 * found in the list only): the goroutine, or that of the scheduler or of a signal, whose m knows. */
static uint64_t find_running(const struct reader *rd, const struct frozen_thread *t,
			     struct raw_g *raw)
{
	uint64_t addr, curg;
	int tries;

	if (!t->known || t->regs.fs_base < 8 || memory_u64(rd->memory, t->regs.fs_base - 8, &addr))
		return 0;
	for (tries = 0; tries < 2; tries++) {
		if (raw_g_read(rd->memory, rd->layout, addr, raw) || !raw->m ||
		    memory_u64(rd->memory, raw->m + rd->layout->m_curg, &curg))
			return 0;
		if (curg == addr)
			return raw_g_looks_right(raw) && (raw->status == GOROUTINE_RUNNING ||
							  raw->status == GOROUTINE_SYSCALL)
				       ? addr
				       : 0;
		addr = curg;
	}
	return 0;
}

/* Before its turn in the list, with its stack. */
static int read_early(struct reader *rd, uint64_t addr, const struct raw_g *raw)
{
	uint64_t *slot = addresses_find(&rd->early, addr);
	int r;

	if (*slot == addr)
		return 0;
	*slot = addr;
	rd->early.n++;
	r = add(rd, addr, raw);
	return r ? r : read_stack(rd, &rd->gs->list[rd->gs->n - 1]);
}

/* In a list of hundreds of thousands they are the few that say most; first of all the one that is
 * asked for. */
static int read_running(struct reader *rd, uint64_t first)
{
	struct raw_g raw;
	size_t i, n = rd->freeze ? rd->freeze->n : 0;
	uint64_t addr;
	int r = addresses_make(&rd->early, n + 1);

	if (!r && first && !raw_g_read(rd->memory, rd->layout, first, &raw) &&
	    raw_g_looks_right(&raw) && !raw_g_is_unused(&raw))
		r = read_early(rd, first, &raw);
	for (i = 0; i < n && !r && !memory_late(rd->memory); i++) {
		addr = find_running(rd, &rd->freeze->threads[i], &raw);
		if (addr)
			r = read_early(rd, addr, &raw);
	}
	return r;
}

/* Entries from the next one on that are on a page that is not there, of n in all. */
static uint64_t entries_missing(const struct reader *rd, uint64_t n)
{
	uint64_t left = PAGE - ((rd->array + 8 * rd->next) & (PAGE - 1)), on_page = (left + 7) / 8;

	return on_page < n - rd->next ? on_page : n - rd->next;
}

/* As many as half of the time is enough for. */
static int read_list(struct reader *rd, uint64_t n)
{
	uint64_t addr, missing, until = memory_until(rd->memory), now = clock_ns(CLOCK_MONOTONIC);
	int r = 0;

	if (until > now)
		memory_deadline(rd->memory, now + (until - now) / 2);
	while (rd->next < n && !r && !memory_late(rd->memory)) {
		r = memory_u64(rd->memory, rd->array + 8 * rd->next, &addr);
		/* not there, or it does not come */
		if (r == -EFAULT || (r == -ETIME && !memory_late(rd->memory))) {
			missing = entries_missing(rd, n);
			*(r == -EFAULT ? &rd->gs->unreadable : &rd->gs->unread) += missing;
			rd->next += missing;
			r = 0;
		} else if (!r) {
			rd->met += addr && *addresses_find(&rd->early, addr) == addr;
			rd->next++;
			r = take(rd, addr);
		}
	}
	memory_deadline(rd->memory, until);
	return r == -ENOMEM ? r : 0; /* what was not read is counted */
}

/* The stacks of those that run are the fewest and say most. */
static int read_stacks(struct reader *rd)
{
	struct goroutines *gs = rd->gs;
	int pass, r = 0;
	size_t i;

	for (pass = 0; pass < 2 && !r; pass++)
		for (i = 0; i < gs->n && !r; i++)
			if (runs(&gs->list[i]) == !pass)
				r = read_stack(rd, &gs->list[i]);
	return r;
}

static int by_address(const void *a, const void *b)
{
	const struct goroutine_labels *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

const struct goroutine_labels *goroutines_labels(const struct goroutines *gs, uint64_t addr)
{
	const struct goroutine_labels key = {.addr = addr};

	return gs->nlabels ? bsearch(&key, gs->labels, gs->nlabels, sizeof(key), by_address) : NULL;
}

static int read_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return memory_read(ctx, addr, buf, len);
}

/* Which there are, then what they say, as long as there is time. */
static int read_labels(struct reader *rd)
{
	struct goroutines *gs = rd->gs;
	struct addresses seen;
	uint64_t *slot;
	size_t i;
	int r = addresses_make(&seen, MAX_LABELS);

	gs->labels = r ? NULL : calloc(MAX_LABELS, sizeof(*gs->labels));
	for (i = 0; gs->labels && i < gs->n && gs->nlabels < MAX_LABELS; i++) {
		slot = gs->list[i].labels ? addresses_find(&seen, gs->list[i].labels) : NULL;
		if (!slot || *slot)
			continue;
		*slot = gs->list[i].labels;
		gs->labels[gs->nlabels++].addr = *slot;
	}
	free(seen.slots);
	if (!gs->labels)
		return -ENOMEM;
	qsort(gs->labels, gs->nlabels, sizeof(*gs->labels), by_address);
	for (i = 0; i < gs->nlabels && !r && !memory_late(rd->memory); i++)
		r = labels_decode(rd->layout, gs->labels[i].addr, read_memory, rd->memory,
				  &gs->labels[i].labels, &gs->labels[i].n);
	return r;
}

int goroutines_read(struct goroutines *gs, const struct go_layout *layout, uint64_t allgs,
		    uint64_t first, struct memory *memory, const struct freeze *freeze,
		    struct unwinder *u)
{
	struct reader rd = {gs, layout, memory, freeze, u, 0, 0, 0, {}};
	uint64_t n;
	int rounds, r;

	memset(gs, 0, sizeof(*gs));
	if (memory_late(memory))
		return -ETIME;
	if (memory_u64(memory, allgs, &rd.array) || memory_u64(memory, allgs + 8, &n) || !n ||
	    n > RAW_G_MOST)
		return -EFAULT;
	gs->total = n;
	r = read_running(&rd, first);
	for (rounds = 0; rounds < ROUNDS && !r && rd.next < n && !memory_late(memory); rounds++) {
		r = read_list(&rd, n);
		if (!r)
			r = read_stacks(&rd);
	}
	if (!r)
		r = read_labels(&rd);
	if (n - rd.next > rd.early.n - rd.met)
		gs->unread += n - rd.next - (rd.early.n - rd.met);
	free(rd.early.slots);
	return r;
}

void goroutines_free(struct goroutines *gs)
{
	size_t i;

	free(gs->list);
	free(gs->pcs);
	free(gs->slots);
	for (i = 0; i < gs->nlabels; i++)
		report_labels_free(gs->labels[i].labels, gs->labels[i].n);
	free(gs->labels);
	memset(gs, 0, sizeof(*gs));
}
