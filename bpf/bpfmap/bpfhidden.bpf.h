/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_BPFHIDDEN_BPF_H
#define MAPRACE_BPFHIDDEN_BPF_H

/*
 * What the kernel hides from us. Since 5.12 it does not start a program that runs on this CPU
 * already: who interrupts one of ours, or takes the CPU from it, and does the same is not seen, and
 * nothing of ours notes it. Only the kernel itself counts (missed_runs), for each program on each
 * CPU: a read is remembered with what had been hidden by then, and no conclusion is drawn from it
 * when that has changed. The counters have no name; an iterator over programs finds them, once.
 */
#include "bpftables.bpf.h"

/* include/linux/filter.h */
struct bpf_prog_aux___mr {
	__u32 id;
} __attribute__((preserve_access_index));

struct bpf_prog___mr {
	struct bpf_prog_aux___mr *aux;
	void *stats; /* one for each CPU, relative to its __per_cpu_offset[] */
} __attribute__((preserve_access_index));

/* kernel/bpf/prog_iter.c: prog is NULL when all have been */
struct bpf_iter__bpf_prog___mr {
	void *meta;
	struct bpf_prog___mr *prog;
} __attribute__((preserve_access_index));

/* The address of each CPU's counter of the program that control->reader[which] names. */
static __always_inline void hidden_find_in(__u64 stats, __u32 which)
{
	struct mr_bpf_cpu *c;
	__u64 offset, at, n;
	__u32 cpu, key;

	for (cpu = 0; cpu < MR_BPF_CPUS; cpu++) {
		if (cpu >= bcfg.ncpus)
			break;
		key = cpu; /* the verifier does not know what a word is whose address was taken */
		c = bpf_map_lookup_elem(&bcpus, &key);
		if (!c || bpf_probe_read_kernel(&offset, sizeof(offset),
						(const void *)(bcfg.per_cpu_offset + cpu * 8ull)))
			break;
		at = stats + offset + bcfg.misses_offset;
		if (bpf_probe_read_kernel(&n, sizeof(n), (const void *)at))
			break;
		c->misses[which & (MR_BPF_READERS - 1)] = at;
	}
}

/* What is not found user space finds missing. */
SEC("?iter/bpf_prog")
int hidden_find(struct bpf_iter__bpf_prog___mr *ctx)
{
	struct bpf_prog___mr *prog = ctx->prog;
	struct mr_bpf_control *ctl = control_get();
	struct bpf_prog_aux___mr *aux = 0;
	__u64 stats = 0;
	__u32 id = 0, i;

	if (!prog || !ctl || bpf_probe_read_kernel(&aux, sizeof(aux), &prog->aux) ||
	    bpf_probe_read_kernel(&id, sizeof(id), &aux->id) ||
	    bpf_probe_read_kernel(&stats, sizeof(stats), &prog->stats) || !id || !stats)
		return 0;
	for (i = 0; i < MR_BPF_READERS; i++)
		if (ctl->reader[i] == id)
			break;
	if (i < MR_BPF_READERS)
		hidden_find_in(stats, i);
	return 0;
}

/* Of look-ups, on this CPU, so far. */
static __always_inline __u64 hidden_reads(const struct mr_bpf_cpu *c)
{
	__u64 sum = 0, n;
	__u32 i;

	for (i = 0; i < MR_BPF_READERS; i++) {
		if (!c->misses[i])
			break;
		n = 0;
		bpf_probe_read_kernel(&n, sizeof(n), (const void *)c->misses[i]);
		sum += n;
	}
	return sum;
}

/* Whether reads on this CPU may have been hidden since the one by this actor. Where that cannot be
 * told a program's may. */
static __always_inline bool hidden_since(const struct mr_bpf_cpu *c,
					 const struct mr_bpf_control *ctl, __u64 hidden, __u32 kind)
{
	if (bcfg.hides && !ctl->hidden_known && kind == MR_BPF_PROGRAM)
		return true;
	return hidden_reads(c) != hidden;
}

#endif
