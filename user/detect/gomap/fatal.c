/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/fatal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "go/buildinfo.h"
#include "probe/home.h"

#define INNER_FRAMES 5 /* runtime.fatal, up to three of the runtime's own, the map function */

/* Go src/runtime/map.go (to 1.23), src/internal/runtime/maps (1.24 and later): the words, and what
 * the dying goroutine was doing. */
static const struct {
	const char *text;
	enum report_kind kind;
	enum report_op op; /* of the goroutine that found it */
	bool damaged;	   /* tells of the state of the map, not of who is inside */
} messages[] = {
	{"concurrent map writes", REPORT_WRITE_WRITE, REPORT_WRITE, false},
	{"concurrent map read and map write", REPORT_READ_WRITE, REPORT_READ, false},
	{"concurrent map iteration and map write", REPORT_ITERATE_WRITE, REPORT_ITERATE, false},
	{"concurrent map clone and map write", REPORT_ITERATE_WRITE, REPORT_CLONE, false},
	{"small map with no empty slot (concurrent map writes?)", REPORT_WRITE_WRITE, REPORT_WRITE,
	 true},
};

static int find_message(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (!strcmp(text, messages[i].text))
			return (int)i;
	return -ENOENT;
}

bool fatal_is_conflict(const char *message)
{
	return find_message(message) >= 0;
}

static int which_message(struct tracker_source *source, const struct mr_event_fatal *e, char *text,
			 size_t len)
{
	struct resolver_file f = resolve_file(&source->resolver, e->message);

	if (e->message_len >= len ||
	    go_binary_string(f.bin, e->message - f.bias, e->message_len, text, len))
		return -ENOENT;
	return find_message(text);
}

/*
 * Is the dying goroutine inside the function that it was seen to enter last? It may have been in
 * one since that has no probe. Where the kernel may have left out the run of our program it may
 * have entered the same one since, with another map: then the function has to have its argument
 * still, where its code says that it is by now.
 */
static bool is_inside(const struct tracker_source *source, const struct mr_event_fatal *e)
{
	uint64_t site = e->site, pc;
	struct resolver_file file = resolve_file(&source->resolver, site);
	struct go_func f;
	uint32_t i;

	if (!e->map || !site || go_binary_func_by_pc(file.bin, site - file.bias, &f))
		return false;
	for (i = 1; i < INNER_FRAMES && i < e->access.nframes && i < MR_FRAMES; i++) {
		pc = e->access.pcs[i] - 1 - file.bias;
		if (pc >= f.entry && pc < f.end)
			return !source->may_miss ||
			       (e->home_frame == i &&
				home_is_filled(file.bin, pc + 1, true, e->home_reg));
	}
	return false;
}

/* golang/go#79667: while Go 1.27 was made, its allocator could give out memory that was still in
 * use, and its check then saw a writer that there was not. */
#define ALLOCATOR_MINOR 27
#define ALLOCATOR_CAVEAT                                                                            \
	"development versions of Go 1.27 could report this of a map that one goroutine alone uses " \
	"(golang/go#79667): build with a release"

/* Go 1.25 and later copy a map's header whole (src/internal/runtime/maps/map.go, Clone). */
#define CLONE_CAVEAT                                                                                 \
	"a clone that is made while a writer is inside its source has the writing flag from birth: " \
	"the conflict may be that of the source"

#define FAULT_CAVEAT                                                                            \
	"this program can recover from a fault inside a map function (debug.SetPanicOnFault), " \
	"which leaves the map's writing flag set: nobody else need have been inside"

/* inside: the map is the one that it dies of; any other one may be such a clone. */
static int say_caveat(const struct tracker_source *source, const struct mr_event_fatal *e,
		      bool inside, struct report_race *race)
{
	const struct go_binary *bin = source->resolver.bin;
	const struct go_layout *layout = go_binary_layout(bin);
	bool clones = layout->map_impl == GO_MAP_SWISS && layout->clone_is_method;
	const char *caveat = NULL;

	if ((e->born_flagged || (clones && !inside)) && !race->damaged)
		caveat = CLONE_CAVEAT;
	if (source->flag_stays && !race->damaged)
		caveat = FAULT_CAVEAT;
	if (buildinfo_unreleased(go_binary_version(bin), ALLOCATOR_MINOR))
		caveat = ALLOCATOR_CAVEAT;
	if (!caveat)
		return 0;
	race->caveat = strdup(caveat);
	return race->caveat ? 0 : -ENOMEM;
}

/* The map, and who else was inside it: all that is certain came with the event. */
static int fill_map(struct tracker_source *source, const struct mr_event_fatal *e,
		    struct report_race *race)
{
	size_t len = e->map_header_size <= MR_HEADER_MAX ? e->map_header_size : 0;
	int ret;

	free(race->map.type);
	ret = resolve_map(&source->resolver, mr_addr(e->map), e->type, e->map_header, len,
			  &race->map);
	if (ret)
		return ret;
	race->access[0].op = resolve_op(e->op);
	if (race->damaged || e->other.flags & (MR_ACCESS_UNKNOWN | MR_ACCESS_UNBORNE))
		return 0;
	race->has_other = true;
	return resolve_access(&source->resolver, &e->other, &race->access[1]);
}

int fatal_race(struct tracker_source *source, const struct mr_event_fatal *e,
	       struct report_race *race)
{
	char text[64];
	bool inside;
	int which, ret;

	memset(race, 0, sizeof(*race));
	which = e->access.goid ? which_message(source, e, text, sizeof(text)) : -ENOENT;
	if (which < 0)
		return which;
	race->evidence = REPORT_FATAL;
	race->kind = messages[which].kind;
	race->pid = (uint32_t)source->resolver.process->pid;
	race->target = source;
	race->count = 1;
	race->damaged = messages[which].damaged;
	race->check_fired = true;
	race->message = strdup(text);
	race->map.type = strdup("");
	ret = race->message && race->map.type
		      ? resolve_access(&source->resolver, &e->access, &race->access[0])
		      : -ENOMEM;
	if (ret)
		goto fail;
	race->access[0].op = messages[which].op;
	inside = is_inside(source, e);
	ret = say_caveat(source, e, inside, race);
	if (!ret && inside)
		ret = fill_map(source, e, race);
	if (!ret)
		return 0;
fail:
	report_race_free(race);
	return ret;
}
