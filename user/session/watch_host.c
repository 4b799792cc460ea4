/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `maprace watch --all`: those of a host whose turn it is. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "session/watch.h"

#define RACY 4000 /* that have ended, with races in them */

int watch_open_host(struct watch *w, struct err *err)
{
	const struct host_options *o = &w->options->host;
	struct err deaf = {};
	int r = census_new(&w->census, o, &deaf);

	if (r)
		return r;
	if (deaf.text[0])
		log_warn(
			"the kernel does not tell of new processes (%s): /proc is looked at instead",
			deaf.text);
	w->room = o->most + WATCH_LIBRARIES + WATCH_PASTS + RACY;
	w->targets = calloc(w->room, sizeof(*w->targets));
	if (!w->targets)
		return err_set(err, -ENOMEM, "out of memory");
	census_look(w->census, watch_now());
	return 0;
}

size_t watch_host_places(const struct watch *w)
{
	size_t i, n = 0;

	for (i = 0; i < w->ntargets; i++)
		n += !w->targets[i]->ended && !w->targets[i]->host;
	return n < w->options->host.most ? w->options->host.most - n : 0;
}

struct roster *watch_roster(const struct watch *w)
{
	return w->census ? census_roster(w->census) : w->follow ? follow_roster(w->follow) : NULL;
}

static void note(const struct watch *w, const struct watched *t, const char *why)
{
	/* what it does while we are busy with it is its own, not of an earlier program's */
	roster_note(watch_roster(w), t->process.pid, t->process.exe, why,
		    (why ? watch_now() : t->began_ns) - w->start_ns);
}

/* Why it is not watched: said where it is no matter of course. */
static void note_failure(const struct watch *w, const struct watched *t,
			 const struct census_one *one, int r, const struct err *err)
{
	const char *why = err->text[0] ? err->text : err_name(r);

	if (r == -ENOEXEC && !one->certain && !t->bin) {
		census_is_other(w->census, one);
	} else if (r == -ESRCH || r == -ESTALE || process_ends_within(&t->process, 0)) {
		roster_count(watch_roster(w), "ended while it was attached to");
	} else {
		log_warn("process %d (%s) is not watched: %s", (int)one->pid, t->process.exe, why);
		note(w, t, why);
	}
}

/* 0, or why the process is not watched: noted. */
static int join(struct watch *w, struct watched *t, const struct census_one *one)
{
	struct err err = {};
	int r = process_open(&t->process, one->pid, &err);

	if (!r)
		r = watched_open(t, &err);
	if (!r && follow_is_tool(t->bin)) {
		census_is_tool(w->census, one);
		return -ENOTSUP;
	}
	if (!r)
		r = watch_join(w, t, &err);
	if (r)
		note_failure(w, t, one, r, &err);
	else
		note(w, t, NULL);
	return r;
}

struct watched *watch_join_host(struct watch *w, const struct census_one *one)
{
	struct watched *t = watch_add_target(w);
	uint64_t before = watch_now();
	int r = t ? join(w, t, one) : -ENOSPC;

	if (!t)
		roster_count(watch_roster(w), "too many were started");
	else if (r)
		watch_remove_target(w, w->ntargets - 1);
	w->attach_ms += (double)(watch_now() - before) / 1e6;
	if (!one->present)
		census_charge(w->census, watch_now() - before);
	return r ? NULL : t;
}
