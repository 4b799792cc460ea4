/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/words/words_growth.h"

#include <inttypes.h>

#include "report/words/duration.h"
#include "base/escape.h"
#include "report/words/words.h"

/* A run that long is none: what a document says may be any number. */
#define MOMENT_MAX 1e9

void words_moment(FILE *out, double s)
{
	if (s < 0)
		fputs("not seen", out);
	else if (s < MOMENT_MAX)
		fprintf(out, "%.3fs", s);
	else
		fprintf(out, "%.3gs", s);
}

double words_growth_length(const struct report_growth *growth)
{
	if (growth->began_s < 0 || growth->ended_s < growth->began_s)
		return -1;
	return (growth->ended_s - growth->began_s) * 1e9;
}

void words_growth_map(FILE *out, const struct report_growth *growth)
{
	const struct report_map *map = &growth->map;

	if (map->type && map->type[0])
		escape_text(out, map->type);
	else
		fputs("a map of unknown type", out);
	fprintf(out, " at 0x%012" PRIx64, map->addr);
	if (map->on_stack)
		fputs(" on a goroutine's stack", out);
	if (map->global && map->global[0]) {
		fputs(" (", out);
		escape_text(out, map->global);
		fputc(')', out);
	}
}

/* --- from what to what --- */

static void say_size(FILE *out, const struct report_growth *growth, uint64_t n)
{
	const char *unit = growth->map.swiss ? "slot" : "bucket";

	fprintf(out, "%" PRIu64 " %s%s", n, unit, n == 1 ? "" : "s");
}

static void say_double(FILE *out, const struct report_growth *growth)
{
	if (growth->map.swiss)
		fputs("a table ", out);
	if (growth->from && growth->to) {
		fprintf(out, "from %" PRIu64 " to ", growth->from);
		say_size(out, growth, growth->to);
	} else if (growth->from) {
		fputs("from ", out);
		say_size(out, growth, growth->from);
		fputs(" to twice as many", out);
	} else if (growth->to) {
		fputs("to ", out);
		say_size(out, growth, growth->to);
	} else {
		fprintf(out, "to twice as many %s", growth->map.swiss ? "slots" : "buckets");
	}
}

static void say_same_size(FILE *out, const struct report_growth *growth)
{
	uint64_t size = growth->to ? growth->to : growth->from;

	fputs("at the same size", out);
	if (size) {
		fputs(", ", out);
		say_size(out, growth, size);
	}
}

static void say_table(FILE *out, const char *before, const struct report_growth *growth,
		      uint64_t size, const char *after)
{
	fprintf(out, "%sa table", before);
	if (size) {
		fputs(" of ", out);
		say_size(out, growth, size);
	}
	fputs(after, out);
}

void words_growth_change(FILE *out, const struct report_growth *growth)
{
	switch (growth->kind) {
	case REPORT_GROWTH_SAME_SIZE:
		say_same_size(out, growth);
		break;
	case REPORT_GROWTH_TABLE:
		say_table(out, "from one group to ", growth, growth->to, "");
		break;
	case REPORT_GROWTH_SPLIT:
		say_table(out, "", growth, growth->from, " became two");
		break;
	case REPORT_GROWTH_DOUBLE:
	case REPORT_GROWTH_KINDS:
		say_double(out, growth);
		break;
	}
}

/* --- when --- */

/* Of a classic map the time is that of making the new buckets; what empties the old ones comes in
 * many short steps, which are counted. */
static void say_work(FILE *out, const struct report_growth *growth)
{
	bool steps = growth->steps && !growth->map.swiss;

	if (growth->busy_ns)
		fprintf(out, "%s %s", duration_format((double)growth->busy_ns).s,
			growth->map.swiss ? "at work" : "to make the buckets");
	if (steps)
		fprintf(out, "%s%" PRIu64 " step%s", growth->busy_ns ? ", " : "", growth->steps,
			growth->steps == 1 ? "" : "s");
}

void words_growth_time(FILE *out, const struct report_growth *growth)
{
	double length = words_growth_length(growth);
	bool work = growth->busy_ns || (growth->steps && !growth->map.swiss);

	fputs(growth->began_s < 0 ? "began: " : "began at ", out);
	words_moment(out, growth->began_s);
	fputs(growth->ended_s < 0 ? ", ended: " : ", ended at ", out);
	words_moment(out, growth->ended_s);
	if (length >= 0)
		fprintf(out, ": %s%s", duration_format(length).s, work ? ", of which " : "");
	else if (work)
		fputs("; ", out);
	if (work)
		say_work(out, growth);
}

/* --- who --- */

static void say_site(FILE *out, const struct report_access *access)
{
	const struct report_frame *site = report_access_site(access);

	words_function(out, site);
	if (!site || !site->file || !site->file[0])
		return;
	fputs(" at ", out);
	escape_text(out, words_file(site));
	if (site->line > 0)
		fprintf(out, ":%d", site->line);
}

/* Of a classic map's growth that of the steps, else of the time. */
static void say_share(FILE *out, const struct report_growth *growth,
		      const struct report_payer *payer)
{
	bool time = growth->busy_ns && (growth->map.swiss || !growth->steps);
	double part = (double)(time ? payer->ns : payer->steps);
	double whole = (double)(time ? growth->busy_ns : growth->steps);
	double percent = whole > 0 ? part / whole * 100 : -1;

	if (percent > 0 && percent < 1)
		fputs(", below 1%", out);
	else if (percent >= 0 && percent <= 100)
		fprintf(out, ", %.0f%%", percent);
}

void words_growth_payer(FILE *out, const struct report_growth *growth, size_t i)
{
	const struct report_payer *payer = &growth->payers[i];

	words_goroutine(out, payer->access.goroutine);
	say_share(out, growth, payer);
	fprintf(out, ": %s in ", words_op(payer->access.op));
	say_site(out, &payer->access);
}

void words_growth_iterator(FILE *out, const struct report_growth *growth, size_t i)
{
	const struct report_iterator *iterator = &growth->iterators[i];

	words_goroutine(out, iterator->access.goroutine);
	if (iterator->since_s >= 0) {
		fputs(", since ", out);
		words_moment(out, iterator->since_s);
	}
	fputs(": ", out);
	say_site(out, &iterator->access);
}
