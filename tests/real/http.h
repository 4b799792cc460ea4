/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REAL_HTTP_H
#define MAPRACE_REAL_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The little of HTTP/1.1 (RFC 9112) that the load and its backend need: complete messages, lengths
 * or chunks. */

struct buffer {
	char *data; /* malloc'ed, not terminated */
	size_t len, size;
};

int buffer_reserve(struct buffer *buffer, size_t room); /* 0 or -ENOMEM; -EMSGSIZE over 16 MB */
int buffer_append(struct buffer *buffer, const void *data, size_t len);
__attribute__((format(printf, 2, 3))) int buffer_printf(struct buffer *buffer, const char *format,
							...);
void buffer_free(struct buffer *buffer);

struct http_message {
	int status;	    /* of a response, 0 in a request */
	const char *target; /* of a request: points into the raw bytes, target_len long */
	size_t target_len;
	size_t used; /* raw bytes the message takes */
	bool close;  /* the peer ends the connection after it */
};

/*
 * Looks at raw bytes; 1 and the decoded body (replacing body's content) when a whole message is
 * there, 0 when more is needed, -EBADMSG when it is none.
 */
int http_parse(const struct buffer *raw, struct http_message *message, struct buffer *body);

int http_listen(
	uint16_t port,
	uint16_t *bound); /* non-blocking socket on 127.0.0.1, port 0: any; fd or negative errno */
int http_connect(uint16_t port); /* non-blocking, connected; fd or negative errno */

#endif
