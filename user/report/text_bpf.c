/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Findings in kernel BPF maps as text. */
#include <inttypes.h>
#include <stdio.h>

#include "report/duration.h"
#include "report/escape.h"
#include "report/printers.h"

#define RULE "==================\n"
#define RED_BOLD "\033[1;31m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

static void print_program(FILE *out, const struct report_actor *actor)
{
	if (!actor->prog_id) {
		fputs("a BPF program that is not known", out);
		return;
	}
	fputs("BPF program ", out);
	escape_text(out, actor->prog_name && actor->prog_name[0] ? actor->prog_name : "?");
	fprintf(out, " (id %" PRIu32 ", ", actor->prog_id);
	escape_text(out, actor->prog_type);
	fputs(", tag ", out);
	escape_text(out, actor->prog_tag);
	fputc(')', out);
}

static void print_actor(FILE *out, const struct report_actor *actor,
			const struct report_access *access)
{
	if (actor->program) {
		print_program(out, actor);
		fprintf(out, " on cpu %" PRIu32, access->cpu);
		return;
	}
	fputs("process ", out);
	escape_text(out, actor->comm && actor->comm[0] ? actor->comm : "?");
	fprintf(out, " (pid %" PRIu32 ", thread %" PRIu32 ", cpu %" PRIu32 ")", actor->pid,
		access->tid, access->cpu);
}

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

static void print_bytes(FILE *out, const char *what, const char *bytes, const char *typed)
{
	fprintf(out, "%s", what);
	escape_text(out, bytes);
	if (typed && typed[0]) {
		fputs(" = ", out);
		escape_text(out, typed);
	}
}

/* The three steps of a lost update, in the order of time. */
static void print_lost(FILE *out, const struct report_race *race)
{
	const struct report_bpf *b = race->bpf;
	const struct report_access *back = &race->access[0], *between = &race->access[1];

	fprintf(out, "Read at +%.6f s by ", (double)b->read_ns / 1e9);
	print_actor(out, &b->actor[0], back);
	fputc('\n', out);
	print_origin(out, &b->actor[0]);
	fprintf(out, "%s at +%.6f s by ", between->op == REPORT_DELETE ? "Deleted" : "Overwritten",
		(double)between->time_ns / 1e9);
	print_actor(out, &b->actor[1], between);
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
		print_actor(out, &b->actor[i ^ 1], a);
		fputc('\n', out);
		print_origin(out, &b->actor[i ^ 1]);
	}
}

void text_print_bpf(FILE *out, const struct report_race *race, double elapsed_s,
		    const struct text_style *style)
{
	const struct report_bpf *b = race->bpf;
	bool lost = race->kind == REPORT_LOST_UPDATE;

	fputs(RULE, out);
	fprintf(out, "%sWARNING: %s%s\n", style->color ? RED_BOLD : "",
		lost ? "LOST UPDATE OF A BPF MAP (proven)"
		     : "CONCURRENT UPDATES OF A BPF MAP (suspect)",
		style->color ? PLAIN : "");
	if (lost)
		print_lost(out, race);
	else
		print_concurrent(out, race);
	fputs("Map: ", out);
	escape_text(out, b->map_name && b->map_name[0] ? b->map_name : "(no name)");
	fprintf(out, " (id %" PRIu32 ", ", b->map_id);
	escape_text(out, b->map_type);
	fputs(")", out);
	print_bytes(out, ", key ", b->key, b->key_typed);
	fputc('\n', out);
	if (race->access[0].op != REPORT_DELETE) {
		print_bytes(out, "Value written: ", b->value, b->value_typed);
		fprintf(out, "%s\n", b->differs ? "" : " (the same as what it replaced)");
	}
	fprintf(out, "%sSeen%s %" PRIu64 " %s in %s", style->color ? BOLD : "",
		style->color ? PLAIN : "", race->count, race->count == 1 ? "time" : "times",
		duration_format(elapsed_s * 1e9).s);
	if (lost)
		fprintf(out, ", %" PRId64 " %s lost", b->lost, b->lost == 1 ? "update" : "updates");
	fputs("\n" RULE, out);
}
