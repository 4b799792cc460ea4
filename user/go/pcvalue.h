/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_PCVALUE_H
#define MAPRACE_GO_PCVALUE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A pc-value table (Go src/runtime/symtab.go: step, pcvalue): pairs of a value difference (zigzag
 * varint) and the number of instruction units (varint) that the new value holds for, from the
 * function's entry on. A difference of 0 after the first pair ends it. The same form holds the SP
 * delta, file, line and inline index of every instruction.
 */
struct pcvalue {
	const uint8_t *pos, *end;
	uint64_t lo, hi; /* the value holds for pc in [lo, hi) */
	uint64_t limit;	 /* end of the function: a table that goes beyond it is malformed */
	uint32_t unit;	 /* bytes of an instruction unit: 1 on amd64, 4 on arm64 */
	uint32_t left;	 /* regions: a function may claim gigabytes of them */
	int32_t value;
};

/* table to end are the bytes the table may occupy; [entry, limit) is the function. */
void pcvalue_start(struct pcvalue *it, const uint8_t *table, const uint8_t *end, uint64_t entry,
		   uint64_t limit, uint32_t unit);
/* 1 and the next region in lo, hi and value; 0 at the end; -EBADMSG. */
int pcvalue_next(struct pcvalue *it);
/* The value at pc: 0, -ENOENT when the table does not reach it, -EBADMSG. Starts from where it
 * stands. */
int pcvalue_find(struct pcvalue *it, uint64_t pc, int32_t *value);

#endif
