/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_ENGINE_TARGET_H
#define MAPRACE_TESTS_ENGINE_TARGET_H

/*
 * The target's side of test_engine: goroutines with stacks of three frames, map headers, and the
 * operations that hit the probes. Included once, behind the programs and bpf_fake.h.
 */

enum {
	SITE_READ,
	SITE_WRITE,
	SITE_ITER,
	SITE_DELETE,
	SITE_ITER_BEGIN,
	SITE_GROW,
	SITE_MOVE,
	SITE_GROWN,
	SITE_SWISS_GROW,
	SITE_CLONE,
	NSITES
};
static const struct mr_probe_site site_list[NSITES] = {
	{.ip = 0x401000, .op = MR_OP_READ, .map_arg = MR_ARG_1, .type_arg = MR_ARG_0},
	{.ip = 0x402008, .depth = 8, .op = MR_OP_WRITE, .map_arg = MR_ARG_1, .type_arg = MR_ARG_0},
	{.ip = 0x403000, .op = MR_OP_ITERATE, .map_arg = MR_ARG_ITER, .type_arg = MR_ARG_ITER},
	{.ip = 0x404000, .op = MR_OP_DELETE, .map_arg = MR_ARG_1, .type_arg = MR_ARG_0},
	{.ip = 0x405000, .op = MR_OP_ITERATE, .map_arg = MR_ARG_1, .type_arg = MR_ARG_0},
	{.ip = 0x406000, .op = MR_OP_GROW, .map_arg = MR_ARG_1, .type_arg = MR_ARG_0},
	{.ip = 0x407000, .op = MR_OP_MOVE, .map_arg = MR_ARG_1, .type_arg = MR_ARG_0},
	{.ip = 0x408000, .op = MR_OP_GROWN},
	{.ip = 0x409000, .op = MR_OP_GROW, .map_arg = MR_ARG_2, .type_arg = MR_ARG_1},
	{.ip = 0x40a000, .op = MR_OP_CLONE, .map_arg = MR_ARG_1, .type_arg = MR_ARG_0},
};

/* The target in slot 1, in its second life. */
#define TAG 5
#define target1 targets[1]
#define cpus1 (&cpus[MR_CPUS])
#define TAGGED(p) mr_tagged((uintptr_t)(p), TAG)

struct goroutine { /* a g, its stack with three frames, a thread */
	__u64 g[64];
	__u64 stack[64];
	struct pt_regs regs;
	__u32 tid, cpu;
};

static __u64 gomaps[64][8]; /* map headers */

static void goroutine_init(struct goroutine *r, __u32 number)
{
	memset(r, 0, sizeof(*r));
	r->g[0] = (uintptr_t)r->stack;
	r->g[1] = (uintptr_t)(r->stack + 64);
	r->g[2] = number + 100; /* goid */
	r->tid = number + 1000;
	r->cpu = number;
	/* [8] return address; frames at 16 and 32; every return address tells the goroutine */
	r->stack[8] = 0x500000 + number * 0x1000;
	r->stack[16] = (uintptr_t)&r->stack[32];
	r->stack[17] = 0x500000 + number * 0x1000 + 1;
	r->stack[32] = 0;
	r->stack[33] = 0x500000 + number * 0x1000 + 2;
	r->regs.sp = (uintptr_t)&r->stack[8];
	r->regs.bp = (uintptr_t)&r->stack[16];
	r->regs.r14 = (uintptr_t)r->g;
}

static void op(struct goroutine *r, int site, void *map)
{
	r->regs.ip = site_list[site].ip;
	r->regs.bx = (uintptr_t)map;
	r->regs.ax = 0x600000;
	current_cpu = r->cpu;
	current_tid = r->tid;
	maprace_op(&r->regs);
}

/* The runtime's own fatal error, and its collector's moment. */
#define FATAL_IP 0x4f0000
#define COLLECTED_IP 0x4f1000

static void enter_fatal(struct goroutine *r)
{
	r->regs.ip = FATAL_IP;
	maprace_fatal(&r->regs);
}

static void enter_collected(struct goroutine *r)
{
	r->regs.ip = COLLECTED_IP;
	maprace_collected(&r->regs);
}

static __u64 hits_of(__u32 cpu, int site)
{
	return cpus1[cpu].hits[site];
}

/* The sites of one more process, with these numbers. */
static void plant_site(__u32 tgid, __u16 tag, struct mr_probe_site site, __u8 number)
{
	__u32 place = mr_site_place(tgid, site.ip);

	while (sites[place].site.ip)
		place = (place + 1) & (MR_SITES - 1);
	sites[place] = (struct mr_site){.site = site, .tgid = tgid, .tag = tag, .number = number};
	if (number < MR_SITE_SLOTS)
		targets[tag & cfg.target_mask].sites[number] = site;
}

static void plant_sites(__u32 tgid, __u16 tag)
{
	__u32 i;

	for (i = 0; i < NSITES; i++)
		plant_site(tgid, tag, site_list[i], (__u8)i);
	plant_site(tgid, tag, (struct mr_probe_site){.ip = FATAL_IP}, MR_SITE_SLOTS);
	plant_site(tgid, tag, (struct mr_probe_site){.ip = COLLECTED_IP, .op = MR_OP_COLLECTED},
		   MR_SITE_SLOTS);
	processes[mr_process_place(tgid)] = (struct mr_process){tgid, tag};
}

/* As the programs find it. */
static struct mr_probe_site *site_of(size_t site)
{
	__u32 place = mr_site_place(TGID, site_list[site].ip);

	while (sites[place].site.ip != site_list[site].ip || sites[place].tgid != TGID)
		place = (place + 1) & (MR_SITES - 1);
	return &sites[place].site;
}

static void plant_target(__u32 tgid, __u16 tag)
{
	struct mr_target *t = &targets[tag & cfg.target_mask];

	memset(t, 0, sizeof(*t));
	t->tag = tag;
	t->tgid = tgid;
	t->hold_ppm = 1000000;
	t->g_stack_hi = 8;
	t->g_goid = 16;
	t->g_gopc = 24;
	t->g_parent_goid = 32;
	t->parent_goid_mask = ~0ull;
	t->map_size = 48;
	t->map_seed = 12;
	t->map_seed_size = 4;
	t->map_flags = 8;
	t->map_writing_mask = 4;
	t->iter_map = 24;
	t->iter_type = 16;
	t->gate = tag;
	t->whole_ns = 1;	   /* long ago */
	t->looked_ns = 1ull << 62; /* and ever */
	plant_sites(tgid, tag);
}

static int set_up(void **state)
{
	size_t i;

	(void)state;
	memset(map_table, 0, sizeof(map_table));
	memset(fastpath_table, 0, sizeof(fastpath_table));
	memset(caller_table, 0, sizeof(caller_table));
	memset(near_table, 0, sizeof(near_table));
	memset(hold_table, 0, sizeof(hold_table));
	memset(trial_table, 0, sizeof(trial_table));
	memset(stack_table, 0, sizeof(stack_table));
	memset(suspect_table, 0, sizeof(suspect_table));
	memset(suspect_keys, 0, sizeof(suspect_keys));
	memset(grower_table, 0, sizeof(grower_table));
	memset(inside_table, 0, sizeof(inside_table));
	memset(grown_table, 0, sizeof(grown_table));
	memset(iterator_table, 0, sizeof(iterator_table));
	memset(pair_table, 0, sizeof(pair_table));
	memset(pair_keys, 0, sizeof(pair_keys));
	memset(gomaps, 0, sizeof(gomaps));
	memset(cpus, 0, sizeof(cpus));
	memset(aparts, 0, sizeof(aparts));
	memset(panic_site_table, 0, sizeof(panic_site_table));
	memset(panic_site_keys, 0, sizeof(panic_site_keys));
	memset(panicking_table, 0, sizeof(panicking_table));
	memset(panicking_keys, 0, sizeof(panicking_keys));
	pairs_common = suspects_common = panics_common = 0;
	memset(latest, 0, sizeof(latest));
	memset(cloned, 0, sizeof(cloned));
	memset(targets, 0, sizeof(targets));
	memset(sites, 0, sizeof(sites));
	memset(processes, 0, sizeof(processes));
	for (i = 0; i < event_count; i++)
		free(event_list[i]);
	event_count = 0;
	call_count = near_count = 0;
	memset((void *)call_sites, 0, sizeof(call_sites));
	memset((void *)&cfg, 0, sizeof(cfg));
	cfg.max_hold_ns = 200000;
	cfg.min_hold_ns = 20000;
	cfg.bare_hold_ns = 1000000000;
	cfg.grace_ns = 20000;
	cfg.burst_ns = 20000000;
	cfg.holds_enabled = 1;
	cfg.map_mask = MR_MAP_RECORDS - 1;
	cfg.caller_mask = MR_CALLER_SLOTS - 1;
	cfg.target_mask = 3;
	cfg.cpu_shift = 9;
	cfg.cpu_mask = MR_CPUS - 1;
	cfg.cloned_shift = MR_CLONED_BITS - 2;
	cfg.cloned_mask = MR_CLONED / 4 - 1;
	cfg.ring_half_shift = 19;
	plant_target(TGID, TAG);
	memset((void *)claim_states, 0, sizeof(claim_states));
	memset(claim_table, 0, sizeof(claim_table));
	memset(late_claims, 0, sizeof(late_claims));
	stuck_deletes = 0;
	at_claim = NULL;
	at_lookup = NULL;
	every_pair = ring_full = false;
	at_reserve = NULL;
	ring_used = 0;
	wakeups = 0;
	text_call_ret = 0;
	fault_addr = 0;
	fault_hits = 0;
	current_tgid = TGID;
	return 0;
}

static int tear_down(void **state)
{
	return set_up(state);
}

/* Publishes a hold by hand, as hold() does, and leaves it standing. */
static struct mr_hold *plant_hold(struct goroutine *r, int site, void *map)
{
	__u32 index = map_index(TAGGED(map));
	struct mr_hold *h = &hold_table[index & (MR_HOLD_SLOTS - 1)];

	h->seq += 2;
	h->access.g = TAGGED(r->g);
	h->access.goid = r->g[2];
	h->access.op = site_list[site].op;
	h->access.nframes = 1;
	h->access.time_ns = bpf_ktime_get_ns();
	h->map = TAGGED(map);
	map_table[index].hold = 1;
	map_table[index].addr = TAGGED(map);
	return h;
}

#endif
