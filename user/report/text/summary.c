/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/words/duration.h"
#include "base/escape.h"
#include "report/printers.h"
#include "report/text/style.h"
#include "report/words/words.h"

#define MAPS_SHOWN 10

static void print_found(FILE *out, const struct report *report, const struct text_style *style)
{
	fputs(style->color ? BOLD : "", out);
	if (!report->nraces)
		fputs("No race found", out);
	else
		fprintf(out, "%zu %s found", report->nraces,
			report->nraces == 1 ? "race" : "races");
	if (report->nsuspects)
		fprintf(out, ", %zu %s", report->nsuspects,
			report->nsuspects == 1 ? "suspect" : "suspects");
	fprintf(out, " in %s", duration_format(report->duration_s * 1e9).s);
	words_worth(out, report);
	fprintf(out, "%s\n", style->color ? PLAIN : "");
}

void text_print_caveats(FILE *out, const struct report_stats *stats)
{
	size_t i;

	for (i = 0; i < stats->ncaveats; i++) {
		fputs("  Caveat: ", out);
		escape_text(out, stats->caveats[i].text);
		fputc('\n', out);
	}
}

static void print_operations(FILE *out, const struct report_stats *stats)
{
	const struct {
		const char *name;
		uint64_t n;
	} kinds[] = {
		{"reads", stats->reads},     {"writes", stats->writes},
		{"deletes", stats->deletes}, {"iterations", stats->iterations},
		{"clears", stats->clears},   {"clones", stats->clones},
	};
	const char *separator = " (";
	size_t i;

	fprintf(out, "  Operations: %" PRIu64, stats->operations);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!kinds[i].n)
			continue;
		fprintf(out, "%s%s %" PRIu64, separator, kinds[i].name, kinds[i].n);
		separator = ", ";
	}
	fputs(separator[0] == ',' ? ")\n" : "\n", out);
}

/* Functions whose probes were not in place all the time. */
static void print_windows(FILE *out, const struct report_stats *stats)
{
	size_t i, shown = 0;

	for (i = 0; i < stats->ncoverage; i++) {
		const struct report_coverage *coverage = &stats->coverage[i];

		if (coverage->attached > 0.995)
			continue;
		if (!shown++)
			fprintf(out,
				"  Over the budget by their traps alone, watched part of the time (%" PRIu64
				" windows):\n",
				stats->windows);
		fprintf(out, "    %5.1f%%  ", 100 * coverage->attached);
		escape_text(out, coverage->function);
		fputc('\n', out);
	}
	if (shown && stats->cold_calls)
		fprintf(out,
			"    %" PRIu64
			" call sites of theirs that are seldom called from, all of the time\n",
			stats->cold_calls);
}

/* What a command took longer, at the most: what waited is taken as if nothing else had gone on. */
static void print_slowdown(FILE *out, const struct report_stats *stats)
{
	double alone = stats->lived_s - stats->waited_s;

	fprintf(out, "  Cost: waited %s of %s for traps and holds",
		duration_format(stats->waited_s * 1e9).s, duration_format(stats->lived_s * 1e9).s);
	if (alone > 0)
		fprintf(out, ", took up to %.3g times as long as alone", stats->lived_s / alone);
	fprintf(out, " (--slowdown %.3g)\n", stats->slowdown);
}

/* Of one CPU at least goes without saying. */
static void print_budget(FILE *out, const struct report *report)
{
	const struct report_stats *stats = &report->stats;

	fprintf(out, "; a trap takes %s, the budget is %.3g%%", duration_format(stats->hit_ns).s,
		stats->budget_percent);
	if (stats->least_cpus <= 0 || stats->least_cpus >= 1)
		return;
	if (report->ntargets == 1)
		fprintf(out, " of the %.3g CPUs that it may use", stats->least_cpus);
	else
		fprintf(out, " of what they use, at least of %.3g CPUs", stats->least_cpus);
}

static void print_cost(FILE *out, const struct report *report)
{
	const struct report_stats *stats = &report->stats;

	if (stats->cost_percent < 0)
		return;
	if (stats->slowdown > 0 && stats->lived_s > 0) {
		print_slowdown(out, stats);
		print_windows(out, stats);
		return;
	}
	fprintf(out, "  Cost: %.1f%% of one CPU (traps and holds", stats->cost_percent);
	if (stats->hit_ns > 0)
		print_budget(out, report);
	if (stats->hit_ns > 0 && stats->advance_s > 0)
		fprintf(out, ", %s of it in advance",
			duration_format((double)stats->advance_s * 1e9).s);
	fputs(")\n", out);
	print_windows(out, stats);
}

static void print_work(FILE *out, const struct report *report)
{
	const struct report_stats *stats = &report->stats;

	print_operations(out, stats);
	fprintf(out, "  Holds: %" PRIu64 ", %s in all\n", stats->holds,
		duration_format((double)stats->hold_ns).s);
	print_cost(out, report);
	fprintf(out, "  Probe sites: %" PRIu32 ", attached in %s\n", stats->probe_sites,
		duration_format(stats->attach_ms * 1e6).s);
}

void text_print_counters(FILE *out, const struct report_stats *stats)
{
	size_t i;

	for (i = 0; i < stats->nlosses; i++) {
		if (!stats->losses[i].value)
			continue;
		fputs("    ", out);
		escape_text(out, stats->losses[i].name);
		fprintf(out, " %" PRIu64 ": ", stats->losses[i].value);
		escape_text(out, stats->losses[i].meaning);
		fputc('\n', out);
	}
}

static void print_losses(FILE *out, const struct report_stats *stats)
{
	bool lost = stats->events_lost != 0;
	size_t i;

	for (i = 0; i < stats->nlosses; i++)
		lost |= stats->losses[i].value != 0;
	if (!lost)
		return;
	fputs("  Losses and blind spots:\n", out);
	if (stats->events_lost)
		fprintf(out, "    events_lost %" PRIu64 ": events that never reached user space\n",
			stats->events_lost);
	text_print_counters(out, stats);
}

void text_print_hidden(FILE *out, const struct report *report, const char *what)
{
	size_t i;

	for (i = 0; i < report->nhidden; i++) {
		const struct report_hidden *h = &report->hidden[i];

		fprintf(out, "  %s: %" PRIu64 " %s%s, seen %" PRIu64 " %s, by ",
			h->known ? "Known before" : "Suppressed", h->races, what,
			h->races == 1 ? "" : "s", h->count, h->count == 1 ? "time" : "times");
		escape_text(out, h->by);
		fputc('\n', out);
	}
}

static int verdict_rank(enum report_verdict verdict)
{
	switch (verdict) {
	case REPORT_RACY:
		return 0;
	case REPORT_UNPROVEN:
		return 1;
	case REPORT_ORDERED:
		return 2;
	}
	return 3;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Worst first: racy ones by collisions, then what is open, then what is ordered; the busier first. */
static int compare_rows(const void *a, const void *b)
{
	const struct report_maprow *x = *(const struct report_maprow *const *)a;
	const struct report_maprow *y = *(const struct report_maprow *const *)b;
	int order = verdict_rank(x->verdict) - verdict_rank(y->verdict);

	if (!order)
		order = compare_u64(y->collisions, x->collisions);
	if (!order)
		order = compare_u64(y->writes, x->writes);
	if (!order)
		order = compare_u64(y->reads, x->reads);
	if (!order)
		order = compare_u64(x->pid, y->pid);
	return order ? order : compare_u64(x->addr, y->addr);
}

/* A map of one goroutine, or one that nobody wrote, cannot race. */
static bool row_matters(const struct report_maprow *row)
{
	return row->verdict == REPORT_RACY || (row->goroutines > 1 && row->writes);
}

/* The column of expectations is left out where nobody computed any. */
static void print_heads(FILE *out, bool expected)
{
	fputs("  Maps used by several goroutines and written, worst first:\n", out);
	fprintf(out, "    %-8s %-10s %-14s %10s %12s %12s %8s", "verdict", "pid", "address",
		"goroutines", "reads", "writes", "holds");
	if (expected)
		fprintf(out, " %9s", "expected");
	fprintf(out, " %10s  type\n", "collisions");
}

static void print_row(FILE *out, const struct report_maprow *row, bool expected)
{
	fprintf(out,
		"    %-8s %-10" PRIu32 " 0x%012" PRIx64 " %10" PRIu32 " %12" PRIu64 " %12" PRIu64
		" %8" PRIu64,
		report_verdict_name(row->verdict), row->pid, row->addr, row->goroutines, row->reads,
		row->writes, row->holds);
	if (expected)
		fprintf(out, " %9.1f", row->expected);
	fprintf(out, " %10" PRIu64 "  ", row->collisions);
	escape_text(out, row->type && row->type[0] ? row->type : "?");
	if (row->verdict == REPORT_ORDERED)
		fprintf(out, " (p=%.1e)", row->p);
	fputc('\n', out);
}

static void print_maps(FILE *out, const struct report *report)
{
	const struct report_maprow **rows = calloc(report->nmaps, sizeof(*rows));
	bool expected = false;
	size_t i, n = 0;

	if (!rows)
		return;
	for (i = 0; i < report->nmaps; i++) {
		if (!row_matters(&report->maps[i]))
			continue;
		rows[n++] = &report->maps[i];
		expected |= report->maps[i].expected > 0;
	}
	qsort(rows, n, sizeof(*rows), compare_rows);
	if (n)
		print_heads(out, expected);
	for (i = 0; i < n && i < MAPS_SHOWN; i++)
		print_row(out, rows[i], expected);
	if (n > MAPS_SHOWN)
		fprintf(out, "    and %zu more\n", n - MAPS_SHOWN);
	free(rows);
}

#define SHARES_SHOWN 5

static bool has_share(const struct report_target *t)
{
	return t->allowed_percent > 0 && !(t->library && t->library[0]);
}

/* What each process got of one budget, the dearest first. */
static int dearest_first(const void *a, const void *b)
{
	const struct report_target *x = *(const struct report_target *const *)a;
	const struct report_target *y = *(const struct report_target *const *)b;

	return x->cost_percent < y->cost_percent ? 1 : x->cost_percent > y->cost_percent ? -1 : 0;
}

static void print_shares(FILE *out, const struct report *report)
{
	const struct report_target **by_cost = calloc(report->ntargets + 1, sizeof(*by_cost));
	size_t i, n = 0;

	for (i = 0; by_cost && i < report->ntargets; i++)
		if (has_share(&report->targets[i]))
			by_cost[n++] = &report->targets[i];
	if (n > 1 && (!report->followed || report->followed->host)) {
		qsort(by_cost, n, sizeof(*by_cost), dearest_first);
		fputs("  Of the budget, by process (of one CPU, used and allowed):\n", out);
		for (i = 0; i < n && i < SHARES_SHOWN; i++) {
			fprintf(out, "    %6.2f%% %6.2f%%  process %" PRIu32 " (",
				by_cost[i]->cost_percent, by_cost[i]->allowed_percent,
				by_cost[i]->pid);
			escape_text(out, by_cost[i]->exe);
			fputs(")\n", out);
		}
		if (n > SHARES_SHOWN)
			fprintf(out, "    and %zu more\n", n - SHARES_SHOWN);
	}
	free(by_cost);
}

static void print_late(FILE *out, const struct report *report)
{
	size_t i;

	for (i = 0; i < report->ntargets; i++) {
		const struct report_target *t = &report->targets[i];
		bool loaded = t->library && t->library[0];

		if (!(t->late_s > 0))
			continue;
		fputs("  Watched from ", out);
		fprintf(out, "%s on, when it was found%s: ", duration_format(t->late_s * 1e9).s,
			loaded ? " loaded" : "");
		escape_text(out, loaded ? t->library : t->exe);
		fputc('\n', out);
	}
}

static void print_followed(FILE *out, const struct report_followed *followed)
{
	if (!followed)
		return;
	fputs("  ", out);
	words_followed(out, followed);
	words_not_watched(out, followed);
	fputc('\n', out);
}

void text_print_summary(FILE *out, const struct report *report, const struct text_style *style)
{
	if (report->naudited) {
		text_print_audited(out, report, style);
		return;
	}
	print_found(out, report, style);
	print_followed(out, report->followed);
	text_print_caveats(out, &report->stats);
	text_print_hidden(out, report, "race");
	print_late(out, report);
	print_work(out, report);
	print_shares(out, report);
	print_losses(out, &report->stats);
	if (report->nmaps)
		print_maps(out, report);
}
