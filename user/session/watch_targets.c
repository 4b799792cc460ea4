/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What `maprace watch` watches: the runtimes of Go programs, and of Go libraries in processes of
 * whatever program, which may be loaded at any time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/log.h"
#include "probe/feature.h"
#include "process/limits.h"
#include "report/printers.h"
#include "session/refusal.h"
#include "session/watch.h"

/* Files that we open: of our own; for a target, whose keeper inherits those of all. There a site
 * takes two more where there is no uprobe-multi. */
#define FILES 16
#define FILES_OF_TARGET 40
#define FILES_OF_SITE 2
#define LASTING_SITES 2	    /* of no operation's */
#define LIBRARIES 16	    /* of all targets; each takes as much memory as a program */
#define FOLLOWED 2000	    /* programs that a command starts, in all */
#define FOLLOWED_AT_ONCE 64 /* files are provided for so many; there may be more */
#define FOLLOWED_SHARE 31   /* and so many share an engine: 32 slots, of which one is nobody's */
/* A command that is to load a library: how often it is looked at, at first and at last, and after
 * how long a person is told what we wait for. */
#define LOOK_FIRST_NS 2000000u
#define LOOK_LAST_NS 50000000u
#define TELL_NS 1000000000ull
#define SETTLE_NS 5000000u /* from execve to the program being mapped */

static struct watched *add_target(struct watch *w)
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

/* What the command runs itself is (no longer) to be watched. */
static void list_command(struct watch *w, bool listed)
{
	if (listed && !w->command_listed)
		w->targets[w->ntargets++] = w->command;
	if (!listed && w->command_listed)
		w->ntargets--; /* it is the only one so far */
	w->command_listed = listed;
}

static void remove_target(struct watch *w, size_t i)
{
	watched_close(w->targets[i]);
	free(w->targets[i]);
	w->ntargets--;
	memmove(&w->targets[i], &w->targets[i + 1], (w->ntargets - i) * sizeof(*w->targets));
}

/* Without that the command alone is watched, which is said in the end. */
static void follow_command(struct watch *w)
{
	struct err err = {};
	int r = follow_new(&w->follow, &err);

	if (!r)
		return;
	w->not_followed = strdup(err.text[0] ? err.text : err_name(r));
	log_verbose("what the command starts is not watched: %s", err.text);
}

int watch_open_targets(struct watch *w, struct err *err)
{
	const struct watch_options *o = w->options;
	size_t i, n = o->command ? 1 : o->targets.n;
	int r;

	w->room = n + LIBRARIES + (o->command && !o->no_follow ? FOLLOWED : 0);
	w->targets = calloc(w->room, sizeof(*w->targets));
	if (!w->targets)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (!add_target(w))
			return -ENOMEM;
	if (o->command) {
		w->command = w->targets[0];
		w->command_listed = true;
		r = process_spawn(&w->command->process, o->command, err);
		if (!r && !o->no_follow && !o->dry_run)
			follow_command(w);
		return r;
	}
	for (i = 0; i < n; i++) {
		r = process_open(&w->targets[i]->process, (pid_t)o->targets.pids[i], err);
		if (r)
			return r;
	}
	return 0;
}

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
	struct watched *t = add_target(w);

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
		remove_target(w, w->ntargets - 1); /* it is the last one */
}

struct joining {
	struct watch *watch;
	struct watched *host;
	bool late; /* the watch has begun */
};

static int join(const struct joining *j, struct watched *t, struct err *err)
{
	struct watch *w = j->watch;
	int r = watched_prepare(t, &w->attach, err);

	if (!r && j->late)
		r = watched_attach(t, err);
	if (r || !j->late)
		return r;
	attachment_settle(t->attachment); /* it may have an engine of its own */
	if (t->library)
		t->late_s = (double)(watch_now() - w->start_ns) / 1e9;
	watched_start(t, w->start_ns);
	watch_budget_join(w, t);
	watch_announce(w, t);
	return 0;
}

/* A library becomes a target; the host itself where it is no Go program. */
static void on_library(void *ctx, const struct process_library *lib, struct go_binary *bin)
{
	const struct joining *j = ctx;
	struct watched *t = j->host;
	struct err err = {};
	int r;

	if (t->bin && j->watch->ntargets == j->watch->room) {
		go_binary_close(bin);
		r = err_set(&err, -ENOSPC, "maprace watches no more than %d libraries", LIBRARIES);
	} else {
		if (t->bin)
			t = new_target(j->watch, j->host);
		if (!t)
			go_binary_close(bin);
		r = t ? become_library(t, lib, bin) : -ENOMEM;
		if (!r)
			r = join(j, t, &err);
		if (r && t)
			drop_target(j->watch, t);
	}
	if (!r)
		return;
	j->host->plugins_unwatched++;
	log_warn("process %d: %s is not watched: %s", (int)j->host->process.pid, lib->path,
		 err.text[0] ? err.text : err_name(r));
}

/* For so many an engine has room; how many a command starts, and how many at a time, is not known. */
static uint32_t engine_targets(const struct watch *w, size_t n)
{
	if (w->follow)
		return FOLLOWED_SHARE;
	return (uint32_t)(n < MR_TARGETS ? n : MR_TARGETS);
}

static void find_libraries(struct watch *w, struct watched *host, bool late)
{
	struct joining j = {w, host, late};

	/* an engine that is made now is to have room for all of them */
	w->attach.targets = engine_targets(w, w->room);
	watched_find_libraries(host, on_library, &j);
}

bool watch_may_grow(const struct watch *w)
{
	size_t i;

	if (w->follow)
		return true;
	for (i = 0; i < w->ntargets; i++)
		if (w->targets[i]->library && !w->targets[i]->host)
			return true;
	return false;
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
		find_libraries(w, t, true);
	else
		watched_find_libraries(t, refuse, t);
	return w->ntargets > before;
}

/* The program of a target is not Go. Only of an ELF file that can be read is that said. */
static bool is_foreign(const struct watched *t)
{
	struct err err = {};
	struct elf_file *elf;

	if (elf_file_open(&elf, t->process.exe_path, &err))
		return false;
	elf_file_close(elf);
	return true;
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

/* The runtimes that a process has now: 0, or -ENOEXEC there is none. */
static int prepare_process(struct watch *w, struct watched *t, struct err *err)
{
	int r = watched_prepare(t, &w->attach, err);
	pid_t tracer = process_tracer(&t->process);

	if (tracer)
		log_warn(
			"process %d is traced by process %d: while that stops it (a debugger) nothing happens that could be seen; let go of it if that is not meant",
			(int)t->process.pid, (int)tracer);

	if (r == -ENOEXEC && !t->bin && is_foreign(t)) {
		*err = (struct err){};
		find_libraries(w, t, false);
		return t->bin ? 0 : no_go(t, err);
	}
	if (!r && watched_may_load(t))
		find_libraries(w, t, false);
	return r;
}

/* ---- a command that has yet to load Go code ---- */

struct waiting {
	char exe[4096]; /* at first */
	struct watch *watch;
	struct watched *target;
	sigset_t signals;
	uint64_t begin_ns, look_ns;
	bool told;
};

/* It may have become a Go program by execve, or have loaded a library. -EAGAIN neither. */
static int look_for_go(struct waiting *wait, struct err *err)
{
	struct watched *t = wait->target;
	struct timespec settle = {.tv_nsec = SETTLE_NS};
	struct process before = t->process;
	int r = process_look_again(&t->process, err);

	if (r)
		return r;
	if (t->process.exe_ino != before.exe_ino || t->process.exe_dev != before.exe_dev ||
	    t->process.stack != before.stack) {
		nanosleep(&settle, NULL);
		watched_forget_libraries(t);
		r = process_look_again(&t->process, err);
		if (!r)
			r = prepare_process(wait->watch, t, err);
	} else {
		find_libraries(wait->watch, t, false);
		r = t->bin ? 0 : -ENOEXEC;
	}
	return r == -ENOEXEC && !t->bin ? -EAGAIN : r;
}

static int nothing_seen(const struct waiting *wait, const char *when, struct err *err)
{
	const struct watched *t = wait->target;

	err_hint(
		err,
		"what a command starts in other processes is not watched: give the Go program itself, or its process with -p");
	return err_set(err, -ENOEXEC, "%s is not a Go program, and %s was seen in its process %s",
		       wait->exe,
		       t->plugins_unwatched ? "no Go library that can be watched" : "no Go code",
		       when);
}

static void tell_waiting(struct waiting *wait, uint64_t now)
{
	if (wait->told || now - wait->begin_ns < TELL_NS)
		return;
	wait->told = true;
	log_info("%s is not a Go program: waiting until process %d loads a Go library",
		 wait->target->process.exe, (int)wait->target->process.pid);
}

/* Until it is time to look again. 0, or -EINTR: somebody says that it is enough. */
static int pause_for_go(struct waiting *wait)
{
	struct timespec ts = {.tv_nsec = (long)wait->look_ns};
	int sig = sigtimedwait(&wait->signals, NULL, &ts);

	if (wait->look_ns < LOOK_LAST_NS)
		wait->look_ns += wait->look_ns / 8;
	return sig > 0 && sig != SIGUSR1 ? -EINTR : 0;
}

static int wait_for_go(struct watch *w, struct watched *t, struct err *err)
{
	struct waiting wait = {
		.watch = w, .target = t, .begin_ns = watch_now(), .look_ns = LOOK_FIRST_NS};
	struct process *p = &t->process;
	struct err ignored = {};
	uint64_t now;
	int r;

	snprintf(wait.exe, sizeof(wait.exe), "%s", p->exe);
	sigemptyset(&wait.signals);
	sigaddset(&wait.signals, SIGINT);
	sigaddset(&wait.signals, SIGTERM);
	sigaddset(&wait.signals, SIGHUP);
	sigaddset(&wait.signals, SIGUSR1);
	r = process_resume(p, err);
	while (!r) {
		now = watch_now();
		tell_waiting(&wait, now);
		if (waitpid(p->pid, &p->wait_status, WNOHANG) == p->pid) {
			p->reaped = true;
			return nothing_seen(&wait, "until it ended", err);
		}
		ignored = (struct err){};
		r = look_for_go(&wait, &ignored);
		if (r == -ESRCH) { /* about to be reaped */
			r = pause_for_go(&wait);
			continue;
		}
		if (r != -EAGAIN) {
			t->late_s = (double)(watch_now() - wait.begin_ns) / 1e9;
			*err = ignored;
			return r;
		}
		r = pause_for_go(&wait);
		if (!r && w->options->duration_ns && now - wait.begin_ns >= w->options->duration_ns)
			r = -ETIMEDOUT;
	}
	if (r == -EINTR)
		return nothing_seen(&wait, "until maprace was told to end", err);
	return r == -ETIMEDOUT ? nothing_seen(&wait, "in the time given", err) : r;
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

/* It is a Go program, but nothing that anybody wants to watch. */
static bool is_tool(struct watched *t)
{
	struct err ignored = {};

	return !watched_open(t, &ignored) && follow_is_tool(t->bin);
}

/* The program that the command runs itself. Where it is none to be watched, what it starts is. */
static int prepare_command(struct watch *w, uint64_t *began_ns, struct err *err)
{
	struct watched *t = w->command;
	int r;

	if (w->follow && is_tool(t)) {
		follow_note_tool(w->follow, NULL);
		watched_reset(t);
		list_command(w, false);
		return 0;
	}
	r = prepare_process(w, t, err);
	if (r != -ENOEXEC || t->bin || !is_foreign(t) || w->options->dry_run) {
		if (!r && w->follow)
			follow_note(w->follow, t->process.pid, t->process.exe, NULL, 0);
		return r;
	}
	*err = (struct err){};
	if (w->follow) {
		watched_forget_libraries(t);
		list_command(w, false);
		return 0;
	}
	r = wait_for_go(w, t, err);
	*began_ns = watch_now();
	return r;
}

/* Each target with its process is prepared, and what it has loaded becomes targets behind it. */
static int prepare_targets(struct watch *w, uint64_t *began_ns, struct err *err)
{
	size_t i, n = w->ntargets;
	int r = 0;

	if (w->command)
		return prepare_command(w, began_ns, err);
	for (i = 0; i < n && !r; i++) {
		struct watched *t = w->targets[i];

		r = bear(w, t, prepare_process(w, t, err), err);
	}
	return r;
}

/* The files that the keeper, which has our limit, needs for what it cannot do without. */
static int allow_files(const struct watch *w, struct err *err)
{
	size_t i, n = FILES;

	for (i = 0; i < w->ntargets; i++) {
		const struct attachment *a = w->targets[i]->attachment;

		if (a && !w->targets[i]->left_out && !attachment_is_multi(a))
			n += FILES_OF_SITE * (attachment_sites(a) + LASTING_SITES);
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

int watch_attach_targets(struct watch *w, struct err *err)
{
	const struct watch_options *o = w->options;
	uint64_t before = watch_now();
	struct err ignored = {};
	size_t i;
	int r = limits_files(FILES + w->ntargets * FILES_OF_TARGET, err);

	if (r)
		return r;
	if (w->follow) { /* while we may: the privileges for that go before they come */
		(void)limits_files(FILES + FOLLOWED_AT_ONCE * FILES_OF_TARGET, &ignored);
		feature_raise_memory_limit();
	}
	w->attach = (struct attach_opts){
		.max_hold_ns = o->max_hold_ns,
		.bold = o->command != NULL,
		.hold_ppm = o->max_hold_ns ? (uint32_t)(o->budget_percent * PPM_OF_PERCENT + 0.5)
					   : 0,
		.window_ns = o->suspects ? o->window_ns : 0,
		.growth = o->growth,
		.targets = engine_targets(w, w->ntargets)};
	r = prepare_targets(w, &before, err);
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
		log_info("process %d: %s is watched from %.2f s on, when it was found loaded",
			 (int)t->process.pid, t->library ? t->library : t->process.exe, t->late_s);
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
}

/* ---- what the command starts ---- */

bool watch_look_at_command(struct watch *w)
{
	struct watched *t = w->command;

	if (!t || w->command_listed || t->process.reaped)
		return false;
	find_libraries(w, t, true);
	if (t->bin)
		list_command(w, true);
	return t->bin;
}

static void note(const struct watch *w, const struct watched *t, const char *why)
{
	follow_note(w->follow, t->process.pid, t->process.exe, why, watch_now() - w->start_ns);
}

/* What may have been a Go program, and is none. */
static bool is_other(const struct watched *t, const struct followed *one, int r)
{
	return r == -ENOEXEC && !one->certain && !t->bin;
}

/* 0, or why the process is not watched: said, and noted. */
static int join_process(struct watch *w, struct watched *t, const struct followed *one)
{
	struct joining j = {w, NULL, true};
	struct err err = {};
	int r = process_open(&t->process, one->pid, &err);

	t->process.stopped = !r;
	if (!r)
		r = watched_open(t, &err);
	if (!r && follow_is_tool(t->bin)) {
		follow_note_tool(w->follow, &one->file);
		return -ENOTSUP;
	}
	if (!r)
		r = join(&j, t, &err);
	if (!r) {
		note(w, t, NULL);
		return 0;
	}
	if (is_other(t, one, r)) {
		follow_note_other(w->follow, &one->file);
		return r;
	}
	if (r == -ESRCH || process_ends_within(&t->process, 0)) {
		note(w, t, "it ended at once");
		return r;
	}
	log_warn("process %d (%s) is not watched: %s", (int)one->pid, t->process.exe,
		 err.text[0] ? err.text : err_name(r));
	note(w, t, err.text[0] ? err.text : err_name(r));
	return r;
}

struct watched *watch_join_process(struct watch *w, const struct followed *one)
{
	struct watched *t = add_target(w);
	uint64_t before = watch_now();

	if (!t) {
		follow_note(w->follow, one->pid, "", "too many were started",
			    watch_now() - w->start_ns);
		return NULL;
	}
	if (join_process(w, t, one)) {
		remove_target(w, w->ntargets - 1);
		return NULL;
	}
	w->attach_ms += (double)(watch_now() - before) / 1e6;
	return t;
}

void watch_note_command_end(struct watch *w)
{
	const struct process *p = &w->command->process;
	size_t i;

	for (i = 0; i < w->ntargets; i++)
		if (w->targets[i]->process.pid == p->pid && p->reaped) {
			w->targets[i]->process.reaped = true;
			w->targets[i]->process.wait_status = p->wait_status;
		}
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
	follow_free(w->follow);
	free(w->not_followed);
}
