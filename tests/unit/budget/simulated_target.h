/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_SIMULATED_TARGET_H
#define MAPRACE_TESTS_SIMULATED_TARGET_H

/* A target that does what its account says, in time that is made up. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "budget/account.h"

#define HIT_NS 1000.0
#define SECOND 1000000000ull

enum { HOT_READ, HOT_WRITE, COLD, NFUNCTIONS = 16 };

struct target {
	struct account account;
	uint64_t now, cpu_ns, hold_ns;
	__u64 hits[NFUNCTIONS];
	double rate[NFUNCTIONS];  /* hits a second while its probes are in place */
	double other[NFUNCTIONS]; /* the same of hits that do not tell their function */
	double other_hits;
	double cpus, cpus_probed; /* used; used while all probes are in place, where that is less */
	bool attached[NFUNCTIONS];
	unsigned int opened, closed;
	double gaps, gaps_squared; /* between openings, seconds */
	uint64_t last_open;
};

static inline struct account_facts facts(const struct target *t)
{
	return (struct account_facts){.now_ns = t->now,
				      .target_ns = t->cpu_ns,
				      .hold_ns = t->hold_ns,
				      .other_hits = (uint64_t)t->other_hits,
				      .hits = t->hits};
}

static inline void begin(struct target *t, double share, double cpus, double hot, double cold)
{
	struct account_facts now;

	memset(t, 0, sizeof(*t));
	t->now = 5 * SECOND;
	t->cpus = cpus;
	t->rate[HOT_READ] = t->rate[HOT_WRITE] = hot;
	t->rate[COLD] = cold;
	memset(t->attached, 1, sizeof(t->attached));
	now = facts(t);
	account_init(&t->account, share, HIT_NS, NFUNCTIONS, 42, &now);
}

static inline void apply(struct target *t, enum account_change change)
{
	unsigned int i;

	for (i = 0; i < NFUNCTIONS; i++) {
		if (change == ACCOUNT_OPEN)
			t->attached[i] = true;
		if (change == ACCOUNT_CLOSE && t->account.functions[i].cycled)
			t->attached[i] = false;
	}
	t->closed += change == ACCOUNT_CLOSE;
	if (change != ACCOUNT_OPEN)
		return;
	if (t->opened++) {
		double gap = (double)(t->now - t->last_open) / 1e9;

		t->gaps += gap;
		t->gaps_squared += gap * gap;
	}
	t->last_open = t->now;
}

static inline void run(struct target *t, double seconds)
{
	uint64_t end = t->now + (uint64_t)(seconds * 1e9), again;
	unsigned int i;

	while (t->now < end) {
		struct account_facts now = facts(t);

		apply(t, account_step(&t->account, &now, &again));
		assert_in_range(again, 1000000, SECOND);
		t->now += again;
		t->cpu_ns += (uint64_t)((double)again * (t->cpus_probed > 0 && t->attached[HOT_READ]
								 ? t->cpus_probed
								 : t->cpus));
		for (i = 0; i < NFUNCTIONS; i++) {
			if (!t->attached[i])
				continue;
			t->hits[i] += (uint64_t)((double)again / 1e9 * t->rate[i]);
			t->other_hits += (double)again / 1e9 * t->other[i];
		}
		t->hold_ns += again * account_hold_ppm(&t->account) / 1000000;
	}
}

static inline double cost_percent(const struct target *t)
{
	return account_cost_percent(&t->account);
}

#endif
