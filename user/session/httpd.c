/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "session/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define UNIX "unix:"
#define BACKLOG 16
#define HEADERS_MOST 8192
#define BODY_MOST 1024

struct httpd {
	struct evhttp *http;
	const struct httpd_page *pages;
	void *ctx;
	char *path; /* of its socket */
	struct evconnlistener *listener;
	struct event *sweep;
	bool listening;
	struct client {
		struct bufferevent *bev;
		uint64_t since_ns;
	} clients[HTTPD_CLIENTS];
	size_t nclients;
	struct unread *unread;
	uint64_t busy;
};

/* What was not taken yet: libevent may let go of an answer after httpd_close(). */
struct unread {
	unsigned int users;
	size_t bytes; /* by whole answers */
};

/* An answer that is on its way. */
struct body {
	struct unread *unread;
	char *text;
	size_t len;
};

/* "127.0.0.1:9464": its parts, of a size that is enough. */
static bool split(const char *address, char host[64], unsigned long *port)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;
	char *end;

	if (!len || len >= 64)
		return false;
	if (address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	memcpy(host, address, len);
	host[len] = '\0';
	*port = strtoul(colon + 1, &end, 10);
	return colon[1] >= '0' && colon[1] <= '9' && !*end && *port > 0 && *port < 65536;
}

int httpd_address(const char *address)
{
	struct sockaddr_un un;
	struct in6_addr six;
	struct in_addr four;
	unsigned long port;
	char host[64];

	if (!strncmp(address, UNIX, 5))
		return address[5] == '/' && strlen(address + 5) < sizeof(un.sun_path) ? 0 : -EINVAL;
	if (!split(address, host, &port))
		return -EINVAL;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127 ? 0 : 1;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six) ? 0 : 1;
	return -EINVAL;
}

/* ---- answers ---- */

static void leave(struct unread *u)
{
	if (u && !--u->users)
		free(u);
}

static void on_taken(const void *data, size_t len, void *ctx)
{
	struct body *b = ctx;

	(void)data;
	(void)len;
	b->unread->bytes -= b->len;
	leave(b->unread);
	free(b->text);
	free(b);
}

/* Without a copy: it may be large. */
static int add_body(struct httpd *h, struct evbuffer *to, char *text, size_t len)
{
	struct body *b = len ? malloc(sizeof(*b)) : NULL;

	if (!b) {
		free(text);
		return len ? -ENOMEM : 0;
	}
	*b = (struct body){h->unread, text, len};
	h->unread->users++;
	h->unread->bytes += len;
	if (!evbuffer_add_reference(to, text, len, on_taken, b))
		return 0;
	on_taken(text, len, b);
	return -ENOMEM;
}

/* The answer to HEAD: libevent would send the body too. */
static void send_head(struct evhttp_request *q, int status, size_t len)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", len);
	evhttp_add_header(evhttp_request_get_output_headers(q), "Content-Length", text);
	evhttp_send_reply(q, status, NULL, NULL);
}

static int print_page(struct httpd *h, const struct httpd_page *page, struct evbuffer *body)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	int status;

	if (!memory)
		return 500;
	status = page->print(h->ctx, memory);
	if (fclose(memory)) {
		free(text);
		return 500;
	}
	return add_body(h, body, text, len) ? 500 : status;
}

/* Who does not take what he has asked for keeps it with us for a while: so much in all. */
static void send_page(struct evhttp_request *q, const struct httpd_page *page, struct httpd *h)
{
	struct evbuffer *body = evbuffer_new();
	int status = 500;

	if (h->unread->bytes >= HTTPD_UNREAD_MOST) {
		h->busy++;
		status = 503;
	} else if (body) {
		status = print_page(h, page, body);
	}
	evhttp_add_header(evhttp_request_get_output_headers(q), "Content-Type", page->type);
	evhttp_add_header(evhttp_request_get_output_headers(q), "Cache-Control", "no-store");
	evhttp_add_header(evhttp_request_get_output_headers(q), "Connection", "close");
	if (evhttp_request_get_command(q) == EVHTTP_REQ_HEAD)
		send_head(q, status, body ? evbuffer_get_length(body) : 0);
	else
		evhttp_send_reply(q, status, NULL, body);
	if (body)
		evbuffer_free(body);
}

static void on_request(struct evhttp_request *q, void *ctx)
{
	struct httpd *h = ctx;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(q);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	const struct httpd_page *page;

	for (page = h->pages; path && page->path; page++)
		if (!strcmp(page->path, path)) {
			send_page(q, page, h);
			return;
		}
	evhttp_send_error(q, HTTP_NOTFOUND, NULL);
}

/* ---- who comes ---- */

/* libevent tells of a connection when it comes, and not when it goes: then its callbacks are
 * gone. Our reference keeps what they were in. */
static bool is_there(struct bufferevent *bev)
{
	bufferevent_data_cb read = NULL;

	bufferevent_getcb(bev, &read, NULL, NULL, NULL);
	return read;
}

static void set_listening(struct httpd *h, bool on)
{
	if (on == h->listening)
		return;
	h->listening = on;
	if (on)
		evconnlistener_enable(h->listener);
	else
		evconnlistener_disable(h->listener);
	h->busy += !on;
}

/* Who takes his time, byte by byte, is let go too. */
static void sweep(struct httpd *h)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	size_t i;

	for (i = h->nclients; i--;) {
		struct client *c = &h->clients[i];

		if (!is_there(c->bev)) {
			bufferevent_decref(c->bev);
			*c = h->clients[--h->nclients];
		} else if (now - c->since_ns > HTTPD_LONGEST_S * 1000000000ull) {
			shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
		}
	}
	set_listening(h, h->nclients < HTTPD_CLIENTS);
}

static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	sweep(ctx);
}

static struct bufferevent *on_connection(struct event_base *base, void *ctx)
{
	struct httpd *h = ctx;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

	if (!bev || h->nclients == HTTPD_CLIENTS)
		return bev; /* one more, from the queue of before we closed */
	bufferevent_incref(bev);
	h->clients[h->nclients++] = (struct client){bev, clock_ns(CLOCK_MONOTONIC)};
	if (h->nclients == HTTPD_CLIENTS)
		set_listening(h, false);
	return bev;
}

/* Nobody but us and our group may connect. What is there already is ours, of a run before. */
static int listen_unix(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;
	struct stat st;
	mode_t mask;

	if (fd < 0)
		return -errno;
	memcpy(at.sun_path, path, strlen(path) + 1);
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode) && st.st_uid == geteuid())
		unlink(path);
	mask = umask(0117);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, BACKLOG))
		r = -errno;
	umask(mask);
	if (r)
		close(fd);
	return r ? r : fd;
}

static int bind_to(struct httpd *h, const char *address)
{
	struct evhttp_bound_socket *bound;
	unsigned long port;
	char host[64];
	int fd;

	if (strncmp(address, UNIX, 5) != 0) {
		if (!split(address, host, &port))
			return -EINVAL;
		errno = 0;
		bound = evhttp_bind_socket_with_handle(h->http, host, (uint16_t)port);
		if (!bound)
			return errno ? -errno : -EADDRNOTAVAIL;
		h->listener = evhttp_bound_socket_get_listener(bound);
		return 0;
	}
	fd = listen_unix(address + 5);
	if (fd < 0)
		return fd;
	h->path = strdup(address + 5);
	bound = h->path ? evhttp_accept_socket_with_handle(h->http, fd) : NULL;
	if (!bound) {
		close(fd);
		return -ENOMEM;
	}
	h->listener = evhttp_bound_socket_get_listener(bound);
	return 0;
}

int httpd_open(struct httpd **out, struct event_base *base, const char *address,
	       const struct httpd_page *pages, void *ctx, struct err *err)
{
	static const struct timeval second = {.tv_sec = 1};
	struct httpd *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->unread = calloc(1, sizeof(*h->unread));
	if (!h->unread) {
		free(h);
		return -ENOMEM;
	}
	h->unread->users = 1;
	h->listening = true;
	h->pages = pages;
	h->ctx = ctx;
	h->http = evhttp_new(base);
	h->sweep = event_new(base, -1, EV_PERSIST, on_sweep, h);
	r = h->http && h->sweep && !event_add(h->sweep, &second) ? bind_to(h, address) : -ENOMEM;
	if (r) {
		httpd_close(h);
		return err_set(err, r, "cannot listen at %s: %s", address, err_name(r));
	}
	evhttp_set_timeout(h->http, HTTPD_TIMEOUT_S);
	evhttp_set_max_headers_size(h->http, HEADERS_MOST);
	evhttp_set_max_body_size(h->http, BODY_MOST);
	evhttp_set_allowed_methods(h->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_bevcb(h->http, on_connection, h);
	evhttp_set_gencb(h->http, on_request, h);
	*out = h;
	return 0;
}

uint64_t httpd_busy(const struct httpd *h)
{
	return h ? h->busy : 0;
}

void httpd_close(struct httpd *h)
{
	if (!h)
		return;
	if (h->http)
		evhttp_free(h->http);
	while (h->nclients)
		bufferevent_decref(h->clients[--h->nclients].bev);
	if (h->sweep)
		event_free(h->sweep);
	if (h->path)
		unlink(h->path);
	free(h->path);
	leave(h->unread);
	free(h);
}
