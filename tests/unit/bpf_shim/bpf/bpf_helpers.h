/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SHIM_BPF_HELPERS_H
#define MAPRACE_SHIM_BPF_HELPERS_H

/* BPF's helpers as plain functions; the test that includes a program defines them. */
#define SEC(name)
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_probe_read_user(void *dst, __u32 size, const void *src);
long bpf_probe_read_kernel(void *dst, __u32 size, const void *src);
__u64 bpf_ktime_get_ns(void);
__u32 bpf_get_prandom_u32(void);
long bpf_loop(__u32 n, void *step, void *ctx, __u64 flags);
__u64 bpf_get_current_pid_tgid(void);
long bpf_send_signal(__u32 sig);
long bpf_get_ns_current_pid_tgid(__u64 dev, __u64 ino, struct bpf_pidns_info *ns, __u32 size);
__u64 bpf_get_current_task(void);
__u32 bpf_get_smp_processor_id(void);
long bpf_get_stack(void *ctx, void *buf, __u32 size, __u64 flags);
long bpf_get_current_comm(void *buf, __u32 size);
#define BPF_RB_NO_WAKEUP 1
#define BPF_RB_FORCE_WAKEUP 2
#define BPF_RB_AVAIL_DATA 0
void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags);
void bpf_ringbuf_submit(void *data, __u64 flags);
void bpf_ringbuf_discard(void *data, __u64 flags);
__u64 bpf_ringbuf_query(void *ring, __u64 flags);

/* never made, see private_stack.bpf.h */
static inline long bpf_tail_call(void *ctx, void *programs, __u32 index)
{
	(void)ctx;
	(void)programs;
	(void)index;
	return -1;
}

#endif
