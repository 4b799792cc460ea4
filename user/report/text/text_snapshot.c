/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "model/snapshot.h"
#include "report/printers.h"
#include "report/text/style.h"
#include "report/text/text_snapshot.h"
#include "report/words/duration.h"
#include "report/words/words.h"

#define IDS_SHOWN 10
#define LABELS_SHOWN 5 /* sets of them, of a group */

static void print_frame(FILE *out, const struct report_frame *frame, const struct text_style *style)
{
	fputs("  ", out);
	escape_text(out, frame->function[0] ? frame->function : "?");
	fputs("()\n", out);
	if (frame->file[0]) {
		fputs("      ", out);
		escape_text(out, style->verbose ? frame->file : words_file(frame));
		fprintf(out, ":%d\n", frame->line);
	} else {
		fprintf(out, "      0x%" PRIx64 "\n", frame->pc);
	}
}

static bool has_user_frame(const struct report_group *g)
{
	size_t i;

	for (i = 0; i < g->nframes; i++)
		if (!g->frames[i].runtime)
			return true;
	return false;
}

/* How often the same call follows: a function that calls itself from one line. */
static size_t recursion(const struct report_group *g, size_t i)
{
	const struct report_frame *f = &g->frames[i];
	size_t n = 0;

	while (i + n + 1 < g->nframes && g->frames[i + n + 1].pc == f->pc &&
	       g->frames[i + n + 1].line == f->line && !f->inlined &&
	       !g->frames[i + n + 1].inlined && !strcmp(g->frames[i + n + 1].function, f->function))
		n++;
	return n;
}

static void print_stack(FILE *out, const struct report_group *g, const struct text_style *style)
{
	bool fold = !style->verbose && has_user_frame(g);
	size_t i, again;

	for (i = 0; i < g->nframes; i += 1 + again) {
		again = recursion(g, i);
		if (fold && g->frames[i].runtime && (i || !g->in_map))
			continue;
		print_frame(out, &g->frames[i], style);
		if (again)
			fprintf(out, "  [the same call %zu more %s]\n", again,
				again == 1 ? "time" : "times");
	}
	if (!g->nframes)
		fputs("  [stack unknown]\n", out);
	else if (g->truncated)
		fputs("  [outer callers are missing: the stack walk ended early]\n", out);
	if (g->approximate)
		fputs("  [inner callers may be missing: it runs code that is not Go]\n", out);
}

static void print_state(FILE *out, const struct report_group *g)
{
	fputs(g->state, out);
	if (g->wait[0]) {
		fputs(", ", out);
		escape_text(out, g->wait);
	}
	if (g->in_map)
		fputs(", inside a map operation", out);
	if (!g->waited_ns[1])
		return;
	if (g->waited_ns[0] != g->waited_ns[1] && g->waited_ns[0])
		fprintf(out, ", for at least %s to", duration_format((double)g->waited_ns[0]).s);
	else
		fputs(", for at least", out);
	fprintf(out, " %s", duration_format((double)g->waited_ns[1]).s);
}

static void print_ids(FILE *out, const struct report_group *g)
{
	size_t i;

	if (g->count == 1)
		return;
	fputs("Goroutines ", out);
	for (i = 0; i < g->nids && i < IDS_SHOWN; i++)
		fprintf(out, "%s%" PRIu64, i ? ", " : "", g->ids[i]);
	fputs(g->count > i ? ", ...\n" : "\n", out);
}

static void print_creation(FILE *out, const struct report_group *g, const char *created,
			   const struct text_style *style)
{
	if (!g->created_by.known)
		return;
	fputs(created, out);
	if (g->created_by.goroutine)
		fprintf(out, " by goroutine %" PRIu64, g->created_by.goroutine);
	fputs(" at:\n", out);
	print_frame(out, &g->created_by.at, style);
}

static void print_labels(FILE *out, const struct report_group *g, const char *indent)
{
	uint64_t more = g->labelled_more;
	size_t i;

	for (i = 0; i < g->nlabel_sets; i++) {
		const struct report_label_set *s = &g->label_sets[i];

		if (i >= LABELS_SHOWN) {
			more += s->count;
			continue;
		}
		fputs(indent, out);
		words_label_set(out, g, s);
		fputs(": ", out);
		text_print_labels(out, s->labels, s->n);
		fputc('\n', out);
	}
	if (more)
		fprintf(out, "%sOther labels: %" PRIu64 "\n", indent, more);
}

static void print_group(FILE *out, const struct report_group *g, const struct text_style *style)
{
	fputs("\n", out);
	fputs(style->color ? BOLD : "", out);
	if (g->count == 1)
		fprintf(out, "Goroutine %" PRIu64 ": ", g->ids[0]);
	else
		fprintf(out, "%" PRIu64 " goroutines: ", g->count);
	print_state(out, g);
	fprintf(out, "%s\n", style->color ? PLAIN : "");
	print_stack(out, g, style);
	print_creation(out, g, "Created", style);
	print_labels(out, g, "");
	print_ids(out, g);
}

static void print_groups(FILE *out, const struct report_snapshot *s, const struct text_style *style)
{
	uint64_t hidden = 0;
	size_t i;

	for (i = 0; i < s->ngroups; i++) {
		if (s->groups[i].system && !style->verbose)
			hidden += s->groups[i].count;
		else
			print_group(out, &s->groups[i], style);
	}
	if (hidden)
		fprintf(out, "\n%" PRIu64 " goroutines of the runtime are not shown (-v)\n",
			hidden);
}

static void print_notes(FILE *out, const struct report_snapshot *s)
{
	size_t i;

	for (i = 0; i < s->nnotes; i++) {
		fputs("Note: ", out);
		escape_text(out, s->notes[i]);
		fputc('\n', out);
	}
}

static void print_core(FILE *out, const struct report_core *c)
{
	if (!c->file)
		return;
	fputs("Core file ", out);
	escape_text(out, c->file);
	if (c->taken < c->of)
		fprintf(out, ": %.1f of %.1f MB of its memory\n", (double)c->taken / 1e6,
			(double)c->of / 1e6);
	else
		fprintf(out, ": all of its memory, %.1f MB\n", (double)c->of / 1e6);
}

static void print_snapshot(FILE *out, const struct report_snapshot *s,
			   const struct text_style *style)
{
	size_t i;

	fputs(RULE, out);
	fprintf(out, "%sSNAPSHOT of process %" PRIu32 " (", style->color ? BOLD : "", s->pid);
	escape_text(out, s->exe);
	fprintf(out, ")%s\n", style->color ? PLAIN : "");
	fprintf(out, "Frozen for %s: %" PRIu32 " threads, %" PRIu64 " goroutines in %zu groups\n",
		duration_format((double)s->freeze_ns).s, s->threads, s->goroutines, s->ngroups);
	print_core(out, &s->core);
	print_notes(out, s);
	for (i = 0; i < s->nmaps; i++)
		text_print_map_dump(out, &s->maps[i], style);
	print_groups(out, s, style);
	fputs(RULE, out);
}

void text_print_snapshots(FILE *out, const struct report *report, const struct text_style *style)
{
	size_t i;

	for (i = 0; i < report->nsnapshots; i++)
		print_snapshot(out, &report->snapshots[i], style);
}

static void print_side(FILE *out, const struct report_death *d,
		       const struct report_death_side *side, const struct text_style *style)
{
	const struct report_group *g = &side->at;

	fputs(style->color ? BOLD : "", out);
	fprintf(out, "Goroutine %" PRIu64 " ", g->nids ? g->ids[0] : 0);
	words_death_side(out, side);
	if (side->role == REPORT_DEATH_DIED && side->in_operation)
		fprintf(out, " of the map at 0x%012" PRIx64, d->map.addr);
	fprintf(out, ":%s\n", style->color ? PLAIN : "");
	print_stack(out, g, style);
	print_creation(out, g, "  created", style);
	print_labels(out, g, "  ");
}

void text_print_goroutines(FILE *out, const struct report_snapshot *s,
			   const struct text_style *style)
{
	if (s->goroutines)
		fprintf(out, ": %" PRIu32 " threads, %" PRIu64 " goroutines in %zu groups%s",
			s->threads, s->goroutines, s->ngroups,
			style->verbose ? "" : " (-v shows them)");
	fputc('\n', out);
	print_core(out, &s->core);
	print_notes(out, s);
	if (style->verbose)
		print_groups(out, s, style);
}

void text_print_death(FILE *out, const struct report_death *d, const struct text_style *style)
{
	const struct report_snapshot *s = &d->seen;
	size_t i;

	fputs(RULE, out);
	fprintf(out, "%sPROCESS %" PRIu32 " DIED (", style->color ? RED_BOLD : "", s->pid);
	escape_text(out, s->exe ? s->exe : "?");
	fprintf(out, "): %s", words_death_cause(d));
	escape_text(out, d->message);
	fprintf(out, "%s\n", style->color ? PLAIN : "");
	for (i = 0; i < d->nsides; i++)
		print_side(out, d, &d->sides[i], style);
	if (d->not_identified[0]) {
		fputs("The other one is not identified: ", out);
		escape_text(out, d->not_identified);
		fputc('\n', out);
	}
	for (i = 0; i < d->nrunning; i++)
		print_side(out, d, &d->running[i], style);
	for (i = 0; i < s->nmaps; i++)
		text_print_map_dump(out, &s->maps[i], style);
	fprintf(out, "Stood still for %s", duration_format((double)d->stopped_ns).s);
	text_print_goroutines(out, s, style);
	fputs(RULE, out);
}
