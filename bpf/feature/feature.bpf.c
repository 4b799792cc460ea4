/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What user space asks the kernel with, on its own process: does a uprobe fire, in every thread,
 * and can it read memory? */
/* Registers and the ids of a namespace are stable ABI: no relocation, so that libbpf need not parse
 * the kernel's BTF (50 ms). */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

const volatile __u64 word_addr = 0; /* of a known word in our own process */
const volatile __u64 pidns_dev = 0, pidns_ino = 0;

volatile __u64 hits = 0;
volatile __u64 word = 0;
volatile __u32 ns_tgid = 0;

SEC("?uprobe")
int feature_hit(struct pt_regs *ctx)
{
	__u64 copy = 0;

	__sync_fetch_and_add(&hits, 1);
	if (word_addr && !bpf_probe_read_user(&copy, sizeof(copy), (const void *)word_addr))
		word = copy;
	return 0;
}

SEC("?uprobe")
int feature_pidns(struct pt_regs *ctx)
{
	struct bpf_pidns_info ns = {};

	if (!bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, &ns, sizeof(ns)))
		ns_tgid = ns.tgid;
	return 0;
}
