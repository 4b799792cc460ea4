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

static __u64 hits_of(__u32 cpu, int site)
{
	return cpus[cpu].hits[mr_site_slot(cfg.site_multiplier, site_list[site].ip)];
}

static int set_up(void **state)
{
	__u64 multiplier = 0x9e3779b97f4a7c15ull;
	size_t i;

	(void)state;
	memset(map_table, 0, sizeof(map_table));
	memset(again_table, 0, sizeof(again_table));
	memset(caller_table, 0, sizeof(caller_table));
	memset(hold_table, 0, sizeof(hold_table));
	memset(trial_table, 0, sizeof(trial_table));
	memset(stack_table, 0, sizeof(stack_table));
	memset(suspect_table, 0, sizeof(suspect_table));
	memset(suspect_keys, 0, sizeof(suspect_keys));
	memset(suspect_next_ns, 0, sizeof(suspect_next_ns));
	memset(grower_table, 0, sizeof(grower_table));
	memset(inside_table, 0, sizeof(inside_table));
	memset(grown_table, 0, sizeof(grown_table));
	memset(iterator_table, 0, sizeof(iterator_table));
	memset(pair_table, 0, sizeof(pair_table));
	memset(pair_keys, 0, sizeof(pair_keys));
	memset(gomaps, 0, sizeof(gomaps));
	memset(cpus, 0, sizeof(cpus));
	memset(aparts, 0, sizeof(aparts));
	memset(latest, 0, sizeof(latest));
	memset(emptied, 0, sizeof(emptied));
	memset(cloned, 0, sizeof(cloned));
	memset((void *)probe_sites, 0, sizeof(probe_sites));
	for (i = 0; i < event_count; i++)
		free(event_list[i]);
	event_count = 0;
	call_count = 0;
	memset((void *)call_sites, 0, sizeof(call_sites));
	for (i = 0; i < NSITES; i++)
		memcpy((void *)&probe_sites[mr_site_slot(multiplier, site_list[i].ip)],
		       &site_list[i], sizeof(site_list[i]));
	memset((void *)&cfg, 0, sizeof(cfg));
	cfg.site_multiplier = multiplier;
	cfg.tgid = TGID;
	cfg.max_hold_ns = 200000;
	cfg.min_hold_ns = 20000;
	cfg.bare_hold_ns = 1000000000;
	cfg.grace_ns = 20000;
	cfg.burst_ns = 20000000;
	hold_ppm = 1000000;
	cfg.holds_enabled = 1;
	cfg.map_mask = MR_MAP_RECORDS - 1;
	cfg.caller_mask = MR_CALLER_SLOTS - 1;
	cfg.g_stack_hi = 8;
	cfg.g_goid = 16;
	cfg.g_gopc = 24;
	cfg.g_parent_goid = 32;
	cfg.map_size = 48;
	cfg.map_seed = 12;
	cfg.map_seed_size = 4;
	cfg.map_flags = 8;
	cfg.map_writing_mask = 4;
	cfg.iter_map = 24;
	cfg.iter_type = 16;
	gate = 1;
	epoch = 0;
	collections = 0;
	whole_ns = 1; /* long ago */
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
	__u32 index = map_index((uintptr_t)map);
	struct mr_hold *h = &hold_table[index & (MR_HOLD_SLOTS - 1)];

	h->seq += 2;
	h->access.g = (uintptr_t)r->g;
	h->access.goid = r->g[2];
	h->access.op = site_list[site].op;
	h->access.nframes = 1;
	h->access.time_ns = bpf_ktime_get_ns();
	h->map = (uintptr_t)map;
	map_table[index].hold = 1;
	map_table[index].addr = (uintptr_t)map;
	return h;
}

#endif
