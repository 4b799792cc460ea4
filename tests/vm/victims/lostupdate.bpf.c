// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that count in one map by look-up, add, update; and forms of it that are safe. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <sys/syscall.h>

char LICENSE[] SEC("license")
= "GPL";

struct flow { /* the key, so that there is something to decode */
	__u16 port, proto;
};

/* Type and flags are set before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow);
	__type(value, __u64);
} counter SEC(".maps");

/* A second one of that form, for programs that choose between the two as they run. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow);
	__type(value, __u64);
} unused SEC(".maps");

/* User space puts `counter` into it. */
struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(key_size, sizeof(struct flow));
	__uint(value_size, sizeof(__u64));
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps");

/* How often each program has counted: in place and atomic, so that the truth is known. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} done SEC(".maps");

const volatile __u32 victim_tgid = 0;

static __always_inline void count_in(void *map, __u32 which)
{
	struct flow key = {.port = 7};
	__u64 one = 1, *value, *n;

	value = bpf_map_lookup_elem(map, &key);
	if (value)
		one = *value + 1;
	bpf_map_update_elem(map, &key, &one, BPF_ANY);
	n = bpf_map_lookup_elem(&done, &which);
	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline void count(__u32 which)
{
	count_in(&counter, which);
}

SEC("?xdp")
int count_xdp(struct xdp_md *ctx)
{
	(void)ctx;
	count(0);
	return XDP_PASS;
}

SEC("?tc")
int count_tc(struct __sk_buff *ctx)
{
	(void)ctx;
	count(1);
	return 0;
}

SEC("?socket")
int count_socket(struct __sk_buff *ctx)
{
	count(2);
	return ctx->len;
}

SEC("?raw_tp/sys_enter")
int count_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] == SYS_getpgid && bpf_get_current_pid_tgid() >> 32 == victim_tgid)
		count(3);
	return 0;
}

SEC("?kprobe/__x64_sys_getpgid")
int count_kprobe(void *ctx)
{
	(void)ctx;
	if (bpf_get_current_pid_tgid() >> 32 == victim_tgid)
		count(4);
	return 0;
}

SEC("?xdp")
int count_inner(struct xdp_md *ctx)
{
	__u32 zero = 0;
	void *map = bpf_map_lookup_elem(&outer, &zero);

	(void)ctx;
	if (map)
		count_in(map, 6);
	return XDP_PASS;
}

/* The verifier does not know the map: look-up and update go through the helper functions. */
SEC("?xdp")
int count_choice(struct xdp_md *ctx)
{
	void *map = &counter;

	if (ctx->rx_queue_index == 12345)
		map = &unused;
	asm volatile("" : "+r"(map));
	count_in(map, 7);
	return XDP_PASS;
}

/* In place and atomic: nothing is lost, and no function of the map is called to write. */
SEC("?xdp")
int count_in_place(struct xdp_md *ctx)
{
	struct flow key = {.port = 7};
	__u64 *value, *n;
	__u32 which = 5;

	(void)ctx;
	value = bpf_map_lookup_elem(&counter, &key);
	if (value)
		__sync_fetch_and_add(value, 1);
	n = bpf_map_lookup_elem(&done, &which);
	if (n)
		__sync_fetch_and_add(n, 1);
	return XDP_PASS;
}

/* In place and not atomic: what a process writes back meanwhile takes it away, and the other way
 * round. */
SEC("?xdp")
int count_plain(struct xdp_md *ctx)
{
	struct flow key = {.port = 7};
	__u32 which = 3;
	__u64 *value, *n;

	(void)ctx;
	value = bpf_map_lookup_elem(&counter, &key);
	if (value)
		*value += 1;
	n = bpf_map_lookup_elem(&done, &which);
	if (n && value)
		__sync_fetch_and_add(n, 1);
	return XDP_PASS;
}

/*
 * Two that take turns, so that nothing is lost. The one runs in a timer's interrupts, and reads in
 * every run, but writes in every second one only, when the other has written in between. That one
 * is interrupted by it, often while its other look-up is being watched.
 */
enum turn { TURN_OF_TICK, TICK_WROTE, TURN_OF_PACKET };
volatile __u32 turn = TURN_OF_TICK;

SEC("?perf_event")
int count_tick(void *ctx)
{
	struct flow key = {.port = 7};
	__u64 one = 1, *value, *n;
	__u32 which = 0, was = turn;

	(void)ctx;
	value = bpf_map_lookup_elem(&counter, &key);
	if (value)
		one = *value + 1;
	if (was == TICK_WROTE)
		turn = TURN_OF_PACKET;
	if (was != TURN_OF_TICK)
		return 0;
	bpf_map_update_elem(&counter, &key, &one, BPF_ANY);
	n = bpf_map_lookup_elem(&done, &which);
	if (n)
		__sync_fetch_and_add(n, 1);
	turn = TICK_WROTE;
	return 0;
}

SEC("?xdp")
int count_turn(struct xdp_md *ctx)
{
	struct flow other = {.port = 8};

	(void)ctx;
	if (bpf_map_lookup_elem(&counter, &other))
		return XDP_DROP;
	if (turn != TURN_OF_PACKET)
		return XDP_PASS;
	count(1);
	turn = TURN_OF_TICK;
	return XDP_PASS;
}
