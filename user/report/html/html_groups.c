/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Groups of goroutines, to be unfolded and searched. */
#include <inttypes.h>
#include <stdio.h>

#include "model/snapshot.h"
#include "report/html/html_groups.h"
#include "report/html/html_parts.h"
#include "report/words/words.h"
#include "report/xml.h"

#define MANY 5 /* groups, of which one is looked for by its text */

static void print_frame(FILE *out, const struct report_frame *f)
{
	fprintf(out, "<li%s><code>", f->runtime ? " class=rt" : "");
	xml_text(out, f->function[0] ? f->function : "?");
	fputs("</code>", out);
	if (f->file[0]) {
		fputs(" <small>", out);
		xml_text(out, words_file(f));
		fprintf(out, ":%d</small>", f->line);
	}
	fputs("</li>\n", out);
}

static void print_labels(FILE *out, const struct report_group *g)
{
	size_t i;

	for (i = 0; i < g->nlabel_sets; i++) {
		const struct report_label_set *s = &g->label_sets[i];

		fputs("<p>", out);
		words_label_set(out, g, s);
		fputs(": ", out);
		html_labels(out, s->labels, s->n);
		fputs("</p>\n", out);
	}
	if (g->labelled_more)
		fprintf(out, "<p>Other labels: %" PRIu64 "</p>\n", g->labelled_more);
}

void html_group_stack(FILE *out, const struct report_group *g)
{
	size_t i;

	fputs("<ul class=stack>\n", out);
	for (i = 0; i < g->nframes; i++)
		print_frame(out, &g->frames[i]);
	fputs("</ul>\n", out);
	if (!g->nframes)
		fputs("<p class=note>stack unknown</p>\n", out);
	else if (g->truncated)
		fputs("<p class=note>outer callers are missing</p>\n", out);
	if (g->approximate)
		fputs("<p class=note>inner callers may be missing</p>\n", out);
	if (g->created_by.known) {
		fputs("<p class=note>created at</p>\n<ul class=stack>\n", out);
		print_frame(out, &g->created_by.at);
		fputs("</ul>\n", out);
	}
	print_labels(out, g);
}

const struct report_frame *html_group_site(const struct report_group *g)
{
	size_t i;

	for (i = 0; i < g->nframes; i++)
		if (!g->frames[i].runtime)
			return &g->frames[i];
	return g->nframes ? &g->frames[0] : NULL;
}

static void print_group(FILE *out, const struct report_group *g)
{
	const struct report_frame *site = html_group_site(g);

	fprintf(out, "<details class=fold><summary>%" PRIu64 " ", g->count);
	xml_text(out, g->state);
	fputs(g->wait[0] ? ", " : "", out);
	xml_text(out, g->wait);
	fputs(g->in_map ? " <b>inside a map operation</b>: <code>" : ": <code>", out);
	xml_text(out, site ? site->function : "?");
	fputs("</code></summary>\n", out);
	html_group_stack(out, g);
	fputs("</details>\n", out);
}

void html_groups(FILE *out, const struct report_snapshot *s)
{
	size_t i;

	fputs("<div class=groups>\n", out);
	if (s->ngroups > MANY)
		fputs("<p><input type=search aria-label=\"find groups\" placeholder=\"find: "
		      "function, file, state, label\"> <button>unfold or fold</button> "
		      "<output></output></p>\n",
		      out);
	for (i = 0; i < s->ngroups; i++)
		print_group(out, &s->groups[i]);
	fputs("</div>\n", out);
}
