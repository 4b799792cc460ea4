/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "top/view.h"

#include <string.h>

#define SIDEWAYS 8

static size_t bounded(size_t n, size_t end)
{
	return n < end ? n : end ? end - 1 : 0;
}

static void choose(struct top_view *v, const struct top_table *t, size_t at)
{
	v->at = bounded(at, t->nshown);
	v->chosen = t->nshown > 0;
	if (!v->chosen)
		return;
	v->pid = t->rows[t->shown[v->at]].pid;
	v->ended = t->rows[t->shown[v->at]].ended;
}

/* The process that was chosen, wherever its row is now; it may have ended meanwhile. */
static void follow(struct top_view *v, const struct top_table *t)
{
	size_t i, k;

	for (k = 0; v->chosen && k < 2; k++)
		for (i = 0; i < t->nshown; i++) {
			const struct top_row *row = &t->rows[t->shown[i]];

			if (row->pid == v->pid && row->ended == (v->ended || k)) {
				choose(v, t, i);
				return;
			}
		}
	v->at = bounded(v->at, t->nshown);
	if (v->mode == TOP_LIST)
		v->chosen = false;
}

void top_view_settle(struct top_view *v, const struct top_table *t)
{
	size_t page = v->page ? v->page : 1;

	follow(v, t);
	if (v->at < v->first)
		v->first = v->at;
	if (v->at >= v->first + page)
		v->first = v->at - page + 1;
	if (v->first + page > t->nshown)
		v->first = t->nshown > page ? t->nshown - page : 0;
	if (v->line + page > v->lines)
		v->line = v->lines > page ? v->lines - page : 0;
}

/* ---- the filter ---- */

static enum top_effect stop_typing(struct top_view *v, struct top_table *t, bool keep)
{
	if (!keep)
		memcpy(t->filter, v->typed_over, sizeof(t->filter));
	v->typing = false;
	top_table_arrange(t);
	return TOP_CHANGED;
}

/* A character of UTF-8 is several keys: they are erased together. */
static void erase(char *text)
{
	size_t n = strlen(text);

	while (n && (text[n - 1] & 0xc0) == 0x80)
		n--;
	text[n ? n - 1 : 0] = '\0';
}

static enum top_effect type(struct top_view *v, struct top_table *t, int key)
{
	size_t n = strlen(t->filter);

	if (key == TOP_ENTER || key == TOP_BACK)
		return stop_typing(v, t, key == TOP_ENTER);
	if (key == TOP_ERASE)
		erase(t->filter);
	else if (key >= ' ' && key <= 0xff && key != 0x7f && n + 1 < sizeof(t->filter))
		t->filter[n] = (char)key;
	else
		return TOP_NOTHING;
	if (key != TOP_ERASE)
		t->filter[n + 1] = '\0';
	top_table_arrange(t);
	return TOP_CHANGED;
}

static enum top_effect start_typing(struct top_view *v, struct top_table *t)
{
	memcpy(v->typed_over, t->filter, sizeof(v->typed_over));
	t->filter[0] = '\0';
	v->typing = true;
	top_table_arrange(t);
	return TOP_CHANGED;
}

/* ---- the list ---- */

static enum top_effect sort(struct top_table *t, enum top_column column)
{
	t->reverse = t->sort == column && !t->reverse;
	t->sort = column;
	top_table_arrange(t);
	return TOP_CHANGED;
}

static enum top_effect sort_beside(struct top_table *t, int step)
{
	t->sort = (enum top_column)((t->sort + TOP_COLUMNS + step) % TOP_COLUMNS);
	t->reverse = false;
	top_table_arrange(t);
	return TOP_CHANGED;
}

/* Where a key that moves leads from there. */
static bool move(int key, size_t page, size_t end, size_t *at)
{
	switch (key) {
	case TOP_UP:
	case 'k':
		*at -= *at > 0;
		return true;
	case TOP_DOWN:
	case 'j':
		*at += 1;
		break;
	case TOP_PAGE_UP:
		*at = *at > page ? *at - page : 0;
		return true;
	case TOP_PAGE_DOWN:
	case ' ':
		*at += page;
		break;
	case TOP_FIRST:
	case 'g':
		*at = 0;
		return true;
	case TOP_LAST:
	case 'G':
		*at = end;
		break;
	default:
		return false;
	}
	*at = bounded(*at, end);
	return true;
}

static enum top_effect open_process(struct top_view *v, const struct top_table *t)
{
	if (!t->nshown)
		return TOP_NOTHING;
	choose(v, t, v->at);
	v->mode = TOP_PROCESS;
	v->line = v->column = v->lines = 0;
	return TOP_OPENED;
}

/* Escape takes the filter away first. */
static enum top_effect leave_list(struct top_table *t, int key)
{
	if (key == TOP_BACK && t->filter[0]) {
		t->filter[0] = '\0';
		top_table_arrange(t);
		return TOP_CHANGED;
	}
	return key == 'q' ? TOP_QUIT : TOP_NOTHING;
}

static enum top_effect in_list(struct top_view *v, struct top_table *t, int key)
{
	size_t at = v->at;

	if (move(key, v->page, t->nshown, &at)) {
		choose(v, t, at);
		return TOP_CHANGED;
	}
	if (top_column_of_key(key) != TOP_COLUMNS)
		return sort(t, top_column_of_key(key));
	switch (key) {
	case TOP_ENTER:
		return open_process(v, t);
	case TOP_RIGHT:
	case '>':
		return sort_beside(t, 1);
	case TOP_LEFT:
	case '<':
		return sort_beside(t, -1);
	case 'r':
		t->reverse = !t->reverse;
		top_table_arrange(t);
		return TOP_CHANGED;
	case '/':
		return start_typing(v, t);
	}
	return leave_list(t, key);
}

/* ---- a process ---- */

static enum top_effect in_process(struct top_view *v, int key)
{
	size_t end = v->lines > v->page ? v->lines - v->page + 1 : 1;

	if (move(key, v->page, end, &v->line))
		return TOP_CHANGED;
	switch (key) {
	case TOP_LEFT:
		v->column -= v->column < SIDEWAYS ? v->column : SIDEWAYS;
		return TOP_CHANGED;
	case TOP_RIGHT:
		v->column += SIDEWAYS;
		return TOP_CHANGED;
	case TOP_BACK:
	case 'q':
		v->mode = TOP_LIST;
		return TOP_CHANGED;
	}
	return TOP_NOTHING;
}

enum top_effect top_view_key(struct top_view *v, struct top_table *t, int key)
{
	enum top_effect effect;

	if (key == TOP_REPAINT)
		return TOP_CHANGED;
	if (v->mode == TOP_HELP) {
		v->mode = v->before_help;
		return TOP_CHANGED;
	}
	if (v->typing)
		effect = type(v, t, key);
	else if (v->mode == TOP_PROCESS)
		effect = in_process(v, key);
	else
		effect = in_list(v, t, key);
	if (effect == TOP_NOTHING && !v->typing && (key == 'h' || key == '?')) {
		v->before_help = v->mode;
		v->mode = TOP_HELP;
		return TOP_CHANGED;
	}
	top_view_settle(v, t);
	return effect;
}
