/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/leakbook.h"

#include <stdlib.h>
#include <string.h>

static bool is_row_of(const struct metrics_leak *a, const struct metrics_leak *b)
{
	return !strcmp(a->site, b->site) && !strcmp(a->exe, b->exe) && !strcmp(a->unit, b->unit) &&
	       !strcmp(a->module, b->module);
}

static void free_row(const struct metrics_leak *row)
{
	free((char *)row->exe);
	free((char *)row->unit);
	free((char *)row->module);
	free((char *)row->site);
}

static struct metrics_leak *add(struct leakbook *b, const struct metrics_leak *leak)
{
	struct metrics_leak *new;

	if (!b->list)
		b->list = calloc(LEAKBOOK_MOST, sizeof(*b->list));
	if (!b->list || b->n == LEAKBOOK_MOST)
		return NULL;
	new = &b->list[b->n];
	*new = (struct metrics_leak){.exe = strdup(leak->exe),
				     .unit = strdup(leak->unit),
				     .module = strdup(leak->module),
				     .site = strdup(leak->site)};
	if (!new->exe || !new->unit || !new->module || !new->site) {
		free_row(new);
		return NULL;
	}
	b->n++;
	return new;
}

bool leakbook_note(struct leakbook *b, const struct metrics_leak *leak)
{
	struct metrics_leak *row;
	size_t i;

	for (i = 0; i < b->n && !is_row_of(&b->list[i], leak); i++)
		;
	row = i < b->n ? &b->list[i] : add(b, leak);
	if (!row) {
		b->unlisted++;
		return false;
	}
	return !row->n++;
}

void leakbook_free(struct leakbook *b)
{
	while (b->n)
		free_row(&b->list[--b->n]);
	free(b->list);
	*b = (struct leakbook){};
}
