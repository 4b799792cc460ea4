/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_BPFTABLES_BPF_H
#define MAPRACE_BPFTABLES_BPF_H

/* Configuration and tables of the watch over kernel BPF maps. Arrays only, see <maprace/bpfmap.h>. */
#include <maprace/bpfmap.h>

#ifndef MR_FROZEN
#define MR_FROZEN const volatile
#endif

MR_FROZEN struct mr_bpf_config bcfg SEC(".rodata.cfg") = {
	.window_ns = 100000000,
	.program_window_ns = 1000000,
	.burst_ns = 10000000,
	.ppm = 1000000,
};

#define MR_BPF_ARRAY(name, type_, n, flags)       \
	struct {                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(map_flags, flags);         \
		__uint(max_entries, n);           \
		__type(key, __u32);               \
		__type(value, type_);             \
	} name SEC(".maps")

MR_BPF_ARRAY(control, struct mr_bpf_control, 1, BPF_F_MMAPABLE);
MR_BPF_ARRAY(bcpus, struct mr_bpf_cpu, MR_BPF_CPUS, BPF_F_MMAPABLE);
MR_BPF_ARRAY(keys, struct mr_bpf_key, MR_BPF_KEYS, 0);
MR_BPF_ARRAY(reads, struct mr_bpf_read, MR_BPF_READS, 0);
MR_BPF_ARRAY(lineages, struct mr_bpf_lineage, MR_BPF_LINEAGES, 0);
MR_BPF_ARRAY(rows, struct mr_bpf_row, MR_BPF_ROWS, BPF_F_MMAPABLE);
MR_BPF_ARRAY(findings, struct mr_bpf_finding, MR_BPF_FINDINGS, BPF_F_MMAPABLE);
MR_BPF_ARRAY(chunks, struct mr_bpf_chunk, MR_BPF_CHUNKS, BPF_F_MMAPABLE);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} bpf_events SEC(".maps");

/*
 * Before Linux 5.12 BPF programs have no atomic operation that returns anything. The plain form
 * there may, within nanoseconds, give two writers of one key the same place in its history.
 */
#ifdef MR_NO_ATOMICS
static __always_inline __u64 word_exchange(__u64 *word, __u64 value)
{
	__u64 old = *(volatile __u64 *)word;

	*(volatile __u64 *)word = value;
	return old;
}

static __always_inline __u64 word_replace(__u64 *word, __u64 old, __u64 value)
{
	__u64 was = *(volatile __u64 *)word;

	if (was == old)
		*(volatile __u64 *)word = value;
	return was;
}

static __always_inline __u32 word_next(__u32 *word)
{
	return ++*(volatile __u32 *)word;
}
#else
static __always_inline __u64 word_exchange(__u64 *word, __u64 value)
{
	return __sync_lock_test_and_set(word, value);
}

static __always_inline __u64 word_replace(__u64 *word, __u64 old, __u64 value)
{
	return __sync_val_compare_and_swap(word, old, value);
}

static __always_inline __u32 word_next(__u32 *word)
{
	return __sync_fetch_and_add(word, 1) + 1;
}
#endif

static __always_inline struct mr_bpf_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

/* This CPU's record: programs stay on their CPU. */
static __always_inline struct mr_bpf_cpu *cpu_get(void)
{
	__u32 cpu = bpf_get_smp_processor_id() & (MR_BPF_CPUS - 1);

	return bpf_map_lookup_elem(&bcpus, &cpu);
}

static __always_inline void bpf_count(struct mr_bpf_cpu *c, enum mr_bpf_counter which)
{
	c->counts[which]++;
}

#define MR_BPF_GAP_STEP_NS 10000ull

/* Something goes unseen now. Written at most every MR_BPF_GAP_STEP_NS: the word is shared by all
 * CPUs. */
static __always_inline void gap_note(struct mr_bpf_control *ctl, __u64 now)
{
	if (now - ctl->gap_ns > MR_BPF_GAP_STEP_NS)
		ctl->gap_ns = now;
}

static __always_inline __u64 mix(__u64 x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ (x >> 32);
}

#endif
