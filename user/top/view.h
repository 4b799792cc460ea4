/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TOP_VIEW_H
#define MAPRACE_TOP_VIEW_H

#include "top/table.h"

/* Where somebody is who looks at the table, and what a key does. Knows nothing of terminals. */
enum top_mode { TOP_LIST, TOP_PROCESS, TOP_HELP };

/* What a key is, beside characters, which are themselves. */
enum top_key {
	TOP_UP = 0x1000,
	TOP_DOWN,
	TOP_LEFT,
	TOP_RIGHT,
	TOP_PAGE_UP,
	TOP_PAGE_DOWN,
	TOP_FIRST,
	TOP_LAST,
	TOP_ENTER,
	TOP_BACK,  /* Escape */
	TOP_ERASE, /* Backspace */
	TOP_REPAINT,
};

struct top_view {
	enum top_mode mode, before_help;
	bool typing;		     /* a filter */
	char typed_over[TOP_FILTER]; /* what the filter was before */
	bool chosen;  /* somebody has moved: the row is that of a process, not a place */
	uint32_t pid; /* that process */
	bool ended;
	size_t at, first;    /* rows of those shown: the selected one, the topmost one */
	size_t line, column; /* of the text of a process: topmost, leftmost */
	size_t page, lines;  /* so many lines are on the screen; so many the text has */
};

enum top_effect {
	TOP_NOTHING,
	TOP_CHANGED, /* to be drawn again */
	TOP_OPENED,  /* likewise, and the text of the process is wanted */
	TOP_QUIT,
};

enum top_effect top_view_key(struct top_view *v, struct top_table *t, int key);
/* After the table, or the screen, has changed: what is selected is there, and on the screen. */
void top_view_settle(struct top_view *v, const struct top_table *t);

#endif
