/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What `maprace watch` watches: the runtimes of Go programs, and of Go libraries in processes of
 * whatever program, which may be loaded at any time.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "probe/feature.h"
#include "probe/links.h"
#include "process/limits.h"
#include "report/printers.h"
#include "session/refusal.h"
#include "session/watch.h"

/* Files that we open: of our own; for a target, whose attacher inherits those of all. There a site
 * takes two more where there is no uprobe-multi. */
#define FILES 16
#define FILES_OF_TARGET 40
#define FILES_OF_SITE 2
#define FOLLOWED 2000	    /* programs that a command starts, in all */
#define FOLLOWED_AT_ONCE 64 /* files are provided for so many; there may be more */
#define FOLLOWED_SHARE 31   /* and so many share an engine: 32 slots, of which one is nobody's */

struct watched *watch_add_target(struct watch *w)
{
	struct watched *t;

	if (w->ntargets + (w->command && !w->command_listed) >= w->room)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->process.pidfd = -1;
	w->targets[w->ntargets++] = t;
	return t;
}

void watch_remove_target(struct watch *w, size_t i)
{
	watched_close(w->targets[i]);
	free(w->targets[i]);
	w->ntargets--;
	memmove(&w->targets[i], &w->targets[i + 1], (w->ntargets - i) * sizeof(*w->targets));
}

int watch_open_targets(struct watch *w, struct err *err)
{
	const struct watch_options *o = w->options;
	size_t i, n = o->command ? 1 : o->targets.n;
	int r;

	if (o->all)
		return watch_open_host(w, err);
	w->room = n + WATCH_LIBRARIES + (o->command && !o->no_follow ? FOLLOWED : 0);
	w->targets = calloc(w->room, sizeof(*w->targets));
	if (!w->targets)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (!watch_add_target(w))
			return -ENOMEM;
	if (o->command) {
		return watch_open_command(w, err);
	}
	for (i = 0; i < n; i++) {
		r = process_open(&w->targets[i]->process, (pid_t)o->targets.pids[i], err);
		if (r)
			return r;
	}
	return 0;
}

/* How many a command starts, and how many at a time, is not known. */
uint32_t watch_engine_targets(const struct watch *w, size_t n)
{
	if (w->census && census_known(w->census) > n)
		n = census_known(w->census);
	if (w->census && n > w->options->host.most)
		n = w->options->host.most;
	if (w->follow || (w->census && n < FOLLOWED_SHARE))
		return FOLLOWED_SHARE;
	return (uint32_t)(n < MR_TARGETS ? n : MR_TARGETS);
}

bool watch_may_grow(const struct watch *w)
{
	size_t i;

	if (w->follow || w->census)
		return true;
	for (i = 0; i < w->ntargets; i++)
		if (w->targets[i]->library && !w->targets[i]->host)
			return true;
	return false;
}

static int no_go(const struct watched *t, struct err *err)
{
	if (t->plugins_unwatched)
		return err_set(
			err, -ENOEXEC,
			"process %d (%s) is not a Go program, and no Go library that it has loaded can be watched",
			(int)t->process.pid, t->process.exe);
	if (!refusal_hint_child(err, &t->process))
		err_hint(
			err,
			"start maprace once it has loaded one, or let `maprace watch -- CMD` start it, which waits for that");
	return err_set(err, -ENOEXEC,
		       "process %d (%s) is not a Go program, and has loaded no Go library",
		       (int)t->process.pid, t->process.exe);
}

int watch_prepare_process(struct watch *w, struct watched *t, struct err *err)
{
	int r = watched_prepare(t, &w->attach, err);
	pid_t tracer = process_tracer(&t->process);

	if (tracer)
		log_warn(
			"process %d is traced by process %d: while that stops it (a debugger) nothing happens that could be seen; let go of it if that is not meant",
			(int)t->process.pid, (int)tracer);

	if (r == -ENOEXEC && !t->bin && watched_is_foreign(t)) {
		*err = (struct err){};
		watch_find_libraries(w, t, false);
		return t->bin ? 0 : no_go(t, err);
	}
	if (!r && watched_may_load(t))
		watch_find_libraries(w, t, false);
	return r;
}

#define ENDING_MS 1000

/* One of several: the others are watched all the same. */
static void leave_out(struct watch *w, const struct watched *gone)
{
	size_t i;

	for (i = 0; i < w->ntargets; i++)
		if (w->targets[i] == gone || w->targets[i]->host == gone)
			w->targets[i]->left_out = true;
}

/* r if it stands, 0 if that target is left out. */
static int bear(struct watch *w, struct watched *t, int r, struct err *err)
{
	const struct watched *of = t->host ? t->host : t;
	size_t i, others = 0;

	if (!r || w->options->command)
		return r;
	for (i = 0; i < w->ntargets; i++)
		others += w->targets[i] != of && w->targets[i]->host != of &&
			  !w->targets[i]->left_out;
	if (r == -ENOSPC && others) { /* whatever its probes are too many for */
		log_warn("process %d (%s) is not watched: %s", (int)of->process.pid,
			 of->process.exe, err->text);
		leave_out(w, of);
		*err = (struct err){};
		return 0;
	}
	/* its memory and its files are gone a moment before it has ended itself */
	if (!process_ends_within(&t->process, r == -ESRCH || r == -ENOENT ? ENDING_MS : 0))
		return r;
	if (!others) {
		err->hint[0] = '\0';
		return err_set(err, -ESRCH, "process %d (%s) ended while maprace attached to it",
			       (int)t->process.pid, t->process.exe);
	}
	log_warn("process %d (%s) ended while maprace attached to it, and is not watched",
		 (int)of->process.pid, of->process.exe);
	leave_out(w, of);
	*err = (struct err){};
	return 0;
}

static void remove_left_out(struct watch *w)
{
	size_t i, kept = 0;

	for (i = 0; i < w->ntargets; i++) {
		if (!w->targets[i]->left_out) {
			w->targets[kept++] = w->targets[i];
			continue;
		}
		watched_close(w->targets[i]);
		free(w->targets[i]);
	}
	w->ntargets = kept;
}

/* Each target with its process is prepared, and what it has loaded becomes targets behind it. */
static int prepare_targets(struct watch *w, struct err *err)
{
	size_t i, n = w->ntargets;
	int r = 0;

	for (i = 0; i < n && !r; i++) {
		struct watched *t = w->targets[i];

		r = bear(w, t, watch_prepare_process(w, t, err), err);
	}
	return r;
}

/* The files that the attacher, which has our limit, needs for what it cannot do without. */
static int allow_files(const struct watch *w, struct err *err)
{
	size_t i, n = FILES;

	for (i = 0; i < w->ntargets; i++) {
		const struct attachment *a = w->targets[i]->attachment;

		if (a && !w->targets[i]->left_out && !attachment_is_multi(a))
			n += FILES_OF_SITE * (attachment_sites(a) + LINKS_LASTING);
	}
	return limits_files(n, err);
}

static int attach_prepared(struct watch *w, struct err *err)
{
	size_t i;
	int r = allow_files(w, err);

	for (i = 0; i < w->ntargets && !r; i++) {
		struct watched *t = w->targets[i];

		if (!t->left_out)
			r = bear(w, t, watched_attach(t, err), err);
	}
	return r;
}

/* Of those that may come. */
static size_t files_of_many(const struct watch *w)
{
	return w->census ? w->options->host.most : FOLLOWED_AT_ONCE;
}

int watch_attach_targets(struct watch *w, struct err *err)
{
	const struct watch_options *o = w->options;
	uint64_t before = watch_now();
	struct err ignored = {};
	size_t i;
	int r = limits_files(FILES + w->ntargets * FILES_OF_TARGET, err);

	if (r)
		return r;
	if (w->follow ||
	    w->census) { /* while we may: the privileges for that go before they come */
		(void)limits_files(FILES + files_of_many(w) * FILES_OF_TARGET, &ignored);
		feature_raise_memory_limit();
	}
	w->attach = (struct attach_opts){
		.max_hold_ns = o->max_hold_ns,
		.long_hold_ns = o->command ? o->long_hold_ns : 0,
		.hold_ppm = o->max_hold_ns ? (uint32_t)(o->budget_percent * PPM_OF_PERCENT + 0.5)
					   : 0,
		.window_ns = o->suspects ? o->window_ns : 0,
		.growth = o->growth,
		.panics = o->panics,
		.panic_values = o->panics && o->panic_values,
		.max_freeze_ns = o->no_post_mortem ? 0 : o->max_freeze_ns,
		.deaths = (!o->no_post_mortem && o->max_freeze_ns) || (w->hooks && w->hooks->death),
		.targets = watch_engine_targets(w, w->ntargets)};
	r = w->command ? watch_prepare_command(w, &before, err) : prepare_targets(w, err);
	if (!r && !o->dry_run)
		r = attach_prepared(w, err);
	remove_left_out(w);
	if (o->dry_run)
		return r;
	for (i = 0; i < w->ntargets && !r; i++)
		attachment_settle(w->targets[i]->attachment);
	w->attach_ms = (double)(watch_now() - before) / 1e6;
	return r;
}

void watch_announce(struct watch *w, struct watched *t)
{
	struct report_target target;

	log_info("%s process %d (%s%s%s, %s), %zu sites by %s",
		 w->options->dry_run ? "would watch" : "watching", (int)t->process.pid,
		 t->process.exe, t->library ? ": " : "", t->library ? t->library : "",
		 go_binary_version(t->bin), t->hooks.probed,
		 attachment_is_multi(t->attachment) ? "uprobe-multi" : "perf events");
	if (t->late_s > 0)
		log_info("process %d: %s is watched from %.2f s on, when it was found %s",
			 (int)t->process.pid, t->library ? t->library : t->process.exe, t->late_s,
			 t->forked_from ? "forked" : "loaded");
	if (go_binary_is_race(t->bin))
		log_warn("process %d is built with -race: the race detector itself sees more",
			 (int)t->process.pid);
	silence_begin(t);
	if (!w->options->json || watched_describe(t, &target))
		return;
	watch_check_stdout(w, jsonl_print_target(stdout, &target));
	free(target.exe);
	free(target.library);
	free(target.build_id);
	free(target.go_version);
	free(target.module);
}

/* The kernel verifies no program while a signal is pending: one that comes again and again
 * (SIGUSR1) would keep it from that. */
static int prepare_and_attach(const struct watch *w, struct watched *t, struct err *err)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	r = watched_prepare(t, &w->attach, err);
	if (!r)
		r = watched_attach(t, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

int watch_join(struct watch *w, struct watched *t, struct err *err)
{
	int r = prepare_and_attach(w, t, err);

	if (r)
		return r;
	attachment_settle(t->attachment); /* it may have an engine of its own */
	if (t->library || t->forked_from)
		t->late_s = (double)(watch_now() - w->start_ns) / 1e9;
	watch_state_arm(w, t);
	watched_start(t, w->start_ns);
	watch_budget_join(w, t);
	watch_announce(w, t);
	return 0;
}

void watch_close_targets(struct watch *w)
{
	size_t i;

	if (w->command && w->command->process.ours && w->command->process.stopped)
		process_abandon(&w->command->process);
	if (w->command && !w->command_listed) {
		watched_close(w->command);
		free(w->command);
	}
	for (i = 0; i < w->ntargets && w->targets; i++) {
		watched_close(w->targets[i]);
		free(w->targets[i]);
	}
	free(w->targets);
	strays_free(w->strays);
	follow_free(w->follow);
	census_free(w->census);
	free(w->not_followed);
}
