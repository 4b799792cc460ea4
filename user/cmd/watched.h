/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_WATCHED_H
#define MAPRACE_CMD_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cmd/silence.h"
#include "go/go_binary.h"
#include "probe/attach.h"
#include "probe/duty.h"
#include "probe/hooks.h"
#include "report/model.h"
#include "target/process.h"
#include "track/tracker.h"

/* One watched process with all that belongs to it, from its file to its probes. */
struct watched {
	struct process process;
	struct go_binary *bin;
	struct hook_set hooks;
	struct attachment *attachment;
	struct tracker_source source;
	struct duty duty;
	bool dutiful;	     /* the account is kept */
	uint64_t failed_ns;  /* when a change of the probes failed; 0: the last one did not */
	size_t duty_weighed; /* nplugins + 1 when its functions were weighed; 0: never */
	bool growth;	     /* how its maps grow is watched */
	bool started;	     /* the attachment is active */
	bool ended;	     /* the process is gone, or runs another program */
	struct watched_plugin **plugins; /* loaded ones that were found so far, watched_plugins.c */
	size_t nplugins, plugins_unwatched;
	unsigned int looks; /* for plugins */
	bool may_plug;	    /* watched_may_plug(), asked once */
	struct silence silence;
};

/* Everything but the probes: binary, hooks, configuration, verified programs. process must be open.
 * On failure watched_close() is due. */
int watched_prepare(struct watched *w, const struct attach_opts *opts, struct err *err);
int watched_attach(struct watched *w, struct err *err);
/* From now on it is watched; times are told from start_ns on, CLOCK_MONOTONIC. */
void watched_start(struct watched *w, uint64_t start_ns);
/*
 * Code of a plugin calls the plugin's own copies of the map functions: they get probes too. Says
 * which plugins are not watched, and counts them. Looks less and less often, however often it is
 * called.
 */
void watched_look_for_plugins(struct watched *w);
/* Whether the program can load any: looks through all its functions. */
bool watched_may_plug(const struct watched *w);
/* Whether that file was found as a plugin, watched or told of. */
bool watched_knows_plugin(const struct watched *w, const char *path);
/* Once nothing is attached any more. */
void watched_forget_plugins(struct watched *w);
void watched_stop(struct watched *w);
void watched_close(struct watched *w);

/* Fills target with copies. 0 or -ENOMEM. */
int watched_describe(const struct watched *w, struct report_target *target);

#endif
