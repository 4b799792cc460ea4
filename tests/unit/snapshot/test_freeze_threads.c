/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Freezing processes whose threads come, go, end first or cannot be stopped. */
#include <pthread.h>

#include "freeze_target.h"

static void *turn(void *arg)
{
	for (;;)
		nap();
	return arg;
}

static void *turn_once(void *arg)
{
	return arg;
}

static void leaderless(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, turn, NULL);
	shared->ready = 1;
	while (!shared->go)
		nap();
	pthread_exit(NULL);
}

static void a_leader_that_has_ended_does_not_matter(void **unused)
{
	(void)unused;
	begin(leaderless);
	shared->go = 1;
	while (state() != 'Z')
		nap();
	assert_int_equal(look(nothing, LIMIT), 0);
	assert_int_equal(t.f.n, 1);
	ended(SIGKILL);
}

static void *start_threads(void *arg)
{
	pthread_t thread;

	for (;;)
		if (!pthread_create(&thread, NULL, turn_once, NULL))
			pthread_join(thread, NULL);
	return arg;
}

static void starts_threads(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&thread, NULL, start_threads, NULL);
	shared->ready = 1;
	for (;;)
		shared->turns++;
}

/* New ones come and go while they are stopped. */
static void threads_may_come_and_go(void **unused)
{
	int i;

	(void)unused;
	begin(starts_threads);
	for (i = 0; i < 100; i++)
		assert_int_equal(look(i % 5 ? see : crash, LIMIT), i % 5 ? 7 : -ECANCELED);
	assert_turns();
	ended(SIGKILL);
}

static void *sleep_deeply(void *arg)
{
	const struct timespec rest = {.tv_nsec = 3000000};
	pid_t pid;

	for (;;) {
		pid = vfork(); /* who calls it waits for its child so that nothing ends that */
		if (!pid) {
			nanosleep(&rest, NULL);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	return arg;
}

static void sleeps_deeply(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 8; i++)
		pthread_create(&thread, NULL, sleep_deeply, NULL);
	shared->ready = 1;
	for (;;)
		nap();
}

/* A service that writes to a disk all the time. */
static void one_of_whom_somebody_always_waits_is_frozen(void **unused)
{
	int i;

	(void)unused;
	begin(sleeps_deeply);
	for (i = 0; i < 10; i++)
		assert_int_equal(look(see, LIMIT), 7);
	ended(SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leader_that_has_ended_does_not_matter),
		cmocka_unit_test(threads_may_come_and_go),
		cmocka_unit_test(one_of_whom_somebody_always_waits_is_frozen),
	};

	return cmocka_run_group_tests(tests, share, NULL);
}
