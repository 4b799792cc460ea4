/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/programbook.h"

#include <stdlib.h>
#include <string.h>

static struct metrics_row *find(const struct programbook *b, const struct metrics_row *row)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (!strcmp(b->list[i].what, row->what) && !strcmp(b->list[i].and, row->and) &&
		    !strcmp(b->list[i].exe, row->exe) && !strcmp(b->list[i].unit, row->unit) &&
		    !strcmp(b->list[i].module, row->module))
			return &b->list[i];
	return NULL;
}

static void free_names(const struct metrics_row *row)
{
	free((char *)row->exe);
	free((char *)row->unit);
	free((char *)row->module);
}

static void give_up_oldest(struct programbook *b)
{
	size_t i, oldest = 0;

	for (i = 1; i < b->n; i++)
		if (b->noted[i] < b->noted[oldest])
			oldest = i;
	b->unlisted += b->list[oldest].n;
	free_names(&b->list[oldest]);
	b->list[oldest] = b->list[--b->n];
	b->noted[oldest] = b->noted[b->n];
}

static struct metrics_row *add(struct programbook *b, const struct metrics_row *row)
{
	struct metrics_row *new;

	if (!b->list)
		b->list = calloc(PROGRAMBOOK_MOST, sizeof(*b->list));
	if (!b->noted)
		b->noted = calloc(PROGRAMBOOK_MOST, sizeof(*b->noted));
	if (!b->list || !b->noted)
		return NULL;
	if (b->n == PROGRAMBOOK_MOST)
		give_up_oldest(b);
	new = &b->list[b->n];
	*new = (struct metrics_row){.what = row->what,
				    .and = row->and,
				    .exe = strdup(row->exe),
				    .unit = strdup(row->unit),
				    .module = strdup(row->module)};
	if (!new->exe || !new->unit || !new->module) {
		free_names(new);
		return NULL;
	}
	b->n++;
	return new;
}

uint64_t programbook_note(struct programbook *b, const struct metrics_row *more)
{
	struct metrics_row *row = find(b, more);

	b->total += more->n;
	b->notes++;
	if (!row)
		row = add(b, more);
	if (!row) {
		b->unlisted += more->n;
		return 0;
	}
	row->n += more->n;
	b->noted[row - b->list] = b->notes;
	return row->n;
}

bool programbook_is_worth_a_line(uint64_t n)
{
	return n && (n <= 10 || !(n & (n - 1)));
}

void programbook_free(struct programbook *b)
{
	while (b->n)
		free_names(&b->list[--b->n]);
	free(b->list);
	free(b->noted);
	*b = (struct programbook){};
}
