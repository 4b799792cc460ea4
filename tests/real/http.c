/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"

#define BUFFER_MAX (16U << 20)

int buffer_reserve(struct buffer *buffer, size_t room)
{
	size_t size = buffer->size ? buffer->size : 4096;
	char *data;

	if (room > BUFFER_MAX || buffer->len + room > BUFFER_MAX)
		return -EMSGSIZE;
	if (buffer->len + room <= buffer->size)
		return 0;
	while (size < buffer->len + room)
		size *= 2;
	data = realloc(buffer->data, size);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->size = size;
	return 0;
}

int buffer_append(struct buffer *buffer, const void *data, size_t len)
{
	int err = buffer_reserve(buffer, len);

	if (err)
		return err;
	if (len)
		memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	return 0;
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	char *text;
	int len, err;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return -ENOMEM;
	err = buffer_append(buffer, text, len);
	free(text);
	return err;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

struct head {
	size_t len; /* with the empty line */
	size_t content_length;
	bool chunked, close;
};

static bool line_is(const char *line, size_t len, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) || line[n] != ':')
		return false;
	*value = line + n + 1;
	while (*value < line + len && **value == ' ')
		(*value)++;
	return true;
}

static int head_parse(const struct buffer *raw, struct http_message *message, struct head *head)
{
	const char *end = memmem(raw->data, raw->len, "\r\n\r\n", 4), *line = raw->data, *value,
		   *space;

	if (!end)
		return raw->len > 65536 ? -EBADMSG : 0;
	head->len = end + 4 - raw->data;
	if (head->len > 12 && !memcmp(line, "HTTP/1.1 ", 9)) {
		message->status = atoi(line + 9);
	} else {
		space = memchr(line, ' ', head->len);
		if (!space)
			return -EBADMSG;
		message->target = space + 1;
		space = memchr(space + 1, ' ', end - space);
		if (!space)
			return -EBADMSG;
		message->target_len = space - message->target;
	}
	while (line < end) {
		const char *next = memmem(line, end + 2 - line, "\r\n", 2);
		size_t len = next - line;

		if (line_is(line, len, "Content-Length", &value))
			head->content_length = strtoull(value, NULL, 10);
		else if (line_is(line, len, "Transfer-Encoding", &value))
			head->chunked = !strncasecmp(value, "chunked", 7);
		else if (line_is(line, len, "Connection", &value))
			head->close = !strncasecmp(value, "close", 5);
		line = next + 2;
	}
	return 1;
}

static int chunks_parse(const struct buffer *raw, size_t at, struct buffer *body, size_t *used)
{
	for (;;) {
		const char *line = raw->data + at, *eol = memmem(line, raw->len - at, "\r\n", 2);
		size_t size = 0, digits = 0;

		if (!eol)
			return raw->len - at > 64 ? -EBADMSG : 0;
		for (; line + digits < eol && digits < 8; digits++) {
			char c = line[digits], *hex = strchr("00112233445566778899aAbBcCdDeEfF", c);

			if (!hex)
				break;
			size = size * 16 + (hex - "00112233445566778899aAbBcCdDeEfF") / 2;
		}
		if (!digits || size > BUFFER_MAX)
			return -EBADMSG;
		at = eol + 2 - raw->data;
		if (raw->len - at < size + 2)
			return 0;
		if (memcmp(raw->data + at + size, "\r\n", 2))
			return -EBADMSG;
		if (buffer_append(body, raw->data + at, size))
			return -EBADMSG;
		at += size + 2;
		if (!size) {
			*used = at;
			return 1;
		}
	}
}

int http_parse(const struct buffer *raw, struct http_message *message, struct buffer *body)
{
	struct head head = {0};
	int got;

	*message = (struct http_message){0};
	body->len = 0;
	got = raw->len ? head_parse(raw, message, &head) : 0;
	if (got <= 0)
		return got;
	message->close = head.close;
	if (head.chunked)
		return chunks_parse(raw, head.len, body, &message->used);
	if (head.content_length > BUFFER_MAX)
		return -EBADMSG;
	if (raw->len - head.len < head.content_length)
		return 0;
	if (buffer_append(body, raw->data + head.len, head.content_length))
		return -EBADMSG;
	message->used = head.len + head.content_length;
	return 1;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

int http_listen(uint16_t port, uint16_t *bound)
{
	struct sockaddr_in address = loopback(port);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 512) ||
	    getsockname(fd, (struct sockaddr *)&address, &len)) {
		err = -errno;
		close(fd);
		return err;
	}
	*bound = ntohs(address.sin_port);
	return fd;
}

int http_connect(uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    fcntl(fd, F_SETFL, O_NONBLOCK)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}
