/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>

#include "report/words/duration.h"
#include "report/html/html_parts.h"
#include "report/xml.h"

/* A number that sorts as one. */
static void print_number(FILE *out, uint64_t n)
{
	fprintf(out, "<td data-v=\"%" PRIu64 "\">%" PRIu64 "</td>", n, n);
}

static void print_map(FILE *out, const struct report_maprow *row)
{
	const char *verdict = report_verdict_name(row->verdict);

	fprintf(out, "<tr><td class=\"verdict %s\" data-v=\"%s\">%s</td>", verdict, verdict,
		verdict);
	fputs("<td><code>", out);
	xml_text(out, row->type && row->type[0] ? row->type : "?");
	fprintf(out, "</code></td><td><code>0x%012" PRIx64 "</code></td>", row->addr);
	print_number(out, row->pid);
	print_number(out, row->goroutines);
	print_number(out, row->reads);
	print_number(out, row->writes);
	print_number(out, row->holds);
	fprintf(out, "<td data-v=\"%.6g\">%.1f</td>", row->expected, row->expected);
	print_number(out, row->collisions);
	fputs("</tr>\n", out);
}

void html_maps(FILE *out, const struct report *report)
{
	static const char *const heads[] = {"verdict",	  "type",      "address", "pid",
					    "goroutines", "reads",     "writes",  "holds",
					    "expected",	  "collisions"};
	size_t i;

	if (!report->nmaps)
		return;
	fputs("<section id=maps>\n<h2>Maps used by several goroutines and written</h2>\n"
	      "<div class=scroll><table class=sort>\n<thead><tr>",
	      out);
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		fprintf(out, "<th><button type=button>%s</button></th>", heads[i]);
	fputs("</tr></thead>\n<tbody>\n", out);
	for (i = 0; i < report->nmaps; i++)
		print_map(out, &report->maps[i]);
	fputs("</tbody>\n</table></div>\n<p class=note>expected: collisions that there would have "
	      "been had the accesses been independent of the holds.</p>\n</section>\n",
	      out);
}

static void print_fact(FILE *out, const char *name, const char *value)
{
	fprintf(out, "<dt>%s</dt><dd>%s</dd>\n", name, value);
}

static void print_count(FILE *out, const char *name, uint64_t n)
{
	fprintf(out, "<dt>%s</dt><dd>%" PRIu64 "</dd>\n", name, n);
}

static void print_losses(FILE *out, const struct report_stats *stats)
{
	bool any = stats->events_lost != 0;
	size_t i;

	for (i = 0; i < stats->nlosses; i++)
		any |= stats->losses[i].value != 0;
	fputs("<h3>Losses and blind spots</h3>\n", out);
	if (!any) {
		fputs("<p>None.</p>\n", out);
		return;
	}
	fputs("<dl class=losses>\n", out);
	if (stats->events_lost)
		print_count(out, "events that never reached user space", stats->events_lost);
	for (i = 0; i < stats->nlosses; i++) {
		if (!stats->losses[i].value)
			continue;
		fputs("<dt>", out);
		xml_text(out, stats->losses[i].meaning && stats->losses[i].meaning[0]
				      ? stats->losses[i].meaning
				      : stats->losses[i].name);
		fprintf(out, "</dt><dd>%" PRIu64 "</dd>\n", stats->losses[i].value);
	}
	fputs("</dl>\n", out);
}

void html_cost(FILE *out, const struct report *report)
{
	const struct report_stats *stats = &report->stats;
	char cost[32];

	fputs("<section id=cost>\n<h2>What the run cost</h2>\n<dl>\n", out);
	print_count(out, "operations", stats->operations);
	print_count(out, "holds", stats->holds);
	print_fact(out, "held in all", duration_format((double)stats->hold_ns).s);
	if (stats->cost_percent >= 0) {
		snprintf(cost, sizeof(cost), "%.1f%% of one CPU", stats->cost_percent);
		print_fact(out, "cost", cost);
	}
	print_count(out, "probe sites", stats->probe_sites);
	print_fact(out, "attached in", duration_format(stats->attach_ms * 1e6).s);
	fputs("</dl>\n", out);
	print_losses(out, stats);
	fputs("</section>\n", out);
}
