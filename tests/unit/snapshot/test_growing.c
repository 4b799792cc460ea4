/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which places make goroutines that do not end: of goroutines that come and go by a clock of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot/growing.h"

#define SECOND 1000000000ull
#define MOST 400000

struct one {			 /* a goroutine */
	uint64_t site, from, to; /* when it is there */
	bool io, runs;
};

static struct {
	struct growing g;
	struct one all[MOST];
	size_t n;
	uint64_t now;
	size_t named;
} w;

static void begin(void)
{
	memset(&w, 0, sizeof(w));
	assert_int_equal(growing_open(&w.g), 0);
	w.now = 1000 * SECOND;
}

static void add(uint64_t site, uint64_t from, uint64_t lives, bool io)
{
	assert_true(w.n < MOST);
	w.all[w.n++] = (struct one){site, from, lives ? from + lives : UINT64_MAX, io, false};
}

static void look(uint64_t scale)
{
	size_t i;

	growing_begin(&w.g, scale);
	for (i = 0; i < w.n; i++)
		if (w.all[i].from <= w.now && w.now < w.all[i].to && i % scale == 0)
			growing_add(&w.g, w.all[i].site, i + 1, !w.all[i].runs, w.all[i].io);
	w.named += growing_end(&w.g, w.now);
}

/* per second, each of which lives for so long (0: for ever), for so many seconds */
static void pass(unsigned int seconds, uint64_t site, unsigned int per_second, uint64_t lives,
		 bool io)
{
	unsigned int s, i;

	for (s = 0; s < seconds; s++) {
		for (i = 0; i < per_second; i++)
			add(site, w.now + i * (SECOND / per_second), lives, io);
		w.now += SECOND;
		look(1);
	}
}

static const struct growing_site *site(uint64_t gopc)
{
	size_t i;

	for (i = 0; i < w.g.n; i++)
		if (w.g.sites[i].gopc == gopc)
			return &w.g.sites[i];
	fail_msg("no such place");
	return NULL;
}

static void a_leak_is_named_within_ten_seconds(void **state)
{
	const struct growing_site *s;

	(void)state;
	begin();
	pass(4, 0x10, 3, SECOND / 2, false);
	pass(6, 0x20, 100, 0, false);
	assert_int_equal(w.named, 1);
	s = site(0x20);
	assert_true(s->named && s->grows);
	assert_true(s->per_second > 95 && s->per_second < 105);
	assert_false(site(0x10)->named);
	pass(40, 0x20, 100, 0, false);
	assert_int_equal(w.named, 1); /* once */
	assert_true(site(0x20)->grows);
	growing_close(&w.g);
}

static void what_comes_and_goes_is_not(void **state)
{
	unsigned int i;

	(void)state;
	begin();
	pass(20, 0x10, 1000, SECOND / 50, false);
	/* more and more of them at a time */
	for (i = 1; i < 40; i++)
		pass(1, 0x20, 50 * i, 2 * SECOND, false);
	assert_int_equal(w.named, 0);
	growing_close(&w.g);
}

static void a_pool_that_is_filled_at_once_is_not(void **state)
{
	size_t i;

	(void)state;
	begin();
	look(1);
	for (i = 0; i < 5000; i++)
		add(0x10, w.now, 0, false);
	pass(60, 0x20, 1, SECOND / 2, false);
	assert_int_equal(w.named, 0);
	growing_close(&w.g);
}

static void one_that_is_filled_steadily_is_said_to_have_stopped(void **state)
{
	(void)state;
	begin();
	pass(8, 0x10, 100, 0, false);
	assert_int_equal(w.named, 1);
	assert_true(site(0x10)->grows);
	pass(40, 0x20, 1, SECOND / 2, false);
	assert_true(site(0x10)->named);
	assert_false(site(0x10)->grows);
	assert_int_equal(site(0x10)->last, 800);
	growing_close(&w.g);
}

/* A goroutine that reads from each, and one that does not. */
static void clients_have_to_come_for_an_hour(void **state)
{
	unsigned int i;

	(void)state;
	begin();
	for (i = 0; i < 4000; i++) {
		add(0x10, w.now, 0, true);
		add(0x20, w.now, 0, false);
		w.now += SECOND;
		look(1);
		if (i < 3500)
			assert_int_equal(w.named, 0);
	}
	assert_int_equal(w.named, 2);
	growing_close(&w.g);
}

/* One in a hundred is left behind by those that come and go. */
static void a_slow_one_takes_longer(void **state)
{
	unsigned int s, i;

	(void)state;
	begin();
	for (s = 0; s < 700 && !w.named; s++) {
		for (i = 0; i < 100; i++)
			add(0x10, w.now, i ? SECOND / 10 : 0, false);
		w.now += SECOND;
		look(1);
	}
	assert_int_equal(w.named, 1);
	assert_in_range(s, 400, 620);
	growing_close(&w.g);
}

static void those_that_run_are_no_leak(void **state)
{
	size_t i;

	(void)state;
	begin();
	for (i = 0; i < 2000; i++) {
		add(0x10, w.now, 0, false);
		w.all[w.n - 1].runs = true;
		w.now += SECOND / 100;
		if (i % 100 == 99)
			look(1);
	}
	assert_int_equal(w.named, 0);
	growing_close(&w.g);
}

static void a_sample_is_enough(void **state)
{
	size_t i;

	(void)state;
	begin();
	for (i = 0; i < 100000; i++)
		add(0x10, w.now, 0, false);
	for (i = 0; i < 10000; i++) {
		add(0x20, w.now, 0, false);
		w.now += SECOND / 1000;
		if (i % 1000 == 999)
			look(i < 2000 ? 2 : 4); /* what was counted otherwise begins anew */
	}
	assert_int_equal(w.named, 1);
	assert_true(site(0x20)->per_second > 900 && site(0x20)->per_second < 1100);
	growing_close(&w.g);
}

static void there_is_room_for_so_many_places(void **state)
{
	size_t i;

	(void)state;
	begin();
	for (i = 0; i < 2 * GROWING_SITES; i++)
		add(0x1000 + i, w.now, SECOND / 2, false);
	look(1);
	assert_int_equal(w.g.n, GROWING_SITES);
	assert_int_equal(w.g.others, GROWING_SITES);
	w.now += SECOND;
	pass(1000, 0x20, 1, 0, false); /* those that nobody has seen for long make room */
	assert_true(w.g.n < 10);
	assert_int_equal(site(0x20)->last, 1000);
	growing_close(&w.g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leak_is_named_within_ten_seconds),
		cmocka_unit_test(what_comes_and_goes_is_not),
		cmocka_unit_test(a_pool_that_is_filled_at_once_is_not),
		cmocka_unit_test(one_that_is_filled_steadily_is_said_to_have_stopped),
		cmocka_unit_test(clients_have_to_come_for_an_hour),
		cmocka_unit_test(a_slow_one_takes_longer),
		cmocka_unit_test(those_that_run_are_no_leak),
		cmocka_unit_test(a_sample_is_enough),
		cmocka_unit_test(there_is_room_for_so_many_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
