/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <math.h>

#include "model/evidence.h"
#include "report/words/duration.h"
#include "report/html/html_parts.h"
#include "report/words/words.h"

double html_percent(double part, double whole)
{
	double p = whole > 0 ? part / whole * 100 : 0;

	return p >= 0 && p <= 100 ? p : p > 100 ? 100 : 0;
}

/* --- the conflict --- */

struct span { /* of the two operations, in ns since from */
	double begin[2], end[2];
	double whole;
	bool known;
};

/*
 * Collision: the one was held from its entry on, and was still held when the other one entered.
 * Otherwise each operation is the moment of its entry.
 */
static struct span span_of(const struct report_race *race)
{
	double a = (double)race->access[0].time_ns, b = (double)race->access[1].time_ns;
	struct span s = {.known = false};
	double from;

	if (evidence_kind(race->evidence)->held && race->held_ns) {
		s.known = true;
		s.whole = (double)race->held_ns * 1.25;
		s.end[1] = s.whole;
		s.begin[0] = s.end[0] = (double)race->held_ns;
		return s;
	}
	if (!race->has_other || !race->access[0].time_ns || !race->access[1].time_ns)
		return s;
	from = a < b ? a : b;
	s.known = true;
	s.begin[0] = s.end[0] = a - from;
	s.begin[1] = s.end[1] = b - from;
	s.whole = fabs(a - b) * 1.25;
	if (!(s.whole > 0))
		s.whole = 1;
	return s;
}

static void print_lane(FILE *out, const struct report_race *race, size_t which,
		       const struct span *s)
{
	double left = html_percent(s->begin[which], s->whole);
	double width = html_percent(s->end[which] - s->begin[which], s->whole);

	fprintf(out, "<div class=\"lane %s\"><span>",
		which == report_first_access(race) ? "a" : "b");
	fputs(words_op(race->access[which].op), out);
	fputs(" by ", out);
	html_words_at(out, words_who, race, which);
	fputs("</span><div class=track>", out);
	if (width > 0)
		fprintf(out, "<i class=bar style=\"left:%.2f%%;width:%.2f%%\"></i>", left, width);
	else
		fprintf(out, "<i class=tick style=\"left:%.2f%%\"></i>", left);
	fputs("</div></div>\n", out);
}

void html_moment(FILE *out, const struct report_race *race)
{
	struct span s = span_of(race);
	size_t first = report_first_access(race);
	double distance = fabs(s.begin[0] - s.begin[1]);

	if (!s.known)
		return;
	fputs("<figure class=moment>\n", out);
	print_lane(out, race, first, &s);
	print_lane(out, race, first ^ 1, &s);
	fprintf(out,
		"<div class=axis><span style=\"left:0\">0</span><span style=\"left:%.2f%%\">%s</span>"
		"</div>\n<figcaption>%s</figcaption>\n</figure>\n",
		html_percent(distance, s.whole), duration_format(distance).s,
		evidence_kind(race->evidence)->held
			? "To scale: the bar is the operation that was held, the mark is where the "
			  "other one entered."
			: "To scale: the marks are the moments at which the operations were seen.");
}

/* --- the run --- */

static void print_bins(FILE *out, const struct report_sightings *s, double duration_s)
{
	uint64_t most = 0;
	size_t i;

	for (i = 0; i < s->nbins; i++)
		if (s->bins[i] > most)
			most = s->bins[i];
	for (i = 0; i < s->nbins; i++)
		if (s->bins[i])
			fprintf(out,
				"<i style=\"left:%.2f%%;width:%.2f%%;height:%.1f%%\" "
				"title=\"%" PRIu64 " from %.2f s on\"></i>",
				html_percent((double)i * s->bin_s, duration_s),
				html_percent(s->bin_s, duration_s),
				4 + html_percent((double)s->bins[i], (double)most) * 0.96,
				s->bins[i], (double)i * s->bin_s);
}

void html_run(FILE *out, const struct report_race *race, double duration_s)
{
	if (!(duration_s > 0))
		return;
	fputs("<figure class=run>\n<div class=track>", out);
	if (race->sightings.nbins) {
		print_bins(out, &race->sightings, duration_s);
	} else {
		fprintf(out, "<i style=\"left:%.2f%%;height:100%%\"></i>",
			html_percent(race->first_seen_s, duration_s));
		if (race->count > 1)
			fprintf(out, "<i style=\"left:%.2f%%;height:100%%\"></i>",
				html_percent(race->last_seen_s, duration_s));
	}
	fprintf(out,
		"</div>\n<div class=axis><span style=\"left:0\">0</span>"
		"<span class=end>%s</span></div>\n"
		"<figcaption>When it was seen, over the whole run.</figcaption>\n</figure>\n",
		duration_format(duration_s * 1e9).s);
}

/* --- distances --- */

static size_t log2_of(uint64_t ns)
{
	size_t n = 0;

	while (ns >>= 1)
		n++;
	return n < REPORT_DISTANCES ? n : REPORT_DISTANCES - 1;
}

static void collect(const struct report *report, uint64_t *proven, uint64_t *close)
{
	size_t i, k;

	for (i = 0; i < report->nraces; i++)
		if (evidence_kind(report->races[i].evidence)->held && report->races[i].held_ns)
			proven[log2_of(report->races[i].held_ns)]++;
	for (i = 0; i < report->nsuspects; i++)
		for (k = 0; k < REPORT_DISTANCES; k++)
			close[k] += report->suspects[i].distances[k];
}

static void print_row(FILE *out, size_t k, uint64_t proven, uint64_t close, uint64_t most)
{
	fprintf(out, "<div class=dist><span>%s</span><div class=track>",
		duration_format((double)(1ull << k)).s);
	if (proven)
		fprintf(out, "<i class=a style=\"width:%.2f%%\"></i>",
			html_percent((double)proven, (double)most));
	if (close)
		fprintf(out, "<i class=b style=\"width:%.2f%%\"></i>",
			html_percent((double)close, (double)most));
	fputs("</div><span>", out);
	if (proven)
		fprintf(out, "%" PRIu64 " proven", proven);
	if (close)
		fprintf(out, "%s%" PRIu64 " close", proven ? ", " : "", close);
	fputs("</span></div>\n", out);
}

void html_distances(FILE *out, const struct report *report)
{
	uint64_t proven[REPORT_DISTANCES] = {0}, close[REPORT_DISTANCES] = {0}, most = 0;
	size_t k, from = REPORT_DISTANCES, to = 0;

	collect(report, proven, close);
	for (k = 0; k < REPORT_DISTANCES; k++) {
		if (!proven[k] && !close[k])
			continue;
		if (from > k)
			from = k;
		to = k;
		if (proven[k] > most)
			most = proven[k];
		if (close[k] > most)
			most = close[k];
	}
	if (!most)
		return;
	fputs("<section id=distances>\n<h2>How far apart</h2>\n<p>Time between the two operations, "
	      "by powers of two: of each proof its first sighting, of each suspect all.</p>\n",
	      out);
	for (k = from; k <= to; k++)
		print_row(out, k, proven[k], close[k], most);
	fputs("</section>\n", out);
}
