// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that count in place, in ways that lose and in ways that do not. Each one also counts its
 * runs atomically, so that the truth is known. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <sys/syscall.h>

char LICENSE[] SEC("license")
= "GPL";

struct value {
	__u64 packets, bytes;
};

struct locked {
	struct bpf_spin_lock lock;
	__u64 packets;
};

#define MAP(name, map_type, value_type)    \
	struct {                           \
		__uint(type, map_type);    \
		__uint(max_entries, 64);   \
		__type(key, __u32);        \
		__type(value, value_type); \
	} name SEC(".maps")

MAP(counts, BPF_MAP_TYPE_HASH, struct value);
MAP(recent, BPF_MAP_TYPE_LRU_HASH, struct value);
MAP(slots, BPF_MAP_TYPE_ARRAY, struct value);
MAP(locks, BPF_MAP_TYPE_HASH, struct locked);
MAP(own, BPF_MAP_TYPE_PERCPU_HASH, struct value);
MAP(done, BPF_MAP_TYPE_ARRAY, __u64);

const volatile __u32 victim_tgid = 0;
__u64 total;

static __always_inline void ran(void)
{
	__u32 first = 0;
	__u64 *n = bpf_map_lookup_elem(&done, &first);

	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("?raw_tp/sys_enter")
int racy_hash(struct bpf_raw_tracepoint_args *ctx)
{
	struct value *v;
	__u32 key = 7;

	if (ctx->args[1] != SYS_getpgid || bpf_get_current_pid_tgid() >> 32 != victim_tgid)
		return 0;
	v = bpf_map_lookup_elem(&counts, &key);
	if (v)
		v->packets++; /* @racy_hash */
	ran();
	return 0;
}

SEC("?xdp")
int racy_lru(struct xdp_md *ctx)
{
	__u32 key = 7;
	struct value *v = bpf_map_lookup_elem(&recent, &key);

	(void)ctx;
	if (v)
		v->packets++; /* @racy_lru */
	ran();
	return XDP_PASS;
}

SEC("?tc")
int racy_global(struct __sk_buff *ctx)
{
	(void)ctx;
	total++; /* @racy_global */
	ran();
	return 0;
}

/* Found, but not to be confirmed: nobody sees a look-up in an array. */
SEC("?xdp")
int racy_array(struct xdp_md *ctx)
{
	__u32 key = 7;
	struct value *v = bpf_map_lookup_elem(&slots, &key);

	(void)ctx;
	if (v)
		v->packets++; /* @racy_array */
	ran();
	return XDP_PASS;
}

/* Found, but not to be confirmed: each CPU has a key to itself, which no reader of the instructions
 * can know of. */
SEC("?xdp")
int racy_apart(struct xdp_md *ctx)
{
	__u32 key = ctx->data_end - ctx->data;
	struct value *v = bpf_map_lookup_elem(&counts, &key);

	if (v)
		v->packets++; /* @racy_apart */
	ran();
	return XDP_PASS;
}

SEC("?xdp")
int safe_atomic(struct xdp_md *ctx)
{
	__u32 key = 7;
	struct value *v = bpf_map_lookup_elem(&counts, &key);

	(void)ctx;
	if (v)
		__sync_fetch_and_add(&v->packets, 1);
	ran();
	return XDP_PASS;
}

SEC("?xdp")
int safe_lock(struct xdp_md *ctx)
{
	__u32 key = 7;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	(void)ctx;
	if (v) {
		bpf_spin_lock(&v->lock);
		v->packets++;
		bpf_spin_unlock(&v->lock);
	}
	ran();
	return XDP_PASS;
}

SEC("?xdp")
int safe_percpu(struct xdp_md *ctx)
{
	__u32 key = 7;
	struct value *v = bpf_map_lookup_elem(&own, &key);

	(void)ctx;
	if (v)
		v->packets++;
	ran();
	return XDP_PASS;
}
