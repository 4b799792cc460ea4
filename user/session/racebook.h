/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_RACEBOOK_H
#define MAPRACE_SESSION_RACEBOOK_H

#include <stdbool.h>

#include "base/err.h"
#include "model/model.h"
#include "report/metrics/metrics.h"

/*
 * Which races there were, however many processes had them and however long ago: a race is known by
 * its id and its program, by path and module: in two containers /app/server need not be the same,
 * and a service that is built anew is. Bounded: RACEBOOK_MOST of them, then the others are counted.
 */
struct racebook;

struct racebook_program {
	const char *exe, *module;
};

#define RACEBOOK_MOST 1000

/* state: a file in which those that were found are kept for the next run; NULL: none. */
int racebook_open(struct racebook **out, const char *state, struct err *err);
/* A race of a process is there. True: it is the first one of its kind, in earlier runs too. */
bool racebook_note(struct racebook *b, const struct report_race *race,
		   const struct racebook_program *of, const char *unit);
/* Its process's place in the report is given up: what it has counted stays. */
void racebook_retire(struct racebook *b, const struct report_race *race,
		     const struct racebook_program *of);
/* With what these races have counted by now. *n of them, valid until the next call of any. */
const struct metrics_race *racebook_list(struct racebook *b, const struct report *report,
					 size_t *n);
uint64_t racebook_unlisted(const struct racebook *b);
void racebook_close(struct racebook *b); /* NULL is fine */

#endif
