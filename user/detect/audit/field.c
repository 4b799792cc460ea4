/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/field.h"

#include <bpf/btf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 32
#define MAX_LENGTH 240 /* of a name */

static const struct btf_type *resolve(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	int i;

	for (i = 0; t && i < MAX_DEPTH && (btf_is_mod(t) || btf_is_typedef(t)); i++)
		t = btf__type_by_id(btf, t->type);
	return i < MAX_DEPTH ? t : NULL;
}

static uint32_t size_of(const struct btf *btf, uint32_t id)
{
	int64_t size = btf__resolve_size(btf, id);

	return size > 0 && size < UINT32_MAX ? (uint32_t)size : 0;
}

/* The last member that begins at or before off and reaches it. */
static const struct btf_member *member_at(const struct btf *btf, const struct btf_type *t,
					  uint32_t off, uint32_t *begin)
{
	const struct btf_member *m = btf_members(t);
	uint32_t at, size, bits;
	uint16_t i;

	for (i = 0; i < btf_vlen(t); i++, m++) {
		bits = btf_member_bitfield_size(t, i);
		at = btf_member_bit_offset(t, i) / 8;
		size = bits ? (btf_member_bit_offset(t, i) % 8 + bits + 7) / 8
			    : size_of(btf, m->type);
		if (off < at || off - at >= size)
			continue;
		*begin = at;
		return m;
	}
	return NULL;
}

/* One step down from a type; false: it has no parts. */
static bool descend(const struct btf *btf, uint32_t *id, uint32_t *off, bool variable, FILE *out)
{
	const struct btf_type *t = resolve(btf, *id);
	const struct btf_member *m;
	const char *name;
	uint32_t begin, size;

	if (!t)
		return false;
	if (btf_is_array(t)) {
		*id = btf_array(t)->type;
		size = size_of(btf, *id);
		if (!size)
			return false;
		if (variable)
			fputs("[?]", out);
		else
			fprintf(out, "[%" PRIu32 "]", *off / size);
		*off %= size;
		return true;
	}
	if (!btf_is_composite(t))
		return false;
	m = member_at(btf, t, *off, &begin);
	if (!m)
		return false;
	name = btf__name_by_offset(btf, m->name_off);
	if (name && *name) {
		if (ftell(out))
			fputc('.', out);
		fputs(name, out);
	}
	*id = m->type;
	*off -= begin;
	return true;
}

/* Of global data: the variable's name first. */
static bool in_section(const struct btf *btf, uint32_t *id, uint32_t *off, FILE *out)
{
	const struct btf_type *t = btf__type_by_id(btf, *id), *var;
	const struct btf_var_secinfo *v;
	const char *name;
	uint16_t i;

	if (!t || !btf_is_datasec(t))
		return true;
	for (i = 0, v = btf_var_secinfos(t); i < btf_vlen(t); i++, v++) {
		if (*off < v->offset || *off - v->offset >= v->size)
			continue;
		var = btf__type_by_id(btf, v->type);
		if (!var || !btf_is_var(var))
			return false;
		name = btf__name_by_offset(btf, var->name_off);
		fputs(name ? name : "", out);
		*id = var->type;
		*off -= v->offset;
		return true;
	}
	return false;
}

static void describe(const struct audit_unit *unit, uint32_t map, uint32_t off, bool variable,
		     FILE *out)
{
	const struct audit_map *m = &unit->maps[map];
	const struct audit_symbol *symbol = audit_unit_symbol(unit, map, off);
	const struct btf *btf = m->btf;
	uint32_t id = m->value_type;
	int depth;

	if (symbol) {
		fputs(symbol->name, out);
		btf = unit->btf;
		id = symbol->type;
		off -= symbol->off;
	}
	if (!btf || !id || (!symbol && !in_section(btf, &id, &off, out)))
		return;
	for (depth = 0; depth < MAX_DEPTH; depth++)
		if (!descend(btf, &id, &off, variable, out))
			return;
}

char *audit_field_name(const struct audit_unit *unit, uint32_t map, uint32_t off, uint32_t size,
		       bool variable)
{
	char *name = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&name, &len);

	if (!out)
		return NULL;
	describe(unit, map, off, variable, out);
	if (fclose(out)) {
		free(name);
		return NULL;
	}
	if (len > MAX_LENGTH)
		name[MAX_LENGTH] = '\0';
	if (len)
		return name;
	free(name);
	if (unit->maps[map].btf && unit->maps[map].value_type)
		return strdup("the value"); /* a number, without parts */
	if (asprintf(&name, "%sbytes %" PRIu32 " to %" PRIu32, variable ? "some element, " : "",
		     off, off + size - 1) < 0)
		return NULL;
	return name;
}

bool audit_field_has_lock(const struct audit_map *map)
{
	const struct btf_type *t = map->btf ? resolve(map->btf, map->value_type) : NULL, *of;
	const struct btf_member *m;
	const char *name;
	uint16_t i;

	if (!map->value_type || !t || !btf_is_struct(t))
		return false;
	for (i = 0, m = btf_members(t); i < btf_vlen(t); i++, m++) {
		of = resolve(map->btf, m->type);
		name = of && btf_is_struct(of) ? btf__name_by_offset(map->btf, of->name_off) : NULL;
		if (name && (!strcmp(name, "bpf_spin_lock") || !strcmp(name, "bpf_res_spin_lock")))
			return true;
	}
	return false;
}
