/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What translated code refers to: maps by their ids, functions by distance, helpers by address. */
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detect/audit/loaded.h"

static bool is_wide(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL);
}

/*
 * Where a call of a function of the program goes: once it has been compiled the distance is in off,
 * cut off to 16 bits. Of those that it may stand for one is the beginning of a function, if the
 * kernel tells where these are.
 */
static uint32_t call_target(const struct audit_unit *unit, const uint8_t *starts, uint32_t at)
{
	int64_t target = (int64_t)at + 1 + unit->insns[at].off, k;

	for (k = target % 65536; starts && k < unit->n; k += 65536)
		if (k >= 0 && starts[k] == 2)
			target = k;
	return target >= 0 && target < unit->n ? (uint32_t)target : 0;
}

static uint32_t function_target(const struct audit_unit *unit, uint32_t at)
{
	int64_t target = (int64_t)at + 1 + unit->insns[at].imm;

	return target >= 0 && target < unit->n ? (uint32_t)target : 0;
}

static uint32_t word(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* 2 where the kernel says that a function begins, 1 where something in the code says so. */
static void mark_starts(const struct audit_unit *unit, const struct audit_loaded *l,
			uint8_t *starts)
{
	uint32_t i, at;

	for (i = 0; i < l->nfunctions; i++) {
		at = word(l->functions + (size_t)i * l->function_size);
		if (at < unit->n)
			starts[at] = 2;
	}
	if (!starts[0])
		starts[0] = 1;
	for (i = 0; i < unit->n; i++) {
		const struct bpf_insn *insn = &unit->insns[i];

		if (is_call(insn) && insn->src_reg == BPF_PSEUDO_CALL)
			at = call_target(unit, l->nfunctions ? starts : NULL, i);
		else if (is_wide(insn) && insn->src_reg == BPF_PSEUDO_FUNC)
			at = function_target(unit, i);
		else
			at = 0;
		if (at && !starts[at] && !l->nfunctions)
			starts[at] = 1;
		i += is_wide(insn);
	}
}

static char *function_name(const struct audit_unit *unit, const struct audit_loaded *l, uint32_t at)
{
	const struct btf_type *t;
	const char *name = NULL;
	uint32_t i;

	for (i = 0; i < l->nfunctions && unit->btf; i++) {
		const uint8_t *rec = l->functions + (size_t)i * l->function_size;

		if (word(rec) != at)
			continue;
		t = btf__type_by_id(unit->btf, word(rec + 4));
		name = t ? btf__name_by_offset(unit->btf, t->name_off) : NULL;
	}
	return strdup(name && *name ? name : at ? "?" : unit->name);
}

static int make_functions(struct audit_unit *unit, const struct audit_loaded *l,
			  const uint8_t *starts, uint32_t prog_type)
{
	struct audit_function *fn;
	uint32_t i, n = 0;

	for (i = 0; i < unit->n; i++)
		n += starts[i] != 0;
	if (n > AUDIT_MAX_FUNCTIONS)
		return -E2BIG;
	unit->functions = calloc(n, sizeof(*unit->functions));
	if (!unit->functions)
		return -ENOMEM;
	for (i = 0; i < unit->n; i++) {
		if (!starts[i])
			continue;
		if (unit->nfunctions)
			unit->functions[unit->nfunctions - 1].end = i;
		fn = &unit->functions[unit->nfunctions++];
		fn->start = i;
		fn->end = unit->n;
		fn->entry = !i;
		fn->prog_type = i ? 0 : prog_type;
		fn->name = function_name(unit, l, i);
		if (!fn->name)
			return -ENOMEM;
	}
	return 0;
}

static void refer(struct audit_unit *unit, uint32_t insn, enum audit_ref_kind kind, uint32_t which,
		  uint32_t off)
{
	unit->refs[insn] = (struct audit_ref){.kind = kind, .which = which, .off = off};
}

static void refer_function(struct audit_unit *unit, uint32_t insn, uint32_t target)
{
	const struct audit_function *fn = target ? audit_unit_function(unit, target) : NULL;

	if (fn && fn->start == target)
		refer(unit, insn, AUDIT_REF_FUNC, (uint32_t)(fn - unit->functions), 0);
}

static void refer_wide(struct audit_unit *unit, const struct audit_loaded *l, uint32_t at)
{
	const struct bpf_insn *insn = &unit->insns[at];
	bool value = insn->src_reg == BPF_PSEUDO_MAP_VALUE;
	uint32_t i;

	if (insn->src_reg == BPF_PSEUDO_FUNC)
		refer_function(unit, at, function_target(unit, at));
	if (!value && insn->src_reg != BPF_PSEUDO_MAP_FD)
		return;
	for (i = 0; l->map_ids && i < unit->nmaps; i++)
		if (!unit->maps[i].inside && l->map_ids[i] == (uint32_t)insn->imm) {
			refer(unit, at, value ? AUDIT_REF_VALUE : AUDIT_REF_MAP, i,
			      value ? (uint32_t)insn[1].imm : 0);
			return;
		}
}

static void refer_kernel(struct audit_unit *unit, const struct audit_symbols *symbols, uint32_t at)
{
	const struct bpf_insn *insn = &unit->insns[at];
	const char *name = NULL;

	if (insn->imm == BPF_FUNC_tail_call)
		name = "bpf_tail_call";
	else if (insn->imm && symbols && symbols->call_base)
		name = audit_symbols_name(symbols,
					  symbols->call_base + (uint64_t)(int64_t)insn->imm);
	if (!insn->imm)
		unit->unnamed_calls = true;
	refer(unit, at, AUDIT_REF_HELPER, name ? audit_helper_by_name(name) : AUDIT_CALL_UNKNOWN,
	      0);
}

static void make_refs(struct audit_unit *unit, const struct audit_loaded *l, const uint8_t *starts,
		      const struct audit_symbols *symbols)
{
	const struct bpf_insn *insn;
	uint32_t i;

	for (i = 0; i < unit->n; i++) {
		insn = &unit->insns[i];
		if (is_wide(insn)) {
			refer_wide(unit, l, i);
			i++;
		} else if (is_call(insn) && insn->src_reg == BPF_PSEUDO_CALL) {
			refer_function(unit, i,
				       call_target(unit, l->nfunctions ? starts : NULL, i));
		} else if (is_call(insn)) {
			refer_kernel(unit, symbols, i);
		}
	}
}

static int make_lines(struct audit_unit *unit, const struct audit_loaded *l)
{
	const uint8_t *rec = l->lines;
	uint32_t i;
	int r = 0;

	for (i = 0; i < l->nlines && unit->btf && !r; i++, rec += l->line_size)
		r = audit_unit_add_line(unit, word(rec),
					btf__name_by_offset(unit->btf, word(rec + 4)),
					word(rec + 12) >> 10);
	return r;
}

int audit_loaded_resolve(struct audit_unit *unit, const struct audit_loaded *l,
			 const struct audit_symbols *symbols, uint32_t prog_type)
{
	uint8_t *starts = calloc(unit->n + 1, 1);
	int r;

	unit->refs = calloc(unit->n + 1, sizeof(*unit->refs));
	if (!starts || !unit->refs) {
		free(starts);
		return -ENOMEM;
	}
	mark_starts(unit, l, starts);
	r = make_functions(unit, l, starts, prog_type);
	if (!r) {
		make_refs(unit, l, starts, symbols);
		r = make_lines(unit, l);
	}
	free(starts);
	audit_unit_finish(unit);
	return r;
}
