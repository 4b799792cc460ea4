/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "detect/gomap/maprows.h"
#include "session/watch.h"

static int take_target(struct past *past, struct watched *t)
{
	struct report *report = &past->report;
	int r;

	report->targets = calloc(1, sizeof(*report->targets));
	if (!report->targets)
		return -ENOMEM;
	r = watched_describe(t, report->targets);
	if (r)
		return r;
	report->ntargets = 1;
	return maprows_append(report, &t->source, WATCH_MAP_ROWS);
}

int past_take(struct watched *t)
{
	struct past *past = calloc(1, sizeof(*past));
	int r;

	if (!past)
		return -ENOMEM;
	attachment_hand_over(t->attachment);
	attachment_counters(t->attachment, &past->sum);
	past->sites = attachment_sites(t->attachment);
	past->missed = attachment_missed(t->attachment);
	past->bare_calls = attachment_bare_calls(t->attachment);
	past->spent_ns = account_spent_ns(&t->account);
	past->trap_ns = t->account.trap_spent_ns;
	past->windows = t->account.windows;
	past->cold_calls = attachment_cold_calls(t->attachment);
	r = take_target(past, t);
	if (!r)
		r = watch_budget_functions(t, &past->report.stats);
	if (!r)
		r = silence_report_target(t, &past->report.stats);
	if (r) {
		past_free(past);
		return r;
	}
	t->source.attachment = NULL; /* nothing is asked of it since watch_conclude() */
	t->past = past;
	watched_reset(t);
	watched_forget_libraries(t);
	process_close(&t->process);
	return 0;
}

void past_add_counters(struct attachment_sum *sum, const struct attachment_sum *one)
{
	size_t i;

	for (i = 0; i < MR_OP_MAX; i++)
		sum->ops[i] += one->ops[i];
	for (i = 0; i < MR_COUNT_MAX; i++)
		sum->cpu.counts[i] += one->cpu.counts[i];
	sum->cpu.holds += one->cpu.holds;
	sum->cpu.hold_ns += one->cpu.hold_ns;
	sum->cpu.collisions += one->cpu.collisions;
}

void past_add(struct past_sum *to, const struct watched *t)
{
	const struct past *past = t->past;

	to->targets++;
	past_add_counters(&to->sum, &past->sum);
	to->sites += past->sites;
	to->missed += past->missed;
	to->bare_calls += past->bare_calls;
	to->spent_ns += past->spent_ns;
	to->trap_ns += past->trap_ns;
	to->windows += past->windows;
	to->cold_calls += past->cold_calls;
	to->bad_events += t->source.bad_events;
	to->dropped_races += t->source.dropped_races;
	to->dropped_growths += t->source.dropped_growths;
	to->dropped_panics += t->source.dropped_panics;
	to->unresolved += t->source.resolver.unresolved;
	to->names_cut += t->source.resolver.names_cut;
	to->stacks_cut += t->source.resolver.stacks_cut;
	to->plugins += t->plugins_unwatched;
	to->maps += t->source.maps_at_end;
}

static int copy_target(struct report *report, const struct report_target *from)
{
	struct report_target *to = &report->targets[report->ntargets++];
	int r = 0;

	*to = *from;
	to->exe = report_text_copy(from->exe, &r);
	to->library = report_text_copy(from->library, &r);
	to->build_id = report_text_copy(from->build_id, &r);
	to->go_version = report_text_copy(from->go_version, &r);
	to->module = report_text_copy(from->module, &r);
	return r;
}

static int copy_rows(struct report *report, const struct report *from)
{
	struct report_maprow *grown =
		realloc(report->maps, (report->nmaps + from->nmaps + 1) * sizeof(*grown));
	size_t i;
	int r = 0;

	if (!grown)
		return -ENOMEM;
	report->maps = grown;
	for (i = 0; i < from->nmaps; i++) {
		grown[report->nmaps] = from->maps[i];
		grown[report->nmaps++].type = report_text_copy(from->maps[i].type, &r);
	}
	return r;
}

int past_fill(const struct past *past, struct report *report)
{
	int r = copy_target(report, &past->report.targets[0]);

	return r ? r : copy_rows(report, &past->report);
}

int past_fill_duties(const struct past *past, struct report_stats *stats)
{
	const struct report_stats *from = &past->report.stats;
	struct report_coverage *grown =
		realloc(stats->coverage, (stats->ncoverage + from->ncoverage + 1) * sizeof(*grown));
	size_t i;
	int r = 0;

	if (!grown)
		return -ENOMEM;
	stats->coverage = grown;
	for (i = 0; i < from->ncoverage; i++) {
		grown[stats->ncoverage] = from->coverage[i];
		grown[stats->ncoverage++].function =
			report_text_copy(from->coverage[i].function, &r);
	}
	return r;
}

int past_fill_caveats(const struct past *past, struct report_stats *stats)
{
	const struct report_stats *from = &past->report.stats;
	size_t i;
	int r = 0;

	for (i = 0; i < from->ncaveats && !r; i++)
		r = report_caveat_add(stats, from->caveats[i].code, from->caveats[i].pid,
				      from->caveats[i].blind, strdup(from->caveats[i].text));
	return r;
}

void past_free(struct past *past)
{
	if (!past)
		return;
	report_free(&past->report);
	free(past);
}
