/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_MODEL_VITALS_H
#define MAPRACE_MODEL_VITALS_H

#include "model/model.h"

/* Of a process that runs, without stopping it: its goroutines and what its scheduler and collector
 * say of themselves. As in model.h: strings are the report's, and come from the target. */
enum report_goroutine_state {
	REPORT_GOROUTINE_RUNNING,
	REPORT_GOROUTINE_RUNNABLE,
	REPORT_GOROUTINE_SYSCALL,
	REPORT_GOROUTINE_NETWORK, /* it waits for the network, or whatever else is polled */
	REPORT_GOROUTINE_WAITING, /* for anything else */
	REPORT_GOROUTINE_OTHER,	  /* its stack is moved, or it was made to stop */
	REPORT_GOROUTINE_STATES
};

struct report_wait {
	char *reason; /* as the runtime's own traceback says it */
	uint64_t goroutines;
};

/* A place that makes goroutines: a go statement. */
struct report_maker {
	struct report_frame at;
	uint64_t goroutines;
	bool named; /* it makes goroutines that do not end: a suspicion, of what follows */
	bool grows; /* still */
	double named_s, seconds, per_second; /* when; for how long, and how fast, they had grown by
						then */
	uint64_t from;			     /* how many there were when that began */
};

struct report_vitals {
	uint32_t pid;
	char *exe;
	bool ended;	      /* the process has: as it was at the last look */
	double at_s, began_s; /* the last look, and the first */
	uint64_t looks;
	/* Each goroutine that was read stands for so many: of a list that is too long each second
	 * one is read, or each fourth … */
	uint64_t scale;
	uint64_t goroutines; /* without those of the runtime, as runtime.NumGoroutine() has them */
	uint64_t system;     /* the others */
	uint64_t states[REPORT_GOROUTINE_STATES]; /* of the former */
	uint64_t unreadable;
	struct report_wait *waits; /* most first */
	size_t nwaits;
	/* Who has waited for longest, at least for so long; negative: not known, as nothing was
	 * collected since. */
	double oldest_wait_s;
	char *oldest_reason;
	struct report_frame oldest;  /* created there */
	struct report_maker *makers; /* those that were named, then those with most goroutines */
	size_t nmakers;
	bool ps_known, ms_known, gc_known, heap_known;
	uint64_t ps, ps_idle, ps_running, ps_syscall, ms;
	uint64_t gc_cycles, gc_forced, gc_pause_ns;
	int64_t gc_last_unix_ns;
	uint64_t heap_marked, heap_live, heap_goal; /* goal UINT64_MAX: none */
	int32_t gc_percent;			    /* negative: off */
	int64_t memory_limit;			    /* INT64_MAX: none */
};

const char *report_goroutine_state_name(enum report_goroutine_state state); /* "running" … */
void report_vitals_free(struct report_vitals *vitals);			    /* what it owns */

#endif
