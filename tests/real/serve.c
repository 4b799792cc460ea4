/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The backend of the reverse proxy: serves the regular files of one directory on 127.0.0.1 until
 * its standard input ends. usage: serve DIR      prints "port N"; GET /p/NAME answers DIR/NAME serve
 * --port   prints a port that is free now
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"

struct peer {
	int fd;
	struct buffer in, out, body;
	size_t sent;
};

static const char *directory;

static int file_read(const char *name, size_t len, struct buffer *content)
{
	char path[4096];
	ssize_t got;
	int fd, err = 0;

	if (len < 1 || memchr(name, '/', len) || name[0] == '.')
		return -ENOENT;
	if ((size_t)snprintf(path, sizeof(path), "%s/%.*s", directory, (int)len, name) >=
	    sizeof(path))
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	content->len = 0;
	for (;;) {
		err = buffer_reserve(content, 65536);
		if (err)
			break;
		got = read(fd, content->data + content->len, 65536);
		if (got <= 0) {
			err = got < 0 ? -errno : 0;
			break;
		}
		content->len += got;
	}
	close(fd);
	return err;
}

static int peer_answer(struct peer *peer, const struct http_message *request)
{
	struct buffer content = {0};
	int err = -ENOENT;

	if (request->target_len > 3 && !memcmp(request->target, "/p/", 3))
		err = file_read(request->target + 3, request->target_len - 3, &content);
	if (err)
		content.len = 0;
	err = buffer_printf(
		&peer->out,
		"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
		err ? "404 Not Found" : "200 OK", content.len);
	if (!err)
		err = buffer_append(&peer->out, content.data, content.len);
	buffer_free(&content);
	return err;
}

/* 0, or -1 when the peer is to be closed */
static int peer_step(struct peer *peer)
{
	struct http_message request;
	ssize_t got;
	int whole;

	for (;;) {
		if (buffer_reserve(&peer->in, 16384))
			return -1;
		got = read(peer->fd, peer->in.data + peer->in.len, 16384);
		if (!got || (got < 0 && errno != EAGAIN))
			return -1;
		if (got < 0)
			break;
		peer->in.len += got;
	}
	while ((whole = http_parse(&peer->in, &request, &peer->body)) > 0) {
		if (peer_answer(peer, &request))
			return -1;
		memmove(peer->in.data, peer->in.data + request.used, peer->in.len - request.used);
		peer->in.len -= request.used;
	}
	if (whole < 0)
		return -1;
	while (peer->sent < peer->out.len) {
		got = send(peer->fd, peer->out.data + peer->sent, peer->out.len - peer->sent,
			   MSG_NOSIGNAL);
		if (got < 0)
			return errno == EAGAIN ? 0 : -1;
		peer->sent += got;
	}
	peer->out.len = peer->sent = 0;
	return 0;
}

static void peer_free(struct peer *peer)
{
	close(peer->fd);
	buffer_free(&peer->in);
	buffer_free(&peer->out);
	buffer_free(&peer->body);
	free(peer);
}

static int peer_accept(int epoll, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	struct peer *peer;

	if (fd < 0)
		return errno == EAGAIN ? 0 : -errno;
	peer = calloc(1, sizeof(*peer));
	if (!peer) {
		close(fd);
		return -ENOMEM;
	}
	peer->fd = fd;
	event.data.ptr = peer;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
		peer_free(peer);
		return -errno;
	}
	return 0;
}

static int serve(int listener)
{
	struct epoll_event events[64], event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC), count;
	char byte[64];

	if (epoll < 0)
		return -errno;
	event.data.ptr = &listener;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
		return -errno;
	event.data.ptr = NULL;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event))
		return -errno;
	for (;;) {
		count = epoll_wait(epoll, events, 64, -1);
		for (int i = 0; i < count; i++) {
			struct peer *peer = events[i].data.ptr;

			if (!peer) {
				if (read(STDIN_FILENO, byte, sizeof(byte)) <= 0)
					return 0;
			} else if (events[i].data.ptr == &listener) {
				if (peer_accept(epoll, listener))
					return -EIO;
			} else if (peer_step(peer)) {
				peer_free(peer);
			}
		}
	}
}

int main(int argc, char **argv)
{
	uint16_t port;
	int listener, err;

	if (argc != 2) {
		fprintf(stderr, "usage: serve DIR | --port\n");
		return 2;
	}
	listener = http_listen(0, &port);
	if (listener < 0) {
		fprintf(stderr, "serve: cannot listen on 127.0.0.1: %s\n", strerror(-listener));
		return 1;
	}
	if (!strcmp(argv[1], "--port")) {
		printf("%u\n", port);
		return 0;
	}
	directory = argv[1];
	printf("port %u\n", port);
	fflush(stdout);
	err = serve(listener);
	if (err)
		fprintf(stderr, "serve: %s\n", strerror(-err));
	return err ? 1 : 0;
}
