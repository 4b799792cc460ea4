/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What keys do in `maprace top`; what fits on a line of its screen; what is said meanwhile. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "top/messages.h"
#include "top/screen.h"
#include "top/view.h"

#define ROWS 30

static struct top_work work[ROWS];
static char names[ROWS][16];

/* Of processes 1 to n. */
static void update(struct top_table *t, size_t n)
{
	struct report report = {.duration_s = 1};
	size_t i;

	for (i = 0; i < ROWS; i++) {
		snprintf(names[i], sizeof(names[i]), "/bin/p%zu", i + 1);
		work[i].pid = (uint32_t)i + 1;
		work[i].exe = names[i];
	}
	assert_int_equal(top_table_update(t, &report, work, n), 0);
}

static void begin(struct top_view *v, struct top_table *t, size_t n)
{
	*v = (struct top_view){.page = 10};
	*t = (struct top_table){.sort = TOP_PID};
	update(t, n);
}

static enum top_effect press(struct top_view *v, struct top_table *t, int key)
{
	enum top_effect effect = top_view_key(v, t, key);

	/* wherever it leads: it is there, and on the screen */
	assert_true(v->at < t->nshown || (!v->at && !t->nshown));
	assert_true(v->first <= v->at && v->at < v->first + v->page);
	return effect;
}

static uint32_t selected(const struct top_view *v, const struct top_table *t)
{
	return t->rows[t->shown[v->at]].pid;
}

static void test_moving(void **state)
{
	struct top_view v;
	struct top_table t;

	(void)state;
	begin(&v, &t, ROWS);
	press(&v, &t, TOP_UP);
	assert_int_equal(selected(&v, &t), 1);
	press(&v, &t, 'j');
	press(&v, &t, TOP_DOWN);
	assert_int_equal(selected(&v, &t), 3);
	press(&v, &t, TOP_PAGE_DOWN);
	assert_int_equal(selected(&v, &t), 13);
	assert_int_equal(v.first, 3);
	press(&v, &t, TOP_LAST);
	assert_int_equal(selected(&v, &t), ROWS);
	press(&v, &t, TOP_DOWN);
	assert_int_equal(selected(&v, &t), ROWS);
	press(&v, &t, TOP_PAGE_UP);
	press(&v, &t, TOP_FIRST);
	assert_int_equal(v.first, 0);
	v.page = 1; /* a screen that has become small */
	press(&v, &t, TOP_PAGE_DOWN);
	assert_int_equal(selected(&v, &t), 2);
	top_table_free(&t);
}

/* Whoever has chosen a process keeps it, where it goes. */
static void test_selection_follows(void **state)
{
	struct top_view v;
	struct top_table t;

	(void)state;
	begin(&v, &t, ROWS);
	press(&v, &t, TOP_DOWN);
	press(&v, &t, 'r');
	assert_int_equal(selected(&v, &t), 2);
	assert_int_equal(v.at, ROWS - 2);
	update(&t, 1); /* it is gone */
	top_view_settle(&v, &t);
	assert_int_equal(v.at, 0);
	update(&t, 0);
	top_view_settle(&v, &t);
	assert_int_equal(press(&v, &t, TOP_ENTER), TOP_NOTHING);
	assert_int_equal(press(&v, &t, TOP_DOWN), TOP_CHANGED);
	top_table_free(&t);
}

static void test_sorting(void **state)
{
	struct top_view v;
	struct top_table t;

	(void)state;
	begin(&v, &t, ROWS);
	press(&v, &t, 'R');
	assert_int_equal(t.sort, TOP_RACES);
	assert_false(t.reverse);
	press(&v, &t, 'R');
	assert_true(t.reverse);
	press(&v, &t, '<');
	assert_int_equal(t.sort, TOP_RACES - 1);
	assert_false(t.reverse);
	press(&v, &t, 'P');
	press(&v, &t, TOP_LEFT);
	assert_int_equal(t.sort, TOP_COLUMNS - 1);
	press(&v, &t, '>');
	assert_int_equal(t.sort, TOP_PID);
	top_table_free(&t);
}

static void type(struct top_view *v, struct top_table *t, const char *text)
{
	for (; *text; text++)
		press(v, t, (unsigned char)*text);
}

static void test_filter(void **state)
{
	struct top_view v;
	struct top_table t;

	(void)state;
	begin(&v, &t, ROWS);
	type(&v, &t, "/p2q"); /* a q that ends nothing */
	assert_int_equal(t.nshown, 0);
	press(&v, &t, TOP_ERASE);
	assert_int_equal(t.nshown, 11);
	press(&v, &t, TOP_ENTER);
	assert_false(v.typing);
	type(&v, &t, "/p30");
	assert_int_equal(t.nshown, 1);
	press(&v, &t, TOP_BACK); /* as it was */
	assert_string_equal(t.filter, "p2");
	press(&v, &t, TOP_BACK);
	assert_int_equal(t.nshown, ROWS);
	assert_int_equal(press(&v, &t, TOP_BACK), TOP_NOTHING);
	type(&v, &t, "/a\303\244");
	press(&v, &t, TOP_ERASE);
	assert_string_equal(t.filter, "a");
	press(&v, &t, TOP_ERASE);
	press(&v, &t, TOP_ERASE);
	type(&v, &t, "0123456789012345678901234567890123456789012345678901234567890123456789");
	assert_int_equal(strlen(t.filter), TOP_FILTER - 1);
	assert_int_equal(press(&v, &t, TOP_UP), TOP_NOTHING);
	top_table_free(&t);
}

static void test_process(void **state)
{
	struct top_view v;
	struct top_table t;

	(void)state;
	begin(&v, &t, ROWS);
	press(&v, &t, TOP_DOWN);
	assert_int_equal(press(&v, &t, TOP_ENTER), TOP_OPENED);
	assert_int_equal(v.mode, TOP_PROCESS);
	assert_int_equal(v.pid, 2);
	v.lines = 25;
	press(&v, &t, TOP_LAST);
	assert_int_equal(v.line, 15);
	press(&v, &t, TOP_DOWN);
	assert_int_equal(v.line, 15);
	press(&v, &t, TOP_UP);
	assert_int_equal(v.line, 14);
	v.lines = 5; /* the text has become short */
	press(&v, &t, TOP_DOWN);
	assert_int_equal(v.line, 0);
	press(&v, &t, TOP_RIGHT);
	assert_int_equal(v.column, 8);
	press(&v, &t, TOP_LEFT);
	press(&v, &t, TOP_LEFT);
	assert_int_equal(v.column, 0);
	press(&v, &t, '?');
	assert_int_equal(v.mode, TOP_HELP);
	press(&v, &t, 'q');
	assert_int_equal(v.mode, TOP_PROCESS);
	update(&t, 1); /* it has gone: it stays what is looked at */
	top_view_settle(&v, &t);
	assert_int_equal(v.pid, 2);
	press(&v, &t, TOP_BACK);
	assert_int_equal(v.mode, TOP_LIST);
	assert_int_equal(press(&v, &t, 'q'), TOP_QUIT);
	top_table_free(&t);
}

/* One that ends while it is chosen is the same one. */
static void test_ends_while_chosen(void **state)
{
	static const struct report_race race = {.pid = 2, .target = &names};
	struct report_race races[] = {race};
	struct report report = {.duration_s = 2, .races = races, .nraces = 1};
	struct top_view v;
	struct top_table t;

	(void)state;
	begin(&v, &t, 3);
	press(&v, &t, TOP_DOWN);
	work[1].ended = true;
	work[1].target = &names;
	assert_int_equal(top_table_update(&t, &report, work, 3), 0);
	press(&v, &t, 'r');
	assert_int_equal(selected(&v, &t), 2);
	assert_true(v.ended);
	work[1].ended = false;
	work[1].target = NULL;
	top_table_free(&t);
}

static void assert_fits(const char *text, size_t width, size_t skip, const wchar_t *expected,
			size_t columns)
{
	wchar_t out[64];

	assert_int_equal(screen_fit(out, width, text, skip), columns);
	assert_int_equal(wcscmp(out, expected), 0);
}

static void test_fit(void **state)
{
	(void)state;
	assert_fits("abcdef", 4, 0, L"abcd", 4);
	assert_fits("abcdef", 4, 4, L"ef", 2);
	assert_fits("", 4, 0, L"", 0);
	assert_fits("abc", 0, 0, L"", 0);
	/* bytes that no terminal is to get are not even passed on */
	assert_fits("a\033[31m\x9b\xff\n", 20, 0, L"a?[31m???", 9);
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return;
	assert_fits("\344\270\255\344\270\255", 3, 0, L"\x4e2d", 2); /* two columns each */
	assert_fits("e\xcc\x81x", 9, 0, L"e?x", 3); /* what combines would take none */
	assert_fits("\xe2\x80\xae"
		    "evil",
		    9, 0, L"?evil", 5); /* from right to left */
	setlocale(LC_CTYPE, "C");
	assert_fits("\303\244x", 9, 0, L"?x", 2);
}

static void test_messages(void **state)
{
	char said[MESSAGES_KEPT * 64] = "", expected[64];
	FILE *stream = messages_open(), *to = fmemopen(said, sizeof(said), "w");
	int i;

	(void)state;
	assert_null(messages_last());
	log_set_stream(stream);
	for (i = 0; i < MESSAGES_KEPT + 10; i++)
		log_warn("%d\n", i);
	log_set_stream(NULL);
	assert_string_equal(messages_last(), "maprace: warning: 73\\x0a");
	assert_int_equal(messages_count(), MESSAGES_KEPT + 10);
	fprintf(stream, "%2000d\n", 1); /* a long one is cut */
	assert_int_equal(strlen(messages_last()), MESSAGE_LENGTH);
	fputs("not ended", stream);
	fflush(stream);
	assert_int_equal(strlen(messages_last()), MESSAGE_LENGTH);
	messages_close(stream, to);
	fclose(to);
	snprintf(expected, sizeof(expected), "maprace: warning: %d\\x0a\n", 12);
	assert_ptr_equal(strstr(said, expected), said); /* the oldest one */
	assert_int_equal(messages_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moving),	cmocka_unit_test(test_selection_follows),
		cmocka_unit_test(test_sorting), cmocka_unit_test(test_filter),
		cmocka_unit_test(test_process), cmocka_unit_test(test_ends_while_chosen),
		cmocka_unit_test(test_fit),	cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
