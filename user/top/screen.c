/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "top/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/escape.h"

#define HEAD_LINES 2 /* the sum of all; the columns' heads */
#define FOOT_LINES 2 /* a message; which keys there are */
#define LINE_MAX_COLUMNS 1000
#define ESCAPE_MS 100 /* for the rest of a key's sequence to come over a slow line */

static SCREEN *screen;
static FILE *input;

/* Standard input may be something else. */
static FILE *open_input(void)
{
	int fd = isatty(STDIN_FILENO) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				      : open("/dev/tty", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? NULL : fdopen(fd, "r");
}

int screen_open(struct err *err)
{
	setlocale(LC_CTYPE, "");
	use_env(FALSE); /* LINES and COLUMNS do not follow the terminal */
	use_tioctl(TRUE);
	input = open_input();
	screen = input ? newterm(NULL, stdout, input) : NULL;
	if (!screen) {
		screen_close();
		return err_set(err, -ENOTTY, "cannot use the terminal");
	}
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, TRUE);
	return 0;
}

void screen_close(void)
{
	if (screen) {
		endwin();
		delscreen(screen);
	}
	screen = NULL;
	if (input)
		fclose(input);
	input = NULL;
}

int screen_input(void)
{
	return fileno(input);
}

int screen_key(void)
{
	int key = getch();

	switch (key) {
	case ERR:
		return -1;
	case KEY_UP:
		return TOP_UP;
	case KEY_DOWN:
		return TOP_DOWN;
	case KEY_LEFT:
		return TOP_LEFT;
	case KEY_RIGHT:
		return TOP_RIGHT;
	case KEY_PPAGE:
		return TOP_PAGE_UP;
	case KEY_NPAGE:
		return TOP_PAGE_DOWN;
	case KEY_HOME:
		return TOP_FIRST;
	case KEY_END:
		return TOP_LAST;
	case KEY_ENTER:
	case '\r':
	case '\n':
		return TOP_ENTER;
	case KEY_BACKSPACE:
	case '\b':
	case 0x7f:
		return TOP_ERASE;
	case 0x1b:
		return TOP_BACK;
	case 'L' & 0x1f:
		clearok(stdscr, TRUE);
		return TOP_REPAINT;
	default:
		return key <= 0xff ? key : TOP_REPAINT;
	}
}

void screen_resize(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

void screen_suspend(void)
{
	endwin();
	raise(SIGSTOP);
	screen_resize(); /* it may have changed meanwhile */
	clearok(stdscr, TRUE);
}

size_t screen_page(void)
{
	return LINES > HEAD_LINES + FOOT_LINES ? (size_t)(LINES - HEAD_LINES - FOOT_LINES) : 1;
}

/* ---- drawing ---- */

size_t screen_fit(wchar_t *out, size_t width, const char *text, size_t skip)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t left = strlen(text), used = 0, n = 0, len;
	uint32_t code;
	int columns;

	for (; left; s += len, left -= len) {
		len = escape_decode(s, left, &code);
		columns = len ? wcwidth((wchar_t)code) : -1;
		len = len ? len : 1;
		if (columns < 1) { /* cannot be shown here */
			columns = 1;
			code = '?';
		}
		if (skip) {
			skip -= skip < (size_t)columns ? skip : (size_t)columns;
			continue;
		}
		if (used + (size_t)columns > width)
			break;
		used += (size_t)columns;
		out[n++] = (wchar_t)code;
	}
	out[n] = L'\0';
	return used;
}

static size_t columns(void)
{
	return COLS < LINE_MAX_COLUMNS ? (size_t)COLS : LINE_MAX_COLUMNS;
}

/* Writes it from there on; right: ends it in the last of those columns. */
static void put(int y, size_t x, size_t width, const char *text, bool right, size_t skip)
{
	wchar_t fitting[LINE_MAX_COLUMNS + 1];
	size_t used;

	if (x >= columns())
		return;
	if (width > columns() - x)
		width = columns() - x;
	used = screen_fit(fitting, width, text, skip);
	if (right)
		x += width - used;
	mvaddwstr(y, (int)x, fitting);
}

static void put_line(int y, const char *text)
{
	put(y, 0, columns(), text, false, 0);
}

static void put_format(int y, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put_format(int y, const char *fmt, ...)
{
	char text[4 * LINE_MAX_COLUMNS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_line(y, text);
}

static void number(char text[16], double n)
{
	FILE *out = fmemopen(text, 16, "w");

	text[0] = '\0';
	if (!out)
		return;
	top_print_number(out, n);
	fclose(out);
}

static void draw_sum(const struct screen_content *c)
{
	const struct top_row *sum = &c->table->sum;
	char operations[16], maps[16], of[64] = "";

	number(operations, sum->operations_per_s);
	number(maps, (double)sum->maps);
	if (c->table->found)
		snprintf(of, sizeof(of), "  watched %llu of %llu Go processes",
			 (unsigned long long)c->table->watched,
			 (unsigned long long)c->table->found);
	attron(A_BOLD);
	put_format(0,
		   "maprace  %.0f s%s  %s operations/s  maps %s  races %llu  cost %.2f%% of a CPU",
		   c->table->at_s, of, operations, maps, (unsigned long long)sum->races,
		   sum->cost_percent);
	attroff(A_BOLD);
}

/* The columns that there is room for; what is left is the last one's. */
static size_t width_of(const struct top_column_info *column, size_t x)
{
	if (columns() < (size_t)column->screen)
		return 0;
	return column->width ? (size_t)column->width : columns() > x ? columns() - x : 0;
}

static bool is_text(unsigned int column)
{
	return column >= TOP_WHERE;
}

static void draw_heads(const struct top_table *t)
{
	size_t x = 0, width;
	unsigned int i;

	attron(A_REVERSE);
	mvhline(1, 0, ' ', COLS);
	for (i = 0; i < TOP_COLUMNS; i++) {
		const struct top_column_info *column = top_column(i);

		width = width_of(column, x);
		if (!width)
			continue;
		if (i == t->sort)
			attron(A_BOLD | A_UNDERLINE);
		put(1, x, width, column->head, !is_text(i), 0);
		attroff(A_BOLD | A_UNDERLINE);
		x += width + 1;
	}
	attroff(A_REVERSE);
}

static void draw_cell(int y, size_t x, size_t width, unsigned int column, const struct top_row *row)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	top_column(column)->print(out, row);
	if (!fclose(out))
		put(y, x, width, text, !is_text(column), 0);
	free(text);
}

static void draw_row(int y, const struct top_row *row, bool selected)
{
	attr_t look = (selected ? A_REVERSE : 0) | (row->races ? A_BOLD : 0) |
		      (row->ended ? A_DIM : 0);
	size_t x = 0, width;
	unsigned int i;

	attron(look);
	if (selected)
		mvhline(y, 0, ' ', COLS);
	for (i = 0; i < TOP_COLUMNS; i++) {
		width = width_of(top_column(i), x);
		if (width)
			draw_cell(y, x, width, i, row);
		x += width ? width + 1 : 0;
	}
	attroff(look);
}

static void draw_list(const struct screen_content *c)
{
	const struct top_table *t = c->table;
	size_t i;

	draw_sum(c);
	draw_heads(t);
	for (i = 0; i < screen_page() && c->view->first + i < t->nshown; i++)
		draw_row(HEAD_LINES + (int)i, &t->rows[t->shown[c->view->first + i]],
			 c->view->first + i == c->view->at);
	if (!t->nshown)
		put_line(HEAD_LINES, t->nrows ? "No process is like the filter." : c->start);
}

static void draw_process(const struct screen_content *c)
{
	const struct top_row *row = top_table_find(c->table, c->view->pid, c->view->ended);
	size_t i;

	draw_sum(c);
	attron(A_REVERSE);
	mvhline(1, 0, ' ', COLS);
	put_format(1, "Process %u%s", c->view->pid, row ? "" : ": it is not watched any more");
	attroff(A_REVERSE);
	for (i = 0; i < screen_page() && c->view->line + i < c->text->n; i++)
		put(HEAD_LINES + (int)i, 0, columns(), c->text->lines[c->view->line + i], false,
		    c->view->column);
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"arrows, j k, Page keys, g G   move",
		"Enter                         look at a process: its races and maps",
		"Esc, q                        back; q in the list ends it",
		"/                             show only processes like a text: Enter keeps it, Esc not",
		"< >                           sort by the column beside; or by its letter:",
	};
	char names[256] = "";
	size_t i, n = 0;

	put_line(0, "maprace top: keys");
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put_line(HEAD_LINES + (int)i, lines[i]);
	for (i = 0; i < TOP_COLUMNS && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%c %s  ",
				      top_column((enum top_column)i)->key,
				      top_column((enum top_column)i)->name);
	put_line(HEAD_LINES + (int)(sizeof(lines) / sizeof(lines[0])), names);
	put_line(HEAD_LINES + 1 + (int)(sizeof(lines) / sizeof(lines[0])),
		 "r                             the other way round");
}

static void draw_foot(const struct screen_content *c)
{
	int y = LINES - 1;

	if (c->message)
		put_line(y - 1, c->message);
	if (c->view->typing)
		put_format(y, "Filter: %s_", c->table->filter);
	else if (c->view->mode == TOP_HELP)
		put_line(y, "Any key: back");
	else if (c->view->mode == TOP_PROCESS)
		put_line(y, "arrows: scroll  Esc: back  ?: help");
	else if (c->table->filter[0])
		put_format(y, "Filter: %s (Esc: all)  Enter: look  <>: sort  q: end  ?: help",
			   c->table->filter);
	else
		put_line(y, "Enter: look at it  <>: sort  r: reverse  /: filter  q: end  ?: help");
}

void screen_draw(const struct screen_content *c)
{
	erase();
	if (LINES > HEAD_LINES + FOOT_LINES) {
		if (c->view->mode == TOP_HELP)
			draw_help();
		else if (c->view->mode == TOP_PROCESS)
			draw_process(c);
		else
			draw_list(c);
	}
	draw_foot(c);
	refresh();
}
