/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "arch/amd64.h"

/*
 * What stands behind an opcode (Intel SDM volume 2, chapter 2 and appendix A), in 64-bit mode.
 */
#define MODRM 1	     /* a ModRM byte, and what it asks for */
#define IMM8 2	     /* one byte */
#define IMM16 4	     /* two */
#define IMM 8	     /* four; two with the prefix 66 */
#define IMM_FULL 16  /* likewise, but eight with REX.W */
#define OFFSET 32    /* an address: eight, or four with the prefix 67 */
#define GROUP3 64    /* the immediate only where ModRM's reg is 0 or 1 */
#define UNKNOWN (-1) /* nothing in this mode, or nothing that Go, gcc and clang write */

static int behind_alu(uint8_t opcode)
{
	switch (opcode & 7) {
	case 4:
		return IMM8;
	case 5:
		return IMM;
	case 6:
	case 7:
		return UNKNOWN;
	}
	return MODRM;
}

/* Opcodes of one byte, but for prefixes. */
static int behind_one(uint8_t opcode)
{
	switch (opcode) {
	case 0x00 ... 0x3f:
		return behind_alu(opcode);
	case 0x50 ... 0x5f:
	case 0x6c ... 0x6f:
	case 0x90 ... 0x99:
	case 0x9b ... 0x9f:
	case 0xa4 ... 0xa7:
	case 0xaa ... 0xaf:
	case 0xc3:
	case 0xc9:
	case 0xcb ... 0xcc:
	case 0xcf:
	case 0xd7:
	case 0xec ... 0xef:
	case 0xf1:
	case 0xf4 ... 0xf5:
	case 0xf8 ... 0xfd:
		return 0;
	case 0x63:
	case 0x84 ... 0x8f:
	case 0xd0 ... 0xd3:
	case 0xd8 ... 0xdf:
	case 0xfe ... 0xff:
		return MODRM;
	case 0x6b:
	case 0x80:
	case 0x83:
	case 0xc0 ... 0xc1:
	case 0xc6:
		return MODRM | IMM8;
	case 0x69:
	case 0x81:
	case 0xc7:
		return MODRM | IMM;
	case 0x6a:
	case 0x70 ... 0x7f:
	case 0xa8:
	case 0xb0 ... 0xb7:
	case 0xcd:
	case 0xe0 ... 0xe7:
	case 0xeb:
		return IMM8;
	case 0x68:
	case 0xa9:
	case 0xe8 ... 0xe9:
		return IMM;
	case 0xa0 ... 0xa3:
		return OFFSET;
	case 0xb8 ... 0xbf:
		return IMM_FULL;
	case 0xc2:
	case 0xca:
		return IMM16;
	case 0xc8:
		return IMM16 | IMM8;
	case 0xf6:
		return MODRM | IMM8 | GROUP3;
	case 0xf7:
		return MODRM | IMM | GROUP3;
	}
	return UNKNOWN;
}

/* Behind 0f. */
static int behind_two(uint8_t opcode)
{
	switch (opcode) {
	case 0x05 ... 0x09:
	case 0x0b:
	case 0x0e:
	case 0x30 ... 0x37:
	case 0x77:
	case 0xa0 ... 0xa2:
	case 0xa8 ... 0xaa:
	case 0xc8 ... 0xcf:
		return 0;
	case 0x04:
	case 0x0a:
	case 0x0c:
	case 0x24 ... 0x27:
	case 0x39:
	case 0x3b ... 0x3f:
	case 0xa6 ... 0xa7:
		return UNKNOWN;
	case 0x80 ... 0x8f:
		return IMM;
	case 0x0f:
	case 0x70 ... 0x73:
	case 0xa4:
	case 0xac:
	case 0xba:
	case 0xc2:
	case 0xc4 ... 0xc6:
		return MODRM | IMM8;
	}
	return MODRM;
}

/* Of the map of opcodes that a VEX or EVEX prefix names: 1 is 0f, 2 is 0f 38, 3 is 0f 3a. */
static int behind_vex(uint8_t map, uint8_t opcode)
{
	switch (map) {
	case 1:
		if (opcode == 0x77)
			return 0;
		return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
				       (opcode >= 0xc4 && opcode <= 0xc6)
			       ? MODRM | IMM8
			       : MODRM;
	case 2:
		return MODRM;
	case 3:
		return MODRM | IMM8;
	}
	return UNKNOWN;
}

struct bytes {
	const uint8_t *code;
	int len, at;
	bool operand16, address32, wide; /* prefixes */
	uint8_t opcode, map;		 /* 0: of one byte */
	bool vex;
};

static bool take(struct bytes *b, uint8_t *byte)
{
	if (b->at >= b->len || b->at >= ARCH_INSN_MAX)
		return false;
	*byte = b->code[b->at++];
	return true;
}

static bool is_prefix(uint8_t byte)
{
	return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e ||
	       (byte >= 0x64 && byte <= 0x67) || byte == 0xf0 || byte == 0xf2 || byte == 0xf3;
}

/* REX, 40 to 4f, counts only where it is the last one. */
static bool take_prefixes(struct bytes *b, uint8_t *byte)
{
	while (take(b, byte)) {
		bool rex = (*byte & 0xf0) == 0x40;

		if (!rex && !is_prefix(*byte))
			return true;
		b->wide = rex && *byte & 8;
		b->operand16 |= *byte == 0x66;
		b->address32 |= *byte == 0x67;
	}
	return false;
}

/* c5, c4 and 62, which are nothing else in this mode. */
static bool take_vex(struct bytes *b, uint8_t first)
{
	uint8_t payload[3] = {};
	int i, n = first == 0xc5 ? 1 : first == 0xc4 ? 2 : 3;

	for (i = 0; i < n; i++)
		if (!take(b, &payload[i]))
			return false;
	b->vex = true;
	b->map = n == 1 ? 1 : payload[0] & (n == 2 ? 0x1f : 7);
	return take(b, &b->opcode);
}

static bool take_opcode(struct bytes *b)
{
	uint8_t byte;

	if (!take_prefixes(b, &byte))
		return false;
	if (byte == 0xc4 || byte == 0xc5 || byte == 0x62)
		return take_vex(b, byte);
	b->opcode = byte;
	if (byte != 0x0f)
		return true;
	b->map = 1;
	if (!take(b, &b->opcode))
		return false;
	if (b->opcode != 0x38 && b->opcode != 0x3a)
		return true;
	b->map = b->opcode == 0x38 ? 2 : 3;
	return take(b, &b->opcode);
}

static int behind(const struct bytes *b)
{
	if (b->vex || b->map > 1)
		return behind_vex(b->map, b->opcode);
	return b->map ? behind_two(b->opcode) : behind_one(b->opcode);
}

/* Bytes of the address that ModRM asks for. */
static bool take_address(struct bytes *b, uint8_t modrm)
{
	int mod = modrm >> 6, n = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	uint8_t sib;

	if (mod == 3)
		return true;
	if ((modrm & 7) == 4) {
		if (!take(b, &sib))
			return false;
		if (!mod && (sib & 7) == 5)
			n = 4;
	} else if (!mod && (modrm & 7) == 5) {
		n = 4;
	}
	b->at += n;
	return true;
}

static int immediates(const struct bytes *b, int what, uint8_t modrm)
{
	int n = 0;

	if ((what & GROUP3) && (modrm >> 3 & 7) > 1)
		return 0;
	if (what & IMM8)
		n += 1;
	if (what & IMM16)
		n += 2;
	if (what & IMM_FULL && b->wide)
		n += 8;
	else if (what & (IMM | IMM_FULL))
		n += b->operand16 && !b->wide ? 2 : 4;
	if (what & OFFSET)
		n += b->address32 ? 4 : 8;
	return n;
}

static enum arch_flow flow_of(const struct bytes *b, uint8_t modrm)
{
	int group = modrm >> 3 & 7;

	if (b->vex || b->map > 1)
		return ARCH_GOES_ON;
	if (b->map)
		return b->opcode == 0x0b	    ? ARCH_STOPS
		       : (b->opcode & 0xf0) == 0x80 ? ARCH_BRANCHES
						    : ARCH_GOES_ON;
	switch (b->opcode) {
	case 0x70 ... 0x7f:
	case 0xe0 ... 0xe3:
		return ARCH_BRANCHES;
	case 0xe8:
		return ARCH_CALLS;
	case 0xe9:
	case 0xeb:
		return ARCH_JUMPS;
	case 0xc2 ... 0xc3:
	case 0xca ... 0xcb:
	case 0xcf:
		return ARCH_RETURNS;
	case 0xcc:
	case 0xf4:
		return ARCH_STOPS;
	case 0xff:
		return group == 2 || group == 3	  ? ARCH_CALLS
		       : group == 4 || group == 5 ? ARCH_JUMPS
						  : ARCH_GOES_ON;
	}
	return ARCH_GOES_ON;
}

bool arch_decode(const uint8_t *code, size_t len, uint64_t addr, struct arch_insn *insn)
{
	struct bytes b = {.code = code, .len = len < ARCH_INSN_MAX ? (int)len : ARCH_INSN_MAX};
	uint8_t modrm = 0;
	int what, n;

	*insn = (struct arch_insn){};
	if (!take_opcode(&b))
		return false;
	what = behind(&b);
	if (what < 0 || ((what & MODRM) && (!take(&b, &modrm) || !take_address(&b, modrm))))
		return false;
	n = immediates(&b, what, modrm);
	b.at += n;
	if (b.at > b.len)
		return false;
	insn->len = b.at;
	insn->flow = flow_of(&b, modrm);
	if (insn->flow == ARCH_GOES_ON || (what & MODRM))
		return true;
	if (n == 1)
		insn->target = addr + (uint64_t)b.at + (uint64_t)(int64_t)(int8_t)code[b.at - 1];
	else if (n == 4)
		insn->target = arch_relative(code, b.at, addr);
	/* a return's bytes are no place; with the prefix 66 processors differ */
	return insn->flow == ARCH_RETURNS || insn->flow == ARCH_STOPS || n != 2;
}
