/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>

#include "base/escape.h"
#include "report/printers.h"
#include "report/text/style.h"
#include "report/words/words.h"

#define PANICS_SHOWN 20
#define FRAMES_SHOWN 6

static void print_head(FILE *out, const struct report *report, size_t shown,
		       const struct text_style *style)
{
	fprintf(out, "%sPANICS: ", style->color ? BOLD : "");
	if (!report->npanics)
		fputs("none seen", out);
	else if (shown < report->npanics)
		fprintf(out, "%zu of %zu places, those with most", shown, report->npanics);
	else
		fprintf(out, "%zu place%s", report->npanics, report->npanics == 1 ? "" : "s");
	fprintf(out, "%s\n", style->color ? PLAIN : "");
}

static const char *what(const struct report_panic *panic)
{
	switch (panic->kind) {
	case REPORT_PANIC_EXPLICIT:
		return "panic";
	case REPORT_PANIC_RUNTIME:
		return "run-time error";
	case REPORT_PANIC_FAULT:
		return "fault";
	case REPORT_PANIC_GOEXIT:
		return "runtime.Goexit";
	case REPORT_PANIC_KINDS:
		break;
	}
	return "?";
}

static void print_frame(FILE *out, const struct report_frame *frame, const struct text_style *style)
{
	escape_text(out, frame->function[0] ? frame->function : "?");
	if (!frame->file[0])
		return;
	fputs(" at ", out);
	escape_text(out, style->verbose ? frame->file : words_file(frame));
	fprintf(out, ":%d", frame->line);
}

static void print_outcome(FILE *out, uint64_t n, const char *outcome, bool *any)
{
	if (!n)
		return;
	fprintf(out, "%s%" PRIu64 " %s", *any ? ", " : "", n, outcome);
	*any = true;
}

/* "7 times: 5 recovered in main.try, 1 replaced by another, of 1 it is not known" */
static void print_outcomes(FILE *out, const struct report_panic *p)
{
	static const char *const words[REPORT_PANIC_OUTCOMES] = {
		[REPORT_PANIC_RECOVERED] = "recovered",
		[REPORT_PANIC_REPANICKED] = "panicked again with the same value",
		[REPORT_PANIC_REPLACED] = "replaced by another panic",
		[REPORT_PANIC_ENDED] = "ended by runtime.Goexit",
		[REPORT_PANIC_DIED] = "not recovered: the process died",
	};
	bool any = false;
	size_t i;

	fprintf(out, "    %s%" PRIu64 " time%s", p->watched < 1 ? "at least " : "", p->count,
		p->count == 1 ? "" : "s");
	if (p->watched < 1)
		fprintf(out, " (watched for %.3g percent of the time)", 100 * p->watched);
	for (i = 0; i < REPORT_PANIC_OUTCOMES && p->kind != REPORT_PANIC_GOEXIT; i++) {
		if (!any && p->outcomes[i])
			fputs(": ", out);
		print_outcome(out, p->outcomes[i], words[i], &any);
		if (i == REPORT_PANIC_RECOVERED && p->outcomes[i] && p->recovered_in[0]) {
			fputs(" in ", out);
			escape_text(out, p->recovered_in);
			fputs(p->recovered_elsewhere ? " and others" : "", out);
		}
	}
	if (report_panic_unknown(p))
		fprintf(out, "%s what became of %" PRIu64 " is not known", any ? ";" : ":",
			report_panic_unknown(p));
	fputc('\n', out);
}

static void print_stack(FILE *out, const struct report_access *at, const struct text_style *style)
{
	size_t i, shown = 0;

	fputs("    first", out);
	if (at->goroutine)
		fprintf(out, " by goroutine %" PRIu64, at->goroutine);
	fputs(":\n", out);
	for (i = 0; i < at->nframes; i++) {
		if (at->frames[i].runtime && !style->verbose)
			continue;
		if (shown++ == FRAMES_SHOWN && !style->verbose) {
			fputs("      ...\n", out);
			break;
		}
		fputs("      ", out);
		print_frame(out, &at->frames[i], style);
		fputc('\n', out);
	}
	if (at->partial)
		fputs("      [its callers are not known]\n", out);
	else if (at->truncated && i == at->nframes)
		fputs("      [outer callers are missing: the stack walk ended early]\n", out);
}

static void print_panic(FILE *out, const struct report *report, const struct report_panic *panic,
			const struct text_style *style)
{
	const struct report_frame *site = report_access_site(&panic->access);

	fprintf(out, "  %s", what(panic));
	if (panic->type[0]) {
		fputs(" with a ", out);
		escape_text(out, panic->type);
	}
	if (panic->message[0]) {
		fputs(" (", out);
		escape_text(out, panic->message);
		fputc(')', out);
	}
	fputs(" in ", out);
	if (site)
		print_frame(out, site, style);
	else
		fputs("a place that is not known", out);
	if (report->ntargets > 1)
		fprintf(out, ", process %" PRIu32, panic->pid);
	fputc('\n', out);
	print_outcomes(out, panic);
	print_stack(out, &panic->access, style);
}

void text_print_panics(FILE *out, const struct report *report, const struct text_style *style)
{
	size_t n = report->npanics, shown = style->verbose || n <= PANICS_SHOWN ? n : PANICS_SHOWN;
	size_t i;

	if (!report->panics_watched)
		return;
	print_head(out, report, shown, style);
	for (i = 0; i < shown; i++)
		print_panic(out, report, &report->panics[i], style);
}
