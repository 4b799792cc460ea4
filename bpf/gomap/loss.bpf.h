/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_LOSS_BPF_H
#define MAPRACE_LOSS_BPF_H

#include "tables.bpf.h"

static __always_inline struct mr_cpu *this_cpu(__u32 *cpu)
{
	*cpu = bpf_get_smp_processor_id();
	return &cpus[*cpu & (MR_CPUS - 1)];
}

static __always_inline void lose(struct mr_cpu *c, enum mr_loss which)
{
	c->loss[which]++;
}

#endif
