/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A page that never comes keeps the reader for a second, once; all others are read as ever. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/errand.h"
#include "process/live_reader.h"
#include "process/memory.h"

#define PAGES 40u /* more than are read at one go */

static size_t page;
static uint8_t *good, *never;

/* A child of whose memory the page at `never` does not come. */
static pid_t begin(void)
{
	int ready[2];
	uint8_t byte = 1;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct uffdio_api api = {.api = UFFD_API};
		struct uffdio_register area = {
			{(uintptr_t)never, page}, UFFDIO_REGISTER_MODE_MISSING, 0};
		int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		memset(good, 7, PAGES * page);
		byte = fd >= 0 && !ioctl(fd, UFFDIO_API, &api) &&
		       !ioctl(fd, UFFDIO_REGISTER, &area);
		(void)!write(ready[1], &byte, 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_true(byte);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void what_does_not_come_is_given_up(void **state)
{
	pid_t pid = begin(), other = begin();
	uint64_t before = errands_given_up(), from;
	struct memory *m = memory_live(pid);
	uint8_t buf[16];

	(void)state;
	assert_int_equal(live_read(pid, (uintptr_t)good, buf, sizeof(buf)), 0);
	assert_int_equal(buf[15], 7);
	from = clock_ns(CLOCK_MONOTONIC);
	assert_int_equal(memory_read(m, (uintptr_t)never, buf, sizeof(buf)), -ETIME);
	assert_in_range(clock_ns(CLOCK_MONOTONIC) - from, 900000000, 5000000000);
	from = clock_ns(CLOCK_MONOTONIC);
	assert_int_equal(live_read(pid, (uintptr_t)good, buf, sizeof(buf)), -ETIME);
	assert_int_equal(errands_given_up() - before, 2);
	assert_int_equal(live_read(other, (uintptr_t)good, buf, sizeof(buf)), 0);
	assert_true(clock_ns(CLOCK_MONOTONIC) - from < 900000000);
	memory_close(m);
	end(pid);
	assert_int_equal(live_read(other, (uintptr_t)good, buf, sizeof(buf)), 0);
	end(other);
}

static void more_than_a_piece_is_read(void **state)
{
	pid_t pid = begin();
	uint8_t *buf = malloc(PAGES * page);

	(void)state;
	assert_non_null(buf);
	assert_int_equal(live_read(pid, (uintptr_t)good, buf, PAGES * page), 0);
	assert_memory_equal(buf + 33 * page, buf, page);
	assert_int_equal(buf[PAGES * page - 1], 7);
	assert_int_equal(live_read(pid, 4096, buf, 16), -EFAULT);
	free(buf);
	end(pid);
	assert_int_equal(live_read(pid, 4096, &pid, sizeof(pid)), -ESRCH);
}

/* One that stands still: what is there is read, and what is not is waited for once. */
static void of_one_that_stands_still_too(void **state)
{
	pid_t pid = begin();
	struct memory *m = memory_frozen(memory_stopped(pid));
	uint64_t from = clock_ns(CLOCK_MONOTONIC);
	uint8_t buf[16];

	(void)state;
	assert_non_null(m);
	memory_deadline(m, from + 2000000000);
	assert_int_equal(memory_read(m, (uintptr_t)good, buf, sizeof(buf)), 0);
	assert_int_equal(memory_read(m, 4096, buf, sizeof(buf)), -EFAULT);
	assert_false(memory_is_absent(m));
	assert_int_equal(memory_read(m, (uintptr_t)never, buf, sizeof(buf)), -ETIME);
	assert_true(memory_is_absent(m));
	assert_int_equal(memory_read(m, (uintptr_t)never, buf, sizeof(buf)), -ETIME);
	assert_int_equal(memory_read(m, (uintptr_t)good + 33 * page, buf, sizeof(buf)), 0);
	assert_int_equal(buf[15], 7);
	assert_in_range(clock_ns(CLOCK_MONOTONIC) - from, 100000000, 1900000000);
	memory_close(m);
	end(pid);
}

/* One that is forked has no such thread, and one that has ended its own makes another. */
static void others_read_by_themselves(void **state)
{
	pid_t pid = begin(), reader;
	uint8_t buf[16];
	int status;

	(void)state;
	assert_int_equal(live_read(pid, (uintptr_t)good, buf, sizeof(buf)), 0);
	reader = fork();
	if (!reader)
		_exit(live_read(pid, (uintptr_t)good, buf, sizeof(buf)) ? 1 : 0);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	errand_end();
	errand_end();
	assert_int_equal(live_read(pid, (uintptr_t)good, buf, sizeof(buf)), 0);
	end(pid);
}

/* Up to the first that is not there, or does not come. */
static void many_are_read_in_one_go(void **state)
{
	uint64_t addrs[LIVE_READ_MANY], made[4];
	struct memory_part part = {0x1000, made, sizeof(made)};
	struct memory *m;
	pid_t pid = begin();
	uint8_t buf[LIVE_READ_MANY * 16];
	size_t i, done;

	(void)state;
	for (i = 0; i < LIVE_READ_MANY; i++)
		addrs[i] = (uintptr_t)good + i * 24;
	m = memory_live(pid);
	assert_int_equal(memory_read_many(m, addrs, LIVE_READ_MANY, 16, buf, &done), 0);
	assert_int_equal(done, LIVE_READ_MANY);
	for (i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 7);
	addrs[5] = 4096; /* nobody has anything there */
	assert_int_equal(memory_read_many(m, addrs, LIVE_READ_MANY, 16, buf, &done), 0);
	assert_int_equal(done, 5);
	assert_int_equal(memory_read_many(m, addrs + 5, 3, 16, buf, &done), 0);
	assert_int_equal(done, 0);
	assert_int_equal(live_read_many(pid, addrs, LIVE_READ_MANY + 1, 16, buf, &done), -EINVAL);
	assert_int_equal(live_read_many(pid, addrs, 2, LIVE_READ_BYTES, buf, &done), -EINVAL);
	assert_int_equal(live_read_many(pid, addrs, 0, 16, buf, &done), 0);
	addrs[2] = (uintptr_t)never;
	assert_int_equal(memory_read_many(m, addrs, 5, 16, buf, &done), -ETIME);
	assert_int_equal(done, 0);
	memory_close(m);
	end(pid);
	pid = begin(); /* of the other one nothing is asked for a while */
	end(pid);
	assert_int_equal(live_read_many(pid, addrs, 1, 16, buf, &done), -ESRCH);
	/* one after the other where it is no live process */
	memset(made, 9, sizeof(made));
	m = memory_parts(&part, 1);
	addrs[0] = 0x1008;
	addrs[1] = 0x1000;
	addrs[2] = 0x2000;
	assert_int_equal(memory_read_many(m, addrs, 3, 8, buf, &done), 0);
	assert_int_equal(done, 2);
	assert_int_equal(buf[15], 9);
	memory_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_come_is_given_up),
		cmocka_unit_test(more_than_a_piece_is_read),
		cmocka_unit_test(of_one_that_stands_still_too),
		cmocka_unit_test(others_read_by_themselves),
		cmocka_unit_test(many_are_read_in_one_go),
	};

	page = (size_t)sysconf(_SC_PAGESIZE);
	good = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	never = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (good == MAP_FAILED || never == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
