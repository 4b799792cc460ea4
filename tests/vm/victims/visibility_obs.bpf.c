// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One observer of one kernel function; loaded once for each. Counts calls that concern the watched
 * map. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "visibility.h"

char LICENSE[] SEC("license")
= "GPL";

const volatile __u32 observer; /* its row in `seen` */

/* Arrays only: their look-ups are inlined, so that no observer ever calls a function that is
 * observed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CONTROL_WORDS);
	__type(key, __u32);
	__type(value, __u32);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_OBSERVERS *SOURCES);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline int observe(const struct bpf_map *map)
{
	__u32 key = CONTROL_MAP_ID, *id, *source;
	__u64 *count;

	id = bpf_map_lookup_elem(&control, &key);
	key = CONTROL_SOURCE;
	source = bpf_map_lookup_elem(&control, &key);
	if (!id || !source || BPF_CORE_READ(map, id) != *id)
		return 0;
	key = observer * SOURCES + *source;
	count = bpf_map_lookup_elem(&seen, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

SEC("?kprobe")
int by_kprobe(struct pt_regs *ctx)
{
	return observe((const struct bpf_map *)PT_REGS_PARM1(ctx));
}

/* The function is set before loading. */
SEC("?fentry/bpf_map_update_value")
int by_fentry(__u64 *ctx)
{
	return observe((const struct bpf_map *)ctx[0]);
}
