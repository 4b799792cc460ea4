/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_FREEZE_TARGET_H
#define MAPRACE_TESTS_FREEZE_TARGET_H

/* A process to be frozen, and what its parent, the test, looks at. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "snapshot/freeze.h"

#define MS 1000000ull
#define LIMIT (2000 * MS)

static struct shared { /* with the target */
	volatile uint64_t sent, handled, turns;
	volatile int ready, result, error, go;
} * shared;

static struct target {
	pid_t pid;
	struct process p;
	struct err err;
	struct freeze f;
} t;

static inline void nap(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

static inline void count(int number)
{
	(void)number;
	shared->handled++;
}

static inline void handle(int number)
{
	struct sigaction sa = {.sa_handler = count};

	sigaction(number, &sa, NULL);
}

static inline void begin(void (*target)(void))
{
	memset(shared, 0, sizeof(*shared));
	memset(&t, 0, sizeof(t));
	t.pid = fork();
	assert_true(t.pid >= 0);
	if (!t.pid) {
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		target();
		_exit(0);
	}
	while (!shared->ready)
		nap();
	assert_int_equal(process_open(&t.p, t.pid, &t.err), 0);
}

/* Its letter in /proc, and that nobody traces it. */
static inline char state(void)
{
	char path[64], line[256], letter = '?';
	int tracer = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)t.pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "State: %c", &letter);
		sscanf(line, "TracerPid: %d", &tracer);
	}
	if (f)
		fclose(f);
	assert_int_equal(tracer, 0);
	return letter;
}

/* How it has ended, as waitpid(2) says. */
static inline int ended(int signal)
{
	int status = -1;

	if (signal)
		kill(t.pid, signal);
	assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
	process_close(&t.p);
	freeze_free(&t.f);
	return status;
}

static inline int look(int (*how)(void *), uint64_t max_ns)
{
	freeze_free(&t.f);
	return freeze_look(&t.f, &t.p, max_ns, how, NULL, &t.err);
}

static inline void turns(void)
{
	for (shared->ready = 1;;)
		shared->turns++;
}

static inline void assert_turns(void)
{
	uint64_t before = shared->turns, until = clock_ns(CLOCK_MONOTONIC) + 10000 * MS;

	while (shared->turns == before && clock_ns(CLOCK_MONOTONIC) < until)
		nap();
	assert_true(shared->turns != before);
	assert_int_equal(state(), 'R');
}

static inline int see(void *arg)
{
	uint64_t before = shared->turns;

	(void)arg;
	nap();
	return before == shared->turns ? 7 : -EBUSY;
}

static inline int crash(void *arg)
{
	(void)arg;
	kill(getpid(), SIGKILL);
	return 0;
}

static inline int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static inline int share(void **unused)
{
	(void)unused;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared == MAP_FAILED ? -1 : 0;
}

#endif
