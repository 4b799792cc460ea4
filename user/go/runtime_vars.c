/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/runtime_vars.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "go/data_refs.h"

#define MAX_PS 4096
#define MAX_MS 10000 /* runtime/debug.SetMaxThreads() */
#define MAX_DATA (256ull << 20)
#define MAX_REFS 128
#define PIECE (1u << 20)
#define MAX_ADDRESS (1ull << 47)
#define HEAP_SHIFT 40 /* the heap's parts are that far apart where one is not near another */
#define TRIES 3	      /* the process goes on meanwhile */

/* src/runtime/mstats.go: type mstats, from last_gc_unix on; the same in all versions. */
#define RING 256
#define STATS_PAUSE_TOTAL 8
#define STATS_PAUSE_END (16 + RING * 8)
#define STATS_NUMGC (STATS_PAUSE_END + RING * 8)
#define STATS_NUMFORCED (STATS_NUMGC + 4)
#define STATS_LAST_NANOTIME (STATS_NUMGC + 16)
#define STATS_SIZE (STATS_NUMGC + 24)
#define YEAR_2001_NS 1000000000000000000ull
#define YEAR_2096_NS 4000000000000000000ull

/* src/runtime/mgcpacer.go: type gcControllerState; behind the goal, the same in all versions. */
#define PACER_PERCENT 0
#define PACER_LIMIT 8
#define PACER_MINIMUM 16
#define PACER_SWEEP 8
#define PACER_TRIGGERED 16
#define PACER_LIVE 32
#define PACER_STACKS 56
#define PACER_GLOBALS 72
#define PACER_MARKED 80
#define PACER_SIZE 256
#define HEAP_MINIMUM (4ull << 20)
#define MIN_RUNWAY (64ull << 10)
#define MAX_PERCENT 1000000

#define P_ID 0
#define P_STATUS 4
#define P_SIZE 64
enum { P_IDLE, P_RUNNING, P_SYSCALL, P_GCSTOP, P_DEAD };

struct scan {
	const struct go_binary *bin;
	const struct go_layout *layout;
	struct memory *memory;
	uint64_t bias, heap;
	struct runtime_vars *vars, found; /* found: in this pass, run-time addresses */
	size_t npacers;
	bool want_stats, want_pacer;
};

/* ---- Ps ---- */

static bool may_be(uint64_t addr)
{
	return !(addr & 7) && addr >= 4096 && addr < MAX_ADDRESS;
}

/* Whether it may be the P of that number; *runs: an m says that it is its own. */
static bool read_p(const struct go_layout *l, struct memory *memory, uint64_t addr, uint64_t id,
		   struct runtime_figures *out, bool *runs)
{
	uint8_t raw[P_SIZE + 8];
	uint32_t status;
	uint64_t m, p;

	if (memory_late(memory) || !may_be(addr) || memory_read(memory, addr, raw, sizeof(raw)))
		return false;
	status = get_le32(raw + P_STATUS);
	m = get_le64(raw + l->p_m);
	if (get_le32(raw + P_ID) != id || status >= P_DEAD || !may_be(get_le64(raw + l->p_m + 8)))
		return false;
	out->ps_idle += status == P_IDLE;
	out->ps_running += status == P_RUNNING;
	out->ps_syscall += status == P_SYSCALL;
	*runs |= m && may_be(m) && !memory_u64(memory, m + l->m_p, &p) && p == addr;
	return true;
}

/* Whether the slice {array, n} has all Ps. *runs: one of them does, be it in the kernel. */
static bool read_ps(const struct go_layout *l, struct memory *memory, uint64_t array, uint64_t n,
		    struct runtime_figures *out, bool *runs)
{
	uint64_t i, addr;

	*runs = false;
	if (!n || n > MAX_PS || !may_be(array))
		return false;
	out->ps = (uint32_t)n;
	out->ps_idle = out->ps_running = out->ps_syscall = 0;
	for (i = 0; i < n; i++)
		if (memory_u64(memory, array + 8 * i, &addr) ||
		    !read_p(l, memory, addr, i, out, runs))
			return false;
	return true;
}

static void keep(uint64_t *list, size_t *n, uint64_t addr)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (list[i] == addr)
			return;
	if (*n < RUNTIME_VARS_SAME)
		list[(*n)++] = addr;
}

static void read_ps_at(const struct go_layout *l, struct memory *memory, uint64_t at,
		       struct runtime_figures *out)
{
	struct runtime_figures one = *out;
	uint64_t array, n;
	bool runs;

	if (memory_u64(memory, at, &array) || memory_u64(memory, at + 8, &n) ||
	    !read_ps(l, memory, array, n, &one, &runs) || (out->ps_known && one.ps < out->ps))
		return;
	*out = one;
	out->ps_known = true;
}

/* Of those that making Ps refers to: looking behind each slice in the data would take too long. */
static void find_ps(struct scan *s)
{
	uint64_t refs[MAX_REFS], array, n, room;
	size_t i, nrefs = data_refs(s->bin, "runtime.procresize", refs, MAX_REFS);
	struct runtime_figures unused;
	bool runs;

	for (i = 0; i < nrefs && !memory_late(s->memory); i++) {
		uint64_t at = refs[i] + s->bias;

		if (memory_u64(s->memory, at, &array) || memory_u64(s->memory, at + 8, &n) ||
		    memory_u64(s->memory, at + 16, &room) || n > room || room > MAX_PS ||
		    array >> HEAP_SHIFT != s->heap >> HEAP_SHIFT)
			continue;
		/* where there is one, and it is idle, little can be said of it */
		if (read_ps(s->layout, s->memory, array, n, &unused, &runs) && (n > 1 || runs))
			keep(s->vars->allp, &s->vars->nallp, refs[i]);
	}
}

/* ---- collections ---- */

static bool stats_agree(const uint8_t *raw)
{
	uint64_t last = get_le64(raw), n = get_le32(raw + STATS_NUMGC);
	size_t at = (size_t)((n + RING - 1) % RING);

	return n && n < INT32_MAX && last > YEAR_2001_NS && last < YEAR_2096_NS &&
	       get_le32(raw + STATS_NUMFORCED) <= n &&
	       get_le64(raw + STATS_PAUSE_END + 8 * at) == last &&
	       get_le64(raw + STATS_LAST_NANOTIME) >> 16;
}

static void consider_stats(struct scan *s, uint64_t at, const uint8_t *raw)
{
	uint64_t last = get_le64(raw);

	if (last > YEAR_2001_NS && last < YEAR_2096_NS && stats_agree(raw))
		keep(s->found.stats, &s->found.nstats, at);
}

/* There was none so far: all of it is empty. */
static bool stats_are_new(const uint8_t *raw)
{
	return !get_le64(raw) && !get_le64(raw + STATS_PAUSE_TOTAL) &&
	       !get_le32(raw + STATS_NUMGC) && !get_le64(raw + STATS_LAST_NANOTIME);
}

static bool read_stats(uint64_t at, struct memory *memory, struct runtime_figures *out)
{
	uint8_t raw[STATS_SIZE];
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		if (memory_read(memory, at, raw, sizeof(raw)))
			return false;
		if (!stats_agree(raw) && !stats_are_new(raw))
			continue;
		if (out->gc_known && get_le32(raw + STATS_NUMGC) < out->gc_cycles)
			return true;
		out->gc_known = true;
		out->gc_cycles = get_le32(raw + STATS_NUMGC);
		out->gc_forced = get_le32(raw + STATS_NUMFORCED);
		out->gc_pause_ns = get_le64(raw + STATS_PAUSE_TOTAL);
		out->gc_last_unix_ns = get_le64(raw);
		return true;
	}
	return false;
}

/* ---- the heap ---- */

/* What the pacer's formula makes of the numbers beside it: commit(). */
static uint64_t goal_of(const uint8_t *raw, const uint8_t *behind, bool globals)
{
	uint64_t percent = (uint64_t)(int64_t)(int32_t)get_le32(raw + PACER_PERCENT);
	uint64_t minimum = get_le64(raw + PACER_MINIMUM), goal = UINT64_MAX;
	uint64_t marked = get_le64(behind + PACER_MARKED), roots = get_le64(behind + PACER_STACKS);

	if (globals)
		roots += get_le64(behind + PACER_GLOBALS);
	if ((int64_t)percent >= 0)
		goal = marked + (marked + roots) * percent / 100;
	return goal < minimum ? minimum : goal;
}

static bool pacer_agrees(const struct go_layout *l, const uint8_t *raw)
{
	int32_t percent = (int32_t)get_le32(raw + PACER_PERCENT);
	const uint8_t *behind = raw + l->pacer_goal;
	uint64_t goal = get_le64(behind), marked = get_le64(behind + PACER_MARKED);

	if (percent < -1 || percent > MAX_PERCENT || get_le32(raw + 4) ||
	    (int64_t)get_le64(raw + PACER_LIMIT) <= 0 ||
	    get_le64(raw + PACER_MINIMUM) != HEAP_MINIMUM * (uint64_t)(int64_t)percent / 100)
		return false;
	if (!marked || marked >= MAX_ADDRESS || get_le64(behind + PACER_LIVE) >= MAX_ADDRESS)
		return false;
	/* its first goal is made before it is known how large the globals are */
	return goal == goal_of(raw, behind, true) ||
	       (get_le64(behind + PACER_TRIGGERED) == UINT64_MAX &&
		goal == goal_of(raw, behind, false));
}

static void consider_pacer(struct scan *s, uint64_t at, const uint8_t *raw)
{
	/* with GOGC=0 the formula says too little */
	if (get_le32(raw + 4) || !get_le32(raw + PACER_PERCENT) || !pacer_agrees(s->layout, raw))
		return;
	s->found.pacer = at;
	s->npacers++;
}

/* heapGoalInternal(), where no memory limit is set: with one it may be less. */
static uint64_t whole_goal(const uint8_t *behind)
{
	uint64_t goal = get_le64(behind), sweep = get_le64(behind + PACER_SWEEP);
	uint64_t triggered = get_le64(behind + PACER_TRIGGERED);

	goal = sweep > goal ? sweep : goal;
	if (triggered < MAX_ADDRESS && goal < triggered + MIN_RUNWAY)
		goal = triggered + MIN_RUNWAY;
	return goal;
}

static bool read_pacer(const struct go_layout *l, uint64_t at, struct memory *memory,
		       struct runtime_figures *out)
{
	uint8_t raw[PACER_SIZE];
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		const uint8_t *behind = raw + l->pacer_goal;

		if (memory_read(memory, at, raw, sizeof(raw)))
			return false;
		if (!pacer_agrees(l, raw))
			continue;
		out->gc_percent = (int32_t)get_le32(raw + PACER_PERCENT);
		out->memory_limit = (int64_t)get_le64(raw + PACER_LIMIT);
		out->heap_marked = get_le64(behind + PACER_MARKED);
		out->heap_live = get_le64(behind + PACER_LIVE);
		out->heap_goal = whole_goal(behind);
		return true;
	}
	return false;
}

/* ---- Ms ---- */

/* So many ms are in the chain that begins there; 0: it is none. The last one is in the program's
 * data: m0. Each has a g0 that says whose it is. */
static uint32_t count_ms(const struct go_binary *bin, const struct go_layout *l, uint64_t bias,
			 struct memory *memory, uint64_t m)
{
	uint64_t g0, back, last = 0;
	uint32_t n = 0;

	for (; m; n++) {
		if (n == MAX_MS || memory_late(memory) || !may_be(m) ||
		    memory_u64(memory, m + l->m_g0, &g0) || !may_be(g0) ||
		    memory_u64(memory, g0 + l->g_m, &back) || back != m)
			return 0;
		last = m;
		if (memory_u64(memory, m + l->m_alllink, &m))
			return 0;
	}
	return last && data_has(bin, last - bias) ? n : 0;
}

static uint32_t count_from(const struct go_binary *bin, uint64_t bias, struct memory *memory,
			   uint64_t at)
{
	uint64_t m;

	if (memory_u64(memory, at + bias, &m))
		return 0;
	return count_ms(bin, go_binary_layout(bin), bias, memory, m);
}

/* Those that the function refers to whose chain is the longest. */
static void find_ms(struct scan *s)
{
	uint64_t refs[MAX_REFS];
	size_t i, nrefs = data_refs(s->bin, "runtime.mcommoninit", refs, MAX_REFS);
	uint32_t most = 0, n;

	for (i = 0; i < nrefs && !memory_late(s->memory); i++) {
		n = count_from(s->bin, s->bias, s->memory, refs[i]);
		if (!n || n < most)
			continue;
		if (n > most)
			s->vars->nallm = 0;
		most = n;
		keep(s->vars->allm, &s->vars->nallm, refs[i]);
	}
}

/* ---- all ---- */

static void look_at(struct scan *s, uint64_t at, const uint8_t *raw, size_t len)
{
	if (s->want_pacer && len >= PACER_SIZE)
		consider_pacer(s, at, raw);
	if (s->want_stats && len >= STATS_SIZE)
		consider_stats(s, at, raw);
}

static int look_through(struct scan *s, uint64_t lo, uint64_t size)
{
	uint8_t *piece = malloc(PIECE);
	uint64_t at;
	size_t i;

	for (at = 0; piece && at < size && !memory_late(s->memory); at += PIECE - STATS_SIZE) {
		size_t len = size - at < PIECE ? (size_t)(size - at) : PIECE;
		/* what lies across the end of this piece is looked at with the next one */
		size_t stop = len < PIECE ? len : PIECE - STATS_SIZE;

		if (memory_read(s->memory, lo + at, piece, len))
			continue;
		for (i = 0; i + PACER_SIZE <= len && i < stop; i += 8)
			look_at(s, lo + at + i, piece + i, len - i);
	}
	free(piece);
	return piece ? 0 : -ENOMEM;
}

/* Of what must be there once only, all of the data was looked through. */
static void take(struct scan *s)
{
	struct runtime_vars *v = s->vars;
	size_t i;

	if (s->npacers == 1)
		v->pacer = s->found.pacer - s->bias;
	for (i = 0; s->want_stats && i < s->found.nstats; i++)
		keep(v->stats, &v->nstats, s->found.stats[i] - s->bias);
}

bool runtime_vars_complete(const struct runtime_vars *v)
{
	return v->nallp && v->pacer && v->nstats && v->nallm;
}

int runtime_vars_find(struct runtime_vars *vars, const struct go_binary *bin, uint64_t bias,
		      struct memory *memory, uint64_t heap)
{
	const struct elf_segment *segments;
	size_t i, n = elf_file_segments(go_binary_elf(bin), &segments);
	struct scan s = {
		.bin = bin,
		.layout = go_binary_layout(bin),
		.memory = memory,
		.bias = bias,
		.heap = heap,
		.vars = vars,
		.want_stats = !vars->nstats,
		.want_pacer = !vars->pacer,
	};
	int r = 0;

	if (!vars->nallm)
		find_ms(&s);
	if (!vars->nallp)
		find_ps(&s);
	if (vars->pacer && vars->nstats)
		return 0;
	for (i = 0; i < n && !r; i++) {
		uint64_t lo = (segments[i].vaddr + 7) & ~7ull, skipped = lo - segments[i].vaddr;

		if (segments[i].flags & PF_W && segments[i].memsz > skipped &&
		    segments[i].memsz <= MAX_DATA)
			r = look_through(&s, lo + bias, segments[i].memsz - skipped);
	}
	if (!r && !memory_late(memory))
		take(&s);
	return r;
}

void runtime_vars_read(const struct runtime_vars *v, const struct go_binary *bin, uint64_t bias,
		       struct memory *memory, struct runtime_figures *out)
{
	const struct go_layout *l = go_binary_layout(bin);
	uint32_t ms;
	size_t i;

	*out = (struct runtime_figures){};
	for (i = 0; i < v->nallp; i++)
		read_ps_at(l, memory, v->allp[i] + bias, out);
	for (i = 0; i < v->nstats; i++)
		read_stats(v->stats[i] + bias, memory, out);
	out->heap_known = v->pacer && read_pacer(l, v->pacer + bias, memory, out);
	for (i = 0; i < v->nallm; i++) {
		ms = count_from(bin, bias, memory, v->allm[i]);
		if (ms > out->ms)
			out->ms = ms;
	}
	out->ms_known = out->ms > 0;
}
