/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "track/fatal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Go src/runtime/map.go (to 1.23), src/internal/runtime/maps (1.24 and later): the words, and what
 * the dying goroutine was doing. */
static const struct {
	const char *text;
	enum report_kind kind;
} messages[] = {
	{"concurrent map writes", REPORT_WRITE_WRITE},
	{"concurrent map read and map write", REPORT_READ_WRITE},
	{"concurrent map iteration and map write", REPORT_ITERATE_WRITE},
	{"concurrent map clone and map write", REPORT_ITERATE_WRITE},
	{"small map with no empty slot (concurrent map writes?)", REPORT_WRITE_WRITE},
};

static int which_message(struct tracker_source *source, const struct mr_event_fatal *e, char *text,
			 size_t len)
{
	size_t i;

	if (e->message_len >= len ||
	    go_binary_string(source->resolver.bin, e->message - source->resolver.bias,
			     e->message_len, text, len))
		return -ENOENT;
	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (!strcmp(text, messages[i].text))
			return (int)i;
	return -ENOENT;
}

/* The record of the map that goroutine g used last, which is the one that it dies of. */
static const struct mr_map *last_map_of(const struct tracker_source *source, uint64_t g,
					const struct mr_last **last)
{
	const struct mr_map *best = NULL, *maps;
	uint32_t i, count;

	maps = attachment_maps(source->attachment, &count);
	*last = NULL;
	for (i = 0; i < count; i++) {
		const struct mr_last *candidates[2] = {&maps[i].reader, &maps[i].writer};
		int k;

		for (k = 0; k < 2; k++)
			if (candidates[k]->g == g && (!*last || candidates[k]->ns > (*last)->ns)) {
				best = &maps[i];
				*last = candidates[k];
			}
	}
	return best;
}

/* Who it was, as far as the record tells: function and caller, and the ids while the process still
 * lives. */
static int other_access(struct tracker_source *source, const struct mr_last *l,
			struct report_access *out)
{
	struct resolver *r = &source->resolver;
	const struct go_layout *layout = go_binary_layout(r->bin);
	struct mr_access raw = {.g = l->g,
				.time_ns = l->ns,
				.tid = l->tid,
				.cpu = l->cpu,
				.op = l->op,
				.flags = MR_ACCESS_PARTIAL};

	raw.pcs[0] = attachment_site(source->attachment, l->slot);
	raw.pcs[1] = l->caller;
	raw.nframes = l->caller ? 2 : 1;
	if (process_read(r->process, l->g + layout->g_goid, &raw.goid, sizeof(raw.goid)))
		raw.goid = 0;
	if (process_read(r->process, l->g + layout->g_gopc, &raw.gopc, sizeof(raw.gopc)))
		raw.gopc = 0;
	return resolve_access(r, &raw, out);
}

int fatal_race(struct tracker_source *source, const struct mr_event_fatal *e,
	       struct report_race *race)
{
	const struct mr_last *mine, *other = NULL;
	const struct mr_map *map;
	char text[64];
	int which, ret;

	memset(race, 0, sizeof(*race));
	which = which_message(source, e, text, sizeof(text));
	if (which < 0)
		return which;
	race->evidence = REPORT_FATAL;
	race->kind = messages[which].kind;
	race->pid = (uint32_t)source->resolver.process->pid;
	race->count = 1;
	race->check_fired = true;
	race->message = strdup(text);
	race->map.type = strdup("");
	ret = race->message && race->map.type
		      ? resolve_access(&source->resolver, &e->access, &race->access[0])
		      : -ENOMEM;
	if (ret)
		goto fail;
	map = last_map_of(source, e->access.g, &mine);
	if (!map)
		return 0; /* its record was replaced: the dying goroutine's side is all we have */
	free(race->map.type);
	ret = resolve_map(&source->resolver, map->addr, map->type, NULL, 0, &race->map);
	if (ret)
		goto fail;
	race->access[0].op = resolve_op(mine->op);
	if (map->writer.g && map->writer.g != e->access.g)
		other = &map->writer;
	else if (map->writer_before.g && map->writer_before.g != e->access.g)
		other = &map->writer_before;
	if (!other)
		return 0;
	race->has_other = true;
	ret = other_access(source, other, &race->access[1]);
	if (!ret)
		return 0;
fail:
	report_race_free(race);
	return ret;
}
