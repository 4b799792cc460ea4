/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The process that holds the probes, while a file of one target does not answer. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

static struct bpf_link *fake_attach_multi(const struct bpf_program *prog, pid_t pid,
					  const char *path, const char *pattern,
					  const struct bpf_uprobe_multi_opts *opts);
static int fake_destroy(struct bpf_link *link);
static ssize_t slow_pread(int fd, void *buf, size_t n, off_t at);
#define bpf_program__attach_uprobe_multi fake_attach_multi
#define bpf_link__destroy fake_destroy
#define pread(fd, buf, n, at) slow_pread(fd, buf, n, at)
#include "probe/links.c"
#undef pread
#include "probe/attacher.h"

#include "base/clock.h"

#define BOUND_S 30
#define SILENCE_NS 20000000000ull
#define SITE 0x1000u

struct bpf_link {
	pid_t of;
};

/* Of the attacher, seen by us. */
static struct {
	atomic_int probes[4]; /* by the target's number */
	atomic_bool asleep;   /* before_sleep was called */
	atomic_bool stuck;    /* reads of target 1 do not come back */
	atomic_int waiting;   /* so many do not */
	atomic_int second;    /* process id of a second attacher */
} * seen;

static struct bpf_link *fake_attach_multi(const struct bpf_program *prog, pid_t pid,
					  const char *path, const char *pattern,
					  const struct bpf_uprobe_multi_opts *opts)
{
	struct bpf_link *link = calloc(1, sizeof(*link));

	(void)prog;
	(void)path;
	(void)pattern;
	link->of = pid;
	atomic_fetch_add(&seen->probes[pid], (int)opts->cnt);
	return link;
}

static int fake_destroy(struct bpf_link *link)
{
	if (link)
		atomic_store(&seen->probes[link->of], 0);
	free(link);
	return 0;
}

static ino_t slow_ino;

static ssize_t slow_pread(int fd, void *buf, size_t n, off_t at)
{
	struct stat st;

	(void)buf;
	(void)at;
	if (fstat(fd, &st) || st.st_ino != slow_ino)
		return (ssize_t)n;
	atomic_fetch_add(&seen->waiting, 1);
	while (atomic_load(&seen->stuck))
		usleep(1000);
	atomic_fetch_sub(&seen->waiting, 1);
	return (ssize_t)n;
}

static void on_sleep(void *arg)
{
	(void)arg;
	atomic_store(&seen->asleep, true);
}

static struct links base = {.multi = true};
static const struct attacher_orders orders = {.base = &base, .before_sleep = on_sleep};

/* What the target's probes are in. */
static int make_file(struct links_target *t)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_identify_open(fd, &t->file), 0);
	return fd;
}

/* Attacher with targets 1 and 2, whose probes are in place. */
static void start_two(struct attacher *k)
{
	struct links_target t[3] = {[1] = {.offsets = {SITE}}, [2] = {.offsets = {SITE}}};
	struct err err = {};
	struct stat st;
	int fds[3], i;

	memset(seen, 0, sizeof(*seen));
	for (i = 1; i <= 2; i++)
		fds[i] = make_file(&t[i]);
	assert_int_equal(fstat(fds[1], &st), 0);
	slow_ino = st.st_ino;
	assert_int_equal(attacher_start(k, &orders, &err), 0);
	for (i = 1; i <= 2; i++) {
		t[i].pid = i;
		assert_int_equal(attacher_place(k, (uint32_t)i, &t[i], fds[i], &err), 0);
		assert_int_equal(seen->probes[i], 1);
		close(fds[i]);
	}
}

static void until(bool (*true_now)(void))
{
	int i;

	for (i = 0; i < BOUND_S * 1000 && !true_now(); i++)
		usleep(1000);
	assert_true(true_now());
}

static bool one_waits(void)
{
	return atomic_load(&seen->waiting) == 1;
}

static bool none_left(void)
{
	return !atomic_load(&seen->probes[1]) && !atomic_load(&seen->probes[2]);
}

static bool all_placed(void)
{
	return atomic_load(&seen->probes[1]) == 1 && atomic_load(&seen->probes[2]) == 1;
}

static const bool cycled[MR_SITE_SLOTS] = {true};

/* Nobody waits for what is taken away but who asks for it. */
static int close_now(struct attacher *k, uint32_t slot, struct err *err)
{
	int r = attacher_close(k, slot, cycled, err);

	return r == -EAGAIN ? attacher_finish(k, slot, err) : r;
}

/* Target 1 waits for its file, being opened. */
static void get_stuck(struct attacher *k)
{
	struct err err = {};

	assert_int_equal(close_now(k, 1, &err), 0);
	assert_int_equal(seen->probes[1], 0);
	atomic_store(&seen->stuck, true);
	assert_int_equal(attacher_open(k, 1, &err), -EAGAIN);
	assert_true(one_waits());
	assert_true(attacher_waits(k, 1, NULL));
}

static void a_file_that_does_not_answer_keeps_nobody_else(void **state)
{
	struct attacher k;
	struct err err = {};
	int result;

	(void)state;
	start_two(&k);
	get_stuck(&k);
	assert_int_equal(attacher_open(&k, 1, &err), -EAGAIN);
	assert_int_equal(close_now(&k, 2, &err), 0);
	assert_int_equal(seen->probes[2], 0);
	assert_int_equal(attacher_open(&k, 2, &err), 0);
	assert_int_equal(seen->probes[2], 1);
	/* it answers again */
	atomic_store(&seen->stuck, false);
	until(all_placed);
	while (attacher_waits(&k, 1, &result))
		usleep(1000);
	assert_int_equal(result, 0);
	assert_int_equal(attacher_open(&k, 1, &err), 0);
	assert_true(attacher_end(&k));
	assert_true(none_left());
}

/* What goes is not waited for by anybody, and the slot is free again. */
static void a_target_goes_while_its_file_does_not_answer(void **state)
{
	struct links_target t = {.pid = 3, .offsets = {SITE}};
	struct attacher k;
	struct err err = {};
	int fd = make_file(&t);

	(void)state;
	start_two(&k);
	assert_int_equal(close_now(&k, 1, &err), 0);
	atomic_store(&seen->stuck, true);
	assert_int_equal(attacher_open(&k, 1, &err), -EAGAIN);
	attacher_remove(&k, 1);
	assert_true(attacher_wait(&k, 1));
	/* nor was it told to go before it is waited for */
	assert_true(attacher_wait(&k, 2));
	assert_true(none_left());
	assert_int_equal(attacher_place(&k, 1, &t, fd, &err), 0);
	assert_int_equal(seen->probes[3], 1);
	atomic_store(&seen->stuck, false);
	assert_int_equal(close_now(&k, 1, &err), 0);
	assert_true(none_left());
	assert_true(attacher_end(&k));
	close(fd);
}

/* Closing takes away without reading. */
static void probes_go_though_the_file_does_not_answer(void **state)
{
	struct attacher k;
	struct err err = {};
	uint64_t began;

	(void)state;
	start_two(&k);
	atomic_store(&seen->stuck, true);
	began = clock_ns(CLOCK_MONOTONIC);
	assert_int_equal(attacher_close(&k, 1, cycled, &err), -EAGAIN);
	assert_true(clock_ns(CLOCK_MONOTONIC) - began < 500000000); /* asked for, not waited for */
	assert_int_equal(attacher_finish(&k, 1, &err), -EAGAIN);
	assert_int_equal(seen->probes[1], 0);
	atomic_store(&seen->stuck, false);
	assert_true(attacher_end(&k));
}

static void all_go_when_maprace_is_killed(void **state)
{
	struct attacher k;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		start_two(&k);
		get_stuck(&k);
		pause();
		_exit(1);
	}
	until(one_waits);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	until(none_left);
	assert_true(seen->asleep);
	assert_true(one_waits());
	atomic_store(&seen->stuck, false);
}

static bool second_is_there(void)
{
	return atomic_load(&seen->second);
}

/* The first one sees that maprace is gone though the second does not come to end: before it would
 * by our silence. */
static void no_attacher_waits_for_another(void **state)
{
	static struct attacher two[2];
	uint64_t begin;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		start_two(&two[0]);
		assert_int_equal(attacher_start(&two[1], &orders, NULL), 0);
		assert_int_equal(attacher_settle(&two[1], NULL), 0); /* it is up */
		kill(two[1].pid, SIGSTOP);
		atomic_store(&seen->second, two[1].pid);
		pause();
		_exit(1);
	}
	until(second_is_there);
	begin = clock_ns(CLOCK_MONOTONIC);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	until(none_left);
	assert_true(clock_ns(CLOCK_MONOTONIC) - begin < SILENCE_NS / 4);
	kill(seen->second, SIGCONT);
}

/* It comes back from its file when nobody is there to pay for its probes: they stay away until
 * somebody says that he lives. */
static void all_go_when_maprace_is_silent(void **state)
{
	struct attacher k;
	struct err err = {};
	int result;

	(void)state;
	start_two(&k);
	get_stuck(&k);
	attacher_beat(clock_ns(CLOCK_MONOTONIC) - SILENCE_NS);
	until(none_left);
	assert_true(seen->asleep);
	atomic_store(&seen->stuck, false);
	while (attacher_waits(&k, 1, &result))
		usleep(1000);
	assert_int_equal(result, -EAGAIN);
	assert_true(none_left());
	assert_int_equal(attacher_reattach(&k, 1, &err), 0);
	assert_int_equal(attacher_reattach(&k, 2, &err), 0);
	assert_int_equal(seen->probes[2], 1);
	assert_true(attacher_unwatched(&k, 2) > 0);
	assert_int_equal(attacher_unwatched(&k, 2), 0);
	assert_true(attacher_end(&k));
	assert_true(none_left());
}

static bool is_asleep(void)
{
	return atomic_load(&seen->asleep);
}

/* Once the last target had ended nobody gave any sign of life: one that comes now is not taken for
 * one that was left alone. */
static void who_comes_after_a_silence_is_not_alone(void **state)
{
	struct links_target t = {.pid = 1, .offsets = {SITE}};
	int fd = make_file(&t), i;
	struct attacher k;
	struct err err = {};

	(void)state;
	memset(seen, 0, sizeof(*seen));
	assert_int_equal(attacher_start(&k, &orders, &err), 0);
	attacher_beat(clock_ns(CLOCK_MONOTONIC) - SILENCE_NS);
	until(is_asleep);
	assert_int_equal(attacher_place(&k, 1, &t, fd, &err), 0);
	atomic_store(&seen->asleep, false);
	for (i = 0; i < 1500 && !is_asleep(); i++) /* it looks once a second */
		usleep(1000);
	assert_false(is_asleep());
	assert_int_equal(seen->probes[1], 1);
	assert_true(attacher_end(&k));
	close(fd);
}

static volatile struct mr_target *targets; /* shared with attachers */

static bool is_running(pid_t pid)
{
	siginfo_t info = {};

	return !waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOHANG | WNOWAIT) &&
	       info.si_pid == pid;
}

/* A process that stands still, as one does that our probe has stopped. */
static pid_t start_stopped(void)
{
	siginfo_t info;
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
	return pid;
}

static void it_goes_on_within_a_second(pid_t pid, uint64_t since_ns)
{
	siginfo_t info;

	while (!is_running(pid) && clock_ns(CLOCK_MONOTONIC) - since_ns < BOUND_S * 1000000000ull)
		usleep(1000);
	assert_true(is_running(pid));
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
}

static void start_with_stopped(struct attacher *k, pid_t pid, uint32_t ms)
{
	struct links_target t = {.pid = pid, .offsets = {}};
	static struct attacher_orders own;
	int fd = make_file(&t);
	struct err err = {};

	own = orders;
	own.targets = targets;
	memset((void *)targets, 0, MR_TARGETS * sizeof(*targets));
	targets[1].stop_at_fatal_ms = ms;
	memset(seen, 0, sizeof(*seen));
	attacher_beat(clock_ns(CLOCK_MONOTONIC));
	assert_int_equal(attacher_start(k, &own, &err), 0);
	assert_int_equal(attacher_place(k, 1, &t, fd, &err), 0);
	targets[1].stopped_ns = clock_ns(CLOCK_MONOTONIC);
	close(fd);
}

static void one_that_nobody_lets_go_is_let_go(void **state)
{
	pid_t pid = start_stopped();
	struct attacher k;

	(void)state;
	start_with_stopped(&k, pid, 50);
	it_goes_on_within_a_second(pid, targets[1].stopped_ns);
	assert_int_equal(targets[1].stop_at_fatal_ms, 0);
	assert_true(attacher_end(&k));
}

/* By the kernel: nobody of us is there any more. */
static void one_goes_on_when_the_attacher_is_killed(void **state)
{
	pid_t pid = start_stopped();
	struct attacher k;

	(void)state;
	start_with_stopped(&k, pid, 3600000);
	assert_false(is_running(pid));
	kill(k.pid, SIGKILL);
	it_goes_on_within_a_second(pid, clock_ns(CLOCK_MONOTONIC));
	attacher_end(&k);
}

static void one_goes_on_when_its_probes_go(void **state)
{
	pid_t pid = start_stopped();
	struct attacher k;

	(void)state;
	start_with_stopped(&k, pid, 3600000);
	attacher_remove(&k, 1);
	it_goes_on_within_a_second(pid, clock_ns(CLOCK_MONOTONIC));
	assert_true(attacher_end(&k));
}

/* Who was stopped by somebody else stays so. */
static void another_one_is_left_alone(void **state)
{
	pid_t pid = start_stopped();
	struct attacher k;

	(void)state;
	start_with_stopped(&k, pid, 50);
	targets[1].stopped_ns = 0;
	assert_true(attacher_end(&k));
	assert_false(is_running(pid));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_does_not_answer_keeps_nobody_else),
		cmocka_unit_test(a_target_goes_while_its_file_does_not_answer),
		cmocka_unit_test(probes_go_though_the_file_does_not_answer),
		cmocka_unit_test(all_go_when_maprace_is_killed),
		cmocka_unit_test(no_attacher_waits_for_another),
		cmocka_unit_test(all_go_when_maprace_is_silent),
		cmocka_unit_test(who_comes_after_a_silence_is_not_alone),
		cmocka_unit_test(one_that_nobody_lets_go_is_let_go),
		cmocka_unit_test(one_goes_on_when_the_attacher_is_killed),
		cmocka_unit_test(one_goes_on_when_its_probes_go),
		cmocka_unit_test(another_one_is_left_alone),
	};

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(seen != MAP_FAILED);
	targets = mmap(NULL, MR_TARGETS * sizeof(*targets), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true((void *)targets != MAP_FAILED);
	alarm(4 * BOUND_S); /* one that waits for ever fails */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
