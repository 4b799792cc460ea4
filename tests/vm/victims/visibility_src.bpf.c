// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs of every type that operate on one map: a look-up, an update and a deletion per run. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <sys/syscall.h>
#include "visibility.h"

char LICENSE[] SEC("license")
= "GPL";

/* Type, key and value size are set before loading; the key is the longest one in use (LPM: prefix
 * length and data). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, 8);
} watched SEC(".maps");

/* An array on purpose, see visibility_obs.bpf.c */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SOURCES);
	__uint(key_size, 4);
	__uint(value_size, 8);
} performed SEC(".maps");

static __always_inline int operate(__u32 source)
{
	__u32 key[2] = {32, 7}, gone[2] = {32, 9};
	__u64 value = 1, *count;

	/* the result is kept alive, or there would be no look-up */
	count = bpf_map_lookup_elem(&watched, key);
	if (count)
		value = *count + 1;
	bpf_map_update_elem(&watched, key, &value, BPF_ANY);
	bpf_map_delete_elem(&watched, gone);
	count = bpf_map_lookup_elem(&performed, &source);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

SEC("?socket")
int from_socket(struct __sk_buff *ctx)
{
	operate(SOURCE_SOCKET);
	return ctx->len;
}

SEC("?xdp")
int from_xdp(struct xdp_md *ctx)
{
	(void)ctx;
	operate(SOURCE_XDP);
	return XDP_PASS;
}

SEC("?tc")
int from_tc(struct __sk_buff *ctx)
{
	(void)ctx;
	return operate(SOURCE_TC);
}

/* Run by getpgid(2), which nobody else calls meanwhile. */
SEC("?raw_tp/sys_enter")
int from_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[1] == SYS_getpgid ? operate(SOURCE_RAW_TP) : 0;
}

SEC("?fentry/__x64_sys_getpgid")
int from_fentry(void *ctx)
{
	(void)ctx;
	return operate(SOURCE_FENTRY);
}

SEC("?kprobe/__x64_sys_getpgid")
int from_kprobe(void *ctx)
{
	(void)ctx;
	return operate(SOURCE_KPROBE);
}

SEC("?tracepoint/syscalls/sys_enter_getpgid")
int from_tracepoint(void *ctx)
{
	(void)ctx;
	return operate(SOURCE_TRACEPOINT);
}

SEC("?perf_event")
int from_perf_event(void *ctx)
{
	(void)ctx;
	return operate(SOURCE_PERF_EVENT);
}

SEC("?uprobe")
int from_uprobe(void *ctx)
{
	(void)ctx;
	return operate(SOURCE_UPROBE);
}
