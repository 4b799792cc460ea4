/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What does not come back keeps us waiting for a second, once, and nothing of it stays. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/errand.h"

#define SECOND 1000000000u

static uint64_t now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static int say_who(void *place, int fd)
{
	(void)fd;
	*(pid_t *)place = getpid();
	return -1;
}

static int never(void *place, int fd)
{
	(void)place;
	(void)fd;
	for (;;)
		pause();
}

/* What is read from the file that came along, and the file once more. */
static int read_and_bring(void *place, int fd)
{
	if (read(fd, place, 4) != 4)
		return -1;
	return dup(fd);
}

/* As long as a machine that is busy may take. */
static int nap(void *place, int fd)
{
	(void)place;
	(void)fd;
	usleep(20000);
	return -1;
}

static int of_process(uint64_t number, int (*do_it)(void *place, int fd))
{
	assert_non_null(errand_place());
	return errand_run(errand_whom(ERRAND_PROCESS, number), ERRAND_ANY, do_it, -1, NULL);
}

static int one(uint64_t number, int (*do_it)(void *place, int fd))
{
	assert_non_null(errand_place());
	return errand_run(errand_whom(ERRAND_DEVICE, number), ERRAND_ANY, do_it, -1, NULL);
}

static void another_process_does_it(void **state)
{
	pid_t *who = errand_place();

	(void)state;
	assert_non_null(who);
	assert_int_equal(errand_run(errand_whom(ERRAND_DEVICE, 1), ERRAND_ANY, say_who, -1, NULL),
			 0);
	assert_true(*who > 0);
	assert_int_not_equal(*who, getpid());
}

static void files_come_along(void **state)
{
	int fds[2], opened = -1;
	char *place, buf[4];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "herethere", 9), 9);
	place = errand_place();
	assert_non_null(place);
	assert_int_equal(errand_run(errand_whom(ERRAND_DEVICE, 1), ERRAND_ANY, read_and_bring,
				    fds[0], &opened),
			 0);
	assert_memory_equal(place, "here", 4);
	assert_true(opened > 2);
	assert_int_equal(read(opened, buf, 4), 4);
	assert_memory_equal(buf, "ther", 4);
	assert_true(fcntl(opened, F_GETFD) & FD_CLOEXEC);
	close(opened);
	close(fds[1]);
	/* nobody else has what was passed about: it ends */
	assert_int_equal(read(fds[0], buf, 4), 1);
	assert_int_equal(read(fds[0], buf, 4), 0);
	close(fds[0]);
}

static void what_does_not_come_back_is_given_up(void **state)
{
	uint64_t before = errands_given_up(), from = now();

	(void)state;
	assert_int_equal(one(2, never), -ETIME);
	assert_in_range(now() - from, SECOND * 9 / 10, 5ull * SECOND);
	assert_int_equal(one(2, say_who), -ETIME); /* not so soon again */
	assert_int_equal(errands_given_up() - before, 2);
	assert_int_equal(one(1, say_who), 0);
}

/* Who lets each page come a little late keeps us waiting no longer than one whose page does not
 * come. */
static void short_waits_add_up(void **state)
{
	uint64_t before = errands_given_up();
	int i, done = 0;

	(void)state;
	for (i = 0; i < 200; i++) /* what comes at once does not */
		assert_int_equal(of_process(7, say_who), 0);
	for (i = 0; i < 100; i++)
		done += !of_process(7, nap);
	assert_in_range(done, 1, 60);
	assert_int_equal(errands_given_up() - before, 100 - done);
}

static void all_together_are_bounded(void **state)
{
	uint64_t from = now();
	uint64_t i;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_int_equal(one(100 + i, never), -ETIME);
	assert_in_range(now() - from, SECOND, 9ull * SECOND);
	assert_int_equal(one(1, say_who), 0);
}

/* All there is is used up: each of them is tried once or twice, and no more. */
static void many_that_are_late_are_bounded(void **state)
{
	uint64_t from = now();
	uint64_t i;

	(void)state;
	for (i = 0; i < 800; i++)
		(void)of_process(1000 + i % 4, nap);
	assert_in_range(now() - from, 0, 9ull * SECOND);
	assert_int_equal(one(1, say_who), 0);
}

static void one_that_was_killed_is_replaced(void **state)
{
	pid_t first;

	(void)state;
	assert_int_equal(one(1, say_who), 0);
	first = *(pid_t *)errand_place();
	assert_int_equal(kill(first, SIGKILL), 0);
	(void)one(3, say_who); /* that is not noticed at once */
	assert_int_equal(one(1, say_who), 0);
	assert_int_not_equal(*(pid_t *)errand_place(), first);
}

static void others_do_it_themselves(void **state)
{
	pid_t child, *who;
	int status;

	(void)state;
	assert_int_equal(one(1, say_who), 0);
	child = fork();
	if (!child) {
		who = errand_place();
		_exit(errand_run(1, ERRAND_ANY, say_who, -1, NULL) || *who != getpid());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void nothing_stays(void **state)
{
	uint64_t until = now() + 10ull * SECOND;
	int r;

	(void)state;
	assert_int_equal(one(1, say_who), 0);
	errand_end();
	errand_end();
	do
		r = waitpid(-1, NULL, WNOHANG);
	while (r >= 0 && now() < until);
	assert_int_equal(r, -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(one(1, say_who), 0);
	errand_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_process_does_it),
		cmocka_unit_test(files_come_along),
		cmocka_unit_test(what_does_not_come_back_is_given_up),
		cmocka_unit_test(one_that_was_killed_is_replaced),
		cmocka_unit_test(others_do_it_themselves),
		cmocka_unit_test(short_waits_add_up),
		cmocka_unit_test(all_together_are_bounded),
		cmocka_unit_test(many_that_are_late_are_bounded),
		cmocka_unit_test(nothing_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
