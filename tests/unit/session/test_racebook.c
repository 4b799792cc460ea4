/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which races a daemon knows: over processes, over restarts, beyond what there is room for. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/racebook.h"
#include "tmpdir.h"

static char path[128];

static int begin(void **state)
{
	(void)state;
	if (tmpdir_make())
		return -1;
	snprintf(path, sizeof(path), "%s/state", dir);
	return 0;
}

static struct racebook *opened(const char *state)
{
	struct racebook *b = NULL;
	struct err err = {};

	assert_int_equal(racebook_open(&b, state, &err), 0);
	return b;
}

static struct report_race race_of(unsigned int id, uint32_t pid, uint64_t count)
{
	struct report_race race = {.pid = pid, .count = count, .kind = REPORT_READ_WRITE};

	snprintf(race.id, sizeof(race.id), "%016x", id);
	return race;
}

static bool note(struct racebook *b, unsigned int id, const char *exe)
{
	struct report_race race = race_of(id, 1, 1);

	return racebook_note(b, &race, &(struct racebook_program){exe, "example.com/a"},
			     "a.service");
}

static void test_once_for_each_program(void **state)
{
	struct racebook *b = opened(NULL);
	struct report report = {};
	const struct metrics_race *list;
	size_t n;

	(void)state;
	assert_true(note(b, 1, "/bin/a"));
	assert_false(note(b, 1, "/bin/a"));
	assert_true(note(b, 2, "/bin/a"));
	assert_true(note(b, 1, "/bin/b"));
	list = racebook_list(b, &report, &n);
	assert_int_equal(n, 3);
	assert_string_equal(list[0].id, "0000000000000001");
	assert_string_equal(list[0].exe, "/bin/a");
	assert_string_equal(list[0].unit, "a.service");
	assert_int_equal(list[0].kind, REPORT_READ_WRITE);
	assert_int_equal(list[0].processes, 2);
	assert_int_equal(list[2].processes, 1);
	racebook_close(b);
	racebook_close(NULL);
}

/* Two containers have a program at one path, two versions of one program are one. */
static void test_programs_at_one_path(void **state)
{
	const struct racebook_program checkout = {"/app/server", "example.com/checkout"},
				      cart = {"/app/server", "example.com/cart"},
				      unknown = {"/app/server", ""};
	struct report_race race = race_of(1, 7, 10);
	struct racebook *b = opened(path);
	struct report_target targets[] = {
		{.pid = 7, .exe = (char *)"/app/server", .module = (char *)"example.com/cart"}};
	struct report report = {.targets = targets, .ntargets = 1, .races = &race, .nraces = 1};
	const struct metrics_race *list;
	size_t n;

	(void)state;
	assert_true(racebook_note(b, &race, &checkout, ""));
	assert_true(racebook_note(b, &race, &cart, ""));
	assert_false(racebook_note(b, &race, &checkout, ""));
	assert_true(racebook_note(b, &race, &unknown, ""));
	list = racebook_list(b, &report, &n);
	assert_int_equal(n, 3);
	assert_string_equal(list[1].module, "example.com/cart");
	assert_int_equal(list[1].sightings, 10);
	assert_int_equal(list[0].sightings, 0);
	assert_int_equal(list[2].sightings, 0);
	racebook_close(b);
	b = opened(path);
	assert_false(racebook_note(b, &race, &cart, ""));
	assert_false(racebook_note(b, &race, &unknown, ""));
	racebook_close(b);
}

/* What a counter says never becomes less, whatever becomes of the processes. */
static void test_sightings(void **state)
{
	const struct racebook_program program = {"/bin/a", "example.com/a"};
	char *module = (char *)"example.com/a";
	struct report_target targets[] = {{.pid = 7, .exe = (char *)"/bin/a", .module = module},
					  {.pid = 8, .exe = (char *)"/bin/a", .module = module},
					  {.pid = 7, .exe = (char *)"/bin/next", .module = module}};
	struct report_race races[] = {race_of(1, 7, 10), race_of(1, 8, 5), race_of(9, 8, 3)};
	struct report report = {.targets = targets, .ntargets = 2, .races = races, .nraces = 3};
	struct racebook *b = opened(NULL);
	size_t n;

	(void)state;
	note(b, 1, "/bin/a");
	note(b, 1, "/bin/a");
	assert_int_equal(racebook_list(b, &report, &n)[0].sightings, 15);
	assert_int_equal(n, 1); /* of one that was not noted nothing is said */
	/* process 7 has become another program: what it did before counts still */
	report.ntargets = 3;
	assert_int_equal(racebook_list(b, &report, &n)[0].sightings, 15);
	racebook_retire(b, &races[0], &program);
	report.races = &races[1];
	report.nraces = 2;
	assert_int_equal(racebook_list(b, &report, &n)[0].sightings, 15);
	racebook_retire(b, &races[2], &program); /* nor that it has gone */
	racebook_retire(b, &races[1], &program);
	report.nraces = 0;
	assert_int_equal(racebook_list(b, &report, &n)[0].sightings, 15);
	racebook_close(b);
}

static void test_restart(void **state)
{
	struct racebook *b = opened(path);
	struct report report = {};
	struct stat st;
	size_t n;

	(void)state;
	assert_true(note(b, 1, "/bin/a"));
	assert_true(note(b, 2, "/bin/with\nline"));
	racebook_close(b);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640 & ~022);
	b = opened(path);
	racebook_list(b, &report, &n);
	assert_int_equal(n, 0); /* it has not been seen in this run */
	assert_false(note(b, 1, "/bin/a"));
	assert_false(note(b, 2, "/bin/with\nline"));
	assert_true(note(b, 1, "/bin/b"));
	racebook_list(b, &report, &n);
	assert_int_equal(n, 3);
	racebook_close(b);
	b = opened(path);
	assert_false(note(b, 1, "/bin/b"));
	racebook_close(b);
}

static void write_state(const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* The disk was full in the middle of a line: what comes then is known all the same. */
static void test_cut_state(void **state)
{
	struct racebook *b;

	(void)state;
	write_state("0000000000000001 /bin/a\texample.com/a\n0000000000000002 /bi");
	b = opened(path);
	assert_false(note(b, 1, "/bin/a"));
	assert_true(note(b, 3, "/bin/c"));
	racebook_close(b);
	b = opened(path);
	assert_false(note(b, 1, "/bin/a"));
	assert_false(note(b, 3, "/bin/c"));
	racebook_close(b);
}

/* Lines that nobody of us has written; a name as long as there may be. */
static void test_odd_state(void **state)
{
	static char line[9000], exe[6000];
	struct racebook *b;

	(void)state;
	memset(line, 'x', sizeof(line) - 2);
	write_state(line);
	b = opened(path);
	memset(exe, 'y', sizeof(exe) - 1);
	assert_true(note(b, 1, exe));
	racebook_close(b);
	b = opened(path);
	assert_false(note(b, 1, exe));
	racebook_close(b);
}

static void refuse(const char *name)
{
	struct racebook *b = NULL;
	struct err err = {};

	assert_int_not_equal(racebook_open(&b, name, &err), 0);
	assert_non_null(strstr(err.text, name));
	assert_null(b);
}

static void test_refused_state(void **state)
{
	char name[160];

	(void)state;
	refuse(dir);
	snprintf(name, sizeof(name), "%s/none/state", dir);
	refuse(name);
	snprintf(name, sizeof(name), "%s/link", dir);
	assert_int_equal(symlink("/etc/hostname", name), 0);
	refuse(name);
	refuse("/dev/zero"); /* which would never be read to its end */
	snprintf(name, sizeof(name), "%s/fifo", dir);
	assert_int_equal(mkfifo(name, 0600), 0);
	refuse(name);
}

/* No room on the disk: said once, and it goes on. */
static void test_full_disk(void **state)
{
	const struct rlimit full = {.rlim_cur = 45, .rlim_max = RLIM_INFINITY},
			    room = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
	struct racebook *b = opened(path);

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	assert_true(note(b, 1, "/bin/a"));
	assert_true(note(b, 2, "/bin/a")); /* of which there is a part */
	assert_true(note(b, 3, "/bin/a"));
	assert_false(note(b, 2, "/bin/a"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &room), 0);
	assert_true(note(b, 4, "/bin/a")); /* there is room again */
	racebook_close(b);
	b = opened(path);
	assert_false(note(b, 1, "/bin/a"));
	assert_false(note(b, 4, "/bin/a"));
	assert_true(note(b, 3, "/bin/a"));
	racebook_close(b);
}

static void test_bounds(void **state)
{
	struct racebook *b = opened(NULL);
	struct report report = {};
	unsigned int i;
	size_t n;

	(void)state;
	for (i = 0; i < RACEBOOK_MOST + 5; i++)
		assert_true(note(b, i, "/bin/a"));
	racebook_list(b, &report, &n);
	assert_int_equal(n, RACEBOOK_MOST);
	assert_int_equal(racebook_unlisted(b), 5);
	assert_false(note(b, RACEBOOK_MOST + 1, "/bin/a")); /* known, and counted once */
	assert_int_equal(racebook_unlisted(b), 5);
	racebook_close(b);
}

/* More than are kept: each run tells of it again, and the state does not grow. */
static void test_full_state(void **state)
{
	struct racebook *b;
	struct stat before, after;
	unsigned int i;
	FILE *f = fopen(path, "we");

	(void)state;
	assert_non_null(f);
	for (i = 0; i < 100000; i++)
		fprintf(f, "%016x /bin/a\texample.com/a\n", i);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(stat(path, &before), 0);
	for (i = 0; i < 2; i++) {
		b = opened(path);
		assert_false(note(b, 99999, "/bin/a"));
		assert_true(note(b, 200000, "/bin/a"));
		racebook_close(b);
	}
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once_for_each_program, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_programs_at_one_path, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_programs_at_one_path, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_sightings, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_restart, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_cut_state, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_odd_state, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_refused_state, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_full_disk, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_bounds, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_full_state, begin, tmpdir_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
