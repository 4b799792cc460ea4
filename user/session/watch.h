/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_WATCH_H
#define MAPRACE_SESSION_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "budget/calibrate.h"
#include "detect/gomap/growths.h"
#include "detect/gomap/panics.h"
#include "detect/gomap/tracker.h"
#include "session/census.h"
#include "session/follow.h"
#include "session/memory_watch.h"
#include "session/past.h"
#include "session/post_mortem.h"
#include "session/settings.h"
#include "session/statebook.h"
#include "session/strays.h"
#include "session/watch_vitals.h"
#include "session/watched.h"

struct event_base;

#define WATCH_LIBRARIES 16  /* of all targets; each takes as much memory as a program */
#define WATCH_MAP_ROWS 1000 /* rows of the table of maps in the document, for each process */
#define WATCH_PASTS 128	    /* of a host, whose rows the report has still when they have ended */

/* What a session that is more than a watch does at these moments (daemon.h). */
struct watch_hooks {
	int (*begin)(void *ctx, struct event_base *base);
	void (*race)(void *ctx, const struct report_race *race); /* in place of standard output */
	/* One dies by the runtime's hand: its first event. */
	void (*death)(void *ctx, struct watched *t, const struct mr_event_fatal *e);
	/* What has come of panics at a site since the last time. */
	void (*panic)(void *ctx, const struct watched *t, const struct report_panic *panic,
		      const struct panics_news *news);
	/* It has passed a threshold of memory, or was killed for it. */
	void (*memory)(void *ctx, struct watched *t, const struct report_memory *m);
	/* Places that make goroutines which do not end were named in it. */
	void (*leak)(void *ctx, struct watched *t, const struct report_vitals *vitals);
	/* of a process whose row of the report is given up, and its races with it */
	void (*retire)(void *ctx, const struct report_race *race, const struct report_target *of);
	void (*tick)(void *ctx);
	void (*reload)(void *ctx); /* SIGHUP; NULL: that ends it */
	void (*end)(void *ctx);	   /* the loop's events are about to go */
};

/* State of one `maprace watch`. */
struct watch {
	const struct watch_options *options;
	struct watched **targets;
	size_t ntargets, room;	 /* ntargets grows, up to room, as libraries are loaded and programs
				    started */
	struct watched *command; /* what we have started; among the targets where it runs Go code */
	bool command_listed;	 /* it is */
	struct follow *follow;	 /* what the command starts; NULL: nobody looks */
	struct strays *strays;	 /* and what it does not execute; NULL: likewise */
	char *not_followed;	 /* why not, although it was asked for */
	struct census *census;	 /* all of the host; NULL: those that were named */
	const struct watch_hooks *hooks; /* NULL: a watch */
	void *hooks_ctx;
	bool enough;	      /* the session's: the loop is to end */
	struct past_sum gone; /* what is left of those whose rows are gone, too */
	struct attach_opts attach;
	struct tracker *tracker;
	struct growths *growths;   /* NULL: nobody asked */
	struct panics *panics;	   /* likewise */
	uint64_t panics_told_ns;   /* to the hooks, when */
	struct filter *filter;	   /* what is not to be reported; NULL: nothing */
	struct recorder *recorder; /* NULL: none */
	uint64_t start_ns, end_ns; /* the watch itself, CLOCK_MONOTONIC; 0: not begun, not over */
	int64_t started_unix_ns;   /* wall clock */
	double attach_ms;
	struct post_mortem post_mortem;
	struct memory_watch memory;
	struct watch_vitals vitals;
	struct statebook *state;	 /* NULL: nobody asked */
	size_t state_known, state_armed; /* pairs: of earlier runs, and armed in all targets */
	uint64_t state_ns;		 /* when it was written last */
	bool state_failed;
	uint64_t events_of_nobody;	/* of targets that are none any more */
	uint64_t maps, maps_counted_ns; /* for the status line: a count, and when it was taken */
	struct calibration calibration;
	uint64_t own_cpu_ns; /* ours, as it was shared out last */
	double least_cpus;   /* that all of them earn for together; 0: not looked at yet */
	double hit_ns;	     /* what a hit costs, as far as is known */
	bool stdout_failed;  /* and said so */
	bool failed;	     /* something went wrong on the way; reports are still given */
};

/* watch_loop.c */
/* Runs the event loop until targets, time or a signal say that it is over. 0 or negative errno. */
int watch_loop(struct watch *w);

/* watch_targets.c */
/* Processes, all of them, so that a wrong id is told before anything is touched. */
int watch_open_targets(struct watch *w, struct err *err);
/* Finds the Go runtimes in them and probes them. A command that has none yet is let go until it has
 * loaded one. */
int watch_attach_targets(struct watch *w, struct err *err);
/* Whether more targets may come: then the privileges to probe are kept. */
bool watch_may_grow(const struct watch *w);
void watch_close_targets(struct watch *w);
/* One more, the last; NULL: no memory, or no room. */
struct watched *watch_add_target(struct watch *w);
void watch_remove_target(struct watch *w, size_t i);
/* For so many an engine has room where n may come. */
uint32_t watch_engine_targets(const struct watch *w, size_t n);
void watch_announce(struct watch *w, struct watched *t);

/* The runtimes that a process has now: 0, or -ENOEXEC there is none. */
int watch_prepare_process(struct watch *w, struct watched *t, struct err *err);
/* A target that comes late: prepared, probed and announced. */
int watch_join(struct watch *w, struct watched *t, struct err *err);

/* watch_command.c */
/* Starts it, stopped before its first instruction. */
int watch_open_command(struct watch *w, struct err *err);
/* The program that it runs itself. Where that is none to be watched, what it starts is.
 * began_ns: when what it ran first was over. */
int watch_prepare_command(struct watch *w, uint64_t *began_ns, struct err *err);
/* A process that stands behind its execve of a Go program, before its first instruction, is watched
 * as the last of the targets. NULL: it is not. It is to be let go then. */
struct watched *watch_join_process(struct watch *w, const struct followed *one);
/* What the command runs itself is no Go code so far: a library may have come. True where it is the
 * last of the targets now. */
bool watch_look_at_command(struct watch *w);
/* The command has ended: so has what else ran in its process. */
void watch_note_command_end(struct watch *w);

/* watch_host.c */
int watch_open_host(struct watch *w, struct err *err);
/* So many more may be watched. */
size_t watch_host_places(const struct watch *w);
/* A process whose turn it is becomes the last of the targets. NULL: it is not watched. */
struct watched *watch_join_host(struct watch *w, const struct census_one *one);
/* Which processes there were and are, of whatever run. NULL: the named ones are all. */
struct roster *watch_roster(const struct watch *w);

/* watch_libraries.c */
/* Those that the process has now become targets, the last ones; the host itself where it is no Go
 * program. late: the watch has begun. */
void watch_find_libraries(struct watch *w, struct watched *host, bool late);
/* Those that it has loaded since. True where there are more targets than before. */
bool watch_look_for_libraries(struct watch *w, struct watched *t);

/* watch_output.c */
/* To be told what each write to standard output gave: complains once, and makes the watch fail. */
void watch_check_stdout(struct watch *w, int rc);
/* Prints the races that are ripe: first seen at least that long before now (0: all). */
void watch_print_races(struct watch *w, uint64_t older_than_ns);
/* And the processes that have died, at once. */
void watch_print_deaths(struct watch *w);
void watch_print_memory(struct watch *w, struct watched *t, const struct report_memory *m);
void watch_print_status(struct watch *w);
/* All that is known now; to be dropped with watch_drop_report() whatever comes back. */
int watch_fill_report(struct watch *w, struct report *report);
void watch_drop_report(struct report *report);
/* A target has ended: what the kernel's tables say of it is kept, and makes room there. */
void watch_conclude(struct watch *w, struct watched *t);
/* The races only, as watch_fill_report() gives them. */
int watch_borrow_races(struct watch *w, struct report *report);
/* The reports to -o, if asked for. */
int watch_write_output(struct watch *w);
/* To the recordings, what there is to say now. 0, or a failure, once. */
int watch_record(struct watch *w);
/* What is said last: races not told yet, the files, the stats, the summary on standard error, all
 * of one and the same state. */
void watch_finish(struct watch *w);

/* watch_panics.c */
/* What the kernel has counted is told to the hooks, and is in the report. 0 or -ENOMEM. */
int watch_panics_fill(struct watch *w, struct report *report);
/* Of a target that has ended, before its tables go. */
int watch_panics_conclude(struct watch *w, struct watched *t);
void watch_panics_forget(struct watch *w, const struct watched *t);
/* Once a second: what is new goes to the hooks. */
void watch_panics_tick(struct watch *w);

/* watch_state.c: what earlier runs have learnt, with --state; nothing without */
int watch_state_open(struct watch *w, struct err *err);
/* Before it goes on. */
void watch_state_arm(struct watch *w, struct watched *t);
void watch_state_event(struct watch *w, struct watched *t, const struct mr_event_near *e);
void watch_state_race(struct watch *w, const struct report_race *race);
/* Its tables are read for the last time. */
void watch_state_conclude(struct watch *w, struct watched *t);
void watch_state_tick(struct watch *w);
void watch_state_finish(struct watch *w);

/* watch_budget.c: what the watch costs its targets, and what is done about it */
void watch_budget_begin(struct watch *w);
/* The same for one more target. */
void watch_budget_join(struct watch *w, struct watched *t);
/* Several processes have one budget: who earns how much of it now. */
void watch_budget_share(struct watch *w);
/* What a hit costs is known now: w->calibration is readable. */
void watch_budget_price(struct watch *w);
/* A sign that its account is kept; to come before anything else is done to its probes. */
void watch_budget_beat(struct watched *t, uint64_t now_ns);
/* Settles the account of one target and acts on it. Nanoseconds until this is due again. */
uint64_t watch_budget_step(struct watched *t);
/* A target has ended: what it waited for us is known. */
void watch_budget_conclude(struct watched *t);
/* What was seen of a target's functions. 0 or -ENOMEM. */
int watch_budget_functions(const struct watched *t, struct report_stats *stats);
/* Fills in what the budget did. 0 or -ENOMEM. */
int watch_budget_report(struct watch *w, struct report_stats *stats);

uint64_t watch_now(void); /* CLOCK_MONOTONIC, ns */

#endif
