/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_TARGET_BPF_H
#define MAPRACE_TARGET_BPF_H

/* The only place that reads the watched process: its registers and its memory. */
#include "tables.bpf.h"

#if defined(__TARGET_ARCH_x86)
/* Go's internal ABI on amd64 (Go 1.17 and later, src/cmd/compile/abi-internal.md). */
#define REG_ARG0(ctx) ((ctx)->ax)
#define REG_ARG1(ctx) ((ctx)->bx)
#define REG_ARG2(ctx) ((ctx)->cx)
#define REG_G(ctx) ((ctx)->r14)
#define REG_SP(ctx) ((ctx)->sp)
#define REG_FP(ctx) ((ctx)->bp)
#define REG_IP(ctx) ((ctx)->ip)
#define REG_CALL_LEN 5 /* call rel32 */
/* jbe: carry or zero; 1 or 0 without a branch */
#define REG_JUMPS(ctx) (((ctx)->flags | (ctx)->flags >> 6) & 1)
#else
#error "no register table for this architecture yet"
#endif

static __always_inline long target_read(void *to, __u32 size, __u64 from)
{
	return bpf_probe_read_user(to, size, (const void *)from);
}

static __always_inline long target_u64(__u64 from, __u64 *to)
{
	return bpf_probe_read_user(to, sizeof(*to), (const void *)from);
}

/* The program's own sites are each in the slot that is theirs; those of plugins, which come later,
 * may be some slots further on. */
__noinline int site_further(__u64 ip, __u32 slot)
{
	__u32 i;

	for (i = 1; i <= MR_SITE_STEPS; i++) {
		slot = (slot + 1) & (MR_SITE_SLOTS - 1);
		if (*(volatile __u64 *)&probe_sites[slot].ip == ip)
			break;
	}
	return (int)slot;
}

/* Keeps the compiler from merging loads of different registers into one with a computed offset,
 * which the verifier refuses on a context. */
static __always_inline __u64 plain(__u64 value)
{
	asm volatile("" : "+r"(value));
	return value;
}

/* Copies the probe site at ip. False when this address is none of ours (the process replaced its
 * program, or an event is late). */
static __always_inline bool site_at(__u64 ip, __u32 *slot, struct mr_probe_site *site)
{
	__u64 i = mr_site_slot(cfg.site_multiplier, ip);
	const volatile struct mr_probe_site *s = &probe_sites[i];

	if (s->ip != ip)
		i = (__u32)site_further(ip, (__u32)i);
	i = plain(i) & (MR_SITE_SLOTS - 1); /* one path from here on, for the verifier too */
	s = &probe_sites[i];
	*slot = i;
	site->op = s->op;
	site->map_arg = s->map_arg;
	site->type_arg = s->type_arg;
	site->jump = s->jump;
	return s->ip == ip;
}

/* The register that an argument is in, or is reached from. */
static __always_inline __u64 site_word(struct pt_regs *ctx, __u8 arg)
{
	switch (arg) {
	case MR_ARG_1:
		return plain(REG_ARG1(ctx));
	case MR_ARG_2:
		return plain(REG_ARG2(ctx));
	default:
		return plain(REG_ARG0(ctx));
	}
}

/* Value of an argument; 0 with *fault set where memory could not be read. */
static __always_inline __u64 site_arg(struct pt_regs *ctx, __u8 arg, __u32 iter_offset, int *fault)
{
	__u64 word = site_word(ctx, arg), value = 0;

	if (arg == MR_ARG_0 || arg == MR_ARG_1 || arg == MR_ARG_2)
		return word;
	if (arg == MR_ARG_ITER && target_u64(word + iter_offset, &value)) {
		*fault = 1;
		return 0;
	}
	return value;
}

#endif
