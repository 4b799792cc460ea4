/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_MODEL_PANIC_H
#define MAPRACE_MODEL_PANIC_H

#include "model/model.h"

/* Where a program has panicked, and what became of it: plain data, as in model.h. */
enum report_panic_kind {
	REPORT_PANIC_EXPLICIT, /* the program has called panic() */
	REPORT_PANIC_RUNTIME,  /* the runtime has, for it: an index, a division, a nil map */
	REPORT_PANIC_FAULT,    /* by a signal: nil, or an address at which there is nothing */
	REPORT_PANIC_GOEXIT,   /* no panic: runtime.Goexit */
	REPORT_PANIC_KINDS
};

enum report_panic_outcome {
	REPORT_PANIC_RECOVERED,
	REPORT_PANIC_REPANICKED, /* a deferred function has panicked with the same value */
	REPORT_PANIC_REPLACED,	 /* and with another one */
	REPORT_PANIC_ENDED,	 /* a deferred function has called runtime.Goexit */
	REPORT_PANIC_DIED,	 /* the process, of it */
	REPORT_PANIC_OUTCOMES
};

/* All of one site with one type of value in one process. */
struct report_panic {
	uint32_t pid;
	enum report_panic_kind kind;
	char *type;    /* of the value; "" when unknown, "nil" */
	char *message; /* what the first one says, as far as it is to be told; "" */
	uint64_t count;
	uint64_t outcomes[REPORT_PANIC_OUTCOMES]; /* of the others it is not known, or not yet */
	double first_seen_s, last_seen_s;	  /* since the watch began */
	char *recovered_in;			  /* a function whose deferred call recovers; "" */
	bool recovered_elsewhere;		  /* in others, too */
	double watched; /* part of the time for which panics were, 0 to 1; below 1 there were more */
	struct report_access access; /* the first one: op and map say nothing */
};

void report_panic_free(struct report_panic *panic);
const char *report_panic_kind_name(enum report_panic_kind kind);	  /* "explicit" … */
const char *report_panic_outcome_name(enum report_panic_outcome outcome); /* "recovered" … */
/* Of so many it is not known what became of them. */
uint64_t report_panic_unknown(const struct report_panic *panic);

#endif
