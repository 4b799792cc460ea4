/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_STATEBOOK_H
#define MAPRACE_SESSION_STATEBOOK_H

#include <stdint.h>

#include "base/err.h"
#include "model/model.h"

/*
 * What runs have learnt of pairs of call sites, in a file for the next run (--state). A site is
 * known by what races' ids are made of, and by what it does: that survives a rebuild. Several
 * processes may have the file at one time: it is locked while what this run has learnt is added to
 * what is in it by then, and replaced as a whole.
 */
enum statebook_status {
	STATEBOOK_ARMED,   /* two goroutines came near each other there */
	STATEBOOK_ORDERED, /* the trials say that something keeps them apart, in that build */
	STATEBOOK_PROVED,
	STATEBOOK_STATUSES
};

#define STATEBOOK_TEXT 160   /* of a function's name, for people only */
#define STATEBOOK_MOST 10000 /* pairs that are kept; the oldest go */

struct statebook_pair {
	enum statebook_status status;
	struct statebook_site {
		uint64_t name; /* report_site_hash() */
		enum report_op op;
		unsigned int tried; /* holds of it that met nobody, in all runs; at most 255 */
		char text[STATEBOOK_TEXT];
	} site[2];
	uint32_t build;	 /* of the program that it was seen in last; 0: no telling */
	uint64_t seen_s; /* and when, since 1970 */
};

struct statebook;

/* path: not copied. -EBADMSG: it is damaged; -EPROTO: of another version; -EINVAL: something else.
 * What is not there, or empty, is an empty state. */
int statebook_open(struct statebook **out, const char *path, struct err *err);
/* This run has learnt of it. 0 or -ENOMEM. */
int statebook_note(struct statebook *b, const struct statebook_pair *pair);
/* In this run the site was held so often and met nobody. */
void statebook_tried(struct statebook *b, const struct statebook_site *site, unsigned int tried);
/* What is known, from earlier runs and this one: n of them. */
size_t statebook_count(const struct statebook *b);
const struct statebook_pair *statebook_pair(const struct statebook *b, size_t i);
/* Adds to the file what this run has learnt, where that is anything. *dropped: pairs for which it
 * had no room. */
int statebook_write(struct statebook *b, size_t *dropped, struct err *err);
void statebook_close(struct statebook *b); /* NULL is fine */

#endif
