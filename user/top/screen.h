/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TOP_SCREEN_H
#define MAPRACE_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#include "base/err.h"
#include "top/detail.h"
#include "top/view.h"

/*
 * The table on a terminal, by ncurses, which sends what has changed and nothing else. There is one
 * screen at a time.
 */

/* Whether the terminal that standard output is can be used: 0, or why not. */
int screen_check(struct err *err);
/* After those signal handlers are there that are not to be ncurses'. */
int screen_open(struct err *err);
/* The terminal is as it was; twice is fine. */
void screen_close(void);
/* To be read from, a key at a time, until there is none: -1. */
int screen_input(void);
int screen_key(void); /* characters, and enum top_key */
/* The terminal may have another size now. */
void screen_resize(void);
/* Stops the whole process as a shell's job, until that lets it go on. */
void screen_suspend(void);
size_t screen_page(void); /* lines for the table, or for a text */

struct screen_content {
	const struct top_table *table;
	const struct top_view *view;
	const struct top_text *text; /* of the process */
	const char *message;	     /* escaped; NULL: none */
	const char *start;	     /* what is shown while there is no process */
};
void screen_draw(const struct screen_content *content);

/* As much of text, which is escaped, as has room in width columns from the one after `skip` on;
 * returns how many it takes. out: width + 1. */
size_t screen_fit(wchar_t *out, size_t width, const char *text, size_t skip);

#endif
