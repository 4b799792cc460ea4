/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The maps of audit_cases.bpf.c. */
#ifndef MAPRACE_TESTS_AUDIT_CASES_H
#define MAPRACE_TESTS_AUDIT_CASES_H

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#define noinline __attribute__((noinline))
#define RACY(name) \
	SEC("tc")  \
	int racy_##name(struct __sk_buff *skb)
#define SAFE(name) \
	SEC("tc")  \
	int safe_##name(struct __sk_buff *skb)

struct inner {
	__u32 a, b;
};

struct value {
	__u64 count;
	__u64 bytes;
	__u32 flags;
	__u32 state;
	struct inner in[4];
	__u32 slots[16];
	__u8 small;
	__u8 first:3, second:5;
	__u64 last;
};

struct locked {
	struct bpf_spin_lock lock;
	__u32 state;
	__u64 count;
};

struct key {
	__u32 pid, kind;
};

#define MAP(name, map_type, key_type, value_type, n) \
	struct {                                     \
		__uint(type, map_type);              \
		__uint(max_entries, n);              \
		__type(key, key_type);               \
		__type(value, value_type);           \
	} name SEC(".maps")

MAP(hash, BPF_MAP_TYPE_HASH, __u32, struct value, 100);
MAP(lru, BPF_MAP_TYPE_LRU_HASH, __u32, struct value, 100);
MAP(array, BPF_MAP_TYPE_ARRAY, __u32, struct value, 4);
MAP(numbers, BPF_MAP_TYPE_ARRAY, __u32, __u64, 4);
MAP(by_thread, BPF_MAP_TYPE_HASH, __u32, struct value, 100);
MAP(by_key, BPF_MAP_TYPE_HASH, struct key, struct value, 100);
MAP(by_cpu, BPF_MAP_TYPE_ARRAY, __u32, struct value, 64);
MAP(percpu, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct value, 4);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, __u32, struct value, 100);
MAP(locks, BPF_MAP_TYPE_HASH, __u32, struct locked, 100);

struct inner_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10);
	__type(key, __u32);
	__type(value, struct value);
} one_inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner_map);
} outer SEC(".maps")
= {.values = {&one_inner}};

__u64 total;
struct value everything;
static volatile __u64 hidden;
__u64 per_cpu_total[64];

#endif
