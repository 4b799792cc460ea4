/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_WATCHED_H
#define MAPRACE_SESSION_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "budget/account.h"
#include "detect/gomap/tracker.h"
#include "go/go_binary.h"
#include "model/model.h"
#include "probe/attach.h"
#include "probe/hooks.h"
#include "process/cgroup.h"
#include "process/incarnation.h"
#include "process/kept_off.h"
#include "process/process.h"
#include "process/waiters.h"
#include "session/binaries.h"
#include "session/silence.h"
#include "session/watched_files.h"
#include "snapshot/snapshot.h"

/*
 * One watched Go runtime with all that belongs to it, from its file to its probes: that of a
 * program, or that of a library (-buildmode=c-shared) in a process. Several of them may be in one
 * process, of different versions and with goroutines and maps of their own: nothing of one is taken
 * for something of another.
 */
struct watched {
	struct process process;
	struct incarnation incarnation;
	char *library; /* as the process sees it; NULL: the program itself */
	uint64_t library_start, library_offset; /* of its code: in memory, in the file */
	struct watched *host; /* another one in the same process looks for libraries; NULL: we do */
	struct watched_files files; /* looked into for libraries so far */
	double late_s;	   /* how long the watch had lasted when it was found; 0: it was there */
	pid_t forked_from; /* it is a copy of that process, and has executed nothing since; 0: it
			      is none */
	double budget;	   /* of CPU time, of the whole process */
	uint64_t test_began_ns; /* it is a test (watch_budget.c) since then; 0: it is none */
	uint64_t service_ns;	/* when it is taken for a service; 0: never */
	uint64_t lived_ns,
		waited_ns;  /* as a test: how long it has run, and of that waited for us */
	uint64_t slowed_ns; /* and for holds that were over */
	uint64_t queued_ns, queued_last_ns; /* how long its threads have waited for a CPU */
	struct binary *binary; /* whose bin and hooks are, where others may share them; else NULL */
	struct go_binary *bin;
	struct hook_set hooks;
	struct attachment *attachment;
	struct tracker_source source;
	struct account account;
	bool account_kept;	/* the account is kept */
	uint64_t confined_ns;	/* when it was looked how many CPUs it may use */
	bool mending;		/* what a killed attacher has left is on its way out */
	uint64_t failed_ns;	/* when a change of the probes failed; 0: the last one did not */
	uint64_t moving_ns;	/* since when one takes its time; 0: none does */
	size_t account_weighed; /* nplugins + 1 when its functions were weighed; 0: never */
	const struct attach_opts *attach; /* how it is watched */
	double panics_watched;	 /* part of the time for which its panics were, at its end */
	bool left_out;		 /* it ended while we attached: about to be freed */
	bool started;		 /* the attachment is active */
	uint64_t began_ns;	 /* a moment before that: nothing was seen earlier */
	bool ended;		 /* the process is gone, or runs another program */
	bool replaced;		 /* by that one: it is not this one that ends with the process */
	unsigned int leaderless; /* looks that found no first thread any more */
	struct watched_plugin **plugins; /* loaded ones that were found so far, watched_plugins.c */
	size_t nplugins, plugins_unwatched;
	struct watched_files plugin_files; /* looked into for plugins so far */
	unsigned int looks;		   /* for plugins */
	bool may_plug;			   /* watched_may_plug(), asked once */
	struct snapshot_ready ready;	   /* for when it dies */
	unsigned int prepares;		   /* how often that was looked for */
	struct vitals *vitals;		   /* NULL: it was not looked at, or not asked for */
	uint64_t vitals_ns;		   /* when it was looked at last, or tried to */
	unsigned int vitals_failed;	   /* tries in a row */
	bool looked_at;			   /* when it died */
	bool state_read;		   /* what its armed call sites came to (watch_state.c) */
	struct waiters waiters;		   /* who may see it stop then */
	uint64_t waiters_ns, died_ns;	   /* when they were looked at; when it was, 0: not yet */
	struct memory_state *memory;	   /* NULL: nobody has looked (memory_watch.h) */
	struct silence silence;
	struct cgroup_freezer freezer;
	struct kept_off kept_off;
	uint64_t looked_ns, looked_cpu_ns; /* watched_look_whether_it_runs() */
	struct past *past;		   /* all that is left of it; NULL: it is whole */
};

/* Its program is not Go. Only of an ELF file that can be read is that said. */
bool watched_is_foreign(const struct watched *w);
/* The binary, where it is not there already. */
int watched_open(struct watched *w, struct err *err);
/* Everything but the probes: binary (where it is not there already), hooks, configuration, verified
 * programs. process must be open. On failure watched_close() is due. */
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
/* Four times a second: a process that is stopped or frozen in the middle of a write may go on with
 * it at any time. */
void watched_look_whether_it_runs(struct watched *w);
/* Says once, and counts, that not all files were looked into. */
void watched_tell_files(struct watched *w, struct watched_files *f);
/* Whether the program can load any: looks through all its functions. */
bool watched_may_plug(const struct watched *w);
/* Whether that file was found as a plugin, watched or told of. */
bool watched_knows_plugin(const struct watched *w, const char *path);
/*
 * Calls back with each Go library with a runtime of its own that its process has mapped, and that
 * was not found before; bin is found's from then on. Those that cannot be watched are told of, and
 * counted among the plugins.
 */
typedef void (*watched_found)(void *ctx, const struct process_library *lib, struct go_binary *bin);
void watched_find_libraries(struct watched *w, watched_found found, void *ctx);
/* Whether it has a runtime, and is no plugin of another one's. */
bool watched_has_runtime(const struct go_binary *bin);
/* Whether its process may load any. */
bool watched_may_load(const struct watched *w);
void watched_forget_libraries(struct watched *w);
/* Run-time minus link-time address, given where its code is. */
int watched_library_bias(const struct go_binary *bin, uint64_t start, uint64_t offset,
			 uint64_t *bias);
/* Once nothing is attached any more. */
void watched_forget_plugins(struct watched *w);
/* Its probes are told to go; when watched_wait() returns they are gone. */
void watched_stop(struct watched *w);
void watched_wait(struct watched *w);
/* What held the probes was killed, and may have left some; when watched_have_mended() returns they
 * are gone. */
void watched_mend(struct watched *w);
void watched_have_mended(struct watched *w);
void watched_close(struct watched *w);
/* To what it was before watched_prepare(), without a library: process and what was looked at stay. */
void watched_reset(struct watched *w);

/* The path of its main module, or "". */
const char *watched_module(const struct watched *w);

/* With what its process has ended: a wait status; -1: not known, or another program has. */
int watched_exit_status(const struct watched *w);
/* Whether the report has it among its targets. */
bool watched_is_shown(const struct watched *w);
/* Fills target with copies. 0 or -ENOMEM. */
int watched_describe(const struct watched *w, struct report_target *target);

#endif
