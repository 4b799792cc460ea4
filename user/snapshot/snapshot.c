/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "go/gomap.h"
#include "process/memory.h"
#include "snapshot/freeze.h"
#include "snapshot/goroutines.h"
#include "snapshot/groups.h"

/* Of the time that it may stand still, the goroutines' part when there is more to be read, and of
 * what is left that of maps when there is a core file to be filled. */
#define GOROUTINES_PART 0.5
#define MAPS_PART 0.5
/* What is read of a process, as far as its goroutines tell. */
#define BYTES_PER_GOROUTINE 3072
#define MIN_RESERVE (4u << 20)
#define MAX_SEARCH_NS 10000000000ull /* for what does not move, while it runs */

struct taking {
	const struct process *process;
	const struct go_binary *bin;
	const struct snapshot_options *options;
	struct report_snapshot *out;
	struct err *err;
	struct snapshot_ready own;
	const struct snapshot_ready *ready; /* own, or what was given */
	uint64_t allgs, reserve;
	int64_t clock_offset; /* of its time namespace: it may be gone when that is needed */
	struct memory *memory;
	struct freeze freeze;
	struct unwinder unwinder;
	struct goroutines goroutines;
};

static int find_bias(const struct process *p, const struct go_binary *bin, uint64_t *bias,
		     struct err *err)
{
	const struct elf_segment *segments;

	*bias = 0;
	if (!elf_file_is_pie(go_binary_elf(bin)))
		return 0;
	if (!elf_file_segments(go_binary_elf(bin), &segments))
		return -ENOEXEC;
	return process_load_bias(p, segments[0].vaddr, segments[0].offset, bias, err);
}

static int find_maps(struct snapshot_ready *ready, struct snapshot_program *program,
		     const struct go_binary *bin, struct memory *memory)
{
	int r = program->read ? 0 : gomap_types_read(&program->types, bin);

	program->read = !r;
	ready->keys_known = !r && !gomap_keys_read(&ready->keys, bin, ready->bias, memory);
	return r;
}

int snapshot_prepare(struct snapshot_ready *ready, const struct process *p,
		     const struct go_binary *bin, struct snapshot_program *program, uint64_t max_ns,
		     struct err *err)
{
	struct memory *live = memory_live(p->pid);
	int r = live ? find_bias(p, bin, &ready->bias, err) : -ENOMEM;

	if (!r)
		memory_deadline(live, clock_ns(CLOCK_MONOTONIC) + max_ns);
	if (!r)
		r = goroutines_find(bin, ready->bias, live, &program->goroutines, &ready->allgs,
				    err);
	if (!r)
		r = find_maps(ready, program, bin, live);
	ready->known = !r;
	memory_close(live);
	return r;
}

void snapshot_program_free(struct snapshot_program *program)
{
	gomap_types_free(&program->types);
	program->read = false;
}

/* While it still runs: what does not move. */
static int look_before(struct taking *t)
{
	struct memory *live = memory_live(t->process->pid);
	uint64_t n;
	int r = live ? 0 : -ENOMEM;

	t->own.bias = t->ready->bias;
	if (!r && !t->ready->known)
		r = find_bias(t->process, t->bin, &t->own.bias, t->err);
	if (!r)
		memory_deadline(live, clock_ns(CLOCK_MONOTONIC) + MAX_SEARCH_NS);
	if (!r && !t->options->ready)
		r = goroutines_find(t->bin, t->own.bias, live, &t->options->program->goroutines,
				    &t->own.allgs, t->err);
	t->allgs = t->ready->allgs;
	/* so many goroutines, with the stacks that most have; one that has been made ready for may
	 * stand still already, and making room takes longer than it saves */
	if (!r && !t->options->ready && !memory_u64(live, t->allgs + 8, &n) && n < UINT32_MAX)
		t->reserve = n * BYTES_PER_GOROUTINE + MIN_RESERVE;
	if (!r && t->options->nmaps && !t->options->ready)
		r = find_maps(&t->own, t->options->program, t->bin, live);
	memory_close(live);
	return r;
}

static int read_maps(struct taking *t, uint64_t until)
{
	const struct gomap g = {
		.layout = go_binary_layout(t->bin),
		.memory = t->memory,
		.keys = t->ready->keys_known ? &t->ready->keys : NULL,
		.types = &t->options->program->types,
		.bias = t->ready->bias,
		.values = t->options->values,
	};
	struct report_snapshot *out = t->out;
	size_t i, n = t->options->nmaps;
	int r = 0;

	out->maps = calloc(n ? n : 1, sizeof(*out->maps));
	if (!out->maps)
		return -ENOMEM;
	for (i = 0; i < n && !r; i++) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		if (!t->options->maps[i].addr) /* nobody has found out */
			continue;
		/* each its part of what is left */
		memory_deadline(t->memory, now < until ? now + (until - now) / (n - i) : now);
		out->nmaps++;
		r = gomap_dump(&g, t->options->maps[i].addr, t->options->maps[i].type,
			       &out->maps[i]);
	}
	return r;
}

/* When it was frozen, by the clock of its time namespace. */
static uint64_t its_clock(const struct taking *t)
{
	return t->freeze.began_ns + (uint64_t)t->clock_offset;
}

static struct snapshot_sight sight_of(const struct taking *t)
{
	return (struct snapshot_sight){.goroutines = &t->goroutines,
				       .freeze = &t->freeze,
				       .bin = t->bin,
				       .memory = t->memory,
				       .bias = t->own.bias,
				       .now_ns = its_clock(t)};
}

/* While all of it stands still. */
static int read_frozen(void *arg)
{
	struct taking *t = arg;
	uint64_t now = clock_ns(CLOCK_MONOTONIC), until = t->freeze.until_ns;
	bool more = t->options->nmaps || t->options->core;
	double part = !more			    ? 1
		      : t->options->goroutines_part ? t->options->goroutines_part
						    : GOROUTINES_PART;
	struct snapshot_sight sight;
	int r = 0;

	memory_deadline(t->memory,
			now < until ? now + (uint64_t)((double)(until - now) * part) : now);
	if (!t->allgs) /* there was no time to look for it before */
		r = goroutines_find_frozen(t->bin, t->own.bias, t->memory, NULL, &t->allgs, t->err);
	if (!r)
		r = goroutines_read(&t->goroutines, go_binary_layout(t->bin), t->allgs,
				    t->options->first, t->memory, &t->freeze, &t->unwinder);
	sight = sight_of(t);
	if (!r && t->options->frozen)
		r = t->options->frozen(t->options->arg, &sight);
	now = clock_ns(CLOCK_MONOTONIC);
	if (!r)
		r = read_maps(t, t->options->core && now < until
					 ? now + (uint64_t)((double)(until - now) * MAPS_PART)
					 : until);
	if (!r && t->options->core) {
		core_take(t->options->core, &t->freeze, t->memory, &t->goroutines, until);
		memory_deadline(t->memory, 1); /* it has what was read */
	}
	return r;
}

static int take_frozen(struct taking *t)
{
	int r;

	t->memory = memory_frozen(memory_stopped(t->process->pid));
	if (t->memory)
		memory_reserve(t->memory, t->reserve);
	r = t->memory ? unwinder_init(&t->unwinder, t->bin, t->own.bias, t->memory) : -ENOMEM;
	return r ? r
		 : freeze_look(&t->freeze, t->process, t->options->max_freeze_ns, read_frozen, t,
			       t->err);
}

/* Whether each goroutine's stack is known, to its end. */
static bool all_stacks_known(const struct report_snapshot *s)
{
	size_t i;

	if (!s->ngroups || s->unread || s->no_stack || s->unreadable || s->groups_cut)
		return false;
	for (i = 0; i < s->ngroups; i++)
		if (s->groups[i].truncated || s->groups[i].approximate)
			return false;
	return true;
}

/* A mark of a writer says something where entries say that it is a map: one may be there by chance
 * in what is none. */
static bool is_surely_a_map(const struct report_map_dump *m)
{
	return m->integrity != REPORT_UNCHECKED && m->checked >= 2;
}

int snapshot_ask_goroutines(const struct report_snapshot *s, struct report_map_dump *m)
{
	bool inside = false, cloning = false;
	size_t i;

	for (i = 0; i < s->ngroups; i++) {
		inside |= groups_may_write(&s->groups[i]);
		cloning |= groups_may_clone(&s->groups[i]);
	}
	if (!inside && m->map.writing && is_surely_a_map(m) && all_stacks_known(s)) {
		m->integrity = REPORT_BROKEN;
		return report_map_defect(m, "header",
					 "it says that a writer is inside, and no goroutine is "
					 "inside a map function: the next use ends the program");
	}
	if (m->integrity != REPORT_BROKEN)
		return 0;
	if (cloning && !m->map.swiss) {
		m->integrity = REPORT_UNDER_WAY;
		return report_map_say(m, "a goroutine is copying a map, which has no mark of a "
					 "writer: it may be this one");
	}
	return inside ? report_map_say(m, "goroutines are inside map functions: if it is this map, "
					  "a race is going on")
		      : 0;
}

static int note_count(struct report_snapshot *out, uint64_t n, const char *what)
{
	return n ? report_snapshot_note(out, "%" PRIu64 " %s", n, what) : 0;
}

static int fill(struct taking *t)
{
	struct report_snapshot *out = t->out;
	const struct goroutines *gs = &t->goroutines;
	size_t i;
	int r;

	out->freeze_ns = t->freeze.ended_ns - t->freeze.began_ns;
	out->threads = (uint32_t)t->freeze.n;
	out->goroutines = gs->n;
	out->unread = gs->unread;
	out->no_stack = gs->no_stack;
	out->unreadable = gs->unreadable;
	out->read_bytes = memory_taken(t->memory);
	r = groups_make(out, gs, t->bin, t->own.bias, its_clock(t));
	for (i = 0; i < out->nmaps && !r; i++)
		r = snapshot_ask_goroutines(out, &out->maps[i]);
	if (!r)
		r = note_count(out, out->unread,
			       "entries of the list of goroutines were not read, free ones among "
			       "them: the time given with --max-freeze was up");
	if (!r && out->no_stack)
		r = report_snapshot_note(out,
					 "the stacks of %" PRIu64
					 " goroutines were not read: the time "
					 "given with --max-freeze was up",
					 out->no_stack);
	if (!r && memory_is_absent(t->memory))
		r = report_snapshot_note(
			out, "a page of its memory did not come in time: it, and others "
			     "that the kernel did not have, were not read");
	if (!r)
		r = note_count(out, out->unreadable,
			       "entries of the list of goroutines cannot be read, or are none");
	if (!r)
		r = note_count(out, out->groups_cut,
			       "goroutines are in no group: there are too many different stacks");
	if (!r && elf_file_has_refused(go_binary_elf(t->bin)))
		r = report_snapshot_note(out, "the program's file was written to: functions that "
					      "are inlined, and types, are not known");
	return r;
}

int snapshot_take(struct report_snapshot *out, const struct process *p, const struct go_binary *bin,
		  const struct snapshot_options *options, struct err *err)
{
	struct taking t = {.process = p, .bin = bin, .options = options, .out = out, .err = err};
	struct snapshot_sight sight;
	int r;

	t.clock_offset = clock_offset_of(p->pid);
	memset(out, 0, sizeof(*out));
	out->pid = (uint32_t)p->pid;
	out->limit_ns = options->max_freeze_ns;
	out->exe = strdup(p->exe);
	t.ready = options->ready ? options->ready : &t.own;
	r = out->exe ? look_before(&t) : -ENOMEM;
	if (!r)
		r = take_frozen(&t);
	if (r == -ECANCELED)
		return r;
	if (options->let_go)
		options->let_go(options->arg);
	sight = sight_of(&t);
	if (!r && options->told)
		r = options->told(options->arg, &sight);
	if (!r)
		r = fill(&t);
	if (r == -ETIME && !err->text[0]) {
		err_hint(err, "give it more time with --max-freeze");
		err_set(err, r,
			"process %d was let go before anything was read: its threads were slow to "
			"stop",
			(int)p->pid);
	}
	if (r == -EFAULT)
		r = err_set(err, r, "the list of goroutines of process %d cannot be read",
			    (int)p->pid);
	goroutines_free(&t.goroutines);
	unwinder_free(&t.unwinder);
	if (options->core)
		core_own(options->core, t.memory);
	else
		memory_close(t.memory);
	freeze_free(&t.freeze);
	return r;
}
