/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A closed-loop load on 127.0.0.1: each connection sends its next request when its last answer has
 * come, and every answer is checked. Bounded in time and count; ends at once when its standard
 * input does.
 *
 * usage: load [-c CONNECTIONS] [-d SECONDS] [-n REQUESTS] -p PORT list FILE | etcd
 * Each line "cut NAME" on standard input prints what was seen since the last one, as one line of
 * JSON:
 * {"name", "seconds", "requests", "wrong", "errors", "per_s", "p50_us", "p90_us", "p99_us",
 * "max_us"}; "total" comes last. Exit status: 0 all answers right, 1 some wrong or lost, 2 bad
 * usage.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "plan.h"

#define SUB 64 /* histogram buckets per power of two: 1.6 % */
#define BUCKETS (48 * SUB)
#define CONNS_MAX 512
#define SHOWN_MAX 5

struct window {
	uint64_t start_ns, requests, wrong, errors, max_ns;
	uint64_t histogram[BUCKETS];
};

struct conn {
	int fd;
	struct place place;
	struct buffer out, in, body;
	size_t sent;
	uint64_t start_ns;
};

struct load {
	uint16_t port;
	unsigned nconns, shown;
	uint64_t max_requests, max_ns;
	struct plan *plan;
	struct conn conns[CONNS_MAX];
	struct window cut, total;
	struct buffer commands;
	int epoll;
	bool over;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static unsigned bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < SUB)
		return ns;
	shift = 63 - __builtin_clzll(ns) - __builtin_ctz(SUB);
	if (shift > 46)
		return BUCKETS - 1;
	return (shift + 1) * SUB + (ns >> shift) % SUB;
}

static double bucket_us(unsigned bucket)
{
	unsigned shift = bucket / SUB;

	if (!shift)
		return bucket / 1e3;
	return (double)((uint64_t)(SUB + bucket % SUB) << (shift - 1)) / 1e3;
}

static double window_quantile(const struct window *window, double q)
{
	uint64_t rank = q * window->requests, seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += window->histogram[i];
		if (seen > rank)
			return bucket_us(i);
	}
	return 0;
}

static void window_print(const struct window *window, const char *name)
{
	double seconds = (now_ns() - window->start_ns) / 1e9;

	printf("{\"name\": \"%s\", \"seconds\": %.3f, \"requests\": %lu, \"wrong\": %lu, \"errors\": %lu, \"per_s\": %.1f, "
	       "\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
	       name, seconds, window->requests, window->wrong, window->errors,
	       window->requests / seconds, window_quantile(window, 0.5),
	       window_quantile(window, 0.9), window_quantile(window, 0.99), window->max_ns / 1e3);
	fflush(stdout);
}

static void window_count(struct window *window, uint64_t ns, bool right)
{
	window->requests++;
	window->wrong += !right;
	window->histogram[bucket_of(ns)]++;
	if (ns > window->max_ns)
		window->max_ns = ns;
}

static int conn_send(struct conn *conn)
{
	while (conn->sent < conn->out.len) {
		ssize_t sent = send(conn->fd, conn->out.data + conn->sent,
				    conn->out.len - conn->sent, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN ? 0 : -errno;
		conn->sent += sent;
	}
	return 0;
}

static int conn_next(struct load *load, struct conn *conn)
{
	int err;

	conn->out.len = conn->sent = conn->in.len = 0;
	err = plan_request(load->plan, &conn->place, &conn->out);
	if (err)
		return err;
	conn->start_ns = now_ns();
	return conn_send(conn);
}

static int conn_open(struct load *load, struct conn *conn)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = conn};

	conn->fd = http_connect(load->port);
	if (conn->fd < 0)
		return conn->fd;
	if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, conn->fd, &event))
		return -errno;
	return conn_next(load, conn);
}

static void answer_count(struct load *load, struct conn *conn, const struct http_message *answer)
{
	uint64_t ns = now_ns() - conn->start_ns;
	bool right = plan_check(load->plan, &conn->place, answer->status, &conn->body);

	window_count(&load->cut, ns, right);
	window_count(&load->total, ns, right);
	if (!right && load->shown < SHOWN_MAX) {
		load->shown++;
		fprintf(stderr, "load: wrong answer, status %d, to:\n%.*s\nbody:\n%.*s\n",
			answer->status, (int)(conn->out.len > 600 ? 600 : conn->out.len),
			conn->out.data, (int)(conn->body.len > 2000 ? 2000 : conn->body.len),
			conn->body.data);
	}
}

/* 0, or negative errno when the connection broke */
static int conn_step(struct load *load, struct conn *conn)
{
	struct http_message answer;
	ssize_t got;
	int whole;

	if (conn_send(conn))
		return -EPIPE;
	for (;;) {
		if (buffer_reserve(&conn->in, 32768))
			return -ENOMEM;
		got = read(conn->fd, conn->in.data + conn->in.len, 32768);
		if (got < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (!got)
			return -ECONNRESET;
		conn->in.len += got;
		whole = http_parse(&conn->in, &answer, &conn->body);
		if (whole < 0 || (whole && answer.used != conn->in.len))
			return -EBADMSG;
		if (!whole)
			continue;
		answer_count(load, conn, &answer);
		conn->place.step++;
		if (load->total.requests >= load->max_requests)
			load->over = true;
		if (answer.close)
			return -ECONNRESET;
		if (conn_next(load, conn))
			return -EPIPE;
	}
}

static void conn_broken(struct load *load, struct conn *conn, int err)
{
	load->cut.errors++;
	load->total.errors++;
	if (load->shown++ < SHOWN_MAX)
		fprintf(stderr, "load: connection %u broke: %s\n", conn->place.conn,
			strerror(-err));
	close(conn->fd);
	/* what was in flight may have happened or not: begin a new round, on the next key */
	conn->place.step += 5 - conn->place.step % 5;
	if (conn_open(load, conn))
		load->over = true;
}

static void commands_read(struct load *load)
{
	struct buffer *commands = &load->commands;
	char *eol, name[64];
	ssize_t got;

	got = buffer_reserve(commands, 4096)
		      ? 0
		      : read(STDIN_FILENO, commands->data + commands->len, 4096);
	if (got <= 0) {
		load->over = true;
		return;
	}
	commands->len += got;
	while ((eol = memchr(commands->data, '\n', commands->len))) {
		*eol = 0;
		if (sscanf(commands->data, "cut %63[a-z0-9-]", name) == 1) {
			window_print(&load->cut, name);
			load->cut = (struct window){.start_ns = now_ns()};
		}
		commands->len -= eol + 1 - commands->data;
		memmove(commands->data, eol + 1, commands->len);
	}
}

/* once, blocking, in order; any answer but 200 ends it */
static int load_prepare(struct load *load)
{
	struct buffer request = {0}, raw = {0}, body = {0};
	struct http_message answer;
	int fd = -1, err = 0, whole;
	ssize_t got;

	for (unsigned step = 0; !err && plan_prepare(load->plan, step, &request) > 0; step++) {
		fd = http_connect(load->port);
		if (fd < 0 ||
		    send(fd, request.data, request.len, MSG_NOSIGNAL) != (ssize_t)request.len) {
			err = -EIO;
			break;
		}
		for (whole = 0; !whole && !err;) {
			if (buffer_reserve(&raw, 4096))
				err = -ENOMEM;
			got = read(fd, raw.data + raw.len, 4096);
			if (got > 0)
				raw.len += got;
			else if (!got || errno != EAGAIN)
				err = -EIO;
			whole = http_parse(&raw, &answer, &body);
		}
		if (!err && (whole < 0 || answer.status != 200))
			err = -EBADMSG;
		close(fd);
		request.len = raw.len = 0;
	}
	buffer_free(&request);
	buffer_free(&raw);
	buffer_free(&body);
	return err;
}

static int load_start(struct load *load)
{
	struct epoll_event event = {.events = EPOLLIN};
	int err = load_prepare(load);

	if (err)
		return err;
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->epoll < 0 || epoll_ctl(load->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event))
		return -errno;
	load->cut.start_ns = load->total.start_ns = now_ns();
	for (unsigned i = 0; i < load->nconns; i++) {
		load->conns[i].place = (struct place){.conn = i, .random = i + 1};
		err = conn_open(load, &load->conns[i]);
		if (err)
			return err;
	}
	return 0;
}

static void load_run(struct load *load)
{
	struct epoll_event events[64];

	while (!load->over && now_ns() - load->total.start_ns < load->max_ns) {
		int count = epoll_wait(load->epoll, events, 64, 100);

		for (int i = 0; i < count && !load->over; i++) {
			struct conn *conn = events[i].data.ptr;
			int err;

			if (!conn) {
				commands_read(load);
				continue;
			}
			err = conn_step(load, conn);
			if (err)
				conn_broken(load, conn, err);
		}
	}
}

static int options_parse(struct load *load, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "c:d:n:p:")) != -1) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (option == 'c')
			load->nconns = value < CONNS_MAX ? value : CONNS_MAX;
		else if (option == 'd')
			load->max_ns = value * 1000000000ULL;
		else if (option == 'n')
			load->max_requests = value;
		else if (option == 'p')
			load->port = value;
		else
			return -EINVAL;
	}
	if (optind + 1 == argc && !strcmp(argv[optind], "etcd"))
		load->plan = plan_open_etcd();
	else if (optind + 2 == argc && !strcmp(argv[optind], "list"))
		load->plan = plan_open_list(argv[optind + 1]);
	return load->plan && load->port && load->nconns ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	static struct load load = {
		.nconns = 16, .max_ns = 600000000000ULL, .max_requests = 50000000};
	int err;

	if (options_parse(&load, argc, argv)) {
		fprintf(stderr,
			"usage: load [-c CONNECTIONS] [-d SECONDS] [-n REQUESTS] -p PORT list FILE | etcd\n");
		return 2;
	}
	err = load_start(&load);
	if (err) {
		fprintf(stderr, "load: cannot start on 127.0.0.1:%u: %s\n", load.port,
			strerror(-err));
		plan_free(load.plan);
		return 1;
	}
	load_run(&load);
	window_print(&load.total, "total");
	for (unsigned i = 0; i < load.nconns; i++) {
		buffer_free(&load.conns[i].in);
		buffer_free(&load.conns[i].out);
		buffer_free(&load.conns[i].body);
	}
	buffer_free(&load.commands);
	plan_free(load.plan);
	return load.total.wrong || load.total.errors ? 1 : 0;
}
