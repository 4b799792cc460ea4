/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who descends from us, whose copy it is, and who is about to become another program. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/helper.h"
#include "process/descendants.h"
#include "process/proc_stat.h"

/* It lives until its parent ends, or it is killed. */
static _Noreturn void linger(const int alive[2])
{
	char byte;

	close(alive[1]);
	(void)!read(alive[0], &byte, 1);
	_exit(0);
}

static void *fork_from_thread(void *arg)
{
	const int *alive = arg;
	pid_t pid = fork();

	if (!pid)
		linger(alive);
	return (void *)(intptr_t)pid;
}

static bool is_listed(pid_t pid)
{
	pid_t *list = NULL;
	size_t n = 0, i;
	bool found = false;

	assert_int_equal(descendants_list(&list, &n), 0);
	for (i = 0; i < n; i++) {
		found |= list[i] == pid;
		assert_true(!i || list[i - 1] < list[i]);
	}
	free(list);
	return found;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_children(void **state)
{
	int alive[2], told[2];
	pid_t child, grandchild = 0, of_thread, pid;
	pthread_t thread;
	void *got;

	(void)state;
	assert_int_equal(pipe(alive), 0);
	assert_int_equal(pipe(told), 0);
	child = fork();
	if (!child) {
		pid = fork();
		if (pid && write(told[1], &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
			_exit(1);
		linger(alive);
	}
	assert_int_equal(read(told[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	assert_int_equal(pthread_create(&thread, NULL, fork_from_thread, alive), 0);
	assert_int_equal(pthread_join(thread, &got), 0);
	of_thread = (pid_t)(intptr_t)got;
	assert_true(is_listed(child) && is_listed(grandchild) && is_listed(of_thread));
	assert_false(is_listed(getpid()));
	helper_note(child, true);
	assert_false(is_listed(child));
	assert_false(is_listed(grandchild));
	helper_note(child, false);
	end(child);
	end(of_thread);
	kill(grandchild, SIGKILL);
	close(alive[0]);
	close(alive[1]);
	close(told[0]);
	close(told[1]);
}

static void test_copy(void **state)
{
	struct timespec ts = {.tv_nsec = 1000000};
	struct proc_stat own, copy, gone;
	char *const args[] = {"sleep", "60", NULL};
	int alive[2], i;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(alive), 0);
	assert_int_equal(proc_stat_read(getpid(), &own), 0);
	assert_int_equal(own.parent, getppid());
	assert_int_equal(own.threads, 1);
	pid = fork();
	if (!pid)
		linger(alive);
	assert_int_equal(proc_stat_read(pid, &copy), 0);
	assert_int_equal(copy.parent, getpid());
	assert_true(copy.started >= own.started);
	assert_true(proc_stat_same_layout(&own, &copy));
	assert_false(descendant_is_on_its_way(pid, getpid()));
	end(pid);
	assert_int_equal(proc_stat_read(pid, &gone), -ESRCH);
	assert_false(proc_stat_same_layout(&gone, &gone));
	pid = fork();
	if (!pid) {
		execvp(args[0], args);
		_exit(1);
	}
	for (i = 0; i < 5000; i++) {
		assert_int_equal(proc_stat_read(pid, &copy), 0);
		if (!proc_stat_same_layout(&own, &copy))
			break;
		nanosleep(&ts, NULL);
	}
	assert_true(i < 5000);
	end(pid);
	close(alive[0]);
	close(alive[1]);
}

static int ends[2];

/* Has our memory until it ends. */
static void *borrow(void *arg)
{
	char byte;
	pid_t pid;

	(void)arg;
	pid = vfork(); /* NOLINT: what is between it and its execve is what is asked for */
	if (!pid) {
		(void)!read(ends[0], &byte, 1); /* NOLINT */
		_exit(0);
	}
	return (void *)(intptr_t)pid;
}

static void test_on_its_way(void **state)
{
	struct timespec ts = {.tv_nsec = 1000000};
	pid_t *list = NULL, pid = 0;
	pthread_t thread;
	size_t n = 0;
	void *got;
	int i;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pthread_create(&thread, NULL, borrow, NULL), 0);
	for (i = 0; i < 5000 && !pid; i++) {
		assert_int_equal(descendants_list(&list, &n), 0);
		pid = n ? list[0] : 0;
		free(list);
		list = NULL;
		nanosleep(&ts, NULL);
	}
	assert_true(pid > 0);
	assert_true(descendant_is_on_its_way(pid, getpid()));
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(pthread_join(thread, &got), 0);
	assert_int_equal((pid_t)(intptr_t)got, pid);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_on_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
