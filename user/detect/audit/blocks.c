/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detect/audit/flow.h"

bool audit_is_wide(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

bool audit_is_jump(const struct bpf_insn *insn)
{
	uint8_t class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	return class == BPF_JMP32 || (class == BPF_JMP && op != BPF_CALL && op != BPF_EXIT);
}

bool audit_jump_target(const struct audit_function *fn, const struct bpf_insn *insns, uint32_t at,
		       uint32_t *target)
{
	const struct bpf_insn *insn = &insns[at];
	bool far = insn->code == (BPF_JMP32 | BPF_JA);
	int64_t to = (int64_t)at + 1 + (far ? insn->imm : insn->off);

	if (to < fn->start || to >= fn->end)
		return false;
	*target = (uint32_t)to;
	return true;
}

static void mark_blocks(struct audit_flow *f, const struct audit_function *fn)
{
	const struct bpf_insn *insns = f->unit->insns;
	uint32_t i, target;

	f->block_of[fn->start] = 1;
	/* also in second halves of wide ones: hostile code may jump there */
	for (i = fn->start; i < fn->end; i++) {
		if (!audit_is_jump(&insns[i]))
			continue;
		if (audit_jump_target(fn, insns, i, &target))
			f->block_of[target] = 1;
		if (i + 1 < fn->end)
			f->block_of[i + 1] = 1;
	}
}

static int number_blocks(struct audit_flow *f)
{
	uint32_t i, fn = 0, n = 0;

	for (i = 0; i < f->unit->n; i++)
		n += f->block_of[i] != 0;
	f->nblocks = n;
	f->block_insn = calloc(n + 1, sizeof(*f->block_insn));
	if (!f->block_insn)
		return -ENOMEM;
	for (i = 0, n = 0; i < f->unit->n; i++) {
		while (fn < f->unit->nfunctions && f->unit->functions[fn].start <= i)
			f->first_block[fn++] = n;
		if (!f->block_of[i])
			continue;
		f->block_insn[n] = i;
		f->block_of[i] = ++n;
	}
	while (fn <= f->unit->nfunctions)
		f->first_block[fn++] = n;
	return 0;
}

int audit_flow_init(struct audit_flow *f, const struct audit_unit *unit)
{
	uint32_t i;

	memset(f, 0, sizeof(*f));
	f->unit = unit;
	f->block_of = calloc(unit->n + 1, sizeof(*f->block_of));
	f->first_block = calloc(unit->nfunctions + 1, sizeof(*f->first_block));
	if (!f->block_of || !f->first_block)
		return -ENOMEM;
	for (i = 0; i < unit->nfunctions; i++)
		mark_blocks(f, &unit->functions[i]);
	return number_blocks(f);
}
