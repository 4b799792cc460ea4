/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The command of `maprace watch -- CMD`: what it runs itself, and the Go programs that it starts. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "session/watch.h"

/* A command that is to load a library: how often it is looked at, at first and at last, and after
 * how long a person is told what we wait for. */
#define LOOK_FIRST_NS 2000000u
#define LOOK_LAST_NS 50000000u
#define TELL_NS 1000000000ull
#define SETTLE_NS 5000000u /* from execve to the program being mapped */

/* What the command runs itself is (no longer) to be watched. */
static void list_command(struct watch *w, bool listed)
{
	if (listed && !w->command_listed)
		w->targets[w->ntargets++] = w->command;
	if (!listed && w->command_listed)
		w->ntargets--; /* it is the only one so far */
	w->command_listed = listed;
}

/* Without that the command alone is watched, which is said in the end. */
static void follow_command(struct watch *w)
{
	struct err err = {};
	int r = follow_new(&w->follow, &err);

	if (!r)
		w->strays = strays_new(w); /* no memory: as if there were none */
	if (!r)
		return;
	w->not_followed = strdup(err.text[0] ? err.text : err_name(r));
	log_verbose("what the command starts is not watched: %s", err.text);
}

/* Who is held keeps his P: with more of them than there are CPUs the others get on all the same. */
static void give_procs(const struct watch_options *o)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char text[24];

	snprintf(text, sizeof(text), "%ld",
		 o->procs_given ? (long)o->procs
		 : cpus < 4	? 8
				: 2 * cpus);
	if (strcmp(text, "0"))
		setenv("GOMAXPROCS", text, 0); /* ours is the command's */
}

int watch_open_command(struct watch *w, struct err *err)
{
	const struct watch_options *o = w->options;
	int r;

	w->command = w->targets[0];
	w->command_listed = true;
	give_procs(o);
	r = process_spawn(&w->command->process, o->command, err);
	if (!r && !o->no_follow && !o->dry_run)
		follow_command(w);
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
			r = watch_prepare_process(wait->watch, t, err);
	} else {
		watch_find_libraries(wait->watch, t, false);
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

/* It is a Go program, but nothing that anybody wants to watch. */
static bool is_tool(struct watched *t)
{
	struct err ignored = {};

	return !watched_open(t, &ignored) && follow_is_tool(t->bin);
}

/* The program that the command runs itself. Where it is none to be watched, what it starts is. */
int watch_prepare_command(struct watch *w, uint64_t *began_ns, struct err *err)
{
	struct watched *t = w->command;
	int r;

	if (w->follow && is_tool(t)) {
		follow_note_tool(w->follow, NULL);
		watched_reset(t);
		list_command(w, false);
		return 0;
	}
	r = watch_prepare_process(w, t, err);
	if (r != -ENOEXEC || t->bin || !watched_is_foreign(t) || w->options->dry_run) {
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

/* ---- what the command starts ---- */

static void note(const struct watch *w, const struct watched *t, const char *why)
{
	follow_note(w->follow, t->process.pid, t->process.exe, why,
		    (why ? watch_now() : t->began_ns) - w->start_ns);
}

/* Who has executed another program since has nothing any more of what it had loaded. False: it is
 * gone, or about to become another one. */
static bool look_again(struct watched *t)
{
	const struct process before = t->process;
	struct err ignored = {};
	bool same;

	if (process_look_again(&t->process, &ignored))
		return false;
	if (t->process.exe_ino != before.exe_ino || t->process.exe_dev != before.exe_dev ||
	    t->process.stack != before.stack)
		watched_forget_libraries(t);
	/* what was read is of one and the same */
	return !process_same_program(&t->process, &same) && same;
}

bool watch_look_at_command(struct watch *w)
{
	struct watched *t = w->command;

	if (!t || w->command_listed || t->process.reaped || !look_again(t))
		return false;
	watch_find_libraries(w, t, true);
	if (!t->bin)
		return false;
	list_command(w, true);
	note(w, t, NULL);
	return true;
}

/* What may have been a Go program, and is none. */
static bool is_other(const struct watched *t, const struct followed *one, int r)
{
	return r == -ENOEXEC && !one->certain && !t->bin;
}

/* 0, or why the process is not watched: said, and noted. */
static int join_process(struct watch *w, struct watched *t, const struct followed *one)
{
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
		r = watch_join(w, t, &err);
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
	struct watched *t = watch_add_target(w);
	uint64_t before = watch_now();

	if (!t) {
		follow_note(w->follow, one->pid, "", "too many were started",
			    watch_now() - w->start_ns);
		return NULL;
	}
	if (join_process(w, t, one)) {
		watch_remove_target(w, w->ntargets - 1);
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
		if (w->targets[i]->process.pid == p->pid) {
			w->targets[i]->process.reaped = true;
			w->targets[i]->process.wait_status = p->wait_status;
		}
}
