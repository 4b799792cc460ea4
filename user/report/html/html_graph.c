/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Goroutines, their call sites, and the map between them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/snapshot.h"
#include "report/html/html_groups.h"
#include "report/words/words.h"
#include "report/xml.h"

#define ROWS 12 /* more lines than that are not a picture */
#define ROW 46	/* units from row to row */
#define BOX 34
#define WIDE 260 /* of a box of the first two columns */
#define SITE_X 300
#define MAP_X 660
#define MAP_WIDE 200
#define SHOWN 36 /* of a text */

/* The end of a long text says most: "…main.(*Cache).Put" */
static void print_text(FILE *out, double x, double y, const char *text, const char *extra)
{
	size_t len = strlen(text);
	const char *from = text;

	fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">", x, y);
	if (len > SHOWN) {
		from += len - SHOWN;
		while ((*from & 0xc0) == 0x80) /* a whole code point */
			from++;
		fputs("\xe2\x80\xa6", out);
	}
	xml_text(out, from);
	xml_text(out, extra);
	fputs("</text>\n", out);
}

static void print_box(FILE *out, int x, double y, int wide, const char *class)
{
	fprintf(out, "<rect class=%s x=\"%d\" y=\"%.0f\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
		class, x, y, wide, BOX);
}

static void print_edge(FILE *out, double x, double y, double to_x, double to_y, const char *class)
{
	fprintf(out, "<path class=%s d=\"M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f\"/>\n", class, x,
		y, (x + to_x) / 2, y, (x + to_x) / 2, to_y, to_x, to_y);
}

static void print_row(FILE *out, const struct report_death_side *side, double y, double map_y)
{
	const struct report_frame *site = html_group_site(&side->at);
	const char *class = side->role == REPORT_DEATH_DIED ? "a" : "b";
	char who[64], line[32] = "";

	snprintf(who, sizeof(who), "goroutine %" PRIu64 ", %s",
		 side->at.nids ? side->at.ids[0] : (uint64_t)0, report_death_role_name(side->role));
	if (site && site->file[0])
		snprintf(line, sizeof(line), ":%d", site->line);
	print_box(out, 0, y, WIDE, class);
	print_text(out, 8, y + 21, who, "");
	print_edge(out, WIDE, y + BOX / 2.0, SITE_X, y + BOX / 2.0, class);
	print_box(out, SITE_X, y, WIDE, class);
	print_text(out, SITE_X + 8, y + 21, site ? site->function : "?", line);
	print_edge(out, SITE_X + WIDE, y + BOX / 2.0, MAP_X, map_y + BOX / 2.0,
		   side->in_operation ? "hot" : class);
	fprintf(out, "<text x=\"%d\" y=\"%.0f\" class=op>%s</text>\n", SITE_X + WIDE + 24,
		y + BOX / 2.0 + (y > map_y ? 16 : -7),
		side->in_operation ? words_op(side->op) : "was inside");
}

void html_graph(FILE *out, const struct report_death *d)
{
	size_t i, n = d->nsides < ROWS ? d->nsides : ROWS;
	double map_y = (double)(n ? n - 1 : 0) * ROW / 2;
	char addr[32];

	if (!d->map_known || n < 2)
		return;
	snprintf(addr, sizeof(addr), "0x%012" PRIx64, d->map.addr);
	fprintf(out,
		"<figure><figcaption>who was in conflict over which map</figcaption>\n"
		"<svg class=graph viewBox=\"-1 -1 %d %zu\" role=img aria-label=\"goroutines, call "
		"sites and the map\">\n",
		MAP_X + MAP_WIDE + 2, n * ROW);
	for (i = 0; i < n; i++)
		print_row(out, &d->sides[i], (double)(i * ROW), map_y);
	print_box(out, MAP_X, map_y, MAP_WIDE, "map");
	print_text(out, MAP_X + 8, map_y + 14, d->map.type && d->map.type[0] ? d->map.type : "map",
		   "");
	print_text(out, MAP_X + 8, map_y + 28, addr, "");
	fputs("</svg></figure>\n", out);
}
