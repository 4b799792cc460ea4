/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/vitals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "snapshot/raw_g.h"

#define MOST_READ 32768u       /* goroutines, at a look */
#define LOOK_NS 300000000ull   /* a look takes that long at the most */
#define SEARCH_NS 100000000ull /* likewise, for the runtime's variables */
/* For the list of goroutines, each time twice as long: nobody else is looked after meanwhile. */
#define FIND_NS 100000000ull
#define MOST_FINDS 4
#define SEARCHES 12 /* the last one is so many doublings of looks later */
#define SEARCHES_AT_ONCE 4
#define SLICE 8192 /* addresses of goroutines that are read at a time */
#define STARTS 256
#define MOST_COARSE 256
#define FINER_LOOKS 256 /* then it is tried whether more can be read */
#define MAX_REASONS 256
#define MAX_MAKERS 20
#define MAX_NAME 1024

/* Whether what begins there is the runtime's own: asked of each goroutine. */
struct start {
	uint64_t pc;
	bool system;
};

struct tally { /* of one look */
	uint64_t at_ns, scale, goroutines, system, unreadable, read;
	uint64_t states[REPORT_GOROUTINE_STATES];
	uint64_t reasons[MAX_REASONS];
	uint64_t oldest_since, oldest_gopc; /* 0: not known */
	uint32_t oldest_reason;
	struct runtime_figures figures;
};

struct vitals {
	const struct process *process;
	const struct go_binary *bin;
	const struct go_layout *layout;
	uint64_t bias;
	uint64_t allgs; /* 0: not found */
	int64_t clock_offset;
	struct start starts[STARTS];
	struct growing growing;
	struct tally now, last; /* being made; of the last look that was one */
	uint64_t looks, began_ns;
	uint64_t coarse; /* the scale is that at least: more could not be read in time */
	unsigned int searches, finds;
};

int vitals_open(struct vitals **out, const struct process *p, const struct go_binary *bin,
		uint64_t bias)
{
	struct vitals *v = calloc(1, sizeof(*v));

	if (!v || growing_open(&v->growing)) {
		free(v);
		return -ENOMEM;
	}
	v->process = p;
	v->bin = bin;
	v->layout = go_binary_layout(bin);
	v->bias = bias;
	v->coarse = 1;
	v->clock_offset = clock_offset_of(p->pid);
	*out = v;
	return 0;
}

void vitals_close(struct vitals *v)
{
	if (v)
		growing_close(&v->growing);
	free(v);
}

/* src/runtime/traceback.go: isSystemGoroutine(), but for finalizers, which are the program's while
 * they run. */
static bool is_system(struct vitals *v, uint64_t pc)
{
	struct start *s = &v->starts[(pc >> 4) % STARTS];
	struct go_func f = {};

	if (s->pc == pc)
		return s->system;
	s->pc = pc;
	s->system = !go_binary_func_by_pc(v->bin, pc - v->bias, &f) && f.name &&
		    !strncmp(f.name, "runtime.", 8) && strcmp(f.name, "runtime.main") != 0 &&
		    strcmp(f.name, "runtime.handleAsyncEvent") != 0;
	return s->system;
}

static bool is_network(const struct vitals *v, const struct raw_g *g)
{
	const char *reason = go_layout_wait_reason(v->layout, g->reason);

	return g->status == GOROUTINE_WAITING && reason && !strcmp(reason, "IO wait");
}

static enum report_goroutine_state state_of(const struct vitals *v, const struct raw_g *g)
{
	switch (g->status) {
	case GOROUTINE_RUNNING:
		return REPORT_GOROUTINE_RUNNING;
	case GOROUTINE_RUNNABLE:
		return REPORT_GOROUTINE_RUNNABLE;
	case GOROUTINE_SYSCALL:
		return REPORT_GOROUTINE_SYSCALL;
	case GOROUTINE_WAITING:
		return is_network(v, g) ? REPORT_GOROUTINE_NETWORK : REPORT_GOROUTINE_WAITING;
	case GOROUTINE_LEAKED:
		return REPORT_GOROUTINE_WAITING;
	}
	return REPORT_GOROUTINE_OTHER;
}

static void count(struct vitals *v, const struct raw_g *g)
{
	enum report_goroutine_state state = state_of(v, g);
	bool waits = state == REPORT_GOROUTINE_WAITING || state == REPORT_GOROUTINE_NETWORK;
	struct tally *t = &v->now;

	if (is_system(v, g->startpc)) {
		t->system++;
		return;
	}
	t->goroutines++;
	t->states[state]++;
	if (waits)
		t->reasons[g->reason % MAX_REASONS]++;
	if (waits && g->waitsince && g->waitsince < INT64_MAX &&
	    (!t->oldest_since || g->waitsince < t->oldest_since)) {
		t->oldest_since = g->waitsince;
		t->oldest_gopc = g->gopc;
		t->oldest_reason = g->reason;
	}
	if (g->id == 1) /* the first one: nobody's go statement */
		return;
	growing_add(&v->growing, g->gopc - v->bias, g->id, waits,
		    state == REPORT_GOROUTINE_NETWORK);
}

/* What is not as a goroutine is has been freed, or is about to be used again. */
static void take(struct vitals *v, const uint8_t *raw)
{
	struct raw_g g;

	raw_g_parse(&g, v->layout, raw);
	if (!raw_g_looks_right(&g))
		v->now.unreadable++;
	else if (!raw_g_is_unused(&g))
		count(v, &g);
}

static int read_some(struct vitals *v, struct memory *memory, const uint64_t *addrs, size_t n)
{
	uint8_t raw[MEMORY_MANY * RAW_G_SIZE];
	size_t at = 0, done, i;
	int r = 0;

	while (at < n && !r) {
		r = memory_read_many(memory, addrs + at, n - at, v->layout->g_size, raw, &done);
		for (i = 0; i < done; i++)
			take(v, raw + i * v->layout->g_size);
		v->now.read += done;
		at += done;
		if (at < n && !r) { /* that one is not there */
			v->now.unreadable++;
			at++;
		}
	}
	return r;
}

/* A part of the list of goroutines. */
static int read_slice(struct vitals *v, struct memory *memory, uint64_t array, size_t n)
{
	uint64_t addrs[MEMORY_MANY], addr;
	uint8_t *raw = malloc(n * 8);
	size_t i, some = 0;
	int r = raw ? memory_read(memory, array, raw, n * 8) : -ENOMEM;

	for (i = 0; i < n && !r; i += v->now.scale) {
		addr = get_le64(raw + 8 * i);
		if (!raw_g_may_be_at(addr)) {
			v->now.unreadable++;
			continue;
		}
		addrs[some++] = addr;
		if (some == MEMORY_MANY) {
			r = memory_late(memory) ? -ETIME : read_some(v, memory, addrs, some);
			some = 0;
		}
	}
	if (!r)
		r = read_some(v, memory, addrs, some);
	free(raw);
	return r;
}

static int read_list(struct vitals *v, struct memory *memory, uint64_t *heap)
{
	uint64_t array, n, i;
	uint8_t raw[16];
	int r = memory_read(memory, v->allgs, raw, sizeof(raw));

	if (r)
		return r;
	array = get_le64(raw);
	n = get_le64(raw + 8);
	if (!raw_g_may_be_at(array) || !n || n > RAW_G_MOST)
		return -EFAULT;
	*heap = array;
	for (v->now.scale = v->coarse; n / v->now.scale > MOST_READ;)
		v->now.scale *= 2;
	growing_begin(&v->growing, v->now.scale);
	for (i = 0; i < n && !r; i += SLICE)
		r = read_slice(v, memory, array + 8 * i, n - i < SLICE ? (size_t)(n - i) : SLICE);
	return r;
}

/* Later and later: what is not found the first time is perhaps not there yet. */
static int look_for_vars(struct vitals *v, struct runtime_vars *vars, uint64_t heap)
{
	struct memory *memory;
	int r;

	if (runtime_vars_complete(vars) || v->searches >= 1u << SEARCHES)
		return 0;
	v->searches++;
	if (v->searches > SEARCHES_AT_ONCE && v->searches & (v->searches - 1))
		return 0;
	memory = memory_frozen(memory_live(v->process->pid));
	if (!memory)
		return -ENOMEM;
	memory_deadline(memory, clock_ns(CLOCK_MONOTONIC) +
					(SEARCH_NS << (v->searches < MOST_FINDS ? v->searches - 1
										: MOST_FINDS - 1)));
	r = runtime_vars_find(vars, v->bin, v->bias, memory, heap);
	memory_close(memory);
	return r;
}

/* Most of what looks like the list at first lies close together: so it is read in large pieces,
 * each once. */
int vitals_find(struct vitals *v, struct goroutines_hint *hint, struct err *err)
{
	struct memory *memory;
	int r;

	if (v->allgs)
		return 0;
	memory = memory_frozen(memory_live(v->process->pid));
	if (!memory)
		return -ENOMEM;
	memory_deadline(memory, clock_ns(CLOCK_MONOTONIC) + (FIND_NS << v->finds));
	r = goroutines_find_frozen(v->bin, v->bias, memory, hint, &v->allgs, err);
	if (r)
		v->allgs = 0;
	v->finds += v->finds < MOST_FINDS;
	memory_close(memory);
	return r;
}

int vitals_look(struct vitals *v, struct runtime_vars *vars, size_t *named)
{
	struct memory *memory = memory_live(v->process->pid);
	uint64_t now = clock_ns(CLOCK_MONOTONIC), heap = 0;
	int r;

	*named = 0;
	if (!memory)
		return -ENOMEM;
	memory_deadline(memory, now + LOOK_NS);
	v->now = (struct tally){.at_ns = now};
	/* they are few, and the list may take all of the time */
	runtime_vars_read(vars, v->bin, v->bias, memory, &v->now.figures);
	r = v->allgs ? read_list(v, memory, &heap) : -EFAULT;
	if (!r)
		r = look_for_vars(v, vars, heap);
	if (!r) {
		*named = growing_end(&v->growing, now);
		v->last = v->now;
		v->began_ns = v->began_ns ? v->began_ns : now;
		v->looks++;
		if (!(v->looks % FINER_LOOKS) && v->coarse > 1)
			v->coarse /= 2;
	} else if (r == -ETIME && v->now.scale && v->now.scale < MOST_COARSE) {
		v->coarse = 2 * v->now.scale;
	}
	memory_close(memory);
	return r;
}

uint64_t vitals_read(const struct vitals *v)
{
	return v->now.read;
}

uint64_t vitals_looks(const struct vitals *v)
{
	return v->looks;
}

/* ---- what is told of it ---- */

/* The go statement: what is noted is where it returns to. */
static int fill_frame(const struct vitals *v, uint64_t gopc, struct report_frame *out)
{
	struct go_frame f = {.function = "", .file = ""};
	int n = go_binary_frames(v->bin, gopc, true, &f, 1);

	if (n < 0)
		return n;
	*out = (struct report_frame){
		.function = strndup(f.function, MAX_NAME),
		.file = strndup(f.file, MAX_NAME),
		.line = f.line,
		.start_line = f.start_line,
		.pc = gopc + v->bias,
	};
	return out->function && out->file ? 0 : -ENOMEM;
}

static int by_goroutines(const void *a, const void *b)
{
	const struct growing_site *const *x = a, *const *y = b;

	if ((*x)->named != (*y)->named)
		return (*x)->named ? -1 : 1;
	return (*x)->last < (*y)->last ? 1 : (*x)->last > (*y)->last ? -1 : 0;
}

static int fill_maker(const struct vitals *v, const struct growing_site *s, uint64_t start_ns,
		      struct report_maker *out)
{
	*out = (struct report_maker){
		.goroutines = s->last * v->last.scale,
		.named = s->named,
		.grows = s->grows,
		.seconds = s->seconds,
		.per_second = s->per_second,
		.from = s->from * v->last.scale,
	};
	if (s->named)
		out->named_s = (double)(s->named_ns - start_ns) / 1e9;
	return fill_frame(v, s->gopc, &out->at);
}

static int fill_makers(const struct vitals *v, uint64_t start_ns, struct report_vitals *out)
{
	const struct growing_site **list = calloc(GROWING_SITES, sizeof(*list));
	size_t i, n = 0;
	int r = 0;

	out->makers = calloc(MAX_MAKERS, sizeof(*out->makers));
	if (!list || !out->makers) {
		free(list);
		return -ENOMEM;
	}
	for (i = 0; i < v->growing.n; i++)
		if (v->growing.sites[i].last || v->growing.sites[i].named)
			list[n++] = &v->growing.sites[i];
	qsort(list, n, sizeof(*list), by_goroutines);
	for (i = 0; i < n && i < MAX_MAKERS && !r; i++) {
		out->nmakers++;
		r = fill_maker(v, list[i], start_ns, &out->makers[i]);
	}
	free(list);
	return r;
}

static int by_count(const void *a, const void *b)
{
	const struct report_wait *x = a, *y = b;

	return x->goroutines < y->goroutines ? 1 : x->goroutines > y->goroutines ? -1 : 0;
}

static char *reason_of(const struct vitals *v, uint32_t reason)
{
	const char *text = go_layout_wait_reason(v->layout, reason);

	return strdup(text && text[0] ? text : "not known");
}

static int fill_waits(const struct vitals *v, struct report_vitals *out)
{
	uint32_t i;

	out->waits = calloc(MAX_REASONS, sizeof(*out->waits));
	if (!out->waits)
		return -ENOMEM;
	for (i = 0; i < MAX_REASONS; i++) {
		if (!v->last.reasons[i])
			continue;
		out->waits[out->nwaits].goroutines = v->last.reasons[i] * v->last.scale;
		out->waits[out->nwaits].reason = reason_of(v, i);
		if (!out->waits[out->nwaits++].reason)
			return -ENOMEM;
	}
	qsort(out->waits, out->nwaits, sizeof(*out->waits), by_count);
	return 0;
}

static int fill_oldest(const struct vitals *v, struct report_vitals *out)
{
	const struct tally *t = &v->last;
	int64_t now = (int64_t)t->at_ns + v->clock_offset;

	out->oldest_wait_s = -1;
	if (!t->oldest_since || (int64_t)t->oldest_since > now) {
		out->oldest.function = strdup("");
		out->oldest.file = strdup("");
		out->oldest_reason = strdup("");
		return out->oldest.function && out->oldest.file && out->oldest_reason ? 0 : -ENOMEM;
	}
	out->oldest_wait_s = (double)(now - (int64_t)t->oldest_since) / 1e9;
	out->oldest_reason = reason_of(v, t->oldest_reason);
	return out->oldest_reason ? fill_frame(v, t->oldest_gopc - v->bias, &out->oldest) : -ENOMEM;
}

static void fill_figures(const struct runtime_figures *f, struct report_vitals *out)
{
	out->ps_known = f->ps_known;
	out->ps = f->ps;
	out->ps_idle = f->ps_idle;
	out->ps_running = f->ps_running;
	out->ps_syscall = f->ps_syscall;
	out->ms_known = f->ms_known;
	out->ms = f->ms;
	out->gc_known = f->gc_known;
	out->gc_cycles = f->gc_cycles;
	out->gc_forced = f->gc_forced;
	out->gc_pause_ns = f->gc_pause_ns;
	out->gc_last_unix_ns = (int64_t)f->gc_last_unix_ns;
	out->heap_known = f->heap_known;
	out->heap_marked = f->heap_marked;
	out->heap_live = f->heap_live;
	out->heap_goal = f->heap_goal;
	out->gc_percent = f->gc_percent;
	out->memory_limit = f->memory_limit;
}

int vitals_fill(const struct vitals *v, uint64_t start_ns, struct report_vitals *out)
{
	const struct tally *t = &v->last;
	size_t i;
	int r;

	if (!v->looks)
		return -ENODATA;
	*out = (struct report_vitals){
		.pid = (uint32_t)v->process->pid,
		.exe = strdup(v->process->exe),
		.at_s = (double)(t->at_ns - start_ns) / 1e9,
		.began_s = (double)(v->began_ns - start_ns) / 1e9,
		.looks = v->looks,
		.scale = t->scale,
		.goroutines = t->goroutines * t->scale,
		.system = t->system * t->scale,
		.unreadable = t->unreadable,
	};
	for (i = 0; i < REPORT_GOROUTINE_STATES; i++)
		out->states[i] = t->states[i] * t->scale;
	fill_figures(&t->figures, out);
	r = out->exe ? fill_waits(v, out) : -ENOMEM;
	if (!r)
		r = fill_oldest(v, out);
	if (!r)
		r = fill_makers(v, start_ns, out);
	if (r)
		report_vitals_free(out);
	return r;
}
