/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whether every run of a program comes to an instruction. Branches are taken to go both ways, so
 * that the answer is never yes when it is not so. */
#include <stdlib.h>
#include <string.h>

#include "detect/audit/flow.h"

#define CALL_KFUNC 2 /* src_reg; one of them ends the program, bpf_throw() */

struct always {
	const struct audit_unit *unit;
	const struct audit_function *fn;
	unsigned char *seen; /* by instruction of the function */
	uint32_t *stack, n;
};

/* A tail call that succeeds does not come back. */
static bool is_end(const struct bpf_insn *insn)
{
	bool call = insn->code == (BPF_JMP | BPF_CALL);

	return insn->code == (BPF_JMP | BPF_EXIT) || (call && insn->src_reg == CALL_KFUNC) ||
	       (call && !insn->src_reg && insn->imm == BPF_FUNC_tail_call);
}

static void push(struct always *a, uint32_t insn)
{
	if (a->seen[insn - a->fn->start])
		return;
	a->seen[insn - a->fn->start] = 1;
	a->stack[a->n++] = insn;
}

/* Goes on behind an instruction; false: the program can end there. */
static bool go_on(struct always *a, uint32_t at)
{
	const struct bpf_insn *insn = &a->unit->insns[at];
	bool jump = audit_is_jump(insn);
	uint32_t next = at + 1 + audit_is_wide(insn), target;

	if (is_end(insn))
		return false;
	if (jump) {
		if (!audit_jump_target(a->fn, a->unit->insns, at, &target))
			return false;
		push(a, target);
		if (BPF_OP(insn->code) == BPF_JA)
			return true;
	}
	if (next >= a->fn->end)
		return false;
	push(a, next);
	return true;
}

bool audit_always(const struct audit_unit *unit, const struct audit_function *entry, uint32_t insn,
		  uint64_t *steps)
{
	struct always a = {.unit = unit, .fn = entry};
	uint32_t n = entry->end - entry->start;
	bool always = insn >= entry->start && insn < entry->end;
	uint32_t at;

	a.seen = calloc(n + 1, 1);
	a.stack = calloc(n + 1, sizeof(*a.stack));
	if (!a.seen || !a.stack)
		always = false;
	if (always)
		push(&a, entry->start);
	while (always && a.n) {
		at = a.stack[--a.n];
		always = *steps > 0;
		*steps -= always;
		if (always && at != insn)
			always = go_on(&a, at);
	}
	free(a.seen);
	free(a.stack);
	return always;
}
