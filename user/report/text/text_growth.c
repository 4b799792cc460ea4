/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/printers.h"
#include "report/text/style.h"
#include "report/words/words_growth.h"

#define GROWTHS_SHOWN 20
#define PARTS_SHOWN 4

/* Most work first; what took as much, in the order of the report, which is that of time. */
static int compare_work(const void *a, const void *b)
{
	const struct report_growth *x = *(const struct report_growth *const *)a;
	const struct report_growth *y = *(const struct report_growth *const *)b;

	if (x->busy_ns != y->busy_ns)
		return x->busy_ns > y->busy_ns ? -1 : 1;
	return (x > y) - (x < y);
}

static void print_head(FILE *out, size_t n, size_t shown, const struct text_style *style)
{
	fprintf(out, "%sMAP GROWTH: ", style->color ? BOLD : "");
	if (!n)
		fputs("none seen", out);
	else if (shown < n)
		fprintf(out, "%zu of %zu, those that took most work", shown, n);
	else
		fprintf(out, "%zu seen", n);
	fprintf(out, "%s\n", style->color ? PLAIN : "");
}

static void print_map(FILE *out, const struct report *report, const struct report_growth *growth)
{
	const struct report_map *map = &growth->map;

	fputs("  ", out);
	words_growth_map(out, growth);
	if (report->ntargets > 1)
		fprintf(out, " of process %" PRIu32, growth->pid);
	if (map->header_known)
		fprintf(out, ", %" PRIu64 " entr%s", map->len, map->len == 1 ? "y" : "ies");
	fputs(": ", out);
	words_growth_change(out, growth);
	fputc('\n', out);
}

/* One a line, below each other. */
static void print_parts(FILE *out, const char *head, const struct report_growth *growth, size_t n,
			void (*say)(FILE *, const struct report_growth *, size_t),
			const struct text_style *style)
{
	size_t shown = style->verbose || n <= PARTS_SHOWN ? n : PARTS_SHOWN, i;

	for (i = 0; i < shown; i++) {
		fprintf(out, "    %-*s ", (int)strlen(head), i ? "" : head);
		say(out, growth, i);
		fputc('\n', out);
	}
	if (shown < n)
		fprintf(out, "    %*s and %zu more\n", (int)strlen(head), "", n - shown);
}

static void print_growth(FILE *out, const struct report *report, const struct report_growth *growth,
			 const struct text_style *style)
{
	size_t n = growth->niterators;
	char head[64];

	print_map(out, report, growth);
	fputs("    ", out);
	words_growth_time(out, growth);
	fputc('\n', out);
	print_parts(out, "paid by", growth, growth->npayers, words_growth_payer, style);
	snprintf(head, sizeof(head), "%zu %s open:", n,
		 n == 1 ? "iteration was" : "iterations were");
	print_parts(out, head, growth, n, words_growth_iterator, style);
}

void text_print_growths(FILE *out, const struct report *report, const struct text_style *style)
{
	size_t n = report->ngrowths,
	       shown = style->verbose || n <= GROWTHS_SHOWN ? n : GROWTHS_SHOWN;
	const struct report_growth **order;
	size_t i;

	if (!report->growth)
		return;
	order = calloc(n ? n : 1, sizeof(*order));
	if (!order)
		return;
	for (i = 0; i < n; i++)
		order[i] = &report->growths[i];
	qsort(order, n, sizeof(*order), compare_work);
	print_head(out, n, shown, style);
	for (i = 0; i < shown; i++)
		print_growth(out, report, order[i], style);
	free(order);
}
