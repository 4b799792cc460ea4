/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_COUNT_BPF_H
#define MAPRACE_COUNT_BPF_H

#include "tables.bpf.h"

/* Of the target that this address is one of; 0: what is nobody's. */
static __always_inline struct mr_cpu *this_cpu(__u64 tagged, __u32 *cpu)
{
	__u32 slot = (__u32)(tagged >> MR_TAG_SHIFT) & cfg.target_mask, on;

	on = *cpu = bpf_get_smp_processor_id();
	/* constants all of them, and added: 5.10 knows nothing any more of what is or-ed */
	return &cpus[(slot << cfg.cpu_shift) + (on & cfg.cpu_mask)];
}

/* What the budget's account rests on loses nothing where several CPUs have one entry. The condition
 * is a constant. */
static __always_inline void tally(__u64 *counter, __u64 n)
{
	if (cfg.cpus_shared)
		__sync_fetch_and_add(counter, n);
	else
		*counter += n;
}

static __always_inline void count(struct mr_cpu *c, enum mr_counter which)
{
	c->counts[which]++;
}

#endif
