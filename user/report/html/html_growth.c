/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <inttypes.h>
#include <stdlib.h>

#include "report/words/duration.h"
#include "report/html/html_parts.h"
#include "report/words/words.h"
#include "report/words/words_growth.h"
#include "report/xml.h"

#define LANES 20

struct lane { /* of one map */
	const struct report_growth **growths;
	size_t n;
	uint64_t busy_ns;
};

static void print_words(FILE *out, void (*say)(FILE *, const struct report_growth *),
			const struct report_growth *growth)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return;
	say(memory, growth);
	if (!fclose(memory))
		xml_plain(out, text);
	free(text);
}

static void print_words_at(FILE *out, void (*say)(FILE *, const struct report_growth *, size_t),
			   const struct report_growth *growth, size_t i)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return;
	say(memory, growth, i);
	if (!fclose(memory))
		xml_plain(out, text);
	free(text);
}

/* --- the lanes --- */

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_maps(const struct report_growth *x, const struct report_growth *y)
{
	int order = compare_u64(x->pid, y->pid);

	return order ? order : compare_u64(x->map.addr, y->map.addr);
}

/* By map; those of one in the order of the report, which is that of time. */
static int compare_growths(const void *a, const void *b)
{
	const struct report_growth *x = *(const struct report_growth *const *)a;
	const struct report_growth *y = *(const struct report_growth *const *)b;
	int order = compare_maps(x, y);

	return order ? order : (x > y) - (x < y);
}

/* Most work first. */
static int compare_lanes(const void *a, const void *b)
{
	const struct lane *x = a, *y = b;
	int order = compare_u64(y->busy_ns, x->busy_ns);

	return order ? order : compare_maps(x->growths[0], y->growths[0]);
}

/* Sorts the growths by their maps and gives each map a lane; returns how many there are. */
static size_t make_lanes(const struct report_growth **growths, size_t n, struct lane *lanes)
{
	struct lane *lane = NULL;
	size_t i, count = 0;

	qsort(growths, n, sizeof(*growths), compare_growths);
	for (i = 0; i < n; i++) {
		if (!lane || compare_maps(lane->growths[0], growths[i]) != 0) {
			lane = &lanes[count++];
			*lane = (struct lane){.growths = &growths[i]};
		}
		lane->n++;
		lane->busy_ns += growths[i]->busy_ns;
	}
	qsort(lanes, count, sizeof(*lanes), compare_lanes);
	return count;
}

/* What was not seen to begin or to end reaches to its neighbour, or to the edge of the run: a map
 * grows once at a time. */
static void print_bar(FILE *out, const struct lane *lane, size_t i, double duration_s)
{
	const struct report_growth *growth = lane->growths[i];
	double from_s = growth->began_s, to_s = growth->ended_s, begin, end;

	if (from_s < 0 && i)
		from_s = lane->growths[i - 1]->ended_s;
	if (to_s < 0 && i + 1 < lane->n)
		to_s = lane->growths[i + 1]->began_s;
	begin = html_percent(from_s, duration_s);
	end = to_s < 0 ? 100 : html_percent(to_s, duration_s);
	fprintf(out, "<i class=\"bar%s\" style=\"left:%.2f%%;width:%.2f%%\" title=\"",
		growth->began_s < 0 || growth->ended_s < 0 ? " open" : "", begin,
		end > begin ? end - begin : 0);
	print_words(out, words_growth_change, growth);
	fputs(": ", out);
	print_words(out, words_growth_time, growth);
	fputs("\"></i>", out);
}

/* The races on the map, each where it was first seen. */
static void print_ticks(FILE *out, const struct report *report, const struct report_growth *growth)
{
	const struct report_race *race;
	size_t i;

	for (i = 0; i < report->nraces; i++) {
		race = &report->races[i];
		if (race->bpf || race->pid != growth->pid || race->map.addr != growth->map.addr)
			continue;
		fprintf(out, "<i class=tick style=\"left:%.2f%%\" title=\"",
			html_percent(race->first_seen_s, report->duration_s));
		html_words(out, words_summary, race);
		fputs(", first seen at ", out);
		words_moment(out, race->first_seen_s);
		fputs("\"></i>", out);
	}
}

static void print_lane(FILE *out, const struct report *report, const struct lane *lane)
{
	size_t i;

	fputs("<div class=\"lane b\"><span>", out);
	print_words(out, words_growth_map, lane->growths[lane->n - 1]);
	fputs(", grew ", out);
	words_count(out, lane->n);
	fputs("</span><div class=track>", out);
	for (i = 0; i < lane->n; i++)
		print_bar(out, lane, i, report->duration_s);
	print_ticks(out, report, lane->growths[0]);
	fputs("</div></div>\n", out);
}

static void print_figure(FILE *out, const struct report *report, const struct lane *lanes, size_t n)
{
	size_t i;

	fputs("<figure class=grown>\n", out);
	for (i = 0; i < n && i < LANES; i++)
		print_lane(out, report, &lanes[i]);
	fprintf(out,
		"<div class=axis><span style=\"left:0\">0</span><span class=end>%s</span></div>\n"
		"<figcaption>",
		duration_format(report->duration_s * 1e9).s);
	if (n > LANES)
		fprintf(out, "%d of %zu maps, those that took most work. ", LANES, n);
	fputs("A bar is a growth, pale when its begin or its end was not seen; a red mark is where "
	      "a race on the map was first seen.</figcaption>\n</figure>\n",
	      out);
}

static void print_lanes(FILE *out, const struct report *report)
{
	const struct report_growth **growths = calloc(report->ngrowths, sizeof(*growths));
	struct lane *lanes = calloc(report->ngrowths, sizeof(*lanes));
	size_t i;

	if (growths && lanes) {
		for (i = 0; i < report->ngrowths; i++)
			growths[i] = &report->growths[i];
		print_figure(out, report, lanes, make_lanes(growths, report->ngrowths, lanes));
	}
	free(growths);
	free(lanes);
}

/* --- the table --- */

static void print_parts(FILE *out, const struct report_growth *growth, size_t n,
			void (*say)(FILE *, const struct report_growth *, size_t))
{
	size_t i;

	fputs("<td>", out);
	for (i = 0; i < n; i++) {
		fputs(i ? "<br>" : "", out);
		print_words_at(out, say, growth, i);
	}
	fputs("</td>", out);
}

static void print_row(FILE *out, const struct report_growth *growth)
{
	double length = words_growth_length(growth);

	fputs("<tr><td><code>", out);
	print_words(out, words_growth_map, growth);
	fprintf(out, "</code></td><td>%" PRIu32 "</td><td>", growth->pid);
	print_words(out, words_growth_change, growth);
	fputs("</td><td>", out);
	words_moment(out, growth->began_s);
	fprintf(out, "</td><td>%s</td><td>%s</td>",
		length < 0 ? "not known" : duration_format(length).s,
		duration_format((double)growth->busy_ns).s);
	print_parts(out, growth, growth->npayers, words_growth_payer);
	print_parts(out, growth, growth->niterators, words_growth_iterator);
	fputs("</tr>\n", out);
}

static void print_table(FILE *out, const struct report *report)
{
	size_t i;

	fputs("<div class=scroll><table>\n<thead><tr><th>map</th><th>pid</th><th>change</th>"
	      "<th>began</th><th>took</th><th>at work</th><th>paid by</th>"
	      "<th>iterations that were open</th></tr></thead>\n<tbody>\n",
	      out);
	for (i = 0; i < report->ngrowths; i++)
		print_row(out, &report->growths[i]);
	fputs("</tbody>\n</table></div>\n", out);
}

void html_growths(FILE *out, const struct report *report)
{
	if (!report->growth)
		return;
	fputs("<section id=growth>\n<h2>How maps grew</h2>\n", out);
	if (report->ngrowths) {
		print_lanes(out, report);
		print_table(out, report);
	} else {
		fputs("<p>None was seen to grow.</p>\n", out);
	}
	fputs("</section>\n", out);
}
