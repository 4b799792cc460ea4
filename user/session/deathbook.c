/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/deathbook.h"

#include <stdlib.h>
#include <string.h>

static struct metrics_death *find(const struct deathbook *b, const struct metrics_death *death)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->list[i].cause == death->cause && !strcmp(b->list[i].exe, death->exe) &&
		    !strcmp(b->list[i].unit, death->unit) &&
		    !strcmp(b->list[i].module, death->module))
			return &b->list[i];
	return NULL;
}

static void free_names(const struct metrics_death *death)
{
	free((char *)death->exe);
	free((char *)death->unit);
	free((char *)death->module);
}

static void give_up_oldest(struct deathbook *b)
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

static struct metrics_death *add(struct deathbook *b, const struct metrics_death *death)
{
	struct metrics_death *new;

	if (!b->list)
		b->list = calloc(DEATHBOOK_MOST, sizeof(*b->list));
	if (!b->noted)
		b->noted = calloc(DEATHBOOK_MOST, sizeof(*b->noted));
	if (!b->list || !b->noted)
		return NULL;
	if (b->n == DEATHBOOK_MOST)
		give_up_oldest(b);
	new = &b->list[b->n];
	*new = (struct metrics_death){death->cause, strdup(death->exe), strdup(death->unit),
				      strdup(death->module), 0};
	if (!new->exe || !new->unit || !new->module) {
		free_names(new);
		return NULL;
	}
	b->n++;
	return new;
}

bool deathbook_note(struct deathbook *b, const struct metrics_death *death)
{
	struct metrics_death *row = find(b, death);

	b->total++;
	if (!row)
		row = add(b, death);
	if (!row) {
		b->unlisted++;
		return false;
	}
	row->n++;
	b->noted[row - b->list] = b->total;
	return row->n <= 10 || !(row->n & (row->n - 1));
}

void deathbook_free(struct deathbook *b)
{
	while (b->n)
		free_names(&b->list[--b->n]);
	free(b->list);
	free(b->noted);
	*b = (struct deathbook){};
}
