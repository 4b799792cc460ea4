/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A lease: who wants to write to the file waits until it is given up, and is told of. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/lease.h"

static char path[64];

static int begin(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/test_lease.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 || close(fd);
}

static int end(void **state)
{
	(void)state;
	return unlink(path);
}

static void *open_to_write(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)open(path, O_WRONLY | O_CLOEXEC);
}

static void test_writer_waits(void **state)
{
	struct timespec ts = {.tv_sec = 10}, soon = {.tv_nsec = 20000000};
	int found = open(path, O_PATH | O_CLOEXEC), lease = lease_take(found);
	pthread_t writer;
	sigset_t io;
	void *fd;

	(void)state;
	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &io, NULL), 0);
	assert_true(lease >= 0);
	close(found);
	assert_false(lease_is_asked_for(lease));
	assert_int_equal(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(sigtimedwait(&io, NULL, &ts), SIGIO);
	assert_int_equal(pthread_create(&writer, NULL, open_to_write, NULL), 0);
	nanosleep(&soon, NULL);
	assert_true(lease_is_asked_for(lease));
	assert_int_equal(pthread_tryjoin_np(writer, &fd), EBUSY);
	lease_end(lease);
	assert_int_equal(pthread_join(writer, &fd), 0);
	assert_true((int)(intptr_t)fd >= 0);
	found = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(lease_take(found), -EAGAIN); /* it is being written to */
	close((int)(intptr_t)fd);
	lease = lease_take(found);
	assert_true(lease >= 0);
	lease_end(lease);
	close(found);
}

/* What is read waits for nobody, and two may have one. */
static void test_readers(void **state)
{
	int found = open(path, O_RDONLY | O_CLOEXEC), a = lease_take(found), b = lease_take(found);
	int reader = open(path, O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(a >= 0 && b >= 0 && a != b && reader >= 0);
	assert_false(lease_is_asked_for(a) || lease_is_asked_for(b));
	close(reader);
	lease_end(a);
	assert_false(lease_is_asked_for(b));
	lease_end(b);
	close(found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_writer_waits, begin, end),
		cmocka_unit_test_setup_teardown(test_readers, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
