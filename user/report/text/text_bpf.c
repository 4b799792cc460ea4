/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Findings in kernel BPF maps as text. */
#include <inttypes.h>
#include <stdio.h>

#include "report/words/duration.h"
#include "base/escape.h"
#include "report/printers.h"
#include "report/text/style.h"
#include "report/words/words.h"

static void print_origin(FILE *out, const struct report_actor *actor)
{
	if (actor->program || !actor->exe || !actor->exe[0])
		return;
	fputs("      ", out);
	escape_text(out, actor->exe);
	if (actor->cgroup && actor->cgroup[0]) {
		fputs(", cgroup ", out);
		escape_text(out, actor->cgroup);
	}
	fputc('\n', out);
}

/* The three steps of a lost update, in the order of time. */
static void print_lost(FILE *out, const struct report_race *race)
{
	const struct report_bpf *b = race->bpf;
	const struct report_access *back = &race->access[0], *between = &race->access[1];

	fprintf(out, "Read at +%.6f s by ", (double)b->read_ns / 1e9);
	words_who(out, race, 0);
	fputc('\n', out);
	print_origin(out, &b->actor[0]);
	fprintf(out, "%s at +%.6f s by ", between->op == REPORT_DELETE ? "Deleted" : "Overwritten",
		(double)between->time_ns / 1e9);
	words_who(out, race, 1);
	fputc('\n', out);
	print_origin(out, &b->actor[1]);
	fprintf(out,
		"%s at +%.6f s by the first, %s after its read and %s after the other's update\n",
		back->op == REPORT_DELETE ? "Deleted" : "Written back", (double)back->time_ns / 1e9,
		duration_format((double)(back->time_ns - b->read_ns)).s,
		duration_format((double)(back->time_ns - between->time_ns)).s);
}

static void print_concurrent(FILE *out, const struct report_race *race)
{
	const struct report_bpf *b = race->bpf;
	size_t i;

	for (i = 0; i < 2; i++) {
		const struct report_access *a = &race->access[i ^ 1];

		fprintf(out, "%s at +%.6f s by ",
			i			 ? "Meanwhile another"
			: a->op == REPORT_DELETE ? "Deletion begun"
						 : "Update begun",
			(double)a->time_ns / 1e9);
		words_who(out, race, i ^ 1);
		fputc('\n', out);
		print_origin(out, &b->actor[i ^ 1]);
	}
}

void text_print_bpf(FILE *out, const struct report_race *race, double elapsed_s,
		    const struct text_style *style)
{
	const struct report_bpf *b = race->bpf;
	bool lost = race->kind == REPORT_LOST_UPDATE;

	if (b->audit) {
		text_print_audit(out, race, style);
		return;
	}
	fputs(RULE, out);
	fprintf(out, "%sWARNING: ", style->color ? RED_BOLD : "");
	words_title(out, race);
	fprintf(out, "%s\n", style->color ? PLAIN : "");
	if (lost)
		print_lost(out, race);
	else
		print_concurrent(out, race);
	fputs("Map: ", out);
	words_map(out, race);
	fputc('\n', out);
	if (race->access[0].op != REPORT_DELETE) {
		fputs("Value written: ", out);
		words_value(out, race);
		fprintf(out, "%s\n", b->differs ? "" : " (the same as what it replaced)");
	}
	if (b->doubt != REPORT_NO_DOUBT) {
		words_doubt(out, race);
		fputc('\n', out);
	}
	fprintf(out, "%sSeen%s %" PRIu64 " %s in %s", style->color ? BOLD : "",
		style->color ? PLAIN : "", race->count, race->count == 1 ? "time" : "times",
		duration_format(elapsed_s * 1e9).s);
	if (lost)
		fprintf(out, ", %" PRId64 " %s lost%s", b->lost,
			b->lost == 1 ? "update" : "updates",
			b->doubt == REPORT_NO_DOUBT ? "" : " if one did both");
	fputs("\n" RULE, out);
}
