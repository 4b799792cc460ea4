/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "track/fatal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS_NS 1000000000ull /* who wrote longer ago is not the one who was met */
#define INNER_FRAMES 5 /* runtime.fatal, up to three of the runtime's own, the map function */

/* Go src/runtime/map.go (to 1.23), src/internal/runtime/maps (1.24 and later): the words, and what
 * the dying goroutine was doing. */
static const struct {
	const char *text;
	enum report_kind kind;
	enum report_op op; /* of the goroutine that found it */
} messages[] = {
	{"concurrent map writes", REPORT_WRITE_WRITE, REPORT_WRITE},
	{"concurrent map read and map write", REPORT_READ_WRITE, REPORT_READ},
	{"concurrent map iteration and map write", REPORT_ITERATE_WRITE, REPORT_ITERATE},
	{"concurrent map clone and map write", REPORT_ITERATE_WRITE, REPORT_CLONE},
	{"small map with no empty slot (concurrent map writes?)", REPORT_WRITE_WRITE, REPORT_WRITE},
};

static int which_message(struct tracker_source *source, const struct mr_event_fatal *e, char *text,
			 size_t len)
{
	struct resolver_file f = resolve_file(&source->resolver, e->message);
	size_t i;

	if (e->message_len >= len ||
	    go_binary_string(f.bin, e->message - f.bias, e->message_len, text, len))
		return -ENOENT;
	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (!strcmp(text, messages[i].text))
			return (int)i;
	return -ENOENT;
}

/* Is the dying goroutine inside the function that it was seen to enter last? It may have been in
 * one since that has no probe. */
static bool is_inside(const struct tracker_source *source, const struct mr_event_fatal *e)
{
	uint64_t site = attachment_site(source->attachment, e->slot), pc;
	struct resolver_file file = resolve_file(&source->resolver, site);
	struct go_func f;
	uint32_t i;

	if (!site || go_binary_func_by_pc(file.bin, site - file.bias, &f))
		return false;
	for (i = 1; i < INNER_FRAMES && i < e->access.nframes && i < MR_FRAMES; i++) {
		pc = e->access.pcs[i] - 1 - file.bias;
		if (pc >= f.entry && pc < f.end)
			return true;
	}
	return false;
}

/* Whoever else wrote to the map just now. NULL: nobody did, or it is not noted any more. */
static const struct mr_last *other_writer(const struct mr_map *map, const struct mr_event_fatal *e)
{
	const struct mr_last *l = &map->writer;

	if (!l->g || l->g == e->access.g)
		l = &map->writer_before;
	if (!l->g || l->g == e->access.g || l->ns + OTHERS_NS < e->header.time_ns)
		return NULL;
	return l;
}

const struct mr_map *fatal_record(const struct mr_map *maps, uint32_t count,
				  const struct mr_event_fatal *e, const struct mr_last **other)
{
	const struct mr_map *m;

	if (!maps || !e->map)
		return NULL;
	m = &maps[mr_map_index(e->map, count - 1)];
	if (m->addr != e->map)
		return NULL;
	*other = other_writer(m, e);
	return *other ? m : NULL;
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
				.op = l->op & (MR_OP_MAX - 1),
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
	const struct mr_map *map, *maps;
	const struct mr_last *other;
	uint32_t count;
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
	race->access[0].op = messages[which].op;
	maps = attachment_maps(source->attachment, &count);
	map = is_inside(source, e) ? fatal_record(maps, count, e, &other) : NULL;
	if (!map)
		return 0; /* the dying goroutine's side is all we have */
	free(race->map.type);
	ret = resolve_map(&source->resolver, map->addr, map->type, NULL, 0, &race->map);
	if (ret)
		goto fail;
	race->access[0].op = resolve_op(attachment_op(source->attachment, e->slot));
	race->has_other = true;
	ret = other_access(source, other, &race->access[1]);
	if (!ret)
		return 0;
fail:
	report_race_free(race);
	return ret;
}
