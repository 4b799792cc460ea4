/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_ARCH_BPF_H
#define MAPRACE_ARCH_BPF_H

/* What the BPF programs know of the architecture; user space's part is user/arch/arch.h. */
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

/* Loads are not taken before earlier loads, nor stores seen before earlier stores: what the
 * compiler leaves in order stays so. */
#define load_fence() asm volatile("" ::: "memory")
#define store_fence() asm volatile("" ::: "memory")

#else
#error "no facts of this architecture yet"
#endif

#endif
