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

#define MIN_HOLD_NS 20000u
#define GRACE_NS 20000u
#define BARE_HOLD_NS 100000u
#define BURST_NS 20000000u
/* Who comes so late may have been slept over; less than what the keeper has patience for, and more
 * than another target's probes take to be moved. */
#define LATE_NS 8000000000u

static int need(enum feature feature, struct err *err)
{
	const struct feature_answer *f = feature_ask(feature);

	if (f->have)
		return 0;
	err_hint(err, "%s; `maprace doctor` tells more", f->mend);
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
	r = libbpf_num_possible_cpus();
	a->ncpus = r > 0 && r < MR_CPUS ? (size_t)r : MR_CPUS;
	a->links.multi = !opts->no_multi && feature_have(FEATURE_UPROBE_MULTI);
	a->map_records = opts->map_records ? opts->map_records : MR_MAP_RECORDS;
	a->skel = gomap_bpf__open();
	if (!a->skel) {
		r = -errno;
		free(a);
		return err_set(err, r, "cannot open the BPF object: %s", err_name(r));
	}
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

/* A multiplier under which no two sites share a slot of the table. Deterministic: the numbers come
 * from a counter. */
static int place_sites(struct gomap_bpf *skel, const struct hook_set *set, uint64_t bias)
{
	struct mr_probe_site *table = skel->bss->probe_sites;
	uint64_t multiplier = 0x9e3779b97f4a7c15ull;
	size_t i;
	int try;

	for (try = 0; try < 100000; try++) {
		multiplier = (multiplier * 6364136223846793005ull + 1442695040888963407ull) | 1;
		memset(table, 0, sizeof(skel->bss->probe_sites));
		for (i = 0; i < set->count; i++) {
			const struct hook *h = &set->hooks[i];
			struct mr_probe_site *s = &table[mr_site_slot(multiplier, h->addr + bias)];

			if (h->state != HOOK_PROBED || !mr_op_has_site(h->op))
				continue;
			if (s->ip)
				break;
			site_fill(s, h, bias);
		}
		if (i == set->count) {
			skel->rodata->cfg.site_multiplier = multiplier;
			return 0;
		}
	}
	return -ENOSPC;
}

/*
 * By which number the programs know the target. They can ask for the initial namespace's, or for
 * that of the namespace in which the current task lives itself, no other: what lies in between, as
 * maprace's own may for a target in a container inside of its own, they cannot.
 */
static int identify(struct mr_config *cfg, const struct process *p, struct err *err)
{
	uint64_t dev, ino;
	pid_t tgid;
	int r;

	cfg->tgid = (__u32)p->pid;
	if (!feature_in_pid_namespace(NULL, NULL))
		return 0;
	r = process_namespace(p, &dev, &ino, &tgid, err);
	if (r)
		return r;
	cfg->pidns_dev = dev;
	cfg->pidns_ino = ino;
	cfg->tgid = (__u32)tgid;
	return 0;
}

/* Of each two: the one that this kernel can run. */
static void choose_programs(struct attachment *a)
{
	bool loop = feature_have(FEATURE_LOOP);

	a->op = loop ? a->skel->progs.maprace_op : a->skel->progs.maprace_op_plain;
	a->links.call = loop ? a->skel->progs.maprace_call : a->skel->progs.maprace_call_plain;
	bpf_program__set_autoload(a->skel->progs.maprace_op, loop);
	bpf_program__set_autoload(a->skel->progs.maprace_op_plain, !loop);
	bpf_program__set_autoload(a->skel->progs.maprace_call, loop);
	bpf_program__set_autoload(a->skel->progs.maprace_call_plain, !loop);
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

int attachment_prepare(struct attachment *a, const struct process *p, const struct go_binary *bin,
		       const struct hook_set *set, uint64_t bias, bool may_plug, struct err *err)
{
	const struct go_layout *l = go_binary_layout(bin);
	struct mr_config *cfg = (struct mr_config *)&a->skel->rodata->cfg;
	int r;

	a->process = p;
	a->links.files[0].fd = elf_file_fd(go_binary_elf(bin));
	a->images[0] = (struct image){bin, set, bias};
	a->nimages = 1;
	r = identify(cfg, p, err);
	if (r)
		return r;
	cfg->runtime_lo = set->runtime_lo + bias;
	cfg->runtime_hi = set->runtime_hi + bias;
	cfg->max_hold_ns = a->opts.max_hold_ns;
	cfg->min_hold_ns = a->opts.max_hold_ns < MIN_HOLD_NS ? a->opts.max_hold_ns : MIN_HOLD_NS;
	cfg->grace_ns = GRACE_NS;
	cfg->bare_hold_ns = a->opts.bold ? a->opts.max_hold_ns : BARE_HOLD_NS;
	cfg->burst_ns = a->opts.max_hold_ns * 4 > BURST_NS ? a->opts.max_hold_ns * 4 : BURST_NS;
	a->skel->bss->hold_ppm = a->opts.hold_ppm;
	cfg->holds_enabled = a->opts.hold_ppm != 0;
	cfg->map_mask = a->map_records - 1;
	cfg->caller_mask = MR_CALLER_SLOTS - 1;
	cfg->g_stack_lo = l->g_stack_lo;
	cfg->g_stack_hi = l->g_stack_hi;
	cfg->g_goid = l->g_goid;
	cfg->g_gopc = l->g_gopc;
	cfg->g_parent_goid = l->g_parent_goid;
	cfg->g_labels = l->g_labels;
	cfg->g_m = l->g_m;
	cfg->m_p = l->m_p;
	cfg->m_locks = l->m_locks;
	cfg->m_preemptoff = l->m_preemptoff;
	cfg->clone_copies = l->map_impl != GO_MAP_SWISS ? MR_CLONE_SEED
			    : l->clone_is_method	? MR_CLONE_FLAGS
							: MR_CLONE_NOTHING;
	cfg->map_size = l->map_size < MR_HEADER_MAX ? l->map_size : MR_HEADER_MAX;
	cfg->map_seed = l->map_seed;
	cfg->map_seed_size = l->map_seed_size;
	cfg->collections_unseen = may_plug || !lasting_offset(set, MR_OP_COLLECTED);
	cfg->map_flags = l->map_flags;
	cfg->map_writing_mask = l->map_writing_mask;
	cfg->iter_map = l->iter_map;
	cfg->iter_type = l->iter_type;
	cfg->growth = a->opts.growth;
	cfg->map_old = l->map_old;
	if (!cfg->growth) {
		bpf_map__set_max_entries(a->skel->maps.growers, 1);
		bpf_map__set_max_entries(a->skel->maps.insides, 1);
		bpf_map__set_max_entries(a->skel->maps.grown, 1);
		bpf_map__set_max_entries(a->skel->maps.iterators, 1);
		bpf_map__set_max_entries(a->skel->maps.growth_events, (__u32)sysconf(_SC_PAGESIZE));
	}
	bpf_map__set_max_entries(a->skel->maps.maps, a->map_records);
	bpf_map__set_max_entries(a->skel->maps.again, (__u32)(a->ncpus * MR_AGAIN_SLOTS));
	cfg->window_ns = a->opts.window_ns;
	if (!cfg->window_ns) { /* the code that uses them is gone then */
		bpf_map__set_max_entries(a->skel->maps.stacks, 1);
		bpf_map__set_max_entries(a->skel->maps.suspects, 1);
	}
	choose_programs(a);
	if (a->links.multi) {
		bpf_program__set_expected_attach_type(a->op, FEATURE_ATTACH_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(a->links.call, FEATURE_ATTACH_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(a->skel->progs.maprace_fatal,
						      FEATURE_ATTACH_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(a->skel->progs.maprace_collected,
						      FEATURE_ATTACH_UPROBE_MULTI);
	}
	r = place_sites(a->skel, set, bias);
	if (r)
		return err_set(err, r, "no room for %zu probe sites", set->probed);
	return 0;
}

/* Maps an array of the kernel's into our memory, read-only. */
static int table_map(const struct bpf_map *map, size_t size, void **out, size_t *len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at;

	*len = (size + page - 1) & ~(page - 1);
	at = mmap(NULL, *len, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	if (at == MAP_FAILED)
		return -errno;
	*out = at;
	return 0;
}

int attachment_load(struct attachment *a, struct err *err)
{
	int r = gomap_bpf__load(a->skel);

	/* asked only now: where it is scarce, what the question takes is not free again at once */
	if ((r == -EPERM || r == -ENOMEM) && need(FEATURE_MEMORY, err))
		return r;
	if (r) {
		err_hint(
			err,
			"-vv shows the kernel's own words; `maprace doctor` tells what is missing");
		return err_set(err, r, "the kernel refuses the BPF programs: %s", err_name(r));
	}
	r = table_map(a->skel->maps.maps, sizeof(struct mr_map) * a->map_records, (void **)&a->maps,
		      &a->maps_len);
	if (!r)
		r = table_map(a->skel->maps.trials, sizeof(struct mr_trial) * MR_TRIAL_SLOTS,
			      (void **)&a->trials, &a->trials_len);
	if (!r && a->opts.growth)
		r = table_map(a->skel->maps.growers, sizeof(struct mr_grower) * MR_GROWERS,
			      (void **)&a->growers, &a->growers_len);
	a->calls.table = a->skel->bss->call_sites;
	if (r)
		return err_set(err, r, "cannot map the tables of maps: %s", err_name(r));
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

/* Run by the keeper; its memory of these is ours. From here on until we can tell otherwise, what
 * the probes that still stand see is not all that happens: nothing is concluded from it. */
static void close_gate(void *arg)
{
	struct attachment *a = arg;

	a->skel->bss->gate = 0;
	a->skel->bss->whole_ns = 0;
}

int attachment_attach(struct attachment *a, struct err *err)
{
	/* By perf events no probe is put back without the privileges that the first one took. */
	struct keeper_orders orders = {!a->links.multi, close_gate, a};
	struct links *l = &a->links;
	uint32_t slot;
	int r;

	l->pid = a->process->pid;
	l->op = a->op;
	l->lasting[LINKS_COLLECTED] = a->skel->progs.maprace_collected;
	l->lasting[LINKS_FATAL] = a->skel->progs.maprace_fatal;
	l->nfiles = 1;
	lasting_offsets(a->images[0].hooks, l->files[0].lasting_offsets);
	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		l->offsets[slot] = slot_offset(a, slot);
	r = keeper_start(&a->keeper, l, &orders, err);
	a->open = !r;
	a->beat_ns = clock_ns(CLOCK_MONOTONIC); /* its patience begins here */
	return r;
}

/* A free slot for one more site, no further from its own than the engine will look. */
static int place_further(struct attachment *a, const struct hook *h, uint64_t bias)
{
	struct mr_probe_site *table = a->skel->bss->probe_sites;
	uint32_t slot = mr_site_slot(a->skel->rodata->cfg.site_multiplier, h->addr + bias), i;

	for (i = 0; i <= MR_SITE_STEPS; i++, slot = (slot + 1) & (MR_SITE_SLOTS - 1)) {
		if (table[slot].ip)
			continue;
		site_fill(&table[slot], h, bias);
		return (int)slot;
	}
	return -ENOSPC;
}

int attachment_add(struct attachment *a, const char *path, const struct go_binary *bin,
		   const struct hook_set *set, uint64_t bias, struct err *err)
{
	struct links_addition more = {};
	struct stat st;
	size_t i;
	int r = 0;

	if (a->nimages == LINKS_FILES)
		return err_set(err, -ENOSPC, "too many plugins");
	if (snprintf(more.path, sizeof(more.path), "%s", path) >= (int)sizeof(more.path))
		return err_set(err, -ENAMETOOLONG, "its path is too long");
	if (fstat(elf_file_fd(go_binary_elf(bin)), &st))
		return err_set(err, -errno, "cannot look at its file: %s", err_name(errno));
	more.dev = st.st_dev;
	more.ino = st.st_ino;
	lasting_offsets(set, more.lasting_offsets);
	for (i = 0; i < set->count && r >= 0; i++) {
		if (set->hooks[i].state != HOOK_PROBED || !mr_op_has_site(set->hooks[i].op))
			continue;
		r = place_further(a, &set->hooks[i], bias);
		if (r >= 0)
			more.offsets[r] = set->hooks[i].offset;
	}
	r = r < 0 ? err_set(err, r, "no room for its probe sites")
		  : keeper_add(&a->keeper, &more, err);
	if (!r) {
		a->images[a->nimages++] = (struct image){bin, set, bias};
		return 0;
	}
	for (i = 0; i < MR_SITE_SLOTS; i++)
		if (more.offsets[i])
			a->skel->bss->probe_sites[i].ip = 0;
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
	struct links_calls change;
	int r;

	if (!calls_change(&a->calls, now_ns, &change))
		return 0;
	r = keeper_change_calls(&a->keeper, &change, err);
	calls_changed(&a->calls, &change, !r);
	return r;
}

uint64_t attachment_bare_calls(const struct attachment *a)
{
	return a->calls.bare;
}

static void tell_whole(struct attachment *a)
{
	__sync_synchronize(); /* what was opened before is open before the clock is read */
	a->skel->bss->whole_ns = a->whole && a->open ? clock_ns(CLOCK_MONOTONIC) : 0;
}

int attachment_open(struct attachment *a, struct err *err)
{
	int r = 0;

	if (a->open)
		return 0;
	a->skel->bss->epoch++;
	r = keeper_open(&a->keeper, err);
	a->skel->bss->epoch++;
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
	a->skel->bss->epoch++;
	r = keeper_close(&a->keeper, cycled, err);
	a->skel->bss->epoch++;
	return r;
}

/* We were stopped, or kept waiting: the keeper may have taken the probes away by itself. */
static int catch_up(struct attachment *a, uint64_t *unwatched_ns, struct err *err)
{
	int r;

	a->skel->bss->whole_ns = 0;
	a->skel->bss->epoch++;
	r = keeper_rouse(&a->keeper, unwatched_ns, err);
	if (r)
		a->open = false;
	/* unseen ones; the programs count up too */
	__atomic_fetch_add(&a->skel->bss->collections, 1, __ATOMIC_SEQ_CST);
	a->skel->bss->epoch++;
	a->skel->bss->gate = a->active;
	tell_whole(a);
	return r;
}

int attachment_beat(struct attachment *a, uint64_t now_ns, uint64_t *unwatched_ns, struct err *err)
{
	uint64_t before = a->beat_ns;

	*unwatched_ns = 0;
	a->beat_ns = now_ns;
	/* first: then the keeper does not fall asleep behind what follows */
	keeper_beat(now_ns);
	return now_ns - before > LATE_NS ? catch_up(a, unwatched_ns, err) : 0;
}

bool attachment_alive(const struct attachment *a)
{
	return keeper_alive(&a->keeper);
}

void attachment_activate(struct attachment *a, bool whole)
{
	a->whole = whole;
	a->active = true;
	a->skel->bss->gate = 1;
	tell_whole(a); /* seen from now on */
}

void attachment_detach(struct attachment *a)
{
	if (a->skel && a->skel->bss)
		a->skel->bss->gate = 0;
	keeper_end(&a->keeper);
	a->open = a->active = false;
}

void attachment_free(struct attachment *a)
{
	if (!a)
		return;
	attachment_detach(a);
	if (a->maps)
		munmap(a->maps, a->maps_len);
	if (a->trials)
		munmap(a->trials, a->trials_len);
	if (a->growers)
		munmap(a->growers, a->growers_len);
	gomap_bpf__destroy(a->skel);
	free(a);
}
