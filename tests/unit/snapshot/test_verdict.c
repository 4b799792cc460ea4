/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What goroutines say of a map: a mark of a writer that nobody has made, or that somebody may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot/snapshot.h"

static char function[] = "runtime.mapassign_fast64", other[] = "main.main";
static struct report_frame frames[2];
static struct report_group group;
static struct report_snapshot s;
static struct report_map_dump m;

/* One goroutine, in main.main, and a map with a mark of a writer. */
static void begin(void)
{
	free(m.reason);
	while (m.ndefects) {
		m.ndefects--;
		free(m.defects[m.ndefects].where);
		free(m.defects[m.ndefects].what);
	}
	free(m.defects);
	frames[0].function = frames[1].function = other;
	group = (struct report_group){.count = 1, .frames = frames, .nframes = 2};
	s = (struct report_snapshot){.groups = &group, .ngroups = 1, .goroutines = 1};
	m = (struct report_map_dump){
		.map = {.writing = true, .swiss = true},
		.integrity = REPORT_INTACT,
		.checked = 7,
		.entries = 7,
	};
}

static void verdict(enum report_integrity want)
{
	assert_int_equal(snapshot_ask_goroutines(&s, &m), 0);
	assert_string_equal(report_integrity_name(m.integrity), report_integrity_name(want));
	begin();
}

static void a_mark_is_stuck_where_all_stacks_are_known(void **state)
{
	(void)state;
	begin();
	verdict(REPORT_BROKEN);
	m.map.writing = false;
	verdict(REPORT_INTACT);
	m.integrity = REPORT_UNDER_WAY;
	verdict(REPORT_BROKEN);
	m.integrity = REPORT_PART_INTACT;
	verdict(REPORT_BROKEN);
}

static void a_mark_says_nothing_where_a_writer_may_be_inside(void **state)
{
	(void)state;
	begin();
	frames[1].function = function;
	verdict(REPORT_INTACT);
	s.unread = 1;
	verdict(REPORT_INTACT);
	s.no_stack = 1;
	verdict(REPORT_INTACT);
	s.unreadable = 1;
	verdict(REPORT_INTACT);
	s.groups_cut = 1;
	verdict(REPORT_INTACT);
	group.truncated = true;
	verdict(REPORT_INTACT);
	group.approximate = true;
	verdict(REPORT_INTACT);
	s.ngroups = 0; /* no goroutine at all was seen */
	verdict(REPORT_INTACT);
}

/* A byte that is 1 in what is none, or is empty. */
static void a_mark_in_what_may_be_no_map_says_nothing(void **state)
{
	(void)state;
	begin();
	m.integrity = REPORT_UNCHECKED;
	verdict(REPORT_UNCHECKED);
	m.checked = m.entries = 0;
	verdict(REPORT_INTACT);
	m.checked = 1;
	verdict(REPORT_INTACT);
}

static void a_classic_map_may_be_a_copy_that_is_made(void **state)
{
	static char clone[] = "runtime.mapclone2";

	(void)state;
	begin();
	frames[0].function = clone;
	m.map.writing = m.map.swiss = false;
	m.integrity = REPORT_BROKEN;
	verdict(REPORT_UNDER_WAY);
	frames[0].function = clone;
	m.map.writing = false;
	m.integrity = REPORT_BROKEN; /* Swiss: each entry has its mark */
	verdict(REPORT_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mark_is_stuck_where_all_stacks_are_known),
		cmocka_unit_test(a_mark_says_nothing_where_a_writer_may_be_inside),
		cmocka_unit_test(a_mark_in_what_may_be_no_map_says_nothing),
		cmocka_unit_test(a_classic_map_may_be_a_copy_that_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
