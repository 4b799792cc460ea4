/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/bpfmap/kernel_maps.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t place_of(const struct kernel_maps *maps, uint32_t id)
{
	size_t lo = 0, hi = maps->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (maps->list[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct kernel_map *add_map(struct kernel_maps *maps, size_t at,
				  const struct bpf_map_info *info)
{
	struct kernel_map **grown =
		realloc(maps->list, (maps->n + 1) * sizeof(struct kernel_map *));
	struct kernel_map *map;

	if (!grown)
		return NULL;
	maps->list = grown;
	map = calloc(1, sizeof(*map));
	if (!map)
		return NULL;
	map->id = info->id;
	map->type = info->type;
	map->key_size = info->key_size;
	map->value_size = info->value_size;
	map->max_entries = info->max_entries;
	map->flags = info->map_flags;
	map->btf_id = info->btf_id;
	map->key_type = info->btf_key_type_id;
	map->value_type = info->btf_value_type_id;
	snprintf(map->name, sizeof(map->name), "%.15s", info->name);
	memmove(&grown[at + 1], &grown[at], (maps->n - at) * sizeof(struct kernel_map *));
	grown[at] = map;
	maps->n++;
	return map;
}

struct kernel_map *kernel_maps_get(struct kernel_maps *maps, uint32_t id)
{
	size_t at = place_of(maps, id);
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int fd, r;

	if (at < maps->n && maps->list[at]->id == id)
		return maps->list[at];
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return NULL;
	r = bpf_map_get_info_by_fd(fd, &info, &size);
	close(fd);
	return r ? NULL : add_map(maps, at, &info);
}

int kernel_maps_refresh(struct kernel_maps *maps)
{
	uint32_t id = 0;

	errno = 0;
	while (!bpf_map_get_next_id(id, &id))
		if (!kernel_maps_get(maps, id) && errno == ENOMEM)
			return -ENOMEM;
	return 0;
}

int kernel_map_pinned(const char *path, uint32_t *id)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int fd = bpf_obj_get(path), r;

	if (fd < 0)
		return fd;
	r = bpf_map_get_info_by_fd(fd, &info, &size);
	close(fd);
	if (r)
		return r;
	*id = info.id;
	return 0;
}

const char *map_type_name(uint32_t type)
{
	const char *name = libbpf_bpf_map_type_str((enum bpf_map_type)type);

	return name ? name : "unknown";
}

const struct btf *kernel_map_btf(struct kernel_map *map)
{
	if (!map->btf && !map->btf_tried && map->btf_id)
		map->btf = btf__load_from_kernel_by_id(map->btf_id);
	map->btf_tried = true;
	return map->btf;
}

void kernel_maps_free(struct kernel_maps *maps)
{
	size_t i;

	for (i = 0; i < maps->n; i++) {
		btf__free(maps->list[i]->btf);
		free(maps->list[i]);
	}
	free(maps->list);
	*maps = (struct kernel_maps){};
}
