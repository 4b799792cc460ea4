/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The daemon's log: grown, moved away by others, without room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/linelog.h"
#include "tmpdir.h"

static char path[128];

static int begin(void **state)
{
	(void)state;
	if (tmpdir_make())
		return -1;
	snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static void put(struct linelog *log, const char *line)
{
	linelog_write(log, line, strlen(line));
}

static void assert_file(const char *suffix, const char *expected)
{
	char name[160], text[256] = "";
	FILE *f;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	f = fopen(name, "re");
	if (!expected) {
		assert_null(f);
		return;
	}
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(text, expected);
}

static void test_grown(void **state)
{
	struct linelog_counts counts;
	struct linelog *log;
	struct err err = {0};

	(void)state;
	assert_int_equal(linelog_open(&log, path, 8, 2, &err), 0);
	put(log, "one\n");
	put(log, "two\n");
	assert_file("", "one\ntwo\n");
	put(log, "three\n");
	assert_file(".1", "one\ntwo\n");
	put(log, "a line that is longer than all\n");
	put(log, "x\n");
	put(log, "four\n");
	assert_file("", "x\nfour\n");
	assert_file(".1", "a line that is longer than all\n");
	assert_file(".2", "three\n");
	assert_file(".3", NULL);
	linelog_count(log, &counts);
	assert_int_equal(counts.lines, 6);
	assert_int_equal(counts.lost, 0);
	assert_int_equal(counts.rotations, 3);
	linelog_close(log);
	/* of a run before: goes on behind it */
	assert_int_equal(linelog_open(&log, path, 0, 2, &err), 0);
	put(log, "five\n");
	assert_file("", "x\nfour\nfive\n");
	linelog_close(log);
}

static void test_moved_away(void **state)
{
	struct linelog *log;
	struct err err = {0};
	char moved[160];

	(void)state;
	snprintf(moved, sizeof(moved), "%s.old", path);
	assert_int_equal(linelog_open(&log, path, 0, 2, &err), 0);
	put(log, "one\n");
	assert_int_equal(rename(path, moved), 0);
	put(log, "two\n"); /* nobody has looked */
	linelog_look(log);
	put(log, "three\n");
	assert_file(".old", "one\ntwo\n");
	assert_file("", "three\n");
	/* emptied in place, as logrotate's copytruncate does it: no hole is left */
	assert_int_equal(truncate(path, 0), 0);
	linelog_look(log);
	put(log, "four\n");
	assert_file("", "four\n");
	/* gone, and its directory too */
	assert_int_equal(unlink(path), 0);
	linelog_look(log);
	put(log, "five\n");
	assert_file("", "five\n");
	linelog_close(log);
}

static void test_no_room(void **state)
{
	struct linelog_counts counts;
	struct linelog *log;
	struct err err = {0};

	(void)state;
	assert_int_equal(linelog_open(&log, "/dev/full", 0, 2, &err), 0);
	put(log, "one\n");
	put(log, "two\n");
	linelog_count(log, &counts);
	assert_int_equal(counts.lines, 0);
	assert_int_equal(counts.lost, 2);
	linelog_close(log);
	assert_int_not_equal(linelog_open(&log, "/nowhere/log", 0, 2, &err), 0);
	assert_non_null(strstr(err.text, "/nowhere/log"));
}

/* What others have put there is not written through. */
static void test_link(void **state)
{
	struct linelog *log;
	struct err err = {0};
	char other[160];

	(void)state;
	snprintf(other, sizeof(other), "%s.other", path);
	assert_int_equal(symlink(other, path), 0);
	assert_int_not_equal(linelog_open(&log, path, 0, 2, &err), 0);
	assert_file(".other", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grown, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_moved_away, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_no_room, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_link, begin, tmpdir_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
