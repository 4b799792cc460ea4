/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Go libraries with a runtime of their own, in processes of whatever program, loaded at any time:
 * each is a target. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "session/watch.h"

static int become_library(struct watched *t, const struct process_library *lib,
			  struct go_binary *bin)
{
	t->bin = bin;
	t->library = strdup(lib->path);
	t->library_start = lib->start;
	t->library_offset = lib->offset;
	return t->library ? 0 : -ENOMEM;
}

/* One more target, in the host's process. */
static struct watched *new_target(struct watch *w, struct watched *host)
{
	struct watched *t = watch_add_target(w);

	if (!t)
		return NULL;
	t->process = host->process;
	t->process.pidfd = -1;
	t->process.ours = t->process.stopped = false; /* the host reaps it */
	if (host->process.pidfd >= 0)
		t->process.pidfd = fcntl(host->process.pidfd, F_DUPFD_CLOEXEC, 0);
	t->host = host;
	return t;
}

static void drop_target(struct watch *w, struct watched *t)
{
	if (t == w->command || !t->host)
		watched_reset(t);
	else
		watch_remove_target(w, w->ntargets - 1); /* it is the last one */
}

struct joining {
	struct watch *watch;
	struct watched *host;
	bool late; /* the watch has begun */
};

/* A library becomes a target; the host itself where it is no Go program. */
static void on_library(void *ctx, const struct process_library *lib, struct go_binary *bin)
{
	const struct joining *j = ctx;
	struct watched *t = j->host;
	struct err err = {};
	int r;

	if (t->bin && j->watch->ntargets == j->watch->room) {
		go_binary_close(bin);
		r = err_set(&err, -ENOSPC, "maprace watches no more than %d libraries",
			    WATCH_LIBRARIES);
	} else {
		if (t->bin)
			t = new_target(j->watch, j->host);
		if (!t)
			go_binary_close(bin);
		r = t ? become_library(t, lib, bin) : -ENOMEM;
		if (!r)
			r = j->late ? watch_join(j->watch, t, &err)
				    : watched_prepare(t, &j->watch->attach, &err);
		if (r && t)
			drop_target(j->watch, t);
	}
	if (!r)
		return;
	j->host->plugins_unwatched++;
	log_warn("process %d: %s is not watched: %s", (int)j->host->process.pid, lib->path,
		 err.text[0] ? err.text : err_name(r));
}

void watch_find_libraries(struct watch *w, struct watched *host, bool late)
{
	struct joining j = {w, host, late};

	/* an engine that is made now is to have room for all of them */
	w->attach.targets = watch_engine_targets(w, w->room);
	watched_find_libraries(host, on_library, &j);
}

/* With a Go program the privileges are gone by now, and with them the means to probe another file. */
static void refuse(void *ctx, const struct process_library *lib, struct go_binary *bin)
{
	struct watched *t = ctx;

	go_binary_close(bin);
	t->plugins_unwatched++;
	log_warn(
		"process %d: %s, which it has loaded now, is not watched: to watch it too, start maprace again",
		(int)t->process.pid, lib->path);
}

/* The 1st, 2nd, 4th, 8th … time; often, where all that is watched comes in libraries. */
static bool is_time_to_look(const struct watched *t)
{
	return !(t->looks & (t->looks - 1)) || (t->library && t->looks % 8 == 0);
}

bool watch_look_for_libraries(struct watch *w, struct watched *t)
{
	size_t before = w->ntargets;

	if (t->host || !watched_may_load(t) || !is_time_to_look(t))
		return false;
	if (t->library)
		watch_find_libraries(w, t, true);
	else
		watched_find_libraries(t, refuse, t);
	return w->ntargets > before;
}
