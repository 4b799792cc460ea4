/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_CENSUS_H
#define MAPRACE_SESSION_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/model.h"
#include "session/exefiles.h"
#include "session/roster.h"
#include "session/settings.h"

/*
 * The Go processes of this host, those that are there and those that come. A new one is heard of
 * when it has executed its program, and has its turn when it has lived for CENSUS_SETTLE_MS: most
 * are over by then, and to probe them would cost more than they do. Nobody is kept waiting. What is
 * heard is checked against /proc from time to time.
 *
 * Who has a turn is to be watched, or to be called unwatched, by the caller, in the roster. More
 * than there are places for wait: the one that has used most CPU time comes first.
 */
struct census;

#define CENSUS_SETTLE_MS 60

struct census_one { /* has its turn */
	pid_t pid;
	struct census_file file;
	bool certain;	   /* it is a Go program, else it may be one */
	bool present;	   /* when the watch began */
	uint64_t since_ns; /* CLOCK_MONOTONIC: it runs that program, as far as is known */
};

/* Also where the kernel tells of no execution: then /proc is all there is, and err has why. */
int census_new(struct census **out, const struct host_options *options, struct err *err);
/* Who is meant, of those that come from now on. The strings stay the caller's. */
void census_change(struct census *c, const struct host_options *options);
void census_free(struct census *c); /* NULL is fine */
/* Readable: census_read() has something to do. -1: the kernel tells nothing. */
int census_fd(const struct census *c);
void census_read(struct census *c);
/* Looks at /proc where that is due. */
void census_look(struct census *c, uint64_t now_ns);
/* It has had its turn, and has begun its program anew since: it is as if it had just come. */
void census_forget(struct census *c, pid_t pid);
/* How many Go processes are known that have had no turn. */
size_t census_known(const struct census *c);

/* places: so many more may be watched. since_ns: when the watch began. False: nobody has his turn. */
bool census_next(struct census *c, uint64_t now_ns, size_t places, struct census_one *one);
/* Nanoseconds until somebody's turn may have come; UINT64_MAX: nobody is there. */
uint64_t census_wait(const struct census *c, uint64_t now_ns, size_t places);
/* To look after somebody took so long. What it took beyond some seconds, as nobody had a CPU, say,
 * is not made up for: others would go by unwatched for many times as long. */
void census_charge(struct census *c, uint64_t ns);
/* What its file has turned out to be: a tool of Go's own, or no Go program at all. */
void census_is_tool(struct census *c, const struct census_one *one);
void census_is_other(struct census *c, const struct census_one *one);
struct roster *census_roster(const struct census *c);
/* Copies. 0 or -ENOMEM. NULL is fine. */
int census_fill(const struct census *c, struct report *report);

#endif
