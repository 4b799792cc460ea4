/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_REAL_PLAN_H
#define MAPRACE_REAL_PLAN_H

#include <stdbool.h>

#include "http.h"

/* What is asked, and what must come back. One plan serves all connections; each connection brings
 * its own place in it. */
struct place {
	unsigned conn; /* number of the connection */
	unsigned step; /* requests made so far */
	uint64_t random;
	size_t entry; /* of the request in flight */
};

struct plan;

/*
 * A file of lines "PATH FILE": GET PATH must answer 200 and FILE's bytes. Each connection draws
 * lines at random, from its own seed. The files are read at once.
 */
struct plan *plan_open_list(const char *path);
/*
 * etcd's JSON gateway: each connection puts, reads back, deletes and misses keys of its own, and
 * reads a range of keys that plan_prepare has put; every key, value and count of every answer is
 * known beforehand.
 */
struct plan *plan_open_etcd(void);
void plan_free(struct plan *plan);

/* requests to make once, in order, before the load; 0 when there are no more */
int plan_prepare(struct plan *plan, unsigned step, struct buffer *request);
int plan_request(struct plan *plan, struct place *place,
		 struct buffer *request); /* 0 or negative errno */
bool plan_check(struct plan *plan, struct place *place, int status, const struct buffer *body);

#endif
