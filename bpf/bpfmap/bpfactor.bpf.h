/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_BPFACTOR_BPF_H
#define MAPRACE_BPFACTOR_BPF_H

/* Who calls a map's function: a thread inside bpf(2), or a BPF program, which shows in the kernel's
 * stack only. */
#include "bpftables.bpf.h"

static __always_inline bool is_kernel_text(__u64 ip)
{
	return ip >= bcfg.text_lo && ip < bcfg.text_hi;
}

static __always_inline bool is_helper(__u64 ip)
{
	int i;

	for (i = 0; i < MR_BPF_HELPERS; i++)
		if (ip >= bcfg.helper[i].lo && ip < bcfg.helper[i].hi)
			return true;
	return false;
}

/* A watched function calls our trampoline from its first bytes, where its frame, if it has one,
 * points. */
#define ENTRY_BYTES 32
#define OUTER_BYTES 96 /* of a function that calls another one: all of it */

static __always_inline bool is_watched(__u64 ip)
{
	int i;

	for (i = 0; i < MR_BPF_FUNCTIONS; i++)
		if (bcfg.function[i] && ip - bcfg.function[i] < ENTRY_BYTES)
			return true;
	return false;
}

static __always_inline bool is_outer(__u64 ip)
{
	__u64 htab = bcfg.function[MR_BPF_HTAB_LOOKUP], lru = bcfg.function[MR_BPF_LRU_LOOKUP];

	return (htab && ip - htab < OUTER_BYTES) || (lru && ip - lru < OUTER_BYTES);
}

/*
 * From the innermost: our program and its two functions, its trampoline, all outside the kernel's
 * image; the watched function, inside, unless this kernel jumps to trampolines (since 6.19); then
 * its caller. A caller outside the image is a program. A program that does not know its map in
 * advance comes through the helper function.
 *
 * How many frames are ours depends on the kernel (5.10 has one more), so only where the watched
 * function does not show are they counted.
 */
#define OWN_FRAMES 4
#define STACK_UNCLEAR (~0ull)
#define STACK_OUTER (~1ull) /* the caller is a watched function that tells of this itself */

/* The first frame inside the kernel's image. Its place goes through memory: the verifier forgets
 * which it was, and follows what comes after for one place, not for twelve. */
static __always_inline __u32 first_inside(struct mr_bpf_cpu *c, long size)
{
	__u32 i;

	for (i = 0; i < MR_BPF_STACK && i * 8 < size; i++)
		if (is_kernel_text(c->stack[i]))
			break;
	*(volatile __u32 *)&c->inside = i;
	return *(volatile __u32 *)&c->inside;
}

/* 0: no program. */
static __always_inline __u64 program_caller(struct mr_bpf_cpu *c, long size)
{
	__u32 i = first_inside(c, size), k;
	__u64 ip;

	if (i >= MR_BPF_STACK || i * 8 >= size)
		return STACK_UNCLEAR;
	ip = c->stack[i];
	if (c->call.inner && is_outer(ip))
		return STACK_OUTER;
	if (is_watched(ip))
		i++;
	else if (i > OWN_FRAMES && c->stack[OWN_FRAMES])
		return c->stack[OWN_FRAMES];
	for (k = 0; k < 2; k++, i++) {
		if (i >= MR_BPF_STACK || i * 8 >= size)
			return STACK_UNCLEAR;
		ip = c->stack[i];
		if (!is_kernel_text(ip))
			return ip;
		if (k || !is_helper(ip))
			return 0;
	}
	return STACK_UNCLEAR;
}

static __always_inline __u32 program_id(__u64 caller)
{
	__u64 at = (caller - 1) >>
		   6; /* the call's last byte: a return address may lie behind the program's end */
	__u32 slot = mr_bpf_chunk_slot(at), i, k;
	struct mr_bpf_chunk *chunk;

	for (i = 0; i < MR_BPF_CHUNK_PROBES; i++) {
		k = (slot + i) & (MR_BPF_CHUNKS - 1);
		chunk = bpf_map_lookup_elem(&chunks, &k);
		if (!chunk || !chunk->at)
			return 0;
		if (chunk->at == at)
			return chunk->prog_id;
	}
	return 0;
}

/* User space looks for programs that are new. Told at most every 10 ms. */
static __always_inline void tell_unknown(struct mr_bpf_cpu *c, __u64 caller, __u64 now)
{
	struct mr_bpf_control *ctl = control_get();
	struct mr_bpf_event_unknown *e;

	bpf_count(c, MR_BPF_COUNT_PROGRAM_UNKNOWN);
	if (!ctl || now - ctl->unknown_ns < 10000000)
		return;
	ctl->unknown_ns = now;
	e = bpf_ringbuf_reserve(&bpf_events, sizeof(*e), 0);
	if (!e)
		return;
	e->header.kind = MR_BPF_EVENT_UNKNOWN_PROGRAM;
	e->header.size = sizeof(*e);
	e->header.time_ns = now;
	e->caller = caller;
	bpf_ringbuf_submit(e, 0);
}

static __always_inline struct mr_bpf_row *call_row(const struct mr_bpf_cpu *c)
{
	__u32 slot = c->call.slot & (MR_BPF_ROWS - 1);

	return bpf_map_lookup_elem(&rows, &slot);
}

/* Something of this map goes unseen now. */
static __always_inline void row_gap(const struct mr_bpf_cpu *c, __u64 now)
{
	struct mr_bpf_row *row = call_row(c);

	if (row)
		row->gap_ns = now;
}

/*
 * Fills *a; 0 when it cannot be told who calls. A program is one actor for each CPU and thread that
 * it runs on: its next run there cannot come before this one is over.
 */
static __noinline int actor_find(void *ctx, struct mr_bpf_cpu *c, struct mr_bpf_actor *a)
{
	__u64 task = bpf_get_current_pid_tgid(), caller = 0, now;
	struct mr_bpf_row *row;
	long size;

	a->cpu = bpf_get_smp_processor_id();
	a->tid = (__u32)task;
	a->tgid = task >> 32;
	a->prog_id = 0;
	a->pad = 0;
	bpf_get_current_comm(a->comm, sizeof(a->comm));
	if (!c->call.syscall) {
		size = bpf_get_stack(ctx, c->stack, sizeof(c->stack), 0);
		caller = size < 0 ? STACK_UNCLEAR : program_caller(c, size);
	}
	if (caller == STACK_OUTER)
		return 0;
	if (caller == STACK_UNCLEAR) {
		bpf_count(c, MR_BPF_COUNT_STACK_FAULT);
		row_gap(c, bpf_ktime_get_ns());
		return 0;
	}
	a->caller = caller;
	if (!caller) {
		a->kind = MR_BPF_TASK;
		a->id = (1ull << 62) | a->tid;
		return 1;
	}
	a->prog_id = program_id(caller);
	if (a->prog_id) {
		a->kind = MR_BPF_PROGRAM;
		a->id = (2ull << 62) | (mix(mix(((__u64)a->prog_id << 32) | a->cpu) ^ a->tid) >> 2);
		return 1;
	}
	/* It may be any program, also one that has read as a known one; but it is no thread. */
	now = bpf_ktime_get_ns();
	tell_unknown(c, caller, now);
	row = call_row(c);
	if (row)
		row->program_gap_ns = now;
	a->kind = MR_BPF_CODE;
	a->id = (3ull << 62) | (mix(caller >> 12 ^ (__u64)a->cpu << 52) >> 2);
	return 1;
}

/* include/linux/sched.h: how often a thread gave its CPU up, and how often it lost it */
struct task_struct___mr {
	unsigned long nvcsw, nivcsw;
} __attribute__((preserve_access_index));

/*
 * Changes whenever the thread that runs here loses its CPU. A program's read and its write of one
 * run have the same. Of two runs the first may have read and not written, and the read of the
 * second may have gone unseen (see also bpfhidden.bpf.h).
 */
static __always_inline __u32 turn_of(const struct mr_bpf_actor *a)
{
	const struct task_struct___mr *task;
	unsigned long gave = 0, lost = 0;

	if (a->kind != MR_BPF_PROGRAM)
		return 0;
	task = (const void *)bpf_get_current_task();
	bpf_probe_read_kernel(&gave, sizeof(gave), &task->nvcsw);
	bpf_probe_read_kernel(&lost, sizeof(lost), &task->nivcsw);
	return (__u32)(gave + lost);
}

/* Who it is to a person: a process, or a program wherever it runs. */
static __always_inline __u64 actor_group(const struct mr_bpf_actor *a)
{
	if (a->kind == MR_BPF_TASK)
		return a->tgid;
	if (a->kind == MR_BPF_PROGRAM)
		return (1ull << 40) | a->prog_id;
	return (2ull << 40) ^ (a->caller >> 12);
}

#endif
