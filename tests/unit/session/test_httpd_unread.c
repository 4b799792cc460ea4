/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The daemon's pages, asked for by clients that do not read them. */
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "session/httpd.h"

#define BIG (20u << 20)
#define LONG_ENOUGH_NS 20000000000ull

static struct event_base *base;
static struct httpd *httpd;
static char dir[64], address[128];
static unsigned int printed;

static int print_big(void *ctx, FILE *out)
{
	size_t i;

	(void)ctx;
	printed++;
	for (i = 0; i < BIG / 1024; i++)
		fprintf(out, "%1024s", "x");
	return 200;
}

static const struct httpd_page pages[] = {{"/big", "text/plain", print_big}, {}};

static int begin(void **state)
{
	struct err err = {};

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/test_httpd.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(address, sizeof(address), "unix:%s/socket", dir);
	base = event_base_new();
	printed = 0;
	return httpd_open(&httpd, base, address, pages, NULL, &err);
}

static int end(void **state)
{
	(void)state;
	httpd_close(httpd);
	event_base_free(base);
	return rmdir(dir);
}

static int ask(void)
{
	static const char text[] = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", address + 5);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	return fd;
}

/* The status that it gets: no more is read. */
static int status_of(int fd)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + LONG_ENOUGH_NS;
	char text[14] = "";

	while (clock_ns(CLOCK_MONOTONIC) < until) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (recv(fd, text, 13, MSG_DONTWAIT | MSG_PEEK) == 13)
			return atoi(text + 9);
	}
	return 0;
}

static void who_does_not_read_is_no_burden(void **state)
{
	int first, second, third, fourth;

	(void)state;
	first = ask();
	assert_int_equal(status_of(first), 200);
	second = ask();
	assert_int_equal(status_of(second), 200);
	third = ask();
	assert_int_equal(status_of(third), 503);
	assert_int_equal(printed, 2);
	assert_int_equal(httpd_busy(httpd), 1);
	close(first);
	close(second);
	fourth = ask(); /* once it is seen that they are gone */
	while (status_of(fourth) == 503) {
		close(fourth);
		fourth = ask();
	}
	assert_int_equal(status_of(fourth), 200);
	/* what it has not taken outlives the pages */
	close(third);
	close(fourth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_does_not_read_is_no_burden, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
