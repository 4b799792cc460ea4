/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whose turn it is of a host's Go processes: found in /proc, as where the kernel tells of none. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture.h"
#include "session/census.h"
#include "tmpdir.h"

#define SECOND 1000000000ull

static uint64_t now;

static int begin(void **state)
{
	(void)state;
	setenv("MAPRACE_WITHOUT", "execs", 1);
	now = clock_ns(CLOCK_MONOTONIC);
	return tmpdir_make();
}

/* A process that runs a copy of that file under that name, stopped before it does anything. */
static pid_t start(const char *file, const char *name)
{
	char command[1200], copy[128];
	int status;
	pid_t pid;

	snprintf(copy, sizeof(copy), "%s/%s", dir, name);
	snprintf(command, sizeof(command), "cp %s %s", file, copy);
	assert_int_equal(system(command), 0);
	pid = fork();
	if (!pid) {
		/* traced, it stops behind its execve */
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(copy, copy, "argument", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static pid_t start_go(const char *name)
{
	return start(fixture_path("live-1.24"), name);
}

static struct census *opened(struct host_options *options)
{
	static char match[80];
	struct census *c = NULL;
	struct err err = {};

	snprintf(match, sizeof(match), "%s/*", dir);
	if (!options->match)
		options->match = match;
	assert_int_equal(census_new(&c, options, &err), 0);
	assert_non_null(strstr(err.text, "withheld"));
	assert_int_equal(census_fd(c), -1);
	now = clock_ns(CLOCK_MONOTONIC);
	return c;
}

static pid_t next(struct census *c, size_t places)
{
	struct census_one one;

	return census_next(c, now, places, &one) ? one.pid : 0;
}

static uint64_t counted(const struct census *c, const char *why)
{
	struct report report = {};
	uint64_t n = 0;
	size_t i;

	assert_int_equal(census_fill(c, &report), 0);
	for (i = 0; i < report.followed->nreasons; i++)
		if (!strcmp(report.followed->reasons[i].why, why))
			n = report.followed->reasons[i].processes;
	report_free(&report);
	return n;
}

static void test_present_and_new(void **state)
{
	pid_t first = start_go("first"), other = start("/bin/sleep", "sleep"), second;
	struct host_options options = {};
	struct census *c = opened(&options);

	(void)state;
	census_look(c, now);
	assert_int_equal(census_known(c), 1); /* what is no Go program is none */
	assert_int_equal(next(c, 1), first);
	assert_int_equal(next(c, 1), 0);
	second = start_go("second");
	census_look(c, now + 1); /* not so soon again */
	assert_int_equal(census_known(c), 0);
	now += SECOND;
	census_look(c, now);
	assert_int_equal(census_known(c), 1); /* the first one has had its turn */
	assert_int_equal(next(c, 1), 0);      /* it has just come */
	assert_int_equal(census_wait(c, now, 1), CENSUS_SETTLE_MS * 1000000);
	now += CENSUS_SETTLE_MS * 1000000;
	assert_int_equal(next(c, 1), second);
	assert_int_equal(census_wait(c, now, 1), UINT64_MAX);
	now += SECOND;
	census_look(c, now);
	assert_int_equal(census_known(c), 0);
	census_forget(c, second); /* it has begun anew */
	now += SECOND;
	census_look(c, now);
	assert_int_equal(census_known(c), 1);
	now += CENSUS_SETTLE_MS * 1000000;
	assert_int_equal(next(c, 1), second);
	now += SECOND;
	census_look(c, now);
	assert_int_equal(next(c, 1), 0);
	stop(first);
	stop(second);
	stop(other);
	census_free(c);
	census_free(NULL);
}

/* One that has ended before its turn is counted, and nobody asks for it. */
static void test_too_short(void **state)
{
	struct host_options options = {};
	struct census *c = opened(&options);
	pid_t pid;

	(void)state;
	census_look(c, now);
	pid = start_go("short");
	now += SECOND;
	census_look(c, now);
	assert_int_equal(census_known(c), 1);
	stop(pid);
	now += CENSUS_SETTLE_MS * 1000000;
	assert_int_equal(next(c, 1), 0);
	assert_int_equal(census_known(c), 0);
	assert_int_equal(counted(c, "too short: ended within 60 ms"), 1);
	census_free(c);
}

static void test_no_place(void **state)
{
	pid_t one = start_go("one"), two = start_go("two");
	struct host_options options = {};
	struct census *c = opened(&options);
	struct report report = {};
	pid_t first;

	(void)state;
	census_look(c, now);
	assert_int_equal(next(c, 0), 0);
	assert_int_equal(census_known(c), 2);
	assert_int_equal(census_wait(c, now, 0), SECOND);
	assert_int_equal(census_fill(c, &report), 0);
	assert_int_equal(report.followed->go, 2); /* they are there, and not watched */
	assert_int_equal(report.followed->watched, 0);
	assert_true(report.followed->host);
	report_free(&report);
	first = next(c, 1);
	assert_true(first == one || first == two);
	assert_int_equal(next(c, 0), 0);
	stop(first == one ? two : one); /* has waited to its end */
	now += 2 * SECOND;
	assert_int_equal(next(c, 0), 0);
	assert_int_equal(counted(c, "more than --max-processes allows"), 1);
	stop(first);
	census_free(c);
}

/* The same process, and another program. */
static void test_another_program(void **state)
{
	struct host_options options = {};
	pid_t pid = start_go("before");
	struct census *c = opened(&options);
	struct census_one one;

	(void)state;
	census_look(c, now);
	assert_true(census_next(c, now, 1, &one));
	assert_int_equal(one.pid, pid);
	assert_true(one.certain && one.present);
	census_is_other(c, &one); /* it has turned out to be none */
	stop(pid);
	now += SECOND;
	census_look(c, now);
	pid = start_go("before"); /* the same file's name, another file */
	now += SECOND;
	census_look(c, now);
	now += SECOND;
	assert_int_equal(next(c, 1), pid);
	stop(pid);
	census_free(c);
}

static void assert_meant(struct host_options options, pid_t pid, bool meant)
{
	struct census *c = opened(&options);

	census_look(c, now);
	assert_int_equal(next(c, 1), meant ? pid : 0);
	census_free(c);
}

static void test_who_is_meant(void **state)
{
	pid_t pid = start_go("meant");
	char match[100];

	(void)state;
	assert_meant((struct host_options){.user_given = true, .user = geteuid()}, pid, true);
	assert_meant((struct host_options){.user_given = true, .user = 65534}, pid, false);
	assert_meant((struct host_options){.container = "nobody-has-this"}, pid, false);
	assert_meant((struct host_options){.cgroup = "/nobody/has/this"}, pid, false);
	snprintf(match, sizeof(match), "%s/mean? argument", dir);
	assert_meant((struct host_options){.match = match}, pid, true);
	snprintf(match, sizeof(match), "%s/meant", dir); /* its path */
	assert_meant((struct host_options){.match = match}, pid, true);
	snprintf(match, sizeof(match), "%s/mean", dir);
	assert_meant((struct host_options){.match = match}, pid, false);
	stop(pid);
}

/* Those that come are attached to for a part of the time only; those that are there are not. */
static void test_charge(void **state)
{
	pid_t there = start_go("there"), late;
	struct host_options options = {};
	struct census *c = opened(&options);

	(void)state;
	census_charge(c, 2 * SECOND);
	census_look(c, now);
	assert_int_equal(next(c, 1), there);
	late = start_go("late");
	now += SECOND;
	census_look(c, now);
	now += SECOND;
	assert_int_equal(next(c, 1), 0); /* a second too much, of which five percent are earned */
	now += 20 * SECOND;
	assert_int_equal(next(c, 1), late);
	census_charge(c, 1000 * SECOND); /* nobody had a CPU: the others do not wait for hours */
	stop(late);
	late = start_go("later");
	now += SECOND;
	census_look(c, now);
	assert_int_equal(next(c, 1), 0);
	now += 42 * SECOND;
	assert_int_equal(next(c, 1), late);
	stop(there);
	stop(late);
	census_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_present_and_new, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_too_short, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_no_place, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_another_program, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_who_is_meant, begin, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_charge, begin, tmpdir_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
