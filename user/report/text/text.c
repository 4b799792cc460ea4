/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/evidence.h"
#include "report/words/duration.h"
#include "base/escape.h"
#include "report/printers.h"
#include "report/text/source.h"
#include "report/text/style.h"
#include "report/words/words.h"

static void print_frame(FILE *out, const struct report_frame *frame, const struct text_style *style)
{
	fputs("  ", out);
	escape_text(out, frame->function && frame->function[0] ? frame->function : "?");
	fputs("()\n", out);
	if (frame->file && frame->file[0]) {
		fputs("      ", out);
		escape_text(out, style->verbose ? frame->file : words_file(frame));
		if (frame->line > 0)
			fprintf(out, ":%d", frame->line);
		fputc('\n', out);
	} else if (frame->pc) {
		fprintf(out, "      0x%" PRIx64 "\n", frame->pc);
	}
}

const char *text_print_line(FILE *out, const struct report_frame *frame,
			    const struct text_style *style, char *line)
{
	char *p;
	size_t i;

	if (!style->quote || source_line(frame->file, frame->line, style->source_root, line))
		return NULL;
	for (p = line; *p == '\t' || *p == ' '; p++)
		;
	for (i = 0; p[i]; i++)
		if (p[i] == '\t')
			p[i] = ' ';
	fprintf(out, "      %s| ", style->color ? DIM : "");
	escape_text(out, p);
	fprintf(out, "%s\n", style->color ? PLAIN : "");
	return p;
}

/* And a mark below the map's expression, which the blanks put in its place whatever a tab is. */
static void print_source(FILE *out, const struct report_frame *frame, enum report_op op,
			 const struct text_style *style)
{
	char line[SOURCE_LINE];
	const char *p = text_print_line(out, frame, style, line);
	size_t from, len, i;

	if (!p)
		return;
	source_mark(p, op, &from, &len);
	if (!len)
		return;
	fputs("      | ", out);
	for (i = 0; i < from + len; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80) /* one mark a character */
			fputc(i < from ? ' ' : '^', out);
	fputc('\n', out);
}

static bool has_user_frame(const struct report_access *access)
{
	size_t i;

	for (i = 0; i < access->nframes; i++)
		if (!access->frames[i].runtime)
			return true;
	return false;
}

/* The innermost frame is the map function and always shown; the runtime's other frames tell a user
 * nothing. */
static void print_stack(FILE *out, const struct report_access *access,
			const struct text_style *style)
{
	bool fold = !style->verbose && has_user_frame(access);
	const struct report_frame *site = report_access_site(access);
	size_t i;

	for (i = 0; i < access->nframes; i++)
		if (i == 0 || !fold || !access->frames[i].runtime) {
			print_frame(out, &access->frames[i], style);
			if (&access->frames[i] == site)
				print_source(out, site, access->op, style);
		}
	if (!access->nframes)
		fputs("  [stack unknown]\n", out);
	else if (access->partial)
		fputs("  [only the innermost callers are known]\n", out);
	else if (access->truncated)
		fputs("  [outer callers are missing: the stack walk ended early]\n", out);
}

void text_print_labels(FILE *out, const struct report_label *labels, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		fputs(i ? ", " : "", out);
		escape_text(out, labels[i].key);
		fputc('=', out);
		escape_text(out, labels[i].value);
	}
}

static void print_labels(FILE *out, const struct report_access *access)
{
	if (!access->nlabels)
		return;
	fputs("  Labels: ", out);
	text_print_labels(out, access->labels, access->nlabels);
	fputc('\n', out);
}

static void print_access(FILE *out, const struct report_race *race, size_t which,
			 const struct text_style *style)
{
	words_access(out, race, which);
	fputs(":\n", out);
	print_stack(out, &race->access[which], style);
	print_labels(out, &race->access[which]);
}

static void print_creation(FILE *out, const struct report_access *access,
			   const struct text_style *style)
{
	if (!access->created_by.known)
		return;
	if (access->goroutine)
		fprintf(out, "Goroutine %" PRIu64 " created at:\n", access->goroutine);
	else
		fputs("Unknown goroutine created at:\n", out);
	print_frame(out, &access->created_by.at, style);
}

static void print_map(FILE *out, const struct report_race *race)
{
	char *map = words_of(words_map, race);

	if (map && map[0])
		fprintf(out, "Map: %s\n", map);
	free(map);
}

static void print_evidence(FILE *out, const struct report_race *race,
			   const struct text_style *style)
{
	fprintf(out, "%sEvidence:%s ", style->color ? BOLD : "", style->color ? PLAIN : "");
	words_evidence(out, race);
	fputc('\n', out);
	if (!race->caveat)
		return;
	fprintf(out, "%sCaveat:%s ", style->color ? BOLD : "", style->color ? PLAIN : "");
	escape_text(out, race->caveat);
	fputc('\n', out);
}

/* A bar for each power of two between the closest and the farthest. */
static void print_distances(FILE *out, const struct report_race *race)
{
	static const char bar[] = "##############################";
	uint64_t most = 0;
	size_t first = REPORT_DISTANCES, last = 0, i;

	for (i = 0; i < REPORT_DISTANCES; i++) {
		if (!race->distances[i])
			continue;
		first = i < first ? i : first;
		last = i;
		most = race->distances[i] > most ? race->distances[i] : most;
	}
	if (!most)
		return;
	fputs("How far apart they were:\n", out);
	for (i = first; i <= last; i++)
		fprintf(out, "  %9s and more %8" PRIu64 " %.*s\n",
			duration_format((double)(1ull << i)).s, race->distances[i],
			(int)((double)race->distances[i] / (double)most * 30), bar);
}

static void print_seen(FILE *out, const struct report_race *race, double elapsed_s)
{
	fputs("Seen ", out);
	words_count(out, race->count);
	fprintf(out, " in %s; ", duration_format(elapsed_s * 1e9).s);
	words_fired(out, race);
	fputc('\n', out);
}

/* Both accesses in the order in which they happened, as far as the evidence knows it. */
static void print_accesses(FILE *out, const struct report_race *race,
			   const struct text_style *style)
{
	size_t first = report_first_access(race);

	print_access(out, race, first, style);
	if (race->has_other)
		print_access(out, race, first ^ 1, style);
	else
		fputs("The other access is unknown\n", out);
	print_creation(out, &race->access[first], style);
	if (race->has_other)
		print_creation(out, &race->access[first ^ 1], style);
}

static void print_process(FILE *out, const struct report_process *process)
{
	if (!process)
		return;
	fputs("Process: ", out);
	words_process(out, process);
	fputc('\n', out);
}

void text_print_race(FILE *out, const struct report_race *race, double elapsed_s,
		     const struct text_style *style)
{
	if (race->bpf) {
		text_print_bpf(out, race, elapsed_s, style);
		return;
	}
	fputs(RULE, out);
	fprintf(out, "%sWARNING: ", style->color ? RED_BOLD : "");
	words_title(out, race);
	fprintf(out, "%s\n", style->color ? PLAIN : "");
	print_accesses(out, race, style);
	print_map(out, race);
	print_process(out, style->process);
	print_evidence(out, race, style);
	if (evidence_kind(race->evidence)->distances)
		print_distances(out, race);
	print_seen(out, race, elapsed_s);
	fputs(RULE, out);
}

static void print_races(FILE *out, const struct report *report, const struct report_race *races,
			size_t n, struct text_style style)
{
	size_t i;

	for (i = 0; i < n; i++) {
		style.process = report_process_find(report->processes, report->nprocesses,
						    races[i].pid, races[i].first_seen_s);
		text_print_race(out, &races[i], report->duration_s, &style);
	}
}

void text_print_findings(FILE *out, const struct report *report, const struct text_style *style)
{
	size_t i;

	for (i = 0; i < report->ndeaths; i++)
		text_print_death(out, &report->deaths[i], style);
	for (i = 0; i < report->nmemory; i++)
		text_print_memory(out, &report->memory[i], style);
	print_races(out, report, report->races, report->nraces, *style);
	print_races(out, report, report->suspects, report->nsuspects, *style);
	text_print_growths(out, report, style);
	text_print_panics(out, report, style);
	text_print_vitals(out, report, style);
	text_print_snapshots(out, report, style);
}

int text_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	text_print_findings(out, report, &options->text);
	if (!report->nsnapshots)
		text_print_summary(out, report, &options->text);
	return print_finish(out);
}
