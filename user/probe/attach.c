/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/attachment.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "probe/feature.h"

/* Who comes so late may have been slept over; less than what the attacher has patience for, and
 * more than another target's probes take to be moved. */
#define LATE_NS 8000000000u

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

static void site_fill(struct mr_probe_site *s, const struct hook *h, uint64_t bias)
{
	s->depth = (__u16)(h->addr - h->entry);
	s->op = h->op;
	s->map_arg = h->map_arg;
	s->type_arg = h->type_arg;
	s->jump = h->site == SITE_JUMP;
	/* last: the engine may be looking already */
	__atomic_store_n(&s->ip, h->addr + bias, __ATOMIC_RELEASE);
}

/*
 * By which number the programs know the target. They can ask for the initial namespace's, or for
 * that of the namespace in which the current task lives itself, no other: what lies in between, as
 * maprace's own may for a target in a container inside of its own, they cannot.
 */
static int identify(struct attachment *a, const struct process *p, struct err *err)
{
	uint64_t dev, ino;
	pid_t tgid;
	int r;

	a->config.tgid = (__u32)p->pid;
	if (!feature_in_pid_namespace(NULL, NULL))
		return 0;
	r = process_namespace(p, &dev, &ino, &tgid, err);
	if (r)
		return r;
	a->pidns_dev = dev;
	a->pidns_ino = ino;
	a->config.tgid = (__u32)tgid;
	return 0;
}

/* Of the probe of no operation that has this number; 0: none. */
static uint64_t lasting_offset(const struct hook_set *set, uint8_t op)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (set->hooks[i].state == HOOK_PROBED && set->hooks[i].op == op)
			return set->hooks[i].offset;
	return 0;
}

static void lasting_offsets(const struct hook_set *set, unsigned long offsets[LINKS_LASTING])
{
	offsets[LINKS_COLLECTED] = lasting_offset(set, MR_OP_COLLECTED);
	offsets[LINKS_FATAL] = lasting_offset(set, MR_OP_NONE);
}

static void configure(struct mr_target *t, const struct go_layout *l)
{
	bool has_parent = l->g_parent_goid != GO_NO_OFFSET;

	t->g_stack_lo = l->g_stack_lo;
	t->g_stack_hi = l->g_stack_hi;
	t->g_goid = l->g_goid;
	t->g_gopc = l->g_gopc;
	t->g_parent_goid = has_parent ? l->g_parent_goid : l->g_goid;
	t->parent_goid_mask = has_parent ? ~0ull : 0;
	t->g_labels = l->g_labels;
	t->g_m = l->g_m;
	t->m_p = l->m_p;
	t->m_locks = l->m_locks;
	t->m_preemptoff = l->m_preemptoff;
	t->clone_copies = l->map_impl != GO_MAP_SWISS ? MR_CLONE_SEED
			  : l->clone_is_method	      ? MR_CLONE_FLAGS
						      : MR_CLONE_NOTHING;
	t->map_size = l->map_size < MR_HEADER_MAX ? l->map_size : MR_HEADER_MAX;
	t->map_seed = l->map_seed;
	t->map_seed_size = l->map_seed_size;
	t->map_flags = l->map_flags;
	t->map_writing_mask = l->map_writing_mask;
	t->map_old = l->map_old;
	t->iter_map = l->iter_map;
	t->iter_type = l->iter_type;
}

int attachment_prepare(struct attachment *a, const struct process *p, const struct go_binary *bin,
		       const struct hook_set *set, uint64_t bias, bool may_plug, struct err *err)
{
	a->process = p;
	a->images[0] = (struct image){bin, set, bias};
	a->nimages = 1;
	configure(&a->config, go_binary_layout(bin));
	a->config.runtime_lo = set->runtime_lo + bias;
	a->config.runtime_hi = set->runtime_hi + bias;
	a->config.hold_ppm = a->opts.hold_ppm;
	a->config.collections_unseen = may_plug || !lasting_offset(set, MR_OP_COLLECTED);
	return identify(a, p, err);
}

/* Of several runtimes in one process one is enough: it is told of hits at no site. */
static int add_process(const struct attachment *a)
{
	struct mr_process *all = a->engine->skel->bss->processes, *free_one = NULL;
	uint32_t i, place = mr_process_place(a->target->tgid);

	for (i = 0; i < MR_SITE_STEPS; i++) {
		struct mr_process *p = &all[(place + i) & (MR_PROCESSES - 1)];

		if (p->tgid == a->target->tgid)
			return 0;
		if (!p->tgid && !free_one)
			free_one = p;
	}
	if (!free_one)
		return -ENOSPC;
	free_one->tag = a->tag;
	__atomic_store_n(&free_one->tgid, a->target->tgid, __ATOMIC_RELEASE);
	return 0;
}

/* Another runtime of the process inherits the entry. */
static void remove_process(const struct attachment *a)
{
	struct mr_process *all = a->engine->skel->bss->processes;
	uint32_t i, slot;

	for (i = 0; i < MR_PROCESSES; i++) {
		const struct attachment *other;

		if (!all[i].tgid || all[i].tag != a->tag)
			continue;
		for (slot = 1; slot < a->engine->nslots; slot++) {
			other = a->engine->slots[slot].owner;
			if (other && other != a && other->target &&
			    other->target->tgid == all[i].tgid)
				break;
		}
		if (slot < a->engine->nslots)
			all[i].tag = a->engine->slots[slot].owner->tag;
		else
			all[i].tgid = 0;
	}
}

/* In the table of all, under this number. */
static int add_site(const struct attachment *a, const struct hook *h, uint64_t bias, uint8_t number)
{
	struct mr_site *s = engine_free_site(a->engine, a->target->tgid, h->addr + bias);

	if (!s)
		return -ENOSPC;
	s->tgid = a->target->tgid;
	s->tag = a->tag;
	s->number = number;
	site_fill(&s->site, h, bias);
	return 0;
}

/* From the table of all: its own keeps them, for what is read of it later. */
static void remove_sites(const struct attachment *a, const struct hook_set *set, uint64_t bias)
{
	struct mr_site *s;
	size_t i;

	for (i = 0; i < set->count; i++) {
		s = engine_find_site(a->engine, a->target->tgid, set->hooks[i].addr + bias, a->tag);
		if (set->hooks[i].state == HOOK_PROBED && s)
			s->site.ip = 0;
	}
}

/* Of an image that came to nothing: its numbers are free again. */
static void free_numbers(const struct attachment *a, const struct hook_set *set, uint64_t bias)
{
	size_t i, k;

	for (i = 0; i < set->count; i++)
		for (k = 0; k < MR_SITE_SLOTS; k++)
			if (a->target->sites[k].ip == set->hooks[i].addr + bias)
				a->target->sites[k].ip = 0;
}

/* Of one image, with the numbers that are free: offsets, by number, tells which those are. */
static int add_sites(struct attachment *a, const struct hook_set *set, uint64_t bias,
		     unsigned long *offsets)
{
	uint32_t number = 0;
	size_t i;
	int r = 0;

	for (i = 0; i < set->count && !r; i++) {
		const struct hook *h = &set->hooks[i];

		if (h->state != HOOK_PROBED)
			continue;
		if (!mr_op_has_site(h->op)) {
			r = add_site(a, h, bias, MR_SITE_SLOTS);
			continue;
		}
		while (number < MR_SITE_SLOTS && a->target->sites[number].ip)
			number++;
		if (number == MR_SITE_SLOTS)
			return -ENOSPC;
		r = add_site(a, h, bias, (uint8_t)number);
		if (r)
			break;
		site_fill(&a->target->sites[number], h, bias);
		offsets[number] = h->offset;
	}
	return r;
}

void attachment_vacate(struct attachment *a)
{
	size_t i;

	if (!a->engine)
		return;
	remove_process(a);
	for (i = 0; i < a->nimages; i++)
		remove_sites(a, a->images[i].hooks, a->images[i].bias);
	calls_forget(&a->calls);
}

/* Late hits, of a process that has gone on, are none of its any more. */
static void leave_engine(struct attachment *a)
{
	struct engine *e = a->engine;

	attachment_vacate(a);
	a->engine = NULL;
	a->target = NULL;
	engine_leave(e, a->tag);
}

/* A slot of an engine, and room in its tables: those of one may be full where others have some. */
static int take_place(struct attachment *a, bool *alone, struct err *err)
{
	unsigned long ignored[MR_SITE_SLOTS];
	int r = engine_join(&a->engine, &a->tag, a, &a->opts, a->pidns_dev, a->pidns_ino, err);

	*alone = true;
	if (r)
		return r;
	a->target = engine_target(a->engine, a->tag);
	*a->target = a->config;
	a->target->tag = a->tag;
	r = add_process(a);
	if (!r)
		r = add_sites(a, a->images[0].hooks, a->images[0].bias, ignored);
	if (!r)
		return 0;
	*alone = a->engine->used == 1;
	a->engine->full = true;
	leave_engine(a);
	return r;
}

int attachment_load(struct attachment *a, struct err *err)
{
	bool alone;
	int r;

	do
		r = take_place(a, &alone, err);
	while (r == -ENOSPC && !alone);
	if (r)
		return err_set(err, r, "no room for %zu probe sites", a->images[0].hooks->probed);
	a->calls = (struct calls){
		.table = a->engine->skel->bss->call_sites, .tgid = a->target->tgid, .tag = a->tag};
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
	const struct hook *h = attachment_slot_hook(a, slot, NULL);

	return h ? h->offset : 0;
}

int attachment_attach(struct attachment *a, struct err *err)
{
	struct links_target t = {.pid = a->process->pid};
	uint32_t slot;
	int r;

	lasting_offsets(a->images[0].hooks, t.lasting_offsets);
	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		t.offsets[slot] = slot_offset(a, slot);
	r = engine_start_attacher(a->engine, err);
	if (!r)
		r = attacher_place(&a->engine->attacher, attachment_engine_slot(a), &t,
				   elf_file_fd(go_binary_elf(a->images[0].bin)), err);
	a->placed = a->open = !r;
	a->beat_ns = clock_ns(CLOCK_MONOTONIC); /* its patience begins here */
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
	if (r == -EAGAIN && attacher_waits(&a->engine->attacher, attachment_engine_slot(a), NULL)) {
		a->move = what;
		a->target->epoch += 1 - (a->target->epoch & 1);
	}
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
	a->target->epoch++;
	if (what == MOVE_CALLS)
		calls_changed(&a->calls, &a->change, !result);
	if (what == MOVE_FILE && !result) /* we said that it is not watched */
		(void)begun(a, MOVE_PROBES,
			    attacher_take_back(&a->engine->attacher, slot, &ignored));
	return a->move;
}

int attachment_add(struct attachment *a, const char *path, const struct go_binary *bin,
		   const struct hook_set *set, uint64_t bias, struct err *err)
{
	struct links_addition more = {};
	struct stat st;
	int r;

	if (is_moving(a))
		return err_set(err, -EAGAIN, "the last change of its probes is under way still");
	if (a->nimages == LINKS_FILES)
		return err_set(err, -ENOSPC, "too many plugins");
	if (snprintf(more.path, sizeof(more.path), "%s", path) >= (int)sizeof(more.path))
		return err_set(err, -ENAMETOOLONG, "its path is too long");
	if (fstat(elf_file_fd(go_binary_elf(bin)), &st))
		return err_set(err, -errno, "cannot look at its file: %s", err_name(errno));
	more.dev = st.st_dev;
	more.ino = st.st_ino;
	lasting_offsets(set, more.lasting_offsets);
	r = add_sites(a, set, bias, more.offsets);
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
	remove_sites(a, set, bias);
	free_numbers(a, set, bias);
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

	if (is_moving(a) || !calls_change(&a->calls, now_ns, &a->change))
		return 0;
	r = begun(a, MOVE_CALLS,
		  attacher_change_calls(&a->engine->attacher, attachment_engine_slot(a), &a->change,
					err));
	if (!a->move)
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

static int still_moving(struct err *err)
{
	return err_set(err, -EAGAIN,
		       "its probes cannot be moved: its file, or the kernel, does not answer");
}

int attachment_open(struct attachment *a, struct err *err)
{
	int r = 0;

	if (a->open)
		return 0;
	if (is_moving(a))
		return still_moving(err);
	begin_move(a);
	r = end_move(a, attacher_open(&a->engine->attacher, attachment_engine_slot(a), err));
	if (!r)
		a->open = true;
	tell_whole(a);
	return r;
}

int attachment_close(struct attachment *a, const bool *cycled, struct err *err)
{
	a->open = false;
	tell_whole(a);
	if (is_moving(a))
		return still_moving(err);
	begin_move(a);
	return end_move(a, attacher_close(&a->engine->attacher, attachment_engine_slot(a), cycled,
					  err));
}

/* We were stopped, or kept waiting: the attacher may have taken the probes away by itself. */
static int catch_up(struct attachment *a, struct err *err)
{
	int r;

	a->target->whole_ns = 0;
	if (is_moving(a))
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
	a->whole = whole;
	a->active = true;
	a->target->gate = a->tag;
	tell_whole(a); /* seen from now on */
}

void attachment_detach(struct attachment *a)
{
	if (!a->target)
		return;
	a->target->gate = 0;
	if (a->placed)
		attacher_remove(&a->engine->attacher, attachment_engine_slot(a));
	a->placed = a->open = a->active = false;
}

void attachment_wait(struct attachment *a)
{
	if (a->engine && !attacher_wait(&a->engine->attacher, attachment_engine_slot(a)))
		log_warn(
			"process %d: the kernel has not taken its probes away yet; they go as soon as it does",
			(int)a->process->pid);
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
		leave_engine(a);
	}
	free(a);
}
