/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errand.h"
#include "base/log.h"
#include "cmd/options.h"
#include "process/privileges.h"
#include "cmd/watch_run.h"
#include "report/filter.h"
#include "report/printers.h"
#include "report/text/status.h"
#include "session/loop.h"
#include "session/outputs.h"
#include "session/recorder.h"
#include "session/watch.h"

#define COMMAND_GRACE_MS 5000 /* how long a command may take to end once it was asked to */

static int libbpf_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	/* libbpf warns of what we only try: one level lower than it thinks. */
	log_vlines(level == LIBBPF_WARN ? LOG_VERBOSE : LOG_DEBUG, fmt, ap);
	return 0;
}

static int fail(const struct err *err, int code)
{
	log_error("%s", err->text[0] ? err->text : err_name(code));
	if (err->hint[0])
		log_hint("%s", err->hint);
	return code;
}

/* All is in place: the time that is watched begins, for all targets at once. */
static int begin(struct watch *w)
{
	size_t i;

	w->start_ns = watch_now();
	w->started_unix_ns = (int64_t)clock_ns(CLOCK_REALTIME);
	w->tracker = tracker_new(w->start_ns);
	w->growths = w->options->growth ? growths_new(w->start_ns) : NULL;
	w->panics = w->options->panics ? panics_new(w->start_ns, w->options->panic_values) : NULL;
	if (!w->tracker || (w->options->growth && !w->growths) ||
	    (w->options->panics && !w->panics))
		return -ENOMEM;
	tracker_set_filter(w->tracker, filter_hides, w->filter);
	for (i = 0; i < w->ntargets; i++)
		watch_state_arm(w, w->targets[i]);
	for (i = 0; i < w->ntargets; i++)
		watched_start(w->targets[i], w->start_ns);
	return 0;
}

static void sleep_ms(long ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

/* A command that we started and that outlives the watch is asked to end, and waited for a little,
 * never killed hard. */
static void end_command(struct process *p)
{
	int waited;

	if (!p->ours || p->reaped)
		return;
	if (p->stopped) {
		process_abandon(p);
		return;
	}
	kill(p->pid, SIGTERM);
	for (waited = 0; waited < COMMAND_GRACE_MS; waited += 10) {
		if (process_reap(p))
			return;
		sleep_ms(10);
	}
	log_warn("process %d does not end: left running", (int)p->pid);
}

/* A command that has nothing to do with Go is hardly what was meant. */
static bool is_in_vain(const struct watch *w)
{
	uint64_t lasted = watch_now() - w->start_ns;
	const char *until = "maprace was told to end";

	if (!w->follow || !w->command || follow_found(w->follow) || w->command_listed)
		return false;
	if (w->command->process.reaped)
		until = "it ended";
	else if (w->options->duration_ns && lasted >= w->options->duration_ns)
		until = "the time given was over";
	log_error(
		"%s is not a Go program, and no Go code was seen in its process until %s, nor in what it has started",
		w->command->process.exe, until);
	return true;
}

/* What the command has started and that is watched is let be as it is. */
static void name_left(const struct watch *w)
{
	size_t i;

	for (i = 0; i < w->ntargets && w->follow; i++)
		if (!w->targets[i]->ended && w->targets[i] != w->command)
			log_warn("process %d (%s), which the command has started, is left running",
				 (int)w->targets[i]->process.pid, w->targets[i]->process.exe);
}

static int exit_status(const struct watch *w, int r)
{
	const struct process *p = w->command ? &w->command->process : NULL;

	if (r || w->failed)
		return EXIT_TOOL;
	if (tracker_races(w->tracker))
		return w->options->exitcode;
	if (!p || !p->reaped)
		return EXIT_NOTHING;
	return WIFSIGNALED(p->wait_status) ? 128 + WTERMSIG(p->wait_status)
					   : WEXITSTATUS(p->wait_status);
}

int watch_run(struct watch *w)
{
	struct err err = {};
	bool ended_itself, vain;
	size_t i;
	int r = outputs_check(&w->options->out, &err);

	if (!r && w->options->core)
		r = outputs_check_core(w->options->core, &err);
	if (!r)
		r = filter_open(&w->filter, w->options->out.suppressions, w->options->out.baseline,
				&err);
	if (!r)
		r = watch_state_open(w, &err);
	if (!r)
		r = watch_open_targets(w, &err);
	/* Now that a command has started: it is to have them as we were given them. */
	session_hold_signals();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would take the command's exit status away */
	if (!r)
		r = watch_attach_targets(w, &err);
	if (!r && !w->options->dry_run)
		r = begin(w);
	if (r) {
		fail(&err, r);
		if (w->command)
			end_command(&w->command->process);
		return EXIT_TOOL;
	}
	for (i = 0; i < w->ntargets; i++)
		watch_announce(w, w->targets[i]);
	if (w->options->dry_run)
		return EXIT_NOTHING;
	r = recorder_open(&w->recorder, &w->options->out, &err);
	if (r) {
		fail(&err, r);
		return EXIT_TOOL;
	}
	watch_budget_begin(w);
	errand_end(); /* a thread has rights of its own */
	r = privileges_drop(watch_may_grow(w));
	if (r)
		log_warn("cannot give up privileges: %s", err_name(r));
	r = watch_loop(w);
	ended_itself = w->command && w->command->process.reaped;
	vain = !r && is_in_vain(w);
	if (w->command)
		end_command(&w->command->process);
	if (vain)
		return EXIT_TOOL;
	watch_finish(w);
	name_left(w);
	if (w->command && !ended_itself && !r && !w->failed && !tracker_races(w->tracker))
		return EXIT_NOTHING; /* it ended because we asked it to: its status says nothing of
					it */
	return exit_status(w, r);
}

void watch_run_begin(const struct watch *w)
{
	options_set_log(w->options->quiet, w->options->verbose);
	libbpf_set_print(libbpf_message);
	log_set_before(status_clear);
	if (!w->options->quiet && isatty(STDERR_FILENO) && !w->hooks)
		status_open(STDERR_FILENO);
}

void watch_run_end(struct watch *w)
{
	filter_free(w->filter);
	statebook_close(w->state);
	calibration_end(&w->calibration);
	tracker_free(w->tracker);
	growths_free(w->growths);
	panics_free(w->panics);
	post_mortem_free(&w->post_mortem);
	memory_watch_free(&w->memory);
	watch_vitals_free(w);
	watch_close_targets(w);
}
