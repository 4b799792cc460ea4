// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The least that a probe can do: what a trap costs by itself. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

SEC("uprobe.multi")
int empty(void *ctx)
{
	return 0;
}
