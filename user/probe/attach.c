/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/attachment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "probe/feature.h"

/* Who comes so late may have been slept over; less than what the attacher has patience for, and
 * more than another target's probes take to be moved. */
#define LATE_NS 8000000000u
#define MEND_NS 10000000000u

static int need(enum feature feature, struct err *err)
{
	const struct feature_answer *f = feature_ask(feature);

	if (f->have)
		return 0;
	err_hint(err, "%s; `maprace doctor` tells more", f->fix);
	return err_set(err, -EPERM, "this kernel or these privileges lack %s (%s): %s", f->name,
		       f->what, f->detail);
}

int attachment_new(struct attachment **out, const struct attach_opts *opts, struct err *err)
{
	struct attachment *a;
	int r;

	r = need(FEATURE_BPF, err);
	if (!r)
		r = need(FEATURE_RINGBUF, err);
	if (!r && (opts->no_multi || !feature_have(FEATURE_UPROBE_MULTI)))
		r = need(FEATURE_UPROBE, err); /* asking costs a probe on ourselves: only where it
						  is what we will use */
	if (!r)
		r = need(FEATURE_PIDNS, err);
	if (r)
		return r;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->opts = *opts;
	*out = a;
	return 0;
}

const struct hook *attachment_slot_hook(const struct attachment *a, uint32_t slot, uint8_t *file)
{
	uint64_t ip = attachment_site(a, slot);
	size_t i, k;

	for (k = 0; ip && k < a->nimages; k++)
		for (i = 0; i < a->images[k].hooks->count; i++)
			if (a->images[k].hooks->hooks[i].addr + a->images[k].bias == ip) {
				if (file)
					*file = (uint8_t)k;
				return &a->images[k].hooks->hooks[i];
			}
	return NULL;
}

static uint64_t slot_offset(const struct attachment *a, uint32_t slot)
{
	uint8_t file = 0;
	const struct hook *h = attachment_slot_hook(a, slot, &file);

	return h && !file ? h->offset : 0;
}

/* Which program its sites get, by slot. */
static void fill_programs(const struct attachment *a, uint8_t program[MR_SITE_SLOTS])
{
	uint32_t slot;

	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		program[slot] = mr_op_is_panics(a->target->sites[slot].op) ? LINKS_PANICS
									   : LINKS_OPERATIONS;
}

static struct links_target new_target(const struct attachment *a)
{
	const struct file_identity *of = elf_file_identity(go_binary_elf(a->images[0].bin));

	return (struct links_target){.pid = a->process->pid,
				     .file = *of,
				     .executed = of->dev == a->process->exe_dev &&
						 of->ino == a->process->exe_ino};
}

/* Of the program itself: what is in plugins is added later. */
static void fill_target(const struct attachment *a, struct links_target *t)
{
	uint32_t slot;

	attachment_lasting_offsets(a->images[0].hooks, a->opts.deaths || a->opts.panics,
				   t->lasting_offsets);
	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		t->offsets[slot] = slot_offset(a, slot);
	fill_programs(a, t->program);
}

int attachment_attach(struct attachment *a, struct err *err)
{
	struct links_target t = new_target(a);
	int r;

	fill_target(a, &t);
	r = engine_start_attacher(a->engine, err);
	if (!r)
		r = attacher_place(&a->engine->attacher, attachment_engine_slot(a), &t,
				   elf_file_fd(go_binary_elf(a->images[0].bin)), err);
	a->placed = a->open = !r;
	a->beat_ns = clock_ns(CLOCK_MONOTONIC); /* its patience begins here */
	a->opened_ns = a->beat_ns;
	return r;
}

void attachment_settle(struct attachment *a)
{
	struct err ignored = {};

	(void)attacher_settle(&a->engine->attacher, &ignored);
}

/* What became of a request: one that goes on by itself has the probes moving meanwhile. */
static int begun(struct attachment *a, int what, int r)
{
	int result;

	if (r != -EAGAIN)
		return r;
	if (!attacher_waits(&a->engine->attacher, attachment_engine_slot(a), &result))
		return result; /* it has just come */
	a->move = what;
	if (what != MOVE_CALLS) /* no operation goes by unseen without those */
		a->target->epoch += 1 - (a->target->epoch & 1);
	return r;
}

/* Whether it goes on still. If it does not it is settled here. */
static bool is_moving(struct attachment *a)
{
	uint32_t slot = attachment_engine_slot(a);
	struct err ignored = {};
	int result, what = a->move;

	if (!what)
		return false;
	if (attacher_waits(&a->engine->attacher, slot, &result))
		return true;
	a->move = MOVE_NONE;
	a->target->epoch += what != MOVE_CALLS;
	if (what == MOVE_PROBES)
		a->moved = result;
	if (what == MOVE_CALLS)
		calls_changed(&a->calls, &a->change, !result);
	if (what == MOVE_FILE && !result) /* we said that it is not watched */
		(void)begun(a, MOVE_PROBES,
			    attacher_take_back(&a->engine->attacher, slot, &ignored));
	return a->move;
}

static int still_moving(struct err *err)
{
	return err_set(err, -EAGAIN,
		       "its probes cannot be moved: its file, or the kernel, does not answer");
}

/* One that has only just begun is worth waiting for. */
static bool is_stuck(struct attachment *a)
{
	struct err ignored = {};

	if (is_moving(a))
		(void)attacher_finish(&a->engine->attacher, attachment_engine_slot(a), &ignored);
	return is_moving(a);
}

int attachment_moved(struct attachment *a, struct err *err)
{
	int r;

	if (is_moving(a)) {
		(void)still_moving(err);
		return 1;
	}
	r = a->moved;
	a->moved = 0;
	return r ? err_set(err, r, "its probes could not be moved: %s", err_name(r)) : 0;
}

int attachment_add(struct attachment *a, const char *path, const struct go_binary *bin,
		   const struct hook_set *set, uint64_t bias, struct err *err)
{
	struct links_addition more = {.file = *elf_file_identity(go_binary_elf(bin))};
	int r;

	if (is_stuck(a))
		return err_set(err, -EAGAIN, "the last change of its probes is under way still");
	if (a->nimages == LINKS_FILES)
		return err_set(err, -ENOSPC, "too many plugins");
	if (snprintf(more.path, sizeof(more.path), "%s", path) >= (int)sizeof(more.path))
		return err_set(err, -ENAMETOOLONG, "its path is too long");
	attachment_lasting_offsets(set, false, more.lasting_offsets);
	r = attachment_add_sites(a, set, bias, more.offsets);
	fill_programs(a, more.program);
	if (r)
		err_set(err, r, "no room for its probe sites");
	else
		r = begun(a, MOVE_FILE,
			  attacher_add(&a->engine->attacher, attachment_engine_slot(a), &more,
				       err));
	if (!r) {
		a->images[a->nimages++] = (struct image){bin, set, bias};
		return 0;
	}
	attachment_remove_sites(a, set, bias);
	attachment_free_numbers(a, set, bias);
	return r;
}

void attachment_want_call(struct attachment *a, const struct mr_event_call *e)
{
	const struct hook *h;
	uint8_t file;

	h = attachment_slot_hook(a, e->slot, &file);
	if (!h || !mr_op_writes(h->op)) /* damaged */
		return;
	calls_want(&a->calls, a->images[file].bin, h, a->images[file].bias, e->ret, file,
		   (uint8_t)e->slot);
}

int attachment_change_calls(struct attachment *a, uint64_t now_ns, struct err *err)
{
	int r;

	if (is_moving(a))
		return 0;
	attachment_try_cold(a, now_ns);
	if (!calls_change(&a->calls, now_ns, &a->change))
		return 0;
	r = begun(a, MOVE_CALLS,
		  attacher_change_calls(&a->engine->attacher, attachment_engine_slot(a), &a->change,
					err));
	if (a->move)
		return 0;
	calls_changed(&a->calls, &a->change, !r);
	return r;
}

uint64_t attachment_bare_calls(const struct attachment *a)
{
	return a->calls.bare;
}

static void tell_whole(struct attachment *a)
{
	__sync_synchronize(); /* what was opened before is open before the clock is read */
	a->target->whole_ns = a->whole && a->open ? clock_ns(CLOCK_MONOTONIC) : 0;
}

void attachment_looked(struct attachment *a, bool runs)
{
	if (!runs)
		tell_whole(a);
	__atomic_store_n(&a->target->looked_ns, clock_ns(CLOCK_MONOTONIC), __ATOMIC_RELEASE);
}

/* An odd epoch says that they move: it stays odd while they do. */
static void begin_move(struct attachment *a)
{
	a->target->epoch++;
}

static int end_move(struct attachment *a, int r)
{
	r = begun(a, MOVE_PROBES, r);
	if (!a->move)
		a->target->epoch++;
	return r;
}

/* What stands in for functions is told first that they come back, and last that they go: seen
 * twice is better than not at all. */
static void tell_away(struct attachment *a, const bool *cycled)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint32_t slot;

	if (cycled && a->opened_ns)
		a->open_ns += now - a->opened_ns;
	a->opened_ns = cycled ? 0 : now;
	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		a->target->away[slot] = cycled && cycled[slot];
}

int attachment_open(struct attachment *a, struct err *err)
{
	int r = 0;

	if (a->open)
		return 0;
	if (is_moving(a))
		return still_moving(err);
	tell_away(a, NULL);
	begin_move(a);
	r = end_move(a, attacher_open(&a->engine->attacher, attachment_engine_slot(a), err));
	if (!r)
		a->open = true;
	tell_whole(a);
	return r;
}

int attachment_close(struct attachment *a, const bool *cycled, struct err *err)
{
	int r;

	a->open = false;
	tell_whole(a);
	if (is_moving(a))
		return still_moving(err);
	begin_move(a);
	r = end_move(a,
		     attacher_close(&a->engine->attacher, attachment_engine_slot(a), cycled, err));
	tell_away(a, cycled);
	return a->move ? 0 : r;
}

/* We were stopped, or kept waiting: the attacher may have taken the probes away by itself. */
static int catch_up(struct attachment *a, struct err *err)
{
	int r;

	a->target->whole_ns = 0;
	if (is_stuck(a))
		return still_moving(err);
	begin_move(a);
	r = attacher_reattach(&a->engine->attacher, attachment_engine_slot(a), err);
	/* unseen ones; the programs count up too */
	__atomic_fetch_add(&a->target->collections, 1, __ATOMIC_SEQ_CST);
	r = end_move(a, r);
	a->late = false;
	if (r)
		a->open = false;
	a->target->gate = a->active ? a->tag : 0;
	tell_whole(a);
	return r;
}

int attachment_beat(struct attachment *a, uint64_t now_ns, uint64_t *unwatched_ns, struct err *err)
{
	int r;

	a->late = a->late || now_ns - a->beat_ns > LATE_NS;
	a->beat_ns = now_ns;
	/* first: then the attacher does not fall asleep behind what follows */
	attacher_beat(now_ns);
	r = a->late ? catch_up(a, err) : 0;
	*unwatched_ns = attacher_unwatched(&a->engine->attacher, attachment_engine_slot(a));
	return r;
}

bool attachment_alive(const struct attachment *a)
{
	return attacher_alive(&a->engine->attacher);
}

void attachment_activate(struct attachment *a, bool whole)
{
	a->whole = whole && !a->never_whole;
	a->active = true;
	a->target->gate = a->tag;
	tell_whole(a); /* seen from now on */
}

void attachment_not_whole(struct attachment *a, bool collections)
{
	a->never_whole = true;
	a->whole = false;
	if (!a->target)
		return;
	if (collections)
		a->target->collections_unseen = 1;
	tell_whole(a);
}

uint64_t attachment_whole_since(const struct attachment *a)
{
	return a->target ? a->target->whole_ns : 0;
}

void attachment_never_stop(struct attachment *a)
{
	if (a->target)
		a->target->stop_at_fatal_ms = 0;
}

void attachment_let_go(struct attachment *a)
{
	if (!a->target)
		return;
	a->target->stop_at_fatal_ms = 0;
	process_continue(a->process->pid, a->process->pidfd);
}

void attachment_detach(struct attachment *a)
{
	if (!a->target)
		return;
	a->target->stop_at_fatal_ms = 0;
	a->target->gate = 0;
	if (a->placed)
		attacher_remove(&a->engine->attacher, attachment_engine_slot(a));
	a->placed = a->open = a->active = false;
}

void attachment_wait(struct attachment *a)
{
	bool gone = !a->engine || attacher_wait(&a->engine->attacher, attachment_engine_slot(a));

	if (a->mended)
		gone &= attacher_wait(&a->engine->mender, attachment_engine_slot(a));
	a->mended = false;
	if (!gone)
		log_warn(
			"process %d: the kernel has not taken its probes away yet; they go as soon as it does",
			(int)a->process->pid);
}

/* Call instructions of the program's: each process has its own choice of them. */
static int mend_calls(const struct attachment *a, struct attacher *mender, uint32_t slot,
		      struct err *err)
{
	struct links_calls change = {};
	size_t i;
	int r = 0;

	for (i = 0; i < a->calls.count && !r; i++) {
		if (!a->calls.sites[i].link.file)
			change.more[change.nmore++] = a->calls.sites[i].link;
		if (change.nmore < 32 && (i + 1 < a->calls.count || !change.nmore))
			continue;
		r = attacher_change_calls(mender, slot, &change, err);
		if (r == -EAGAIN)
			r = attacher_finish(mender, slot, err);
		change.nmore = 0;
	}
	return r;
}

/* All together are given so long: who waits for us has other things to do. */
static bool has_time_to_mend(struct engine *e)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (!e->mend_until_ns)
		e->mend_until_ns = now + MEND_NS;
	return now < e->mend_until_ns;
}

int attachment_mend(struct attachment *a, bool sites, struct err *err)
{
	struct links_target t = new_target(a);
	struct attacher *mender = &a->engine->mender;
	uint32_t slot = attachment_engine_slot(a);
	int r;

	attachment_detach(a); /* what the probes see now is nobody's */
	if (!sites && !a->calls.count)
		return 0;
	if (!has_time_to_mend(a->engine))
		return err_set(err, -ETIME, "it takes too long");
	if (sites)
		fill_target(a, &t);
	r = engine_start_mender(a->engine, err);
	if (r)
		return r;
	a->mended = true;
	r = attacher_place(mender, slot, &t, elf_file_fd(go_binary_elf(a->images[0].bin)), err);
	if (!r)
		r = mend_calls(a, mender, slot, err);
	if (r == -EAGAIN)
		a->engine->mend_until_ns = 1; /* the others would wait for as long */
	attacher_remove(mender, slot);
	return r && process_ends_within(a->process, 0) ? -ESRCH : r;
}

pid_t attachment_attacher(const struct attachment *a)
{
	return a->engine->attacher.pid;
}

void attachment_forget(struct attachment *a)
{
	if (a->engine)
		engine_forget(a->engine, a->tag);
}

void attachment_hand_over(struct attachment *a)
{
	if (a->engine)
		a->engine->slots[attachment_engine_slot(a)].silent = true;
}

void attachment_free(struct attachment *a)
{
	if (!a)
		return;
	attachment_detach(a);
	if (a->engine) {
		attachment_wait(a);
		attachment_leave_engine(a);
	}
	cold_calls_free(&a->cold);
	free(a);
}
