/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_ARCH_AMD64_H
#define MAPRACE_ARCH_AMD64_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * What instructions look like on amd64. For sites no decoder is asked: the pcsp table gives
 * instruction boundaries, and these functions only say whether the bytes at a boundary are what
 * they must be. Checked patterns, from Go's own assembler (src/cmd/internal/obj/x86/obj6.go). What
 * a function may do on its way is followed by arch_decode().
 */
#define ARCH_CHECK_LEN \
	10 /* bytes before the post-prologue instruction that arch_check_jump() wants */

/*
 * Length of the instruction that moves the stack pointer and ends at after (7 bytes before it
 * given), or 0: push %rbp; sub or add $imm8,%rsp; sub $imm32,%rsp.
 */
static inline int arch_frame_insn_len(const uint8_t before[7])
{
	if (before[3] == 0x48 && before[4] == 0x83 && (before[5] == 0xec || before[5] == 0xc4))
		return 4;
	if (before[0] == 0x48 && before[1] == 0x81 && before[2] == 0xec)
		return 7;
	if (before[6] == 0x55)
		return 1;
	return 0;
}

/*
 * Length of the stack check's conditional jump that ends where the ARCH_CHECK_LEN bytes end, or 0.
 * `jbe rel8` or `jbe rel32`, and right before it the comparison `cmp 0x10(%r14),%rsp` or `cmp
 * 0x10(%r14),%r12`. *target is relative to the end of the jump.
 */
static inline int arch_check_jump(const uint8_t before[ARCH_CHECK_LEN], int64_t *target)
{
	static const uint8_t cmp_rsp[4] = {0x49, 0x3b, 0x66, 0x10},
			     cmp_r12[4] = {0x4d, 0x3b, 0x66, 0x10};
	const uint8_t *jump;
	int32_t rel32;
	int len;

	if (before[8] == 0x76)
		len = 2;
	else if (before[4] == 0x0f && before[5] == 0x86)
		len = 6;
	else
		return 0;
	jump = before + ARCH_CHECK_LEN - len;
	if (memcmp(jump - 4, cmp_rsp, 4) && memcmp(jump - 4, cmp_r12, 4))
		return 0;
	if (len == 2) {
		*target = (int8_t)jump[1];
	} else {
		memcpy(&rel32, jump + 2, sizeof(rel32));
		*target = rel32;
	}
	return len;
}

static inline bool arch_is_push_fp(uint8_t byte)
{
	return byte == 0x55;
}

#define ARCH_NOPS_MAX 16

/* Length of the NOP at code, one of those that Go's assembler pads with, or 0. */
static inline int arch_nop_len(const uint8_t *code, int len)
{
	static const struct {
		int opcode, len;
		uint8_t bytes[5];
	} nops[] = {{1, 1, {0x90}},
		    {2, 2, {0x66, 0x90}},
		    {3, 3, {0x0f, 0x1f, 0x00}},
		    {3, 4, {0x0f, 0x1f, 0x40}},
		    {3, 5, {0x0f, 0x1f, 0x44}},
		    {4, 6, {0x66, 0x0f, 0x1f, 0x44}},
		    {3, 7, {0x0f, 0x1f, 0x80}},
		    {3, 8, {0x0f, 0x1f, 0x84}},
		    {4, 9, {0x66, 0x0f, 0x1f, 0x84}}};
	size_t i;

	for (i = 0; i < sizeof(nops) / sizeof(nops[0]); i++)
		if (nops[i].len <= len && !memcmp(code, nops[i].bytes, (size_t)nops[i].opcode))
			return nops[i].len;
	return 0;
}

/* Where the return is that stands at code, behind NOPs; -1 where there is none. */
static inline int arch_return_at(const uint8_t *code, int len)
{
	int at = 0, n;

	while ((n = arch_nop_len(code + at, len - at)))
		at += n;
	return at < len && code[at] == 0xc3 ? at : -1;
}

/* Instructions that the kernel refuses to probe, or that never fire: LOCK prefix, int3 of somebody
 * else. */
static inline bool arch_unprobeable(uint8_t byte)
{
	return byte == 0xf0 || byte == 0xcc;
}

/* The address that the operand of an instruction of len bytes at addr means, which ends in it:
 * relative to the instruction's end. */
static inline uint64_t arch_relative(const uint8_t *code, int len, uint64_t addr)
{
	int32_t rel;

	memcpy(&rel, code + len - 4, sizeof(rel));
	return addr + (uint64_t)len + (uint64_t)(int64_t)rel;
}

/* Which variable code loads 32 bits of: mov rel32(%rip),%r32. 0: it does something else. */
static inline uint64_t arch_loads(const uint8_t *code, size_t len, uint64_t addr)
{
	if (len < 6 || code[0] != 0x8b || (code[1] & 0xc7) != 0x05)
		return 0;
	return arch_relative(code, 6, addr);
}

/* Which one it looks at the first byte of: mov rel32(%rip),%r8, or cmp $0,rel32(%rip). */
static inline uint64_t arch_asks_byte(const uint8_t *code, size_t len, uint64_t addr)
{
	if (len >= 6 && code[0] == 0x8a && (code[1] & 0xc7) == 0x05)
		return arch_relative(code, 6, addr);
	if (len >= 7 && code[0] == 0x83 && code[1] == 0x3d && !code[6])
		return arch_relative(code, 6, addr) + 1; /* from behind the constant */
	return 0;
}

/* Which one it takes the address of: lea rel32(%rip),%r64. */
static inline uint64_t arch_takes_address(const uint8_t *code, size_t len, uint64_t addr)
{
	if (len < 7 || (code[0] & 0xfb) != 0x48 || code[1] != 0x8d || (code[2] & 0xc7) != 0x05)
		return 0;
	return arch_relative(code, 7, addr);
}

#define ARCH_CALL_LEN 5

/* Where the call leads that ends at ret, 0 where none of the kind that is probed does. code: the
 * ARCH_CALL_LEN bytes before ret, which is known to be a return address. */
static inline uint64_t arch_call_target(const uint8_t *code, uint64_t ret)
{
	return code[0] == 0xe8 ? arch_relative(code, ARCH_CALL_LEN, ret - ARCH_CALL_LEN) : 0;
}

#define ARCH_INSN_MAX 15
/* The first registers that Go's arguments come in, by their numbers in instructions: RAX, RBX, RCX.
 */
#define ARCH_ARGUMENTS  \
	{               \
		0, 3, 1 \
	}

/* Between a register and a place on the stack: mov disp(%rsp),%r64 or %r32, and back. */
struct arch_stack_move {
	bool loads, whole; /* all of the register's 64 bits */
	uint8_t reg;
	int64_t disp; /* from the stack pointer */
};

/* Its length, or 0 where code is something else. */
static inline int arch_stack_move_len(const uint8_t *code, int len, struct arch_stack_move *out)
{
	int prefix = len && (code[0] & 0xf8) == 0x48; /* REX.W, with or without R */
	int32_t disp32;

	code += prefix;
	len -= prefix;
	if (len < 4 || (code[0] & 0xfd) != 0x89 || code[2] != 0x24 || (prefix && code[-1] & 3))
		return 0;
	out->loads = code[0] == 0x8b;
	out->whole = prefix;
	out->reg = (uint8_t)((code[1] >> 3 & 7) | (prefix ? (code[-1] & 4) << 1 : 0));
	if ((code[1] & 0xc7) == 0x44) {
		out->disp = (int8_t)code[3];
		return prefix + 4;
	}
	if ((code[1] & 0xc7) != 0x84 || len < 7)
		return 0;
	memcpy(&disp32, code + 3, sizeof(disp32));
	out->disp = disp32;
	return prefix + 7;
}

/* Length of an instruction that changes neither an argument's register nor memory, of those that
 * functions begin with: lea disp(%rsp),%rbp; test %r64,%r64; cmpq $imm8,(%r64). Else 0. */
static inline int arch_asks_len(const uint8_t *code, int len)
{
	if (len >= 5 && code[0] == 0x48 && code[1] == 0x8d && code[2] == 0x6c && code[3] == 0x24)
		return 5;
	if (len >= 8 && code[0] == 0x48 && code[1] == 0x8d && code[2] == 0xac && code[3] == 0x24)
		return 8;
	if (len >= 3 && code[0] == 0x48 && code[1] == 0x85 && code[2] >= 0xc0)
		return 3;
	if (len >= 4 && code[0] == 0x48 && code[1] == 0x83 && (code[2] & 0xf8) == 0x38 &&
	    (code[2] & 7) != 4 && (code[2] & 7) != 5)
		return 4;
	return 0;
}

/* Length of a conditional jump forwards (jcc rel8, jcc rel32) at addr, and where it may lead. 0:
 * it is none. */
static inline int arch_branch_len(const uint8_t *code, int len, uint64_t addr, uint64_t *target)
{
	int n = len >= 2 && (code[0] & 0xf0) == 0x70			  ? 2
		: len >= 6 && code[0] == 0x0f && (code[1] & 0xf0) == 0x80 ? 6
									  : 0;

	if (!n)
		return 0;
	*target = n == 2 ? addr + 2 + (uint64_t)(int64_t)(int8_t)code[1]
			 : arch_relative(code, 6, addr);
	return *target > addr ? n : 0;
}

/* Whether there is a jump without a condition, and where it leads. */
static inline bool arch_jump_target(const uint8_t *code, int len, uint64_t addr, uint64_t *target)
{
	if (len >= 2 && code[0] == 0xeb)
		*target = addr + 2 + (uint64_t)(int64_t)(int8_t)code[1];
	else if (len >= 5 && code[0] == 0xe9)
		*target = arch_relative(code, 5, addr);
	else
		return false;
	return true;
}

/* What happens behind an instruction. */
enum arch_flow {
	ARCH_GOES_ON,  /* the next one */
	ARCH_CALLS,    /* target, or what a register or memory holds: 0 */
	ARCH_JUMPS,    /* likewise */
	ARCH_BRANCHES, /* target, or the next one */
	ARCH_RETURNS,
	ARCH_STOPS, /* traps */
};

struct arch_insn {
	int len;
	enum arch_flow flow;
	uint64_t target;
};

/*
 * Any instruction that compilers write, at addr, of whose bytes from code on len are known. False:
 * it is none that is known, or does not end there.
 */
bool arch_decode(const uint8_t *code, size_t len, uint64_t addr, struct arch_insn *insn);

/* A function of ours with the jump of a stack check in it, never taken: what calibrate.c measures
 * on. */
void arch_calibration_target(void);
extern const unsigned char arch_calibration_site; /* its jump */

#endif
