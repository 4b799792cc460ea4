/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/unit.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/audit/field.h"

bool audit_map_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

bool audit_map_of_maps(uint32_t type)
{
	return type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

bool audit_map_has_values(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_UNSPEC: /* not known: within another map */
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_LPM_TRIE:
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_TASK_STORAGE:
	case 32: /* BPF_MAP_TYPE_CGRP_STORAGE, of 6.2 */
		return true;
	default:
		return audit_map_of_maps(type);
	}
}

void audit_unit_free(struct audit_unit *unit)
{
	uint32_t i;

	for (i = 0; i < unit->nmaps; i++) {
		free(unit->maps[i].name);
		btf__free(unit->maps[i].owned_btf);
	}
	for (i = 0; i < unit->nfunctions; i++) {
		free(unit->functions[i].name);
		free(unit->functions[i].section);
	}
	for (i = 0; i < unit->nsymbols; i++)
		free(unit->symbols[i].name);
	free(unit->maps);
	free(unit->functions);
	free(unit->symbols);
	free(unit->lines);
	free(unit->refs);
	free(unit->insns);
	free(unit->object);
	btf__free(unit->btf);
	memset(unit, 0, sizeof(*unit));
}

const struct audit_function *audit_unit_function(const struct audit_unit *unit, uint32_t insn)
{
	uint32_t lo = 0, hi = unit->nfunctions, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (unit->functions[mid].end <= insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < unit->nfunctions && unit->functions[lo].start <= insn ? &unit->functions[lo]
									  : NULL;
}

const struct audit_line *audit_unit_line(const struct audit_unit *unit, uint32_t insn)
{
	const struct audit_function *f = audit_unit_function(unit, insn);
	uint32_t lo = 0, hi = unit->nlines, mid;

	while (lo < hi) { /* the first one behind */
		mid = lo + (hi - lo) / 2;
		if (unit->lines[mid].insn <= insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* line 0 is code that the compiler has no line for: that before it tells more */
	while (lo && f && unit->lines[lo - 1].insn >= f->start && !unit->lines[lo - 1].line)
		lo--;
	return lo && f && unit->lines[lo - 1].insn >= f->start ? &unit->lines[lo - 1] : NULL;
}

const struct audit_symbol *audit_unit_symbol(const struct audit_unit *unit, uint32_t map,
					     uint32_t off)
{
	uint32_t lo = 0, hi = unit->nsymbols, mid;
	const struct audit_symbol *s;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		s = &unit->symbols[mid];
		if (s->map < map || (s->map == map && s->off <= off))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	s = &unit->symbols[lo - 1];
	return s->map == map && off - s->off < s->size ? s : NULL;
}

struct audit_map *audit_unit_add_map(struct audit_unit *unit, char *name)
{
	struct audit_map *grown;

	if (!name || unit->nmaps >= AUDIT_MAX_MAPS) {
		free(name);
		return NULL;
	}
	grown = reallocarray(unit->maps, unit->nmaps + 1, sizeof(*grown));
	if (!grown) {
		free(name);
		return NULL;
	}
	unit->maps = grown;
	grown[unit->nmaps] = (struct audit_map){.name = name, .inner = -1};
	return &grown[unit->nmaps++];
}

int32_t audit_unit_inner(struct audit_unit *unit, uint32_t map)
{
	struct audit_map *inner;
	char *name;

	if (unit->maps[map].inner >= 0)
		return unit->maps[map].inner;
	if (asprintf(&name, "(a map in %s)", unit->maps[map].name) < 0)
		return -1;
	inner = audit_unit_add_map(unit, name);
	if (!inner)
		return -1;
	inner->inside = true;
	unit->maps[map].inner = (int32_t)(inner - unit->maps);
	return unit->maps[map].inner;
}

int audit_unit_add_line(struct audit_unit *unit, uint32_t insn, const char *file, uint32_t line)
{
	struct audit_line *grown;

	if (insn >= unit->n || unit->nlines >= AUDIT_MAX_INSNS)
		return 0;
	if (!(unit->nlines & (unit->nlines - 1))) { /* a power of two: full */
		grown = reallocarray(unit->lines, unit->nlines ? (size_t)unit->nlines * 2 : 1,
				     sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		unit->lines = grown;
	}
	unit->lines[unit->nlines++] = (struct audit_line){insn, line, file ? file : ""};
	return 0;
}

static int by_insn(const void *a, const void *b)
{
	uint32_t x = ((const struct audit_line *)a)->insn, y = ((const struct audit_line *)b)->insn;

	return (x > y) - (x < y);
}

static int by_place(const void *a, const void *b)
{
	const struct audit_symbol *x = a, *y = b;

	if (x->map != y->map)
		return x->map < y->map ? -1 : 1;
	return (x->off > y->off) - (x->off < y->off);
}

void audit_unit_finish(struct audit_unit *unit)
{
	uint32_t i, n = unit->nmaps;

	for (i = 0; i < n; i++)
		if (audit_map_of_maps(unit->maps[i].type))
			audit_unit_inner(unit, i);
	for (i = 0; i < unit->nmaps; i++)
		unit->maps[i].has_lock = audit_field_has_lock(&unit->maps[i]);
	if (unit->nlines)
		qsort(unit->lines, unit->nlines, sizeof(*unit->lines), by_insn);
	if (unit->nsymbols)
		qsort(unit->symbols, unit->nsymbols, sizeof(*unit->symbols), by_place);
}
