/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/diff.h"

#include <inttypes.h>
#include <string.h>

#include "report/words/words.h"

static const struct report_race *find(const struct report *report, const char *id)
{
	size_t i;

	for (i = 0; i < report->nraces; i++)
		if (!strcmp(report->races[i].id, id))
			return &report->races[i];
	return NULL;
}

static void print_line(FILE *out, char sign, const struct report_race *race)
{
	fprintf(out, "%c %s  ", sign, race->id);
	words_summary(out, race);
	fputs(", seen ", out);
	words_count(out, race->count);
}

/* Lines of the races of one report that are (or are not) in the other; returns how many. */
static size_t print_lines(FILE *out, char sign, const struct report *report,
			  const struct report *other, bool in_both)
{
	const struct report_race *known;
	size_t i, n = 0;

	for (i = 0; i < report->nraces; i++) {
		known = find(other, report->races[i].id);
		if (!!known != in_both)
			continue;
		n++;
		if (!out)
			continue;
		print_line(out, sign, &report->races[i]);
		if (known)
			fprintf(out, " (before: %" PRIu64 ")", known->count);
		fputc('\n', out);
	}
	return n;
}

int diff_print(FILE *out, const struct report *before, const struct report *after,
	       const struct text_style *style, size_t *added)
{
	size_t gone = print_lines(NULL, 0, before, after, false), i;

	*added = print_lines(NULL, 0, after, before, false);
	fprintf(out, "%zu new, %zu gone, %zu in both\n", *added, gone, after->nraces - *added);
	print_lines(out, '+', after, before, false);
	print_lines(out, '-', before, after, false);
	print_lines(out, '=', after, before, true);
	for (i = 0; i < after->nraces; i++)
		if (!find(before, after->races[i].id))
			text_print_race(out, &after->races[i], after->duration_s, style);
	return print_finish(out);
}
