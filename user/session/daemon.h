/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_DAEMON_H
#define MAPRACE_SESSION_DAEMON_H

#include "base/err.h"
#include "session/watch.h"

/*
 * A watch of all of the host that does not end: races go to a log, each once for each program and
 * for each of its two sites, over restarts too (state); counts are to be had by HTTP. Its memory is
 * bounded: of so many different races those that come later are counted only.
 */
struct daemon_options {
	struct watch_options watch; /* first, as in settings.h */
	const char *config;	    /* NULL: none */
	const char *log;	    /* "-": standard output */
	uint64_t log_size;
	unsigned int log_files;
	const char *listen; /* NULL: nowhere */
	bool allow_remote;  /* listen may be where others come from */
	const char *state;  /* NULL: none */
	bool no_goroutines; /* are not looked at */
	char **strings;	    /* of the configuration file; owned */
	size_t nstrings;
};

/* What it owns; twice is fine. */
void daemon_options_free(struct daemon_options *o);

struct daemon;

/* options must outlive it; reread gives those of the configuration as it is then, or a negative
 * errno, having said why. */
int daemon_open(struct daemon **out, struct watch *w, struct daemon_options *options,
		int (*reread)(void *ctx, struct daemon_options *options), void *ctx,
		struct err *err);
void daemon_close(struct daemon *d); /* NULL is fine */

#endif
