/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What `maprace watch` says and writes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errand.h"
#include "base/log.h"
#include "detect/gomap/losses.h"
#include "detect/gomap/maprows.h"
#include "report/filter.h"
#include "report/text/status.h"
#include "session/host.h"
#include "session/outputs.h"
#include "session/past.h"
#include "session/recorder.h"
#include "session/watch.h"

#define MAPS_COUNT_NS 1000000000u

uint64_t watch_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* What has been watched so far, attaching and detaching apart. */
static double elapsed_s(const struct watch *w)
{
	return (double)((w->end_ns ? w->end_ns : watch_now()) - w->start_ns) / 1e9;
}

/* What the engine has counted for a target, be it that it has ended. */
static void add_engine(const struct watched *t, struct attachment_sum *sum,
		       struct losses_user *user, struct report_stats *stats)
{
	struct attachment_sum one;

	if (t->past) {
		past_add_counters(sum, &t->past->sum);
		stats->probe_sites += t->past->sites;
		user->missed_runs += t->past->missed;
		user->bare_calls += t->past->bare_calls;
		return;
	}
	attachment_counters(t->attachment, &one);
	past_add_counters(sum, &one);
	stats->probe_sites += attachment_sites(t->attachment);
	user->missed_runs += attachment_missed(t->attachment);
	user->bare_calls += attachment_bare_calls(t->attachment);
}

/* What there was of those that have no row any more. */
static void add_gone(const struct past_sum *gone, struct attachment_sum *sum,
		     struct losses_user *user, struct report_stats *stats)
{
	past_add_counters(sum, &gone->sum);
	stats->probe_sites += (uint32_t)gone->sites;
	user->missed_runs += gone->missed;
	user->bare_calls += gone->bare_calls;
	user->bad_events += gone->bad_events;
	user->dropped_races += gone->dropped_races;
	user->dropped_growths += gone->dropped_growths;
	user->dropped_panics += gone->dropped_panics;
	user->unresolved_pcs += gone->unresolved;
	user->names_cut += gone->names_cut;
	user->stacks_cut += gone->stacks_cut;
	user->plugins += gone->plugins;
}

static int fill_stats(struct watch *w, struct report_stats *stats)
{
	struct losses_user user = {};
	struct attachment_sum sum = {};
	size_t i;
	int r;

	memset(stats, 0, sizeof(*stats));
	for (i = 0; i < w->ntargets; i++) {
		struct watched *t = w->targets[i];

		if (!t->attachment && !t->past)
			continue;
		add_engine(t, &sum, &user, stats);
		user.bad_events += t->source.bad_events;
		user.dropped_races += t->source.dropped_races;
		user.dropped_growths += t->source.dropped_growths;
		user.dropped_panics += t->source.dropped_panics;
		user.unresolved_pcs += t->source.resolver.unresolved;
		user.names_cut += t->source.resolver.names_cut;
		user.stacks_cut += t->source.resolver.stacks_cut;
		user.plugins += t->plugins_unwatched;
	}
	add_gone(&w->gone, &sum, &user, stats);
	user.dropped_growths += growths_left_out(w->growths);
	user.bad_events += w->events_of_nobody;
	user.reads_given_up = errands_given_up();
	for (i = 0; i < MR_OP_MAX; i++)
		stats->operations += sum.ops[i];
	stats->reads = sum.ops[MR_OP_READ];
	stats->writes = sum.ops[MR_OP_WRITE];
	stats->deletes = sum.ops[MR_OP_DELETE];
	stats->iterations = sum.ops[MR_OP_ITERATE];
	stats->clears = sum.ops[MR_OP_CLEAR];
	stats->clones = sum.ops[MR_OP_CLONE];
	stats->holds = sum.cpu.holds;
	stats->hold_ns = sum.cpu.hold_ns;
	stats->attach_ms = w->attach_ms;
	r = watch_budget_report(w, stats);
	return r ? r : losses_fill(stats, &sum.cpu, &user);
}

static int fill_growths(struct watch *w, struct report *report)
{
	size_t i;
	int r = 0;

	if (!w->growths)
		return 0;
	for (i = 0; i < w->ntargets && !r; i++)
		if (w->targets[i]->attachment)
			r = growths_catch_up(w->growths, &w->targets[i]->source);
	return r ? r : growths_lend(w->growths, report);
}

void watch_conclude(struct watch *w, struct watched *t)
{
	int r = 0;

	if (!t->attachment || t->source.ended)
		return;
	watch_budget_conclude(t);
	watch_state_conclude(w, t);
	watch_vitals_conclude(w, t);
	tracker_refresh_source(w->tracker, &t->source);
	if (w->growths)
		r = growths_catch_up(w->growths, &t->source);
	if (watch_panics_conclude(w, t))
		r = -ENOMEM;
	if (maprows_keep(&t->source, WATCH_MAP_ROWS) || r)
		log_warn("out of memory: of process %d something is missing in the report",
			 (int)t->process.pid);
	attachment_forget(t->attachment);
}

/* A target, with its maps. */
static int show(struct watched *t, struct report *report)
{
	int r;

	if (t->past)
		return past_fill(t->past, report);
	r = watched_describe(t, &report->targets[report->ntargets]);
	if (r)
		return r;
	report->ntargets++;
	return maprows_append(report, &t->source, WATCH_MAP_ROWS);
}

int watch_fill_report(struct watch *w, struct report *report)
{
	size_t i;
	int r;

	memset(report, 0, sizeof(*report));
	r = host_fill(report);
	if (r)
		return r;
	report->targets = calloc(w->ntargets + 1, sizeof(*report->targets));
	if (!report->targets)
		return -ENOMEM;
	report->started_unix_ns = w->started_unix_ns;
	report->duration_s = elapsed_s(w);
	for (i = 0; i < w->ntargets; i++) {
		if (watched_is_shown(w->targets[i]))
			r = show(w->targets[i], report);
		if (r)
			return r;
	}
	r = fill_growths(w, report);
	if (!r)
		r = watch_panics_fill(w, report);
	if (!r)
		r = watch_vitals_fill(w, report);
	if (!r)
		r = fill_stats(w, &report->stats);
	if (!r)
		r = silence_report(w, &report->stats);
	if (!r)
		r = follow_fill(w->follow, report);
	if (!r)
		r = census_fill(w->census, report);
	if (r)
		return r;
	report->deaths = w->post_mortem.deaths; /* lent */
	report->ndeaths = w->post_mortem.n;
	memory_watch_lend(w, report);
	tracker_refresh(w->tracker);
	r = tracker_borrow(w->tracker, report);
	return r ? r : filter_apply(w->filter, report);
}

int watch_borrow_races(struct watch *w, struct report *report)
{
	int r;

	memset(report, 0, sizeof(*report));
	tracker_refresh(w->tracker);
	r = tracker_borrow(w->tracker, report);
	return r ? r : filter_apply(w->filter, report);
}

void watch_drop_report(struct report *report)
{
	free(report->races); /* lent by the tracker, which owns what they point to */
	free(report->suspects);
	free(report->growths);
	free(report->panics);
	report->panics = NULL;
	report->npanics = 0;
	report->races = report->suspects = NULL;
	report->growths = NULL;
	report->deaths = NULL;
	report->ndeaths = 0;
	report->memory = NULL; /* likewise */
	report->nmemory = 0;
	report->nraces = report->nsuspects = report->ngrowths = 0;
	report->nraces_hidden = report->nsuspects_hidden = 0;
	report_free(report);
}

void watch_check_stdout(struct watch *w, int rc)
{
	if (!rc)
		return;
	w->failed = true;
	if (!w->stdout_failed)
		log_error("cannot write to standard output: %s", err_name(rc));
	w->stdout_failed = true;
}

static struct text_style stdout_style(const struct watch *w)
{
	const struct watch_options *o = w->options;

	return (struct text_style){.color = options_color(o->no_color, STDOUT_FILENO),
				   .verbose = o->verbose > 0,
				   .quote = o->source_root || isatty(STDOUT_FILENO),
				   .source_root = o->source_root};
}

/* Says in which of many processes it is. */
static const struct text_style *of_process(const struct watch *w, const struct report_race *race,
					   struct text_style *style)
{
	struct roster *roster = watch_roster(w);

	style->process = roster ? roster_find(roster, race->pid, race->first_seen_s) : NULL;
	return style;
}

void watch_print_races(struct watch *w, uint64_t older_than_ns)
{
	struct text_style style = stdout_style(w);
	uint64_t since = watch_now() - w->start_ns; /* the last ones come while we detach */
	const struct report_race *race;
	bool any = false;

	if (since < older_than_ns)
		return;
	tracker_refresh(w->tracker);
	while ((race = tracker_take(w->tracker, since - older_than_ns))) {
		if (!any)
			status_clear();
		any = true;
		watch_state_race(w, race);
		if (w->hooks)
			w->hooks->race(w->hooks_ctx, race);
		else if (w->options->json)
			watch_check_stdout(w, jsonl_print_race(stdout, race, false));
		else
			text_print_race(stdout, race, elapsed_s(w), of_process(w, race, &style));
	}
	if (any && fflush(stdout))
		watch_check_stdout(w, -errno);
}

void watch_print_deaths(struct watch *w)
{
	struct text_style style = stdout_style(w);
	struct post_mortem *pm = &w->post_mortem;

	if (pm->told == pm->n)
		return;
	status_clear();
	for (; pm->told < pm->n; pm->told++)
		if (w->options->json)
			watch_check_stdout(w, jsonl_print_death(stdout, &pm->deaths[pm->told]));
		else
			text_print_death(stdout, &pm->deaths[pm->told], &style);
	if (fflush(stdout))
		watch_check_stdout(w, -errno);
}

void watch_print_memory(struct watch *w, struct watched *t, const struct report_memory *m)
{
	struct text_style style = stdout_style(w);

	status_clear();
	if (w->hooks && w->hooks->memory)
		w->hooks->memory(w->hooks_ctx, t, m);
	else if (!w->hooks && w->options->json)
		watch_check_stdout(w, jsonl_print_memory(stdout, m, NULL, 0));
	else if (!w->hooks)
		text_print_memory(stdout, m, &style);
	if (!w->hooks && fflush(stdout))
		watch_check_stdout(w, -errno);
}

/* Counting walks a large table: once a second is enough for a person. */
static void count_maps(struct watch *w)
{
	uint64_t now = watch_now();
	size_t i;

	if (w->maps_counted_ns && now - w->maps_counted_ns < MAPS_COUNT_NS)
		return;
	w->maps_counted_ns = now;
	w->maps = w->gone.maps;
	for (i = 0; i < w->ntargets; i++)
		if (w->targets[i]->attachment || w->targets[i]->past)
			w->maps += maprows_count(&w->targets[i]->source);
}

void watch_print_status(struct watch *w)
{
	struct report_stats stats;
	struct status status = {
		.elapsed_s = elapsed_s(w), .races = tracker_races(w->tracker), .cost_percent = -1};

	if (w->options->quiet || !isatty(STDERR_FILENO) || fill_stats(w, &stats))
		return;
	count_maps(w);
	status.maps = w->maps;
	status.operations = stats.operations;
	status.holds = stats.holds;
	status.cost_percent = stats.cost_percent;
	status.unwatched = stats.unwatched;
	status_draw(&status);
	report_stats_free(&stats);
}

static int write_files(struct watch *w, const struct report *report)
{
	const struct watch_options *o = w->options;
	const struct print_options how = {.text = {.verbose = o->verbose > 0,
						   .quote = o->source_root,
						   .source_root = o->source_root},
					  .source_root = o->source_root};
	int r = outputs_write(&o->out, report, &how);

	w->failed |= r != 0;
	return r;
}

static int fill_for_recorder(void *ctx, struct report *report)
{
	return watch_fill_report(ctx, report);
}

static int lend_to_recorder(void *ctx, struct report *report)
{
	return watch_borrow_races(ctx, report);
}

int watch_record(struct watch *w)
{
	const struct recorder_source source = {.ctx = w,
					       .fill = fill_for_recorder,
					       .lend = lend_to_recorder,
					       .drop = watch_drop_report};

	return recorder_tick(w->recorder, (double)(watch_now() - w->start_ns) / 1e9, &source);
}

/* They come last: which of them are none is known at the end. */
static void print_suspects(struct watch *w, const struct report *report)
{
	struct text_style style = stdout_style(w);
	size_t i;

	for (i = 0; i < report->nsuspects; i++)
		if (w->options->json)
			watch_check_stdout(w, jsonl_print_race(stdout, &report->suspects[i], true));
		else
			text_print_race(stdout, &report->suspects[i], report->duration_s,
					of_process(w, &report->suspects[i], &style));
	if (report->nsuspects && fflush(stdout))
		watch_check_stdout(w, -errno);
}

static void print_growths(struct watch *w, const struct report *report)
{
	struct text_style style = stdout_style(w);
	size_t i;

	if (!report->growth)
		return;
	for (i = 0; w->options->json && i < report->ngrowths; i++)
		watch_check_stdout(w, jsonl_print_growth(stdout, &report->growths[i]));
	if (!w->options->json)
		text_print_growths(stdout, report, &style);
	if (fflush(stdout))
		watch_check_stdout(w, -errno);
}

static void print_panics(struct watch *w, const struct report *report)
{
	struct text_style style = stdout_style(w);
	size_t i;

	if (!report->panics_watched || w->hooks)
		return;
	for (i = 0; w->options->json && i < report->npanics; i++)
		watch_check_stdout(w, jsonl_print_panic(stdout, &report->panics[i]));
	if (!w->options->json)
		text_print_panics(stdout, report, &style);
	if (fflush(stdout))
		watch_check_stdout(w, -errno);
}

static void print_vitals(struct watch *w, const struct report *report)
{
	struct text_style style = stdout_style(w);
	size_t i;

	for (i = 0; w->options->json && i < report->nvitals; i++)
		watch_check_stdout(w, jsonl_print_vitals(stdout, &report->vitals[i]));
	if (!w->options->json)
		text_print_vitals(stdout, report, &style);
	if (fflush(stdout))
		watch_check_stdout(w, -errno);
}

int watch_write_output(struct watch *w)
{
	struct report report;
	int r;

	if (!w->options->out.n && !w->recorder)
		return 0;
	r = watch_fill_report(w, &report);
	if (r) {
		log_error("cannot make the report: %s", err_name(r));
		w->failed = true;
	} else {
		r = write_files(w, &report);
		w->failed |= recorder_report(w->recorder, &report, false) != 0;
	}
	watch_drop_report(&report);
	return r;
}

void watch_finish(struct watch *w)
{
	struct text_style style = {.color = options_color(w->options->no_color, STDERR_FILENO),
				   .verbose = w->options->verbose > 0};
	struct report report;

	watch_print_deaths(w);
	watch_print_races(w, 0);
	status_close();
	if (watch_fill_report(w, &report)) {
		log_error("out of memory");
		w->failed = true;
	} else {
		print_suspects(w, &report);
		print_growths(w, &report);
		print_panics(w, &report);
		print_vitals(w, &report);
		write_files(w, &report);
		w->failed |= recorder_report(w->recorder, &report, true) != 0;
		if (w->options->json)
			watch_check_stdout(w, jsonl_print_stats(stdout, &report.stats));
		if (!w->options->quiet)
			text_print_summary(stderr, &report, &style);
	}
	watch_state_finish(w);
	watch_drop_report(&report);
}
