/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>

#include "base/escape.h"
#include "report/printers.h"
#include "report/text/style.h"
#include "report/words/duration.h"

#define MAKERS_SHOWN 5
#define WAITS_SHOWN 4

static void print_place(FILE *out, const struct report_frame *at)
{
	if (!at->function || !at->function[0]) {
		fputs("a place that is not known", out);
		return;
	}
	escape_text(out, at->function);
	if (at->file && at->file[0]) {
		fputs(" at ", out);
		escape_text(out, at->file);
		fprintf(out, ":%d", at->line);
	}
}

static void print_head(FILE *out, const struct report_vitals *v, const struct text_style *style)
{
	int i;

	fprintf(out, "%sGOROUTINES%s of process %" PRIu32 " (", style->color ? BOLD : "",
		style->color ? PLAIN : "", v->pid);
	escape_text(out, v->exe);
	fprintf(out, ")%s: %s%" PRIu64, v->ended ? ", which has ended" : "",
		v->scale > 1 ? "about " : "", v->goroutines);
	for (i = 0; i < REPORT_GOROUTINE_STATES; i++)
		if (v->states[i])
			fprintf(out, ", %" PRIu64 " %s", v->states[i],
				report_goroutine_state_name((enum report_goroutine_state)i));
	fprintf(out, "; %" PRIu64 " of the runtime\n", v->system);
	if (v->scale > 1)
		fprintf(out, "  one of %" PRIu64 " was read: they are too many\n", v->scale);
}

static void print_waits(FILE *out, const struct report_vitals *v, const struct text_style *style)
{
	size_t shown = style->verbose || v->nwaits < WAITS_SHOWN ? v->nwaits : WAITS_SHOWN, i;

	for (i = 0; i < shown; i++) {
		fprintf(out, "%s%" PRIu64 " ", i ? ", " : "  waiting: ", v->waits[i].goroutines);
		escape_text(out, v->waits[i].reason);
	}
	if (shown)
		fputc('\n', out);
	if (v->oldest_wait_s < 0)
		return;
	fprintf(out, "  for longest: %s at least (", duration_format(v->oldest_wait_s * 1e9).s);
	escape_text(out, v->oldest_reason);
	fputs("), created by ", out);
	print_place(out, &v->oldest);
	fputc('\n', out);
}

/* It is a suspicion, and says so. */
static void print_named(FILE *out, const struct report_maker *m, const struct text_style *style)
{
	fprintf(out, "  %sperhaps a leak%s: ", style->color ? RED_BOLD : "",
		style->color ? PLAIN : "");
	print_place(out, &m->at);
	fprintf(out,
		"\n    makes goroutines that do not end: by %.0f a second for %.0f s, from %" PRIu64
		" on; %" PRIu64 " at the last look%s\n",
		m->per_second, m->seconds, m->from, m->goroutines,
		m->grows ? "" : "; it has stopped growing");
}

static void print_makers(FILE *out, const struct report_vitals *v, const struct text_style *style)
{
	size_t i, shown = 0, hidden = 0;
	uint64_t rest = v->goroutines;

	for (i = 0; i < v->nmakers; i++) {
		const struct report_maker *m = &v->makers[i];

		if (m->named) {
			print_named(out, m, style);
		} else if (style->verbose || shown++ < MAKERS_SHOWN) {
			fprintf(out, "  %" PRIu64 " created by ", m->goroutines);
			print_place(out, &m->at);
			fputc('\n', out);
		} else {
			hidden++;
			continue;
		}
		rest -= m->goroutines < rest ? m->goroutines : rest;
	}
	if (rest)
		fprintf(out, "  %" PRIu64 " created at other places%s\n", rest,
			hidden ? " (-v shows more of them)" : "");
}

static void print_runtime(FILE *out, const struct report_vitals *v)
{
	if (v->ps_known)
		fprintf(out,
			"  %" PRIu64 " Ps (GOMAXPROCS): %" PRIu64 " running, %" PRIu64
			" in system calls, %" PRIu64 " idle",
			v->ps, v->ps_running, v->ps_syscall, v->ps_idle);
	else
		fputs("  Ps: not known", out);
	if (v->ms_known)
		fprintf(out, "; %" PRIu64 " Ms\n", v->ms);
	else
		fputs("; Ms: not known\n", out);
	if (v->gc_known)
		fprintf(out,
			"  %" PRIu64 " collections (%" PRIu64 " forced), stopped for %s in all",
			v->gc_cycles, v->gc_forced, duration_format((double)v->gc_pause_ns).s);
	else
		fputs("  collections: not known", out);
	if (!v->heap_known) {
		fputs("; heap: not known\n", out);
		return;
	}
	fprintf(out, "; heap %.1f MB, of which %.1f MB were alive at the last",
		(double)v->heap_live / 1e6, (double)v->heap_marked / 1e6);
	if (v->heap_goal == UINT64_MAX)
		fputs("; no goal (GOGC=off)", out);
	else
		fprintf(out, "; goal %.1f MB (GOGC=%d)", (double)v->heap_goal / 1e6, v->gc_percent);
	if (v->memory_limit != INT64_MAX)
		fprintf(out, ", less near its memory limit of %.1f MB",
			(double)v->memory_limit / 1e6);
	fputc('\n', out);
}

void text_print_vitals(FILE *out, const struct report *report, const struct text_style *style)
{
	size_t i;

	for (i = 0; i < report->nvitals; i++) {
		const struct report_vitals *v = &report->vitals[i];

		print_head(out, v, style);
		print_waits(out, v, style);
		print_makers(out, v, style);
		print_runtime(out, v);
	}
}
