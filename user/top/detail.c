/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "top/detail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "report/printers.h"

#define MAPS_SHOWN 200	/* worst first */
#define RACES_SHOWN 100 /* with their stacks */

static void print_named(FILE *out, const char *what, const char *text)
{
	if (!text[0])
		return;
	fprintf(out, "%-11s", what);
	escape_text(out, text);
	fputc('\n', out);
}

static void print_row(FILE *out, const struct top_row *row, double at_s)
{
	fprintf(out, "Process    %" PRIu32 "%s\n", row->pid, row->ended ? ", which has ended" : "");
	print_named(out, "Program", row->exe);
	print_named(out, "Command", row->args);
	print_named(out, "Go", row->go_version);
	print_named(out, "Container", row->container);
	print_named(out, "Pod", row->pod);
	print_named(out, "Unit", row->unit);
	if (!row->ended)
		fprintf(out, "Watched    for %.0f s\n", at_s - row->from_s);
	fprintf(out, "Operations ");
	top_print_number(out, (double)row->operations);
	fprintf(out, " seen, ");
	top_print_number(out, row->operations_per_s);
	fprintf(out, " a second; ");
	top_print_number(out, (double)row->holds);
	fprintf(out, " held\n");
	if (row->hits)
		fprintf(out,
			"Unseen     %.0f%% of the operations, while probes were away (estimate)\n",
			100 * row->unseen);
	fprintf(out, "Cost       %.2f%% of a CPU\n", row->cost_percent);
}

static void print_site(FILE *out, const struct report_access *access)
{
	const struct report_frame *site = report_access_site(access);

	fprintf(out, "%s ", report_op_name(access->op));
	escape_text(out, site && site->function && site->function[0] ? site->function : "?");
}

static void print_race(FILE *out, const struct report_race *race)
{
	size_t first = report_first_access(race);

	fprintf(out, "  %-10s %8" PRIu64 "  %8.1f s  ", report_evidence_name(race->evidence),
		race->count, race->last_seen_s);
	print_site(out, &race->access[first]);
	if (race->has_other) {
		fputs(", ", out);
		print_site(out, &race->access[!first]);
	}
	fputs("  ", out);
	escape_text(out, race->map.type);
	fputc('\n', out);
}

static void print_map(FILE *out, const struct report_maprow *map)
{
	fprintf(out, "  %-9s %18" PRIx64 " %10" PRIu32 " ", report_verdict_name(map->verdict),
		map->addr, map->goroutines);
	fprintf(out, "%10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64 "  ", map->reads,
		map->writes, map->holds, map->collisions);
	escape_text(out, map->type);
	fputc('\n', out);
}

static void print_maps(FILE *out, const struct top_row *row, const struct report *report)
{
	size_t i, n = 0;

	for (i = 0; i < report->nmaps; i++) {
		const struct report_maprow *map = &report->maps[i];

		if (map->pid != row->pid || (map->until_ns != 0) != row->ended)
			continue;
		if (!n++)
			fprintf(out,
				"\nMaps that several goroutines use and one writes\n"
				"  %-9s %18s %10s %10s %10s %8s %8s  %s\n",
				"verdict", "address", "goroutines", "reads", "writes", "holds",
				"met", "type");
		if (n <= MAPS_SHOWN)
			print_map(out, map);
	}
	if (!n)
		fprintf(out, "\nNo map that several goroutines use and one writes\n");
	if (n > MAPS_SHOWN)
		fprintf(out, "  and %zu more\n", n - MAPS_SHOWN);
}

static void print_races(FILE *out, const struct top_row *row, const struct report *report,
			const struct top_work *work, size_t nwork)
{
	size_t i;

	if (!row->races) {
		fprintf(out, "\nNo race found\n");
		return;
	}
	fprintf(out, "\nRaces\n  %-10s %8s  %10s\n", "evidence", "seen", "last");
	for (i = 0; i < report->nraces; i++)
		if (top_row_has(row, &report->races[i], work, nwork))
			print_race(out, &report->races[i]);
}

static void print_stacks(FILE *out, const struct top_row *row, const struct report *report,
			 const struct top_work *work, size_t nwork)
{
	static const struct text_style plain = {};
	size_t i, n = 0;

	for (i = 0; i < report->nraces && n < RACES_SHOWN; i++) {
		if (!top_row_has(row, &report->races[i], work, nwork))
			continue;
		if (!n++)
			fputc('\n', out);
		text_print_race(out, &report->races[i], report->duration_s, &plain);
	}
	if (n < row->races)
		fprintf(out, "and %" PRIu64 " more\n", row->races - n);
}

static int split(struct top_text *t)
{
	char *p;

	for (p = t->text; *p; p++)
		t->n += *p == '\n';
	t->lines = calloc(t->n + 1, sizeof(*t->lines));
	if (!t->lines)
		return -ENOMEM;
	t->n = 0;
	for (p = t->text; (t->lines[t->n] = p) && (p = strchr(p, '\n')); t->n++)
		*p++ = '\0';
	return 0;
}

void top_text_free(struct top_text *t)
{
	free(t->lines);
	free(t->text);
	*t = (struct top_text){};
}

int top_detail(struct top_text *t, const struct top_row *row, const struct report *report,
	       const struct top_work *work, size_t nwork)
{
	size_t size;
	FILE *out;
	int r;

	*t = (struct top_text){};
	out = open_memstream(&t->text, &size);
	if (!out)
		return -ENOMEM;
	print_row(out, row, report->duration_s);
	print_races(out, row, report, work, nwork);
	print_maps(out, row, report);
	print_stacks(out, row, report, work, nwork);
	r = fclose(out) ? -ENOMEM : split(t);
	if (r)
		top_text_free(t);
	return r;
}
