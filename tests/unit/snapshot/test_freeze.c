/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a process that is frozen comes out with, whatever happens to those who freeze it: it goes
 * on, its calls and its signals as they would have been, and nobody traces it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "freeze_target.h"

static void it_stands_still_and_goes_on(void **unused)
{
	(void)unused;
	begin(turns);
	assert_int_equal(look(see, LIMIT), 7);
	assert_int_equal(t.f.n, 1);
	assert_true(t.f.threads[0].known);
	assert_turns();
	ended(SIGKILL);
}

static int never(void *arg)
{
	(void)arg;
	for (;;)
		pause(); /* all signals are blocked */
}

static int stop_ourselves(void *arg)
{
	(void)arg;
	kill(getpid(), SIGSTOP);
	return 0;
}

static void nothing_that_happens_to_us_holds_it(void **unused)
{
	int (*const all[])(void *) = {never, stop_ourselves, crash};
	uint64_t before;
	size_t i;
	int r;

	(void)unused;
	begin(turns);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		do { /* where the machine is busy it may not stop in that time */
			memset(&t.err, 0, sizeof(t.err));
			before = clock_ns(CLOCK_MONOTONIC);
			r = look(all[i], 100 * MS);
		} while (r == -ETIME);
		assert_int_equal(r, -ECANCELED);
		assert_true(clock_ns(CLOCK_MONOTONIC) - before < 10000 * MS);
		assert_non_null(strstr(t.err.text, "was let go, and nothing was seen"));
		assert_turns();
	}
	ended(SIGKILL);
}

static int kill_it(void *arg)
{
	(void)arg;
	kill(t.pid, SIGKILL);
	nap();
	return 0;
}

static void one_that_ends_meanwhile_was_not_seen(void **unused)
{
	int status;

	(void)unused;
	begin(turns);
	assert_int_equal(look(kill_it, LIMIT), -ESRCH);
	assert_non_null(strstr(t.err.text, "ended while it was looked at"));
	status = ended(0); /* ours to collect, at once */
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void one_that_is_gone_is_not_taken_for_another(void **unused)
{
	(void)unused;
	begin(turns);
	kill(t.pid, SIGKILL);
	while (!process_ends_within(&t.p, 1000))
		;
	assert_int_equal(look(nothing, LIMIT), -ESRCH);
	ended(0);
}

static void becomes_another(void)
{
	shared->ready = 1;
	while (!shared->go)
		nap();
	execlp("sleep", "sleep", "1000", NULL);
	_exit(1);
}

static void another_program_is_not_looked_at(void **unused)
{
	bool same = true;

	(void)unused;
	begin(becomes_another);
	assert_int_equal(look(nothing, LIMIT), 0);
	shared->go = 1;
	while (!process_same_program(&t.p, &same) && same)
		nap();
	assert_int_equal(look(nothing, LIMIT), -ESRCH);
	assert_non_null(strstr(t.err.text, "has begun another program"));
	assert_int_equal(WTERMSIG(ended(SIGKILL)), SIGKILL);
}

static void waits(void)
{
	int ep = epoll_create1(0);
	struct epoll_event e;

	handle(SIGTERM);
	shared->ready = 1;
	shared->result = epoll_wait(ep, &e, 1, -1);
	shared->error = errno;
	shared->go = 1;
}

static volatile int call_of_target;

static long wait_for_ever(int call)
{
	struct epoll_event e;
	uint64_t aio = 0, events[4];
	struct sembuf take = {.sem_op = -1};
	sigset_t some;

	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	switch (call) {
	case SYS_epoll_wait:
		return syscall(call, epoll_create1(0), &e, 1, -1);
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		return syscall(call, epoll_create1(0), &e, 1, call == SYS_epoll_pwait ? -1 : 0,
			       &some, 8);
	case SYS_rt_sigtimedwait:
		return syscall(call, &some, NULL, NULL, 8);
	case SYS_semop:
	case SYS_semtimedop:
		return syscall(call, syscall(SYS_semget, IPC_PRIVATE, 1, 0600), &take, 1, NULL);
	case SYS_io_getevents:
		syscall(SYS_io_setup, 1, &aio);
		return syscall(call, aio, 1, 1, events, NULL);
	}
	return pause();
}

static void waits_in_a_call(void)
{
	shared->ready = 1;
	shared->result = (int)wait_for_ever(call_of_target);
	shared->error = errno;
	shared->go = 1;
	pause();
}

static void until_it_sleeps(void)
{
	char now;

	while ((now = state()) != 'S') {
		assert_true(now != 'Z');
		nap();
	}
}

static int signal_it(void *arg)
{
	(void)arg;
	return kill(t.pid, SIGTERM);
}

static void a_wait_goes_on_but_for_a_signal_of_its_own(void **unused)
{
	int i;

	(void)unused;
	begin(waits);
	for (i = 0; i < 20; i++) {
		until_it_sleeps();
		assert_int_equal(look(nothing, LIMIT), 0);
	}
	until_it_sleeps();
	assert_int_equal(shared->go, 0);
	assert_int_equal(look(signal_it, LIMIT), 0);
	assert_int_equal(ended(0), 0);
	assert_int_equal(shared->result, -1);
	assert_int_equal(shared->error, EINTR);
	assert_int_equal(shared->handled, 1);
}

static void calls_that_wait_for_ever_go_on(void **unused)
{
	const int all[] = {SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_rt_sigtimedwait,
			   SYS_semop,	   SYS_semtimedop,  SYS_io_getevents, SYS_pause};
	size_t i;
	int k;

	(void)unused;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		call_of_target = all[i];
		begin(waits_in_a_call);
		for (k = 0; k < 5; k++) {
			until_it_sleeps();
			assert_int_equal(look(nothing, LIMIT), 0);
		}
		until_it_sleeps();
		/* EINTR: ended by us; others: this kernel has no such call */
		if (shared->go && shared->error == EINTR)
			fail_msg("system call %d was ended", all[i]);
		ended(SIGKILL);
	}
}

/* Killed in the freeze: what the kernel does then must do. */
static void a_wait_goes_on_where_we_are_killed(void **unused)
{
	(void)unused;
	begin(waits);
	until_it_sleeps();
	assert_int_equal(look(crash, LIMIT), -ECANCELED);
	until_it_sleeps();
	assert_int_equal(shared->go, 0);
	ended(SIGKILL);
}

static void few_calls(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_nanosleep, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(f) / sizeof(f[0]), f};
	struct timespec rest = {.tv_sec = 100};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	shared->ready = 1;
	do
		syscall(SYS_nanosleep, &rest, &rest);
	while (!shared->go);
	syscall(SYS_exit_group, 3);
}

static void a_filter_of_calls_does_not_kill_it(void **unused)
{
	int status;

	(void)unused;
	begin(few_calls);
	until_it_sleeps();
	shared->go = 1;
	assert_int_equal(look(nothing, LIMIT), 0);
	status = ended(0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
}

/* A signal that is ignored wakes one that is traced, and its call goes on as if there were none. */
static void signals_that_are_ignored_end_nothing(void **unused)
{
	void (*const all[])(void) = {few_calls, waits};
	pid_t sender;
	size_t k;
	int i;

	(void)unused;
	for (k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
		begin(all[k]);
		until_it_sleeps();
		sender = fork();
		assert_true(sender >= 0);
		if (!sender) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				kill(t.pid, SIGWINCH);
		}
		for (i = 0; i < 100; i++) {
			if (state() == 'Z')
				fail_msg("killed after %d times", i);
			look(nothing, LIMIT);
		}
		kill(sender, SIGKILL);
		waitpid(sender, NULL, 0);
		until_it_sleeps();
		assert_int_equal(k && shared->go, 0);
		ended(SIGKILL);
	}
}

/* Time may be up at any moment: before it has stopped too. */
static void one_that_was_too_slow_is_not_harmed(void **unused)
{
	int i, late = 0;

	(void)unused;
	begin(few_calls);
	for (i = 0; i < 100; i++) {
		until_it_sleeps();
		late += look(nothing, (uint64_t)(i % 100) * 2000) != 0;
	}
	until_it_sleeps();
	assert_true(late > 0);
	ended(SIGKILL);
}

static void signals_itself(void)
{
	handle(SIGUSR1);
	shared->ready = 1;
	while (!shared->go) {
		uint64_t before = shared->handled;

		shared->sent++;
		raise(SIGUSR1);
		shared->error += shared->handled != before + 1;
	}
}

static void no_signal_is_lost(void **unused)
{
	int i;

	(void)unused;
	begin(signals_itself);
	for (i = 0; i < 300; i++)
		assert_int_equal(look(i % 3 ? nothing : crash, LIMIT), i % 3 ? 0 : -ECANCELED);
	shared->go = 1;
	assert_int_equal(ended(0), 0);
	assert_int_equal(shared->error, 0);
	assert_int_equal(shared->handled, shared->sent);
}

static void one_that_is_stopped_stays_stopped(void **unused)
{
	uint64_t before;
	int i;

	(void)unused;
	begin(turns);
	kill(t.pid, SIGSTOP);
	while (state() != 'T')
		nap();
	before = shared->turns;
	for (i = 0; i < 4; i++) {
		assert_int_equal(look(i & 1 ? crash : nothing, LIMIT), i & 1 ? -ECANCELED : 0);
		while (state() != 'T') /* on its way from one stop to the other */
			nap();
		assert_true(shared->turns == before);
	}
	kill(t.pid, SIGCONT);
	assert_turns();
	ended(SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_stands_still_and_goes_on),
		cmocka_unit_test(nothing_that_happens_to_us_holds_it),
		cmocka_unit_test(one_that_ends_meanwhile_was_not_seen),
		cmocka_unit_test(one_that_is_gone_is_not_taken_for_another),
		cmocka_unit_test(another_program_is_not_looked_at),
		cmocka_unit_test(a_wait_goes_on_but_for_a_signal_of_its_own),
		cmocka_unit_test(calls_that_wait_for_ever_go_on),
		cmocka_unit_test(a_wait_goes_on_where_we_are_killed),
		cmocka_unit_test(a_filter_of_calls_does_not_kill_it),
		cmocka_unit_test(signals_that_are_ignored_end_nothing),
		cmocka_unit_test(one_that_was_too_slow_is_not_harmed),
		cmocka_unit_test(no_signal_is_lost),
		cmocka_unit_test(one_that_is_stopped_stays_stopped),
	};

	return cmocka_run_group_tests(tests, share, NULL);
}
