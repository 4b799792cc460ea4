/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Findings in the instructions of BPF programs as text. */
#include <inttypes.h>
#include <stdio.h>

#include "base/escape.h"
#include "report/printers.h"
#include "report/text/source.h"
#include "report/text/style.h"
#include "report/words/words.h"

static void print_site(FILE *out, const char *what, const struct report_access *access,
		       const struct text_style *style)
{
	const struct report_frame *frame = access->nframes ? &access->frames[0] : NULL;
	char line[SOURCE_LINE];

	fprintf(out, "%s in ", what);
	words_function(out, frame);
	fputs("()\n", out);
	if (!frame)
		return;
	fputs("      ", out);
	if (frame->file && frame->file[0]) {
		escape_text(out, frame->file);
		fprintf(out, ":%d, ", frame->line);
	}
	fprintf(out, "instruction %" PRIu64 "\n", frame->pc);
	text_print_line(out, frame, style, line);
}

static void print_words(FILE *out, const char *head, const char *text,
			const struct text_style *style)
{
	if (!text || !text[0])
		return;
	fprintf(out, "%s%s:%s ", style->color ? BOLD : "", head, style->color ? PLAIN : "");
	escape_text(out, text);
	fputc('\n', out);
}

void text_print_audit(FILE *out, const struct report_race *race, const struct text_style *style)
{
	const struct report_audit *a = race->bpf->audit;

	fputs(RULE, out);
	fprintf(out, "%sWARNING: ", style->color ? RED_BOLD : "");
	words_title(out, race);
	fprintf(out, "%s\nBy ", style->color ? PLAIN : "");
	words_who(out, race, 0);
	fputc('\n', out);
	if (a->object && a->object[0]) {
		fputs("      in ", out);
		escape_text(out, a->object);
		fputc('\n', out);
	}
	print_site(out, race->access[1].op == REPORT_READ ? "Read" : "Stored", &race->access[1],
		   style);
	print_site(out, "Then stored", &race->access[0], style);
	fputs("Map: ", out);
	words_map(out, race);
	fputc('\n', out);
	print_words(out, "What is lost", a->lost, style);
	print_words(out, "On two CPUs at once", a->together, style);
	print_words(out, "Fix", a->fix, style);
	if (a->live) {
		fprintf(out, "%sLive:%s ", style->color ? BOLD : "", style->color ? PLAIN : "");
		words_live(out, race);
		fputc('\n', out);
	}
	if (race->count > 1)
		fprintf(out, "The same in %" PRIu64 " more %s\n", race->count - 1,
			race->count == 2 ? "program" : "programs");
	fputs(RULE, out);
}

void text_print_audited(FILE *out, const struct report *report, const struct text_style *style)
{
	uint64_t instructions = 0;
	size_t i, skipped = 0, confirmed = 0;

	for (i = 0; i < report->naudited; i++) {
		instructions += report->audited[i].instructions;
		skipped += report->audited[i].skipped != NULL;
	}
	for (i = 0; i < report->nsuspects; i++)
		confirmed += report->suspects[i].evidence == REPORT_OVERLAP;
	fprintf(out, "%s%zu possible %s%s in %zu %s (%" PRIu64 " instructions)",
		style->color ? BOLD : "", report->nsuspects,
		report->nsuspects == 1 ? "finding" : "findings", style->color ? PLAIN : "",
		report->naudited - skipped,
		report->naudited - skipped == 1 ? "program" : "programs", instructions);
	if (confirmed)
		fprintf(out, ", %zu of them confirmed: runs overlapped on the map", confirmed);
	fputc('\n', out);
	for (i = 0; i < report->naudited; i++) {
		const struct report_audited *a = &report->audited[i];

		if (!a->skipped)
			continue;
		fputs("  Not read: ", out);
		escape_text(out, a->program[0] ? a->program : a->object);
		if (a->prog_id)
			fprintf(out, " (id %" PRIu32 ")", a->prog_id);
		fputs(": ", out);
		escape_text(out, a->skipped);
		fputc('\n', out);
	}
	text_print_caveats(out, &report->stats);
	text_print_hidden(out, report, "finding");
	if (instructions)
		fputs("  What was read, left out, and not understood:\n", out);
	text_print_counters(out, &report->stats);
}
