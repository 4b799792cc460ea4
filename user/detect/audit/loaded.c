/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/loaded.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_MAX 1024 /* bytes; the kernel's have 8 and 16 */

static int map_info(uint32_t id, struct bpf_map_info *info)
{
	uint32_t size = sizeof(*info);
	int fd = bpf_map_get_fd_by_id(id), r;

	memset(info, 0, sizeof(*info));
	if (fd < 0)
		return fd;
	r = bpf_map_get_info_by_fd(fd, info, &size);
	close(fd);
	return r;
}

static void fill_map(struct audit_map *map, const struct bpf_map_info *info)
{
	map->id = info->id;
	map->type = info->type;
	map->key_size = info->key_size;
	map->value_size = info->value_size;
	map->flags = info->map_flags;
	map->value_type = info->btf_value_type_id;
	if (info->btf_id && map->value_type)
		map->owned_btf = btf__load_from_kernel_by_id(info->btf_id);
	map->btf = map->owned_btf;
}

/* A map that is in the outer one now stands for all of them. */
static void look_inside(struct audit_unit *unit, uint32_t outer)
{
	uint32_t id = unit->maps[outer].id, inner_id = 0;
	unsigned char key[256], *from = NULL;
	struct bpf_map_info info;
	int fd, i, inner = -1;

	if (unit->maps[outer].key_size > sizeof(key))
		return;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return;
	for (i = 0; i < 64 && !bpf_map_get_next_key(fd, from, key); i++, from = key)
		if (!bpf_map_lookup_elem(fd, key, &inner_id) && inner_id)
			break;
	close(fd);
	if (!inner_id || map_info(inner_id, &info))
		return;
	inner = audit_unit_inner(unit, outer);
	if (inner >= 0)
		fill_map(&unit->maps[inner], &info);
}

static int add_maps(struct audit_unit *unit, const uint32_t *ids, uint32_t n)
{
	struct bpf_map_info info;
	struct audit_map *map;
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (map_info(ids[i], &info)) /* it cannot go while the program is there */
			memset(&info, 0, sizeof(info));
		map = audit_unit_add_map(unit, strndup(info.name, sizeof(info.name)));
		if (!map)
			return -ENOMEM;
		fill_map(map, &info);
		map->id = ids[i];
	}
	for (i = 0; i < n; i++)
		if (audit_map_of_maps(unit->maps[i].type))
			look_inside(unit, i);
	return 0;
}

static bool sane(const struct bpf_prog_info *info)
{
	return info->xlated_prog_len / sizeof(struct bpf_insn) <= AUDIT_MAX_INSNS &&
	       info->nr_map_ids <= AUDIT_MAX_MAPS && info->nr_func_info <= AUDIT_MAX_FUNCTIONS &&
	       info->nr_line_info <= AUDIT_MAX_INSNS && info->func_info_rec_size <= RECORD_MAX &&
	       info->line_info_rec_size <= RECORD_MAX;
}

/* The second time, with room for all that there is. */
struct buffers {
	void *insns, *functions, *lines;
	uint32_t *map_ids;
};

static void free_buffers(struct buffers *b)
{
	free(b->insns);
	free(b->functions);
	free(b->lines);
	free(b->map_ids);
}

static int ask(int fd, struct bpf_prog_info *info, struct buffers *b)
{
	struct bpf_prog_info sizes = {};
	uint32_t size = sizeof(sizes);
	int r = bpf_prog_get_info_by_fd(fd, &sizes, &size);

	if (r)
		return r;
	if (!sane(&sizes))
		return -E2BIG;
	memset(info, 0, sizeof(*info));
	b->insns = calloc(sizes.xlated_prog_len + sizeof(struct bpf_insn), 1);
	b->map_ids = calloc(sizes.nr_map_ids + 1, sizeof(*b->map_ids));
	b->functions = calloc(sizes.nr_func_info + 1, sizes.func_info_rec_size + 1);
	b->lines = calloc(sizes.nr_line_info + 1, sizes.line_info_rec_size + 1);
	if (!b->insns || !b->map_ids || !b->functions || !b->lines)
		return -ENOMEM;
	info->xlated_prog_len = sizes.xlated_prog_len;
	info->xlated_prog_insns = (uintptr_t)b->insns;
	info->nr_map_ids = sizes.nr_map_ids;
	info->map_ids = (uintptr_t)b->map_ids;
	info->nr_func_info = sizes.nr_func_info;
	info->func_info_rec_size = sizes.func_info_rec_size;
	info->func_info = (uintptr_t)b->functions;
	info->nr_line_info = sizes.nr_line_info;
	info->line_info_rec_size = sizes.line_info_rec_size;
	info->line_info = (uintptr_t)b->lines;
	size = sizeof(*info);
	r = bpf_prog_get_info_by_fd(fd, info, &size);
	if (r)
		return r;
	/* it may have been hidden in between, but grows no more */
	return info->xlated_prog_insns && info->xlated_prog_len &&
			       info->xlated_prog_len <= sizes.xlated_prog_len
		       ? 0
		       : -EACCES;
}

static void name_unit(struct audit_unit *unit, const struct bpf_prog_info *info)
{
	size_t i;

	unit->id = info->id;
	snprintf(unit->name, sizeof(unit->name), "%.15s", info->name);
	for (i = 0; i < 8; i++)
		snprintf(&unit->tag[i * 2], 3, "%02x", info->tag[i]);
}

static int fill(struct audit_unit *unit, const struct bpf_prog_info *info, struct buffers *b,
		const struct audit_symbols *symbols)
{
	struct audit_loaded l = {
		.functions = b->functions,
		.nfunctions = info->func_info_rec_size >= 8 ? info->nr_func_info : 0,
		.function_size = info->func_info_rec_size,
		.lines = b->lines,
		.nlines = info->line_info_rec_size >= 16 ? info->nr_line_info : 0,
		.line_size = info->line_info_rec_size,
		.map_ids = b->map_ids,
	};
	int r;

	unit->insns = b->insns;
	b->insns = NULL;
	unit->n = info->xlated_prog_len / sizeof(struct bpf_insn);
	if (info->btf_id)
		unit->btf = btf__load_from_kernel_by_id(info->btf_id);
	r = add_maps(unit, b->map_ids, info->nr_map_ids);
	return r ? r : audit_loaded_resolve(unit, &l, symbols, info->type);
}

int audit_loaded_read(struct audit_unit *unit, uint32_t id, const struct audit_symbols *symbols,
		      struct err *err)
{
	int fd = bpf_prog_get_fd_by_id(id), r;
	struct bpf_prog_info info = {};
	struct buffers b = {};

	memset(unit, 0, sizeof(*unit));
	if (fd < 0)
		return err_set(err, fd, "%s", fd == -ENOENT ? "it is gone" : err_name(fd));
	r = ask(fd, &info, &b);
	close(fd);
	name_unit(unit, &info);
	if (!r)
		r = fill(unit, &info, &b, symbols);
	free_buffers(&b);
	if (r == -EACCES)
		return err_set(err, r, "the kernel does not show its instructions");
	return r ? err_set(err, r, "%s", err_name(r)) : 0;
}
