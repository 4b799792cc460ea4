/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Do two runs of one BPF program happen at once? Three programs of ours: at the beginning and at
 * the end of a program that is looked at, and at the end of look-ups in hashes. None of them writes
 * anything but our own tables.
 *
 * A run is known by its frame: the kernel calls the programs for the beginning and the end of one
 * run from the same trampoline, with the same context on the same stack. So an end that goes unseen
 * leaves nothing that another end could be taken for.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include <maprace/overlap.h>

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

const volatile struct mr_run_config rcfg SEC(".rodata.rcfg") = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MR_RUN_CPUS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct mr_run_cpu);
} run_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct mr_run_control);
} run_control SEC(".maps");

#define barrier() asm volatile("" ::: "memory")
#define AT(x) (*(volatile __typeof__(x) *)&(x))

static __always_inline struct mr_run_cpu *cpu_at(__u32 cpu)
{
	return bpf_map_lookup_elem(&run_cpus, &cpu);
}

static __always_inline struct mr_run_cpu *cpu_own(void)
{
	__u32 cpu = bpf_get_smp_processor_id(), first = 0;
	struct mr_run_cpu *c = cpu < MR_RUN_CPUS ? cpu_at(cpu) : NULL;

	if (c)
		return c;
	c = cpu_at(first);
	if (c)
		__sync_fetch_and_add(&c->lost[MR_RUN_LOSS_CPU], 1);
	return NULL;
}

static __always_inline __u64 epoch_now(void)
{
	__u32 first = 0;
	struct mr_run_control *ctl = bpf_map_lookup_elem(&run_control, &first);

	return ctl ? AT(ctl->epoch) : 0;
}

/* The verifier lets nobody calculate with a context's address, but reading it is allowed. */
static __always_inline __u64 address_of(void *ctx)
{
	void *kept = ctx;
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &kept);
	return address;
}

/* Whether a run of this program is under way there, which has looked this value up (0: any). Only
 * if it is the same run before and after its values were looked at. */
static __always_inline bool is_under_way(struct mr_run *run, __u64 program, __u64 value,
					 __u64 epoch)
{
	__u64 turn = AT(run->turn);
	bool has = !value;
	__u32 i;

	if (!(turn & 1) || AT(run->program) != program || AT(run->epoch) != epoch)
		return false;
	for (i = 0; value && i < MR_RUN_VALUES; i++)
		if (AT(run->values[i]) == value)
			has = true;
	barrier();
	return has && AT(run->turn) == turn;
}

static __noinline int elsewhere(__u32 own, __u64 program, __u64 value)
{
	__u64 epoch = epoch_now();
	struct mr_run_cpu *c;
	__u32 cpu, i;

	for (cpu = 0; cpu < MR_RUN_CPUS; cpu++) {
		if (cpu >= rcfg.ncpus)
			break;
		c = cpu == own ? NULL : cpu_at(cpu);
		if (!c)
			continue;
		for (i = 0; i < MR_RUN_DEPTH; i++)
			if (is_under_way(&c->runs[i], program, value, epoch))
				return 1;
	}
	return 0;
}

static __always_inline void begin(struct mr_run *run, __u64 frame, __u64 program)
{
	__u32 i;

	run->turn = (run->turn | 1) + 1; /* even, and new */
	barrier();
	for (i = 0; i < MR_RUN_VALUES; i++)
		AT(run->values[i]) = 0;
	AT(run->nvalues) = 0;
	AT(run->frame) = frame;
	AT(run->program) = program;
	AT(run->epoch) = epoch_now();
	barrier();
	AT(run->turn) = run->turn + 1;
}

SEC("?fentry/begins")
int run_begins(void *ctx)
{
	__u64 program = rcfg.program, frame = address_of(ctx);
	struct mr_run_cpu *c = cpu_own();
	__u32 i;

	if (!c || program >= MR_RUN_PROGRAMS)
		return 0;
	c->began[program]++;
	/* one whose end went unseen, and whose place on the stack is used again */
	for (i = 0; i < MR_RUN_DEPTH; i++)
		if ((c->runs[i].turn & 1) && c->runs[i].frame == frame)
			c->runs[i].turn++;
	for (i = 0; i < MR_RUN_DEPTH; i++)
		if (!(c->runs[i].turn & 1))
			break;
	if (i == MR_RUN_DEPTH) {
		c->lost[MR_RUN_LOSS_DEPTH]++;
		return 0;
	}
	begin(&c->runs[i & (MR_RUN_DEPTH - 1)], frame, program);
	if (elsewhere(bpf_get_smp_processor_id(), program, 0))
		c->overlaps[program]++;
	return 0;
}

SEC("?fexit/ends")
int run_ends(void *ctx)
{
	__u64 program = rcfg.program, frame = address_of(ctx);
	struct mr_run_cpu *c = cpu_own();
	__u32 i, n = 0;

	if (!c)
		return 0;
	for (i = 0; i < MR_RUN_DEPTH; i++) {
		if (!(c->runs[i].turn & 1) || c->runs[i].frame != frame ||
		    c->runs[i].program != program)
			continue;
		AT(c->runs[i].turn) = c->runs[i].turn + 1;
		n++;
	}
	if (!n)
		c->lost[MR_RUN_LOSS_UNMATCHED]++;
	return 0;
}

/* --- look-ups --- */

#define STACK 8
#define ENTRY_BYTES 32	/* of a function, in which it calls the trampoline */
#define OWN_FRAMES 2	/* our program, its trampoline; where more is ours the function shows */
#define SAME_STACK 8192 /* a look-up's frame is below that of its run, not far */

/*
 * Who has called the look-up: the frame above that of the function, which is in the kernel's own
 * code; kernels since 6.19 jump to trampolines, and it does not show. 0: not known.
 */
static __always_inline __u64 caller_of(void *ctx)
{
	__u64 stack[STACK] = {}, caller = 0;
	long size = bpf_get_stack(ctx, stack, sizeof(stack), 0);
	bool inside = false;
	__u32 i;

	if (size < (OWN_FRAMES + 1) * (long)sizeof(stack[0]))
		return 0;
#pragma unroll
	for (i = 1; i < STACK - 1; i++) {
		if (inside || stack[i] < rcfg.text_lo || stack[i] >= rcfg.text_hi)
			continue;
		inside = true;
		if (stack[i] - rcfg.lookup < ENTRY_BYTES)
			caller = stack[i + 1];
		else if (i > OWN_FRAMES)
			caller = stack[OWN_FRAMES];
	}
	return inside ? caller : stack[OWN_FRAMES];
}

/* The number of the program that has this code, + 1. */
static __always_inline __u64 program_at(__u64 ip)
{
	__u32 i;

	for (i = 0; i < MR_RUN_RANGES; i++) {
		if (i >= rcfg.nranges)
			break;
		/* a return address may be the one behind the last instruction */
		if (ip > rcfg.ranges[i].lo && ip <= rcfg.ranges[i].hi)
			return rcfg.ranges[i].program + 1;
	}
	return 0;
}

/* The number of a map, + 1. */
static __always_inline __u32 map_number(__u32 id)
{
	__u32 i;

	for (i = 0; i < MR_RUN_MAPS; i++) {
		if (i >= rcfg.nmaps)
			break;
		if (rcfg.maps[i] == id)
			return i + 1;
	}
	return 0;
}

/* The run that a look-up is made in: the nearest one above it on its own stack, which must be of
 * the program that has called the look-up. */
static __always_inline struct mr_run *run_of(struct mr_run_cpu *c, __u64 frame, __u64 program)
{
	struct mr_run *found = NULL;
	__u64 nearest = SAME_STACK, above;
	__u32 i;

	for (i = 0; i < MR_RUN_DEPTH; i++) {
		above = c->runs[i].frame - frame;
		if (!(c->runs[i].turn & 1) || above >= nearest)
			continue;
		nearest = above;
		found = &c->runs[i];
	}
	return found && found->program == program ? found : NULL;
}

static __always_inline void note(struct mr_run_cpu *c, struct mr_run *run, __u64 value, __u32 map)
{
	__u64 n = run->nvalues, program = run->program;

	if (n >= MR_RUN_VALUES || program >= MR_RUN_PROGRAMS || map >= MR_RUN_MAPS) {
		c->lost[MR_RUN_LOSS_VALUES]++;
		return;
	}
	AT(run->values[n & (MR_RUN_VALUES - 1)]) = value;
	AT(run->nvalues) = n + 1;
	if (elsewhere(bpf_get_smp_processor_id(), program, value))
		c->met[program & (MR_RUN_PROGRAMS - 1)][map & (MR_RUN_MAPS - 1)]++;
}

/* (map, key) and the element, or NULL. */
SEC("?fexit/__htab_map_lookup_elem")
int value_looked_up(__u64 *ctx)
{
	const struct bpf_map *map = (void *)ctx[0];
	__u64 value = ctx[2], program;
	__u32 which = value ? map_number(map->id) : 0;
	struct mr_run_cpu *c;
	struct mr_run *run;

	if (!which)
		return 0;
	c = cpu_own();
	if (!c)
		return 0;
	program = program_at(caller_of(ctx));
	run = program ? run_of(c, address_of(ctx), program - 1) : NULL;
	if (run)
		note(c, run, value, which - 1);
	else
		c->lost[MR_RUN_LOSS_STACK]++;
	return 0;
}
