/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The daemon's pages: who may ask where, what is answered, and who has to wait. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "session/httpd.h"

#define LONG_ENOUGH_NS 10000000000ull

static char dir[64], path[100], address[128], answer[65536];
static struct event_base *base;
static struct httpd *httpd;
static int asked;

static int print_page(void *ctx, FILE *out)
{
	assert_ptr_equal(ctx, &asked);
	asked++;
	fputs("all is well\n", out);
	return 200;
}

static int print_failure(void *ctx, FILE *out)
{
	(void)ctx;
	fputs("it is not\n", out);
	return 503;
}

static const struct httpd_page pages[] = {
	{"/page", "text/plain", print_page},
	{"/failure", "text/plain", print_failure},
	{},
};

static int begin(void **state)
{
	struct err err = {};

	(void)state;
	strcpy(dir, "/tmp/test_httpd.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(address, sizeof(address), "unix:%s", path);
	base = event_base_new();
	asked = 0;
	return httpd_open(&httpd, base, address, pages, &asked, &err);
}

static int end(void **state)
{
	char command[128];

	(void)state;
	httpd_close(httpd);
	httpd = NULL;
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static int come(void)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + LONG_ENOUGH_NS;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(at.sun_path, path);
	assert_true(fd >= 0);
	while (connect(fd, (struct sockaddr *)&at, sizeof(at))) { /* the queue may be full */
		assert_int_equal(errno, EAGAIN);
		event_base_loop(base, EVLOOP_NONBLOCK);
		assert_true(clock_ns(CLOCK_MONOTONIC) < until);
	}
	return fd;
}

static void say(int fd, const char *text, size_t n)
{
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* The answer, to its end; its status, 0: the connection was closed without one, -1: none comes. */
static int hear(int fd, uint64_t patience_ns)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + patience_ns;
	size_t n = 0;
	int status = 0;
	ssize_t r;

	do {
		event_base_loop(base, EVLOOP_NONBLOCK);
		r = recv(fd, answer + n, sizeof(answer) - 1 - n, 0);
		if (r > 0)
			n += (size_t)r;
		else if (r < 0 && errno == EAGAIN)
			usleep(1000);
	} while ((r > 0 || (r < 0 && errno == EAGAIN)) && clock_ns(CLOCK_MONOTONIC) < until);
	answer[n] = '\0';
	if (r < 0 && errno == EAGAIN)
		return -1;
	return sscanf(answer, "HTTP/1.%*d %d", &status) == 1 ? status : 0;
}

static int ask(const char *request)
{
	int fd = come(), status;

	say(fd, request, strlen(request));
	status = hear(fd, LONG_ENOUGH_NS);
	close(fd);
	return status;
}

static void test_addresses(void **state)
{
	static const char *const good[] = {"127.0.0.1:9464", "127.8.8.8:1", "[::1]:65535",
					   "unix:/run/maprace"};
	static const char *const bad[] = {"",
					  "127.0.0.1",
					  "127.0.0.1:",
					  "127.0.0.1:0",
					  "127.0.0.1:65536",
					  "127.0.0.1:-1",
					  "127.0.0.1:1x",
					  ":80",
					  "localhost:80",
					  "unix:",
					  "unix:relative",
					  "[::1:80",
					  "9464",
					  "[]:80",
					  "127.0.0.1: 80"};
	static const char *const elsewhere[] = {"0.0.0.0:80", "192.168.1.1:80", "[::]:80",
						"[fe80::1]:80", "128.0.0.1:80"};
	char name[256] = "unix:/";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(httpd_address(good[i]), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (httpd_address(bad[i]) != -EINVAL)
			fail_msg("'%s' is not refused", bad[i]);
	for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		assert_int_equal(httpd_address(elsewhere[i]), 1);
	memset(name + 6, 'x', 107);
	assert_int_equal(httpd_address(name), -EINVAL); /* sun_path has 108 bytes */
	name[6 + 106] = '\0';
	assert_int_equal(httpd_address(name), 0);
}

static void test_pages(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /page HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
	assert_non_null(strstr(answer, "\r\n\r\nall is well\n"));
	assert_non_null(strstr(answer, "Content-Type: text/plain\r\n"));
	assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
	assert_int_equal(ask("GET /page?x=1 HTTP/1.0\r\n\r\n"), 200);
	assert_int_equal(asked, 2);
	assert_int_equal(ask("HEAD /page HTTP/1.0\r\n\r\n"), 200);
	assert_null(strstr(answer, "all is well"));
	assert_non_null(strstr(answer, "Content-Length: 12\r\n"));
	assert_int_equal(ask("GET /failure HTTP/1.0\r\n\r\n"), 503);
	assert_non_null(strstr(answer, "it is not\n"));
	assert_int_equal(ask("GET / HTTP/1.0\r\n\r\n"), 404);
	assert_int_equal(ask("GET /pag HTTP/1.0\r\n\r\n"), 404);
	assert_int_equal(ask("GET /page/../page HTTP/1.0\r\n\r\n"), 404);
}

static void test_refused(void **state)
{
	static char much[20000];
	int status, fd, i = 0;

	(void)state;
	asked = 0;
	assert_int_equal(ask("POST /page HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"), 501);
	assert_int_equal(ask("DELETE /page HTTP/1.0\r\n\r\n"), 501);
	status = ask("nothing that anybody understands\r\n\r\n");
	assert_true(status == 0 || status >= 400);
	memset(much, 'x', sizeof(much) - 1);
	memcpy(much, "GET /page HTTP/1.0\r\nX: ", 23);
	fd = come();
	do /* it may read all that is there before it counts */
		(void)send(fd, much, sizeof(much) - 1, MSG_NOSIGNAL);
	while (hear(fd, 10000000) == -1 && ++i < 100);
	assert_true(i < 100);
	close(fd);
	assert_int_equal(asked, 0);
	assert_int_equal(ask("GET /page HTTP/1.0\r\n\r\n"), 200);
}

/* Of more than there is room for the next ones wait, and have their turn. */
static void test_crowd(void **state)
{
	static const char request[] = "GET /page HTTP/1.0\r\n\r\n";
	int fds[HTTPD_CLIENTS], late, i;

	(void)state;
	for (i = 0; i < HTTPD_CLIENTS; i++) {
		fds[i] = come(); /* and says nothing */
		assert_int_equal(hear(fds[i], 0), -1);
	}
	assert_int_equal(httpd_busy(httpd), 1);
	late = come();
	say(late, request, sizeof(request) - 1);
	assert_int_equal(hear(late, 300000000), -1);
	for (i = 0; i < HTTPD_CLIENTS; i++)
		close(fds[i]);
	assert_int_equal(hear(late, LONG_ENOUGH_NS), 200); /* within the second of a sweep */
	close(late);
	assert_int_equal(ask(request), 200);
	assert_int_equal(httpd_busy(httpd), 1);
	assert_int_equal(httpd_busy(NULL), 0);
}

/* Who goes in the middle of it leaves nothing behind. */
static void test_gone(void **state)
{
	int i, fd;

	(void)state;
	for (i = 0; i < 3 * HTTPD_CLIENTS; i++) {
		fd = come();
		say(fd, "GET /pa", 7);
		(void)hear(fd, 0);
		close(fd);
	}
	assert_int_equal(ask("GET /page HTTP/1.0\r\n\r\n"), 200);
}

static void test_socket(void **state)
{
	char moved[120];
	struct httpd *other = NULL;
	struct err err = {};
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660); /* ours and our group's */
	httpd_close(httpd);
	httpd = NULL;
	assert_int_not_equal(stat(path, &st), 0);
	/* one that a run before has left is replaced */
	assert_int_equal(httpd_open(&httpd, base, address, pages, &asked, &err), 0);
	snprintf(moved, sizeof(moved), "%s/moved", dir);
	assert_int_equal(rename(path, moved), 0);
	httpd_close(httpd);
	assert_int_equal(rename(moved, path), 0);
	assert_int_equal(httpd_open(&httpd, base, address, pages, &asked, &err), 0);
	assert_int_equal(ask("GET /page HTTP/1.0\r\n\r\n"), 200);
	httpd_close(httpd);
	httpd = NULL;
	/* another file is not */
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(httpd_open(&other, base, address, pages, &asked, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, path));
	assert_null(other);
	assert_int_equal(stat(path, &st), 0);
}

static void test_loopback(void **state)
{
	struct httpd *first = NULL, *second = NULL;
	struct err err = {};
	char at[32];
	int port;

	(void)state;
	for (port = 20000; port < 20100 && !first; port++) {
		snprintf(at, sizeof(at), "127.0.0.1:%d", port);
		err = (struct err){};
		(void)httpd_open(&first, base, at, pages, &asked, &err);
	}
	assert_non_null(first);
	err = (struct err){};
	assert_int_equal(httpd_open(&second, base, at, pages, &asked, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, at));
	httpd_close(first);
	httpd_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test_setup_teardown(test_pages, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_crowd, begin, end),
		cmocka_unit_test_setup_teardown(test_gone, begin, end),
		cmocka_unit_test_setup_teardown(test_socket, begin, end),
		cmocka_unit_test_setup_teardown(test_loopback, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
