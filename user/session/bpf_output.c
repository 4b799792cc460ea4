/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What `maprace bpf` says and writes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "detect/bpfmap/map_losses.h"
#include "report/filter.h"
#include "session/bpf_watch.h"
#include "session/host.h"
#include "session/outputs.h"
#include "session/recorder.h"
#include "session/watch.h"

uint64_t bpf_watched_ns(const struct bpf_watch *w)
{
	return (w->end_ns ? w->end_ns : watch_now()) - w->start_ns;
}

static double elapsed_s(const struct bpf_watch *w)
{
	return (double)bpf_watched_ns(w) / 1e9;
}

/* Of the calls those that came while their CPU was over the budget, or in our own programs' way. */
static double unwatched(const struct report_stats *stats, const struct mr_bpf_cpu *sum,
			uint64_t missed)
{
	double unseen = (double)(sum->counts[MR_BPF_COUNT_BUDGET] +
				 sum->counts[MR_BPF_COUNT_NESTED] + missed);

	return unseen > 0 ? unseen / (unseen + (double)stats->operations) : 0;
}

static int fill_stats(struct bpf_watch *w, struct report_stats *stats)
{
	struct mr_bpf_cpu *sum = malloc(sizeof(*sum));
	int r;

	if (!sum)
		return -ENOMEM;
	map_attachment_counters(w->attachment, sum);
	stats->reads = sum->ops[MR_BPF_READ];
	stats->writes = sum->ops[MR_BPF_UPDATE];
	stats->deletes = sum->ops[MR_BPF_DELETE];
	stats->operations = stats->reads + stats->writes + stats->deletes;
	stats->probe_sites = map_attachment_functions(w->attachment);
	stats->attach_ms = w->attach_ms;
	stats->cost_percent = (double)sum->spent_ns / (double)bpf_watched_ns(w) * 100;
	stats->unwatched = unwatched(stats, sum, map_attachment_missed(w->attachment));
	r = map_losses_fill(stats, sum, map_attachment_missed(w->attachment),
			    findings_bad_events(w->findings), w->programs_dropped);
	free(sum);
	return r;
}

static int fill_report(struct bpf_watch *w, struct report *report)
{
	int r;

	memset(report, 0, sizeof(*report));
	r = host_fill(report);
	if (r)
		return r;
	report->started_unix_ns = w->started_unix_ns;
	report->duration_s = elapsed_s(w);
	r = fill_stats(w, &report->stats);
	if (!r)
		r = findings_lend(w->findings, report);
	if (!r)
		r = bpf_join_tell(w, &report->stats);
	return r ? r : filter_apply(w->filter, report);
}

static void drop_report(struct report *report)
{
	free(report->races); /* lent: the findings own what they point to */
	free(report->suspects);
	report->races = report->suspects = NULL;
	report->nraces = report->nsuspects = 0;
	report->nraces_hidden = report->nsuspects_hidden = 0;
	report_free(report);
}

void bpf_print_findings(struct bpf_watch *w, uint64_t older_than_ns)
{
	struct text_style style = {.color = options_color(w->options->no_color, STDOUT_FILENO),
				   .verbose = w->options->verbose > 0};
	uint64_t since = watch_now() - w->start_ns; /* the last ones come while we detach */
	const struct report_race *race;
	bool suspect;

	if (since < older_than_ns || (w->options->top && isatty(STDOUT_FILENO)))
		return;
	while ((race = findings_take(w->findings, since - older_than_ns, &suspect))) {
		if (suspect && !w->options->suspects)
			continue;
		if (w->options->json || w->options->top)
			w->failed |= jsonl_print_race(stdout, race, suspect) < 0;
		else
			text_print_race(stdout, race, elapsed_s(w), &style);
	}
	if (fflush(stdout)) {
		log_error("cannot write to standard output: %s", err_name(errno));
		w->failed = true;
	}
}

static void write_files(struct bpf_watch *w, const struct report *report)
{
	const struct print_options how = {.text = {.verbose = w->options->verbose > 0}};

	if (outputs_write(&w->options->out, report, &how))
		w->failed = true;
}

void bpf_write_output(struct bpf_watch *w)
{
	struct report report;
	int r;

	if (!w->options->out.n && !w->recorder)
		return;
	r = fill_report(w, &report);
	if (r) {
		log_error("cannot make the report: %s", err_name(r));
		w->failed = true;
	} else {
		write_files(w, &report);
		w->failed |= recorder_report(w->recorder, &report, false) != 0;
	}
	drop_report(&report);
}

static int fill_for_recorder(void *ctx, struct report *report)
{
	return fill_report(ctx, report);
}

static int lend_to_recorder(void *ctx, struct report *report)
{
	struct bpf_watch *w = ctx;
	int r;

	memset(report, 0, sizeof(*report));
	r = findings_lend(w->findings, report);
	return r ? r : filter_apply(w->filter, report);
}

void bpf_record(struct bpf_watch *w)
{
	const struct recorder_source source = {
		.ctx = w, .fill = fill_for_recorder, .lend = lend_to_recorder, .drop = drop_report};

	w->failed |= recorder_tick(w->recorder, elapsed_s(w), &source) != 0;
}

static void print_losses(const struct report_stats *stats)
{
	size_t i;

	for (i = 0; i < stats->nlosses; i++)
		if (stats->losses[i].value)
			log_info("  %s %" PRIu64 ": %s", stats->losses[i].name,
				 stats->losses[i].value, stats->losses[i].meaning);
	if (stats->events_lost)
		log_warn("  events_lost %" PRIu64 ": findings that never reached user space",
			 stats->events_lost);
}

void bpf_finish(struct bpf_watch *w)
{
	size_t doubted = findings_doubted(w->findings);
	struct report report;
	char worth[64] = "", lost[48] = "";

	if (fill_report(w, &report)) {
		log_error("out of memory");
		w->failed = true;
	} else {
		if (report.stats.unwatched > 0.005)
			snprintf(worth, sizeof(worth),
				 ", in which %.1f%% of the calls were watched",
				 100 * (1 - report.stats.unwatched));
		write_files(w, &report);
		w->failed |= recorder_report(w->recorder, &report, true) != 0;
		if (w->options->json)
			w->failed |= jsonl_print_stats(stdout, &report.stats) < 0;
		/* not more than nothing: those that are not proven tell */
		if (findings_lost(w->findings) >= 0)
			snprintf(lost, sizeof(lost), ", %" PRId64 " updates lost",
				 findings_lost(w->findings));
		log_info("%zu findings%s in %.1f s%s; %zu pairs of updates that overlapped",
			 report.nraces, lost, report.duration_s, worth, report.nsuspects - doubted);
		if (doubted)
			log_info(
				"  %zu more are not proven: lost updates by Go programs, whose goroutines share threads, or by processes that could not be looked at%s",
				doubted, w->options->suspects ? "" : " (--suspects shows them)");
		log_info("  operations %" PRIu64 " (reads %" PRIu64 ", updates %" PRIu64
			 ", deletions %" PRIu64 "), cost %.1f%% of one CPU",
			 report.stats.operations, report.stats.reads, report.stats.writes,
			 report.stats.deletes, report.stats.cost_percent);
		print_losses(&report.stats);
		if (!w->options->quiet)
			text_print_caveats(stderr, &report.stats);
		if (!w->options->quiet)
			text_print_hidden(stderr, &report, "finding");
	}
	drop_report(&report);
}
