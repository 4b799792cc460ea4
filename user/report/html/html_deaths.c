/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Processes that have died, and snapshots: goroutines, maps and how full they are. */
#include <inttypes.h>
#include <stdio.h>

#include "model/snapshot.h"
#include "report/html/html_groups.h"
#include "report/html/html_parts.h"
#include "report/words/duration.h"
#include "report/words/words.h"
#include "report/xml.h"

static void print_side(FILE *out, const struct report_death_side *side)
{
	fprintf(out, "<section class=\"access %s\"><h3>Goroutine %" PRIu64 " ",
		side->role == REPORT_DEATH_DIED ? "a" : "b", side->at.nids ? side->at.ids[0] : 0);
	words_death_side(out, side);
	fputs("</h3>\n", out);
	html_group_stack(out, &side->at);
	fputs("</section>\n", out);
}

/* How full each part of it is. */
static void print_heat(FILE *out, const struct report_map_dump *m)
{
	size_t i;

	if (m->nheat < 2)
		return;
	fputs("<figure class=\"lane b\"><figcaption>how full each part of it is", out);
	if (m->heat_seen < m->nheat)
		fprintf(out, "; the first %zu of %zu parts were looked at", m->heat_seen, m->nheat);
	fputs("</figcaption><div class=track>", out);
	for (i = 0; i < m->heat_seen; i++)
		fprintf(out, "<i style=\"left:%.2f%%;width:%.2f%%;opacity:%.2f\"></i>",
			html_percent((double)i, (double)m->nheat),
			html_percent(1, (double)m->nheat), html_percent(m->heat[i], 1) / 100);
	fputs("</div></figure>\n", out);
}

static void print_map(FILE *out, const struct report_map_dump *m)
{
	size_t i;

	fprintf(out, "<h3>Map at <code>0x%012" PRIx64 "</code>: <code>", m->map.addr);
	xml_text(out, m->map.type);
	fprintf(out, "</code>, %" PRIu64 " entries, %" PRIu64 " slots: <span class=%s>", m->map.len,
		m->capacity, m->integrity == REPORT_BROKEN ? "bad" : "verdict");
	xml_text(out, report_integrity_name(m->integrity));
	fputs("</span></h3>\n", out);
	if (m->reason[0]) {
		fputs("<p class=note>", out);
		xml_text(out, m->reason);
		fputs("</p>\n", out);
	}
	print_heat(out, m);
	if (m->ndefects)
		fputs("<ul>\n", out);
	for (i = 0; i < m->ndefects; i++) {
		fputs("<li>", out);
		xml_text(out, m->defects[i].where);
		fputs(": ", out);
		xml_text(out, m->defects[i].what);
		fputs("</li>\n", out);
	}
	if (m->ndefects)
		fputs("</ul>\n", out);
}

static void print_seen(FILE *out, const struct report_snapshot *s)
{
	size_t i;

	for (i = 0; i < s->nmaps; i++)
		print_map(out, &s->maps[i]);
	for (i = 0; i < s->nnotes; i++) {
		fputs("<p class=note>", out);
		xml_text(out, s->notes[i]);
		fputs("</p>\n", out);
	}
	fprintf(out, "<h3>%" PRIu64 " goroutines, %" PRIu32 " threads</h3>\n", s->goroutines,
		s->threads);
	html_groups(out, s);
}

static void print_death(FILE *out, const struct report_death *d)
{
	size_t i;

	fprintf(out, "<article class=death>\n<h2>Process %" PRIu32 " died: %s", d->seen.pid,
		words_death_cause(d));
	xml_text(out, d->message);
	fputs("</h2>\n<div class=pair>\n", out);
	for (i = 0; i < d->nsides; i++)
		print_side(out, &d->sides[i]);
	fputs("</div>\n", out);
	html_graph(out, d);
	if (d->not_identified[0]) {
		fputs("<p class=note>The other one is not identified: ", out);
		xml_text(out, d->not_identified);
		fputs("</p>\n", out);
	}
	for (i = 0; i < d->nrunning; i++)
		print_side(out, &d->running[i]);
	fprintf(out, "<p>Stood still for %s</p>\n", duration_format((double)d->stopped_ns).s);
	print_seen(out, &d->seen);
	fputs("</article>\n", out);
}

void html_deaths(FILE *out, const struct report *report)
{
	size_t i;

	for (i = 0; i < report->ndeaths; i++)
		print_death(out, &report->deaths[i]);
	for (i = 0; i < report->nsnapshots; i++) {
		const struct report_snapshot *s = &report->snapshots[i];

		fprintf(out, "<section class=snapshot>\n<h2>Snapshot of process %" PRIu32 "</h2>\n",
			s->pid);
		fprintf(out, "<p>Frozen for %s</p>\n", duration_format((double)s->freeze_ns).s);
		print_seen(out, s);
		fputs("</section>\n", out);
	}
}
