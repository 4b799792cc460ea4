/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/attachment.h"

#include <errno.h>

#include "base/log.h"
#include "go/library.h"
#include "probe/feature.h"
#include "probe/world.h"

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

void attachment_lasting_offsets(const struct hook_set *set, bool deaths,
				unsigned long offsets[LINKS_LASTING])
{
	offsets[LINKS_COLLECTED] = lasting_offset(set, MR_OP_COLLECTED);
	offsets[LINKS_FATAL] = lasting_offset(set, MR_OP_NONE);
	offsets[LINKS_THROW] = deaths ? lasting_offset(set, MR_OP_THROW) : 0;
	offsets[LINKS_PANIC] = deaths ? lasting_offset(set, MR_OP_PANIC) : 0;
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
	t->g_panic = (__u16)l->g_panic;
	t->recover_in_g = l->recover_in_g;
	t->recover_pc = (__u16)l->recover_pc;
	t->recover_sp = (__u16)l->recover_sp;
}

/* Of a test: what is not known takes away from no one. */
static void find_library(struct mr_target *t, const struct go_binary *bin, uint64_t bias)
{
	struct library_code code[MR_LIBRARY];
	int i, n = library_find(bin, code, MR_LIBRARY);

	for (i = 0; i < n; i++)
		t->library[i] = (struct mr_code){code[i].lo + bias, code[i].hi + bias};
}

int attachment_prepare(struct attachment *a, const struct process *p, const struct go_binary *bin,
		       const struct hook_set *set, uint64_t bias, bool may_plug, struct err *err)
{
	uint64_t world;

	a->process = p;
	a->images[0] = (struct image){bin, set, bias};
	a->nimages = 1;
	configure(&a->config, go_binary_layout(bin));
	a->config.runtime_lo = set->runtime_lo + bias;
	a->config.runtime_hi = set->runtime_hi + bias;
	a->config.hold_ppm = a->opts.hold_ppm;
	/* not one that a debugger would show the stop of, nor one that we may not let go */
	a->config.stop_at_fatal_ms = process_tracer(p) || !process_may_continue(p)
					     ? 0
					     : (__u32)((a->opts.max_freeze_ns + 999999) / 1000000);
	if (a->opts.max_freeze_ns && !process_may_continue(p))
		log_warn(
			"process %d is not stopped when it dies, so that less can be told of that: it "
			"is another user's, and without CAP_KILL maprace may not let it go again",
			(int)p->pid);
	a->config.flag_stays = a->opts.flag_stays;
	a->config.long_hold_ns = a->opts.long_hold_ns;
	a->config.bold_hold_ns = a->opts.long_hold_ns;
	if (a->opts.long_hold_ns)
		find_library(&a->config, bin, bias);
	if (a->opts.long_hold_ns && !world_find(bin, &world))
		a->config.stop_world = world + bias;
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
			if (other && other != a && other->in_tables &&
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

void attachment_remove_sites(const struct attachment *a, const struct hook_set *set, uint64_t bias)
{
	struct mr_site *s;
	size_t i;

	for (i = 0; i < set->count; i++) {
		s = engine_find_site(a->engine, a->target->tgid, set->hooks[i].addr + bias, a->tag);
		if (set->hooks[i].state == HOOK_PROBED && s)
			s->site.ip = 0;
	}
}

void attachment_free_numbers(const struct attachment *a, const struct hook_set *set, uint64_t bias)
{
	size_t i, k;

	for (i = 0; i < set->count; i++)
		for (k = 0; k < MR_SITE_SLOTS; k++)
			if (a->target->sites[k].ip == set->hooks[i].addr + bias)
				a->target->sites[k].ip = 0;
}

int attachment_add_sites(struct attachment *a, const struct hook_set *set, uint64_t bias,
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
	a->in_tables = false;
	remove_process(a);
	for (i = 0; i < a->nimages; i++)
		attachment_remove_sites(a, a->images[i].hooks, a->images[i].bias);
	calls_forget(&a->calls);
}

void attachment_leave_engine(struct attachment *a)
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
	a->in_tables = true;
	r = add_process(a);
	if (!r)
		r = attachment_add_sites(a, a->images[0].hooks, a->images[0].bias, ignored);
	if (!r)
		return 0;
	*alone = a->engine->used == 1;
	a->engine->full = true;
	attachment_leave_engine(a);
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
