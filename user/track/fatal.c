/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "track/fatal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MINE_NS 100000000ull	/* from an operation's entry, a hold included, to its fatal error */
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

/* Is this the very operation that the dying goroutine's stack is in? Another map that it used
 * before is not what it dies of. */
static bool is_on_stack(const struct tracker_source *source, const struct mr_event_fatal *e,
			const struct mr_last *l)
{
	uint64_t site = attachment_site(source->attachment, l->slot), pc;
	struct resolver_file file = resolve_file(&source->resolver, site);
	bool caller_known = l->caller && !(l->op & MR_LAST_OLDER_CALLER);
	bool inside = false, called = !caller_known;
	struct go_func f;
	uint32_t i;

	if (l->ns > e->header.time_ns || e->header.time_ns - l->ns > MINE_NS ||
	    go_binary_func_by_pc(file.bin, site - file.bias, &f))
		return false;
	for (i = 1; i < e->access.nframes && i < MR_FRAMES; i++) {
		pc = e->access.pcs[i];
		if (i < INNER_FRAMES && pc - 1 - file.bias >= f.entry && pc - 1 - file.bias < f.end)
			inside = true;
		else if (inside && pc == l->caller)
			called = true;
	}
	return inside && called;
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

/* The record of the map that goroutine g used last, which is the one that it dies of if its note
 * was not overwritten meanwhile. */
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

const struct mr_map *fatal_only_map(const struct mr_map *maps, uint32_t count,
				    const struct mr_event_fatal *e, const struct mr_last **other)
{
	const uint64_t bit = mr_goroutine_bit(e->access.g);
	const struct mr_map *only = NULL;
	uint32_t i;

	for (i = 0; maps && i < e->nwords && i < MR_FATAL_WORDS; i++) {
		const struct mr_map *m = &maps[mr_map_index(e->words[i], count - 1)];
		const struct mr_last *l;

		if (!e->words[i] || m->addr != e->words[i] || m == only || !(m->seen & bit))
			continue;
		l = other_writer(m, e);
		if (!l)
			continue;
		if (only)
			return NULL;
		only = m;
		*other = l;
	}
	return only;
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
	const struct mr_last *mine, *other;
	const struct mr_map *map, *maps;
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
	map = last_map_of(source, e->access.g, &mine);
	other = map ? other_writer(map, e) : NULL;
	if (!other || !is_on_stack(source, e, mine)) {
		mine = NULL; /* its note was overwritten */
		maps = attachment_maps(source->attachment, &count);
		map = fatal_only_map(maps, count, e, &other);
	}
	if (!map)
		return 0; /* the dying goroutine's side is all we have */
	free(race->map.type);
	ret = resolve_map(&source->resolver, map->addr, map->type, NULL, 0, &race->map);
	if (ret)
		goto fail;
	if (mine)
		race->access[0].op = resolve_op(mine->op & (MR_OP_MAX - 1));
	race->has_other = true;
	ret = other_access(source, other, &race->access[1]);
	if (!ret)
		return 0;
fail:
	report_race_free(race);
	return ret;
}
