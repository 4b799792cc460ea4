/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Maps as an object's BTF declares them: a variable whose type's members tell of the map. */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/audit/object.h"

#define OLD_MAPS 64  /* whose types are looked for */
#define MAX_STEPS 32 /* through typedefs and qualifiers */

static const struct btf_type *resolve(const struct btf *btf, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(btf, *id);
	int i;

	for (i = 0; t && i < MAX_STEPS && (btf_is_mod(t) || btf_is_typedef(t)); i++) {
		*id = t->type;
		t = btf__type_by_id(btf, *id);
	}
	return i < MAX_STEPS ? t : NULL;
}

static const struct btf_type *pointed_to(const struct btf *btf, uint32_t *id)
{
	const struct btf_type *t = resolve(btf, id);

	if (!t || !btf_is_ptr(t))
		return NULL;
	*id = t->type;
	return resolve(btf, id);
}

/* __uint(x, 5): a pointer to an array of five */
static uint32_t number(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = pointed_to(btf, &id);

	return t && btf_is_array(t) ? btf_array(t)->nelems : 0;
}

static uint32_t size_of(const struct btf *btf, uint32_t id)
{
	int64_t size = btf__resolve_size(btf, id);

	return size > 0 && size < INT32_MAX ? (uint32_t)size : 0;
}

static void fill(struct audit_unit *unit, uint32_t map, uint32_t type_id, int depth);

/* values, of a map of maps: pointers to the inner map's own definition */
static void fill_inner(struct audit_unit *unit, uint32_t map, uint32_t id, int depth)
{
	const struct btf_type *t = resolve(unit->btf, &id);
	int32_t inner;

	if (!t || !btf_is_array(t) || depth > 1)
		return;
	id = btf_array(t)->type;
	if (!pointed_to(unit->btf, &id))
		return;
	inner = audit_unit_inner(unit, map);
	if (inner >= 0)
		fill(unit, (uint32_t)inner, id, depth + 1);
}

static void fill_member(struct audit_unit *unit, uint32_t map, const char *name, uint32_t id,
			int depth)
{
	struct audit_map *m = &unit->maps[map];
	const struct btf *btf = unit->btf;

	if (!strcmp(name, "type")) {
		m->type = number(btf, id);
	} else if (!strcmp(name, "map_flags")) {
		m->flags = number(btf, id);
	} else if (!strcmp(name, "key_size")) {
		m->key_size = number(btf, id);
	} else if (!strcmp(name, "value_size")) {
		m->value_size = number(btf, id);
	} else if (!strcmp(name, "key")) {
		if (pointed_to(btf, &id))
			m->key_size = size_of(btf, id);
	} else if (!strcmp(name, "value")) {
		if (pointed_to(btf, &id)) {
			m->value_type = id;
			m->value_size = size_of(btf, id);
		}
	} else if (!strcmp(name, "values")) {
		fill_inner(unit, map, id, depth);
	}
}

static void fill(struct audit_unit *unit, uint32_t map, uint32_t type_id, int depth)
{
	const struct btf_type *t = resolve(unit->btf, &type_id);
	const struct btf_member *m;
	const char *name;
	uint16_t i;

	unit->maps[map].btf = unit->btf;
	if (!t || !btf_is_struct(t))
		return;
	for (i = 0, m = btf_members(t); i < btf_vlen(t); i++, m++) {
		name = btf__name_by_offset(unit->btf, m->name_off);
		if (name)
			fill_member(unit, map, name, m->type, depth);
	}
}

int audit_object_map(struct audit_unit *unit, const char *name, uint32_t type, uint32_t *map)
{
	const struct audit_map *added = audit_unit_add_map(unit, strdup(name));

	if (!added)
		return -ENOMEM;
	*map = (uint32_t)(added - unit->maps);
	if (type)
		fill(unit, *map, type, 0);
	return 0;
}

/* BPF_ANNOTATE_KV_PAIR: a structure of key and value beside it */
static void fill_old(struct audit_unit *unit, struct audit_map *map, const char *name)
{
	const struct btf_type *t;
	char annotation[256];
	int32_t id;

	if (!unit->btf || unit->nmaps > OLD_MAPS)
		return;
	snprintf(annotation, sizeof(annotation), "____btf_map_%s", name);
	id = btf__find_by_name_kind(unit->btf, annotation, BTF_KIND_STRUCT);
	t = id > 0 ? btf__type_by_id(unit->btf, (uint32_t)id) : NULL;
	if (!t || btf_vlen(t) < 2)
		return;
	map->btf = unit->btf;
	map->value_type = btf_members(t)[1].type;
}

int audit_object_old_map(struct audit_unit *unit, const char *name, const uint8_t *definition,
			 size_t size, uint32_t *map)
{
	struct audit_map *added = audit_unit_add_map(unit, strdup(name));
	uint32_t words[5] = {}; /* type, size of key, of value, most entries, flags */

	if (!added)
		return -ENOMEM;
	memcpy(words, definition, size < sizeof(words) ? size : sizeof(words));
	added->type = words[0];
	added->key_size = words[1];
	added->value_size = words[2];
	added->flags = words[4];
	fill_old(unit, added, name);
	*map = (uint32_t)(added - unit->maps);
	return 0;
}
