/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/engine.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "probe/feature.h"

#define MIN_HOLD_NS 20000u
#define GRACE_NS 20000u
#define BARE_HOLD_NS 100000u
#define BURST_NS 20000000u
#define FEWEST_SLOTS 4u
/* More targets than this share twice as many records of maps. */
#define MANY_TARGETS 32u
/* More than this, rings and tables of call sites that are twice as large, and more than those four
 * times. */
#define FEW_TARGETS 8u
#define RING_SHIFT 20u
/* Counters by slot and CPU: beyond so many, 20 MB, CPUs share some; before Linux 6.0, where an
 * array's value may not have more than 4 MiB, beyond these. */
#define MOST_CPU_ENTRIES 8192u
#define MOST_OLD_CPU_ENTRIES 1024u

static struct engine *engines;

/* The smallest n that is enough. */
static uint32_t log2_for(uint32_t count)
{
	uint32_t n = 0;

	while (1u << n < count)
		n++;
	return n;
}

static bool same_way(const struct attach_opts *a, const struct attach_opts *b)
{
	return a->max_hold_ns == b->max_hold_ns && !a->hold_ppm == !b->hold_ppm &&
	       a->window_ns == b->window_ns && a->growth == b->growth && a->panics == b->panics &&
	       a->panic_values == b->panic_values && a->map_records == b->map_records &&
	       a->no_multi == b->no_multi;
}

/* Of each two: the one that this kernel can run. */
static void choose_programs(struct engine *e)
{
	bool loop = feature_have(FEATURE_LOOP);

	e->op = loop ? e->skel->progs.maprace_op : e->skel->progs.maprace_op_plain;
	e->base.at_sites[LINKS_OPERATIONS] = e->op;
	e->base.at_sites[LINKS_PANICS] = e->skel->progs.maprace_panic;
	e->base.call = loop ? e->skel->progs.maprace_call : e->skel->progs.maprace_call_plain;
	e->base.lasting[LINKS_COLLECTED] = e->skel->progs.maprace_collected;
	e->base.lasting[LINKS_FATAL] = e->skel->progs.maprace_fatal;
	e->base.lasting[LINKS_THROW] = e->skel->progs.maprace_death;
	e->base.lasting[LINKS_PANIC] = e->skel->progs.maprace_death;
	bpf_program__set_autoload(e->skel->progs.maprace_op, loop);
	bpf_program__set_autoload(e->skel->progs.maprace_op_plain, !loop);
	bpf_program__set_autoload(e->skel->progs.maprace_call, loop);
	bpf_program__set_autoload(e->skel->progs.maprace_call_plain, !loop);
	bpf_program__set_autoload(e->skel->progs.maprace_panic, e->opts.panics);
	if (!e->base.multi)
		return;
	bpf_program__set_expected_attach_type(e->skel->progs.maprace_panic,
					      FEATURE_ATTACH_UPROBE_MULTI);
	bpf_program__set_expected_attach_type(e->op, FEATURE_ATTACH_UPROBE_MULTI);
	bpf_program__set_expected_attach_type(e->base.call, FEATURE_ATTACH_UPROBE_MULTI);
	bpf_program__set_expected_attach_type(e->skel->progs.maprace_fatal,
					      FEATURE_ATTACH_UPROBE_MULTI);
	bpf_program__set_expected_attach_type(e->skel->progs.maprace_death,
					      FEATURE_ATTACH_UPROBE_MULTI);
	bpf_program__set_expected_attach_type(e->skel->progs.maprace_collected,
					      FEATURE_ATTACH_UPROBE_MULTI);
}

static void configure(struct engine *e)
{
	struct mr_config *cfg = (struct mr_config *)&e->skel->rodata->cfg;
	const struct attach_opts *o = &e->opts;
	int ncpus = libbpf_num_possible_cpus();

	cfg->pidns_dev = e->pidns_dev;
	cfg->pidns_ino = e->pidns_ino;
	cfg->max_hold_ns = o->max_hold_ns;
	cfg->min_hold_ns = o->max_hold_ns < MIN_HOLD_NS ? o->max_hold_ns : MIN_HOLD_NS;
	cfg->grace_ns = GRACE_NS;
	cfg->bare_hold_ns = BARE_HOLD_NS;
	cfg->long_holds = ncpus > 1 ? (uint32_t)ncpus - 1 : 1;
	cfg->burst_ns = o->max_hold_ns * 4 > BURST_NS ? o->max_hold_ns * 4 : BURST_NS;
	cfg->holds_enabled = o->hold_ppm != 0;
	cfg->map_mask = e->map_records - 1;
	cfg->caller_mask = (MR_CALLER_SLOTS << e->crowd) - 1;
	cfg->ring_half_shift = RING_SHIFT - 1 + e->crowd;
	cfg->growth = o->growth;
	cfg->panics = o->panics;
	cfg->panic_values = o->panic_values;
	cfg->window_ns = o->window_ns;
	cfg->target_mask = e->nslots - 1;
	cfg->cpu_shift = e->cpu_shift;
	cfg->cpu_mask = (1u << e->cpu_shift) - 1;
	cfg->cpus_shared = ncpus > 1 << e->cpu_shift;
	cfg->cloned_shift = e->cloned_shift;
	cfg->cloned_mask = (1u << e->cloned_shift) - 1;
}

/* As large as these targets need them. */
static int size_tables(struct engine *e)
{
	uint32_t entries = e->nslots << e->cpu_shift;
	int ncpus = libbpf_num_possible_cpus();

	bpf_map__set_max_entries(e->skel->maps.maps, e->map_records);
	bpf_map__set_max_entries(e->skel->maps.callers, MR_CALLER_SLOTS << e->crowd);
	bpf_map__set_max_entries(e->skel->maps.events, 1u << (RING_SHIFT + e->crowd));
	bpf_map__set_max_entries(e->skel->maps.growth_events, 1u << (RING_SHIFT + e->crowd));
	if (ncpus < 1 || ncpus > MR_CPUS)
		ncpus = MR_CPUS;
	bpf_map__set_max_entries(e->skel->maps.fastpath, (__u32)ncpus * MR_FASTPATH_SLOTS);
	if (!e->opts.growth) {
		bpf_map__set_max_entries(e->skel->maps.growers, 1);
		bpf_map__set_max_entries(e->skel->maps.insides, 1);
		bpf_map__set_max_entries(e->skel->maps.grown, 1);
		bpf_map__set_max_entries(e->skel->maps.iterators, 1);
		bpf_map__set_max_entries(e->skel->maps.growth_events, (__u32)sysconf(_SC_PAGESIZE));
	}
	bpf_map__set_max_entries(e->skel->maps.panicking, e->opts.panics ? MR_PANICKING : 1);
	bpf_map__set_max_entries(e->skel->maps.panic_sites,
				 e->opts.panics ? MR_PANIC_SITES + MR_PANIC_SITES_OWN * e->nslots
						: 1);
	bpf_map__set_max_entries(e->skel->maps.pairs, MR_PAIRS + MR_PAIRS_OWN * e->nslots);
	if (!e->opts.window_ns) { /* the code that uses them is gone then */
		bpf_map__set_max_entries(e->skel->maps.stacks, 1);
		bpf_map__set_max_entries(e->skel->maps.suspects, 1);
	} else {
		bpf_map__set_max_entries(e->skel->maps.suspects,
					 MR_SUSPECTS + MR_SUSPECTS_OWN * e->nslots);
	}
	return bpf_map__set_value_size(e->skel->maps.data_cpus,
				       (__u32)(entries * sizeof(struct mr_cpu)));
}

_Static_assert(MOST_OLD_CPU_ENTRIES * sizeof(struct mr_cpu) <= 4u << 20, "KMALLOC_MAX_SIZE");

/* Whether the kernel makes an array of one such value. */
static bool may_have(size_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "large", sizeof(__u32), (__u32)size, 1, &opts);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static uint32_t most_cpu_entries(uint32_t wanted)
{
	if (wanted <= MOST_OLD_CPU_ENTRIES)
		return wanted;
	if (wanted > MOST_CPU_ENTRIES)
		wanted = MOST_CPU_ENTRIES;
	return may_have(wanted * sizeof(struct mr_cpu)) ? wanted : MOST_OLD_CPU_ENTRIES;
}

static void size_engine(struct engine *e)
{
	uint32_t targets = e->opts.targets + 1 < FEWEST_SLOTS ? FEWEST_SLOTS : e->opts.targets + 1;
	int ncpus = libbpf_num_possible_cpus();
	uint32_t shift = log2_for(targets > MR_TARGETS ? MR_TARGETS : targets), most;

	e->nslots = 1u << shift;
	e->crowd = e->opts.targets > MANY_TARGETS ? 2 : e->opts.targets > FEW_TARGETS;
	e->cloned_shift = MR_CLONED_BITS - shift;
	e->cpu_shift = log2_for(ncpus < 1 ? 1 : (uint32_t)ncpus);
	most = most_cpu_entries(e->nslots << e->cpu_shift);
	while (e->cpu_shift && e->nslots << e->cpu_shift > most)
		e->cpu_shift--;
	e->map_records = e->opts.map_records		  ? e->opts.map_records
			 : e->opts.targets > MANY_TARGETS ? 2 * MR_MAP_RECORDS
							  : MR_MAP_RECORDS;
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

static int map_tables(struct engine *e)
{
	int r = table_map(e->skel->maps.maps, sizeof(struct mr_map) * e->map_records,
			  (void **)&e->maps, &e->maps_len);

	if (!r)
		r = table_map(e->skel->maps.trials, sizeof(struct mr_trial) * MR_TRIAL_SLOTS,
			      (void **)&e->trials, &e->trials_len);
	if (!r && e->opts.growth)
		r = table_map(e->skel->maps.growers, sizeof(struct mr_grower) * MR_GROWERS,
			      (void **)&e->growers, &e->growers_len);
	return r;
}

static int refused(int r, struct err *err)
{
	const struct feature_answer *f;

	/* asked only now: where it is scarce, what the question takes is not free again at once */
	if (r == -EPERM || r == -ENOMEM) {
		f = feature_ask(FEATURE_MEMORY);
		if (!f->have) {
			err_hint(err, "%s; `maprace doctor` tells more", f->fix);
			return err_set(err, -EPERM,
				       "this kernel or these privileges lack %s (%s): %s", f->name,
				       f->what, f->detail);
		}
	}
	err_hint(err, "-vv shows the kernel's own words; `maprace doctor` tells what is missing");
	return err_set(err, r, "the kernel refuses the BPF programs: %s", err_name(r));
}

static void engine_free(struct engine *e)
{
	bool gone = attacher_end(&e->attacher);

	gone &= attacher_end(&e->mender);
	if (!gone)
		log_warn(
			"the kernel has not taken all probes away yet; they go as soon as it does");
	if (e->maps)
		munmap(e->maps, e->maps_len);
	if (e->trials)
		munmap(e->trials, e->trials_len);
	if (e->growers)
		munmap(e->growers, e->growers_len);
	gomap_bpf__destroy(e->skel);
	free(e);
}

static int engine_load(struct engine *e, struct err *err)
{
	int r;

	e->skel = gomap_bpf__open();
	if (!e->skel)
		return err_set(err, -errno, "cannot open the BPF object: %s", err_name(errno));
	e->base.multi = !e->opts.no_multi && feature_have(FEATURE_UPROBE_MULTI);
	size_engine(e);
	configure(e);
	choose_programs(e);
	r = size_tables(e);
	if (!r)
		r = gomap_bpf__load(e->skel);
	if (r)
		return refused(r, err);
	r = map_tables(e);
	return r ? err_set(err, r, "cannot map the tables of maps: %s", err_name(r)) : 0;
}

static int engine_new(struct engine **out, const struct attach_opts *opts, uint64_t pidns_dev,
		      uint64_t pidns_ino, struct err *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->opts = *opts;
	e->pidns_dev = pidns_dev;
	e->pidns_ino = pidns_ino;
	r = engine_load(e, err);
	if (r) {
		engine_free(e);
		return r;
	}
	e->next = engines;
	engines = e;
	*out = e;
	return 0;
}

/* The tag that the slot gives next; 0: it has given all. Tag 0 and slot 0 are nobody's. */
static uint16_t next_tag(const struct engine *e, uint32_t slot)
{
	uint32_t tag = (e->slots[slot].generation * e->nslots) | slot;

	return tag > UINT16_MAX ? 0 : (uint16_t)tag;
}

static uint32_t free_slot(const struct engine *e)
{
	uint32_t slot;

	for (slot = 1; slot < e->nslots; slot++)
		if (!e->slots[slot].owner && next_tag(e, slot))
			return slot;
	return 0;
}

/* Nothing of an earlier target's is left that is found by the slot. What is found by addresses has
 * its tag. */
static void wipe(struct engine *e, uint32_t slot)
{
	size_t cloned = (size_t)1 << e->cloned_shift, cpus = (size_t)1 << e->cpu_shift;

	memset((void *)&e->skel->bss->targets[slot], 0, sizeof(e->skel->bss->targets[slot]));
	memset(engine_counters(e, slot), 0, cpus * sizeof(struct mr_cpu));
	memset((void *)&e->skel->bss->cloned[slot * cloned], 0, cloned * sizeof(__u32));
}

void engine_share_foreign(struct engine *e)
{
	uint64_t all = 0, each;
	uint32_t i;

	for (i = 0; i < 1u << e->cpu_shift; i++)
		all += engine_counters(e, 0)[i].counts[MR_COUNT_FOREIGN];
	if (!e->used || all < e->foreign)
		return;
	each = (all - e->foreign) / e->used;
	for (i = 1; i < e->nslots; i++)
		if (e->slots[i].owner)
			e->slots[i].foreign += each;
	e->foreign += each * e->used; /* the rest next time */
}

/* One whose attacher was killed is of no use to anybody new. */
static bool takes(const struct engine *e, const struct attach_opts *opts, uint64_t pidns_dev,
		  uint64_t pidns_ino)
{
	return same_way(&e->opts, opts) && e->pidns_dev == pidns_dev && e->pidns_ino == pidns_ino &&
	       !e->full && free_slot(e) && (!e->attacher.pid || attacher_alive(&e->attacher));
}

int engine_join(struct engine **out, uint16_t *tag, struct attachment *owner,
		const struct attach_opts *opts, uint64_t pidns_dev, uint64_t pidns_ino,
		struct err *err)
{
	struct engine *e;
	uint32_t slot;
	int r = 0;

	for (e = engines; e && !takes(e, opts, pidns_dev, pidns_ino); e = e->next)
		;
	if (!e)
		r = engine_new(&e, opts, pidns_dev, pidns_ino, err);
	if (r)
		return r;
	engine_share_foreign(e); /* what was before is the others' */
	slot = free_slot(e);
	*tag = next_tag(e, slot);
	e->slots[slot].foreign = 0;
	e->slots[slot].silent = false;
	e->slots[slot].owner = owner;
	e->slots[slot].generation++;
	e->used++;
	wipe(e, slot);
	*out = e;
	return 0;
}

/* What is left of the target takes no room from others. The keys end with the tag. */
static void delete_of(const struct bpf_map *map, uint16_t tag)
{
	__u64 key, next, *from = NULL;
	int fd = bpf_map__fd(map);

	while (!bpf_map_get_next_key(fd, from, &next)) {
		if (from && (uint16_t)key == tag)
			(void)bpf_map_delete_elem(fd, from);
		key = next;
		from = &key;
	}
	if (from && (uint16_t)key == tag)
		(void)bpf_map_delete_elem(fd, from);
}

/* Its entries, and the room of those beyond its own. */
static void give_back(const struct bpf_map *map, uint16_t tag, __u32 *had, __u32 own, __u32 *common)
{
	if (!*had)
		return;
	delete_of(map, tag);
	if (*had > own)
		__atomic_fetch_sub(common, *had - own, __ATOMIC_SEQ_CST);
	*had = 0;
}

void engine_forget(struct engine *e, uint16_t tag)
{
	struct mr_target *t = engine_target(e, tag);

	t->tag = 0;
	give_back(e->skel->maps.pairs, tag, &t->pairs, MR_PAIRS_OWN, &e->skel->bss->pairs_common);
	give_back(e->skel->maps.suspects, tag, &t->suspects, MR_SUSPECTS_OWN,
		  &e->skel->bss->suspects_common);
	if (t->panics)
		delete_of(e->skel->maps.panicking, tag);
	give_back(e->skel->maps.panic_sites, tag, &t->panics, MR_PANIC_SITES_OWN,
		  &e->skel->bss->panics_common);
}

static void engine_remove(struct engine *e)
{
	struct engine **at = &engines;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	engine_free(e);
}

void engine_leave(struct engine *e, uint16_t tag)
{
	uint32_t slot = engine_slot(e, tag);

	engine_share_foreign(e);
	if (!--e->used) {
		engine_remove(e);
		return;
	}
	attacher_wait(&e->attacher, slot);
	engine_forget(e, tag);
	e->slots[slot].owner = NULL;
	e->full = false;
}

/* Run by the attacher; its memory of these is ours. From here on until we can tell otherwise, what
 * the probes that still stand see is not all that happens: nothing is concluded from it. */
static void close_gates(void *arg)
{
	struct engine *e = arg;
	uint32_t slot;

	for (slot = 1; slot < e->nslots; slot++) {
		e->skel->bss->targets[slot].stop_at_fatal_ms = 0;
		e->skel->bss->targets[slot].gate = 0;
		e->skel->bss->targets[slot].whole_ns = 0;
	}
}

static int start(struct engine *e, struct attacher *k, struct err *err)
{
	/* By perf events no probe is put back without the privileges that the first one took. */
	static struct attacher_orders orders; /* of the attacher, which is forked now */

	if (k->pid)
		return 0;
	orders = (struct attacher_orders){
		.base = &e->base,
		.perf = !e->base.multi,
		.before_sleep = close_gates,
		.arg = e,
		.targets = e->skel->bss->targets,
		.keeper_ns = (volatile uint64_t *)&e->skel->bss->keeper_ns,
		.ntargets = e->nslots,
	};
	return attacher_start(k, &orders, err);
}

int engine_start_attacher(struct engine *e, struct err *err)
{
	return start(e, &e->attacher, err);
}

int engine_start_mender(struct engine *e, struct err *err)
{
	return start(e, &e->mender, err);
}

bool engine_is_told_by(const struct engine *e, const struct attachment *a)
{
	uint32_t slot = 1;

	while (slot < e->nslots && (!e->slots[slot].owner || e->slots[slot].silent))
		slot++;
	return slot < e->nslots && e->slots[slot].owner == a;
}

/* So near to its own place that the programs find it. tag 0: an empty one. */
static struct mr_site *site_near(const struct engine *e, uint32_t tgid, uint64_t ip, uint16_t tag)
{
	uint32_t place = mr_site_place(tgid, ip), i;

	for (i = 0; i <= MR_SITE_STEPS; i++, place++) {
		struct mr_site *s = &e->skel->bss->sites[place & (MR_SITES - 1)];

		if (tag ? s->site.ip == ip && s->tgid == tgid && s->tag == tag : !s->site.ip)
			return s;
	}
	return NULL;
}

struct mr_site *engine_find_site(const struct engine *e, uint32_t tgid, uint64_t ip, uint16_t tag)
{
	return site_near(e, tgid, ip, tag);
}

struct mr_site *engine_free_site(const struct engine *e, uint32_t tgid, uint64_t ip)
{
	return site_near(e, tgid, ip, 0);
}
