/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_HTTPD_H
#define MAPRACE_SESSION_HTTPD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct event_base;

/*
 * A few pages for whoever asks. GET and HEAD only. Who connects and says nothing is let go after
 * HTTPD_TIMEOUT_S, who says it slowly after HTTPD_LONGEST_S, and of more than HTTPD_CLIENTS at a
 * time the next ones wait.
 */
struct httpd;

#define HTTPD_TIMEOUT_S 10
#define HTTPD_LONGEST_S 30
#define HTTPD_CLIENTS 32
#define HTTPD_UNREAD_MOST (32u << 20) /* bytes that clients have not taken: then there is no page */

struct httpd_page {
	const char *path, *type;
	/* Writes it; the status of the answer. */
	int (*print)(void *ctx, FILE *out);
};

/* 0: it is "127.0.0.1:PORT", "[::1]:PORT" or "unix:/PATH", where nobody comes from elsewhere; 1:
 * another address with a port; -EINVAL: none. */
int httpd_address(const char *address);
/* 0 or negative errno. pages: with a NULL path at the end; they and ctx must outlive it. */
int httpd_open(struct httpd **out, struct event_base *base, const char *address,
	       const struct httpd_page *pages, void *ctx, struct err *err);
uint64_t httpd_busy(const struct httpd *h);
void httpd_close(struct httpd *h); /* NULL is fine */

#endif
