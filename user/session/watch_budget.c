/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The budget of `maprace watch`: facts to the account (budget/account.h), decisions to the probes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "budget/shares.h"
#include "budget/slowed.h"
#include "process/cgroup.h"
#include "process/queued.h"
#include "session/past.h"
#include "session/watch.h"

/*
 * A program that we start is a test, unless a budget was given: nobody is served by it yet, it may
 * be over in seconds, and each thing happens a few times in it. It may take --slowdown times as
 * long as alone, and TEST_CREDIT_NS; what it takes to be attached to comes on top of that. Traps
 * have their own account, of so much of its CPU time; holds what they leave (bpf/gomap/policy.h).
 * Who runs for long serves somebody after all.
 */
#define TEST_CREDIT_NS 20000000ull
#define TEST_LATE_S 0.9 /* traps begin with a tenth of a second's earnings */
#define TEST_STEP_NS 20000000ull
#define SERVICE_S 120
#define SERVICE_PERCENT 5.0 /* the default of an attached process */

/* Probes that could not be placed are tried again after so long. */
#define RETRY_NS 1000000000ull
/* The kernel may take some time to move them; when it takes so long something is wrong. */
#define LASTS_NS 10000000000ull
/* A quota may be changed while the process lives; how often that is looked for. */
#define CONFINE_NS 10000000000ull
/* Until then nothing else is decided of their target; it is looked at so often. */
#define MOVE_NS 1000000000ull
#define MOVING_NS 10000000ull

/* Sites may have come with a plugin. */
static void weigh(struct watched *t)
{
	unsigned int i;

	for (i = 0; i < ACCOUNT_FUNCTIONS && t->account_weighed != t->nplugins + 1; i++)
		account_weigh(&t->account, i, attachment_weight(t->attachment, i));
	t->account_weighed = t->nplugins + 1;
}

/* Traps that were paid for and are no operation of a function's: on nil maps, another process's, at
 * an address that is none of ours, with an iterator that could not be read. */
static uint64_t other_hits(const struct attachment_sum *sum)
{
	return sum->cpu.nil_maps + sum->foreign + sum->cpu.counts[MR_COUNT_UNKNOWN_SITE] +
	       sum->cpu.counts[MR_COUNT_ITER_FAULT];
}

static void look(const struct watched *t, struct attachment_sum *sum, struct account_facts *facts)
{
	size_t i;

	attachment_counters(t->attachment, sum);
	facts->now_ns = watch_now();
	facts->target_ns = process_cpu_ns(t->process.pid);
	if (t->test_began_ns && facts->target_ns > sum->cpu.hold_ns)
		facts->target_ns -= sum->cpu.hold_ns; /* held is not at work */
	facts->hold_ns = sum->cpu.hold_ns;
	facts->other_hits = other_hits(sum);
	/* a call instruction's traps are put down to the function that it calls */
	for (i = 0; i < MR_SITE_SLOTS; i++)
		sum->cpu.calls[i] += sum->cpu.hits[i];
	facts->hits = sum->cpu.calls;
}

static bool shares(const struct watched *t, const struct process *p)
{
	return t->account_kept && !t->ended && t->process.pid == p->pid;
}

/* Runtimes in one process share its budget. Whoever may have all of it never takes a probe away. */
static void share_out(struct watch *w, const struct process *p)
{
	double n = 0;
	size_t i;

	for (i = 0; i < w->ntargets; i++)
		n += shares(w->targets[i], p);
	for (i = 0; i < w->ntargets; i++)
		if (shares(w->targets[i], p))
			w->targets[i]->account.share =
				w->targets[i]->budget / (w->targets[i]->budget < 1 ? n : 1);
}

/* What a command starts, and runs itself. */
static bool are_tests(const struct watch *w)
{
	return w->options->command && !w->options->budget_given;
}

/* After how many seconds; MAPRACE_SERVICE_S: another number, so that a test need not wait. */
static double service_s(void)
{
	const char *given = getenv("MAPRACE_SERVICE_S");
	double s = given ? strtod(given, NULL) : 0;

	return s > 0 && s < SERVICE_S ? s : SERVICE_S;
}

static void become_test(const struct watch *w, struct watched *t, uint64_t now_ns)
{
	double longer = w->options->slowdown - 1;
	struct attachment_terms terms = {.began_ns = now_ns,
					 .credit_ns = TEST_CREDIT_NS,
					 .permille = (uint32_t)(longer * 1000 + 0.5)};

	t->test_began_ns = now_ns;
	t->service_ns = w->options->slowdown_given ? 0 : now_ns + (uint64_t)(service_s() * 1e9);
	t->budget = longer / (1 + longer);
	account_change_share(&t->account, t->budget, true);
	account_advance(&t->account, -TEST_LATE_S);
	attachment_test(t->attachment, &terms);
}

static void become_service(struct watched *t)
{
	log_info(
		"process %d has run for %.3g s: it is taken for a service, and may be delayed by %.3g percent from now on, not by a test's measure (--slowdown FACTOR keeps that)",
		(int)t->process.pid, service_s(), SERVICE_PERCENT);
	watch_budget_conclude(t);
	t->test_began_ns = 0;
	t->budget = SERVICE_PERCENT / 100;
	account_change_share(&t->account, t->budget, false);
	attachment_test(t->attachment, NULL);
}

static void confine(struct watched *t, uint64_t now_ns)
{
	t->confined_ns = now_ns;
	account_confine(&t->account, cgroup_cpus("", t->process.pid));
}

static void open_account(struct watch *w, struct watched *t, double hit_ns)
{
	struct attachment_sum sum;
	struct account_facts facts;

	look(t, &sum, &facts);
	t->budget = w->options->budget_percent / 100;
	account_init(&t->account, t->budget, hit_ns, ACCOUNT_FUNCTIONS,
		     facts.now_ns ^ (uint64_t)t->process.pid << 32, &facts);
	t->account_kept = true;
	confine(t, facts.now_ns);
	if (are_tests(w))
		become_test(w, t, facts.now_ns);
	share_out(w, &t->process);
}

/* The process's, whatever runs in it. */
static const struct watched *leader(const struct watched *t)
{
	return t->host ? t->host : t;
}

static bool earns(const struct watched *t)
{
	return t->account_kept && !t->ended;
}

/* Our own since the last time. */
static double own_ns(struct watch *w)
{
	uint64_t now = clock_ns(CLOCK_PROCESS_CPUTIME_ID), since = now - w->own_cpu_ns;

	w->own_cpu_ns = now;
	return (double)since;
}

/* A hit costs more where others of the same program have their probes in place. */
static void price(struct watch *w)
{
	size_t i, others;

	for (i = 0; i < w->ntargets; i++)
		if (earns(w->targets[i]) && w->targets[i]->binary)
			w->targets[i]->binary->in_place = 0;
	for (i = 0; i < w->ntargets; i++)
		if (earns(w->targets[i]) && w->targets[i]->binary)
			w->targets[i]->binary->in_place += w->targets[i]->account.open;
	for (i = 0; i < w->ntargets; i++) {
		struct watched *t = w->targets[i];

		if (!earns(t))
			continue;
		others = t->binary ? t->binary->in_place - t->account.open : 0;
		account_price(&t->account, calibration_among(w->hit_ns, others));
	}
}

static size_t processes(const struct watch *w, double *use)
{
	size_t i, n = 0;

	for (i = 0, *use = 0; i < w->ntargets; i++) {
		const struct watched *t = w->targets[i];

		if (!earns(t) || t->host)
			continue;
		*use += t->account.use;
		n++;
	}
	return n;
}

/* What the freest of those that earn may use, of one CPU; where there is none any more, as it was. */
static void confine_all(struct watch *w)
{
	uint64_t now_ns = watch_now();
	double least = 0, limit;
	size_t i;

	for (i = 0; i < w->ntargets; i++) {
		struct watched *t = w->targets[i];

		if (!earns(t))
			continue;
		if (now_ns - t->confined_ns >= CONFINE_NS)
			confine(t, now_ns);
		limit = t->account.limit > 0 && t->account.limit < 1 ? t->account.limit : 1;
		least = limit > least ? limit : least;
	}
	if (least > 0)
		w->least_cpus = least;
}

/* What one of n processes earns for. */
static double part_of(const struct watch *w, const struct watched *t, double use, size_t n)
{
	double part = shares_part(leader(t)->account.use, use, w->least_cpus, n);

	return t->account.limit > 0 && part > t->account.limit ? t->account.limit : part;
}

/* What a command starts is not shared out: a test that is over in a second is watched as if it were
 * the only one. Of many, what we do ourselves for each is part of what they cost: in the measure in
 * which they earn, as a quota of theirs does not pay for it. */
void watch_budget_share(struct watch *w)
{
	double use = 0, own = own_ns(w), part;
	size_t i, n = w->follow ? 0 : processes(w, &use);

	confine_all(w);
	price(w);
	for (i = 0; i < w->ntargets && n; i++) {
		struct watched *t = w->targets[i];

		if (!earns(t))
			continue;
		part = n > 1 ? part_of(w, t, use, n) : 0;
		account_grant(&t->account, part);
		if (n > 1 && !t->host)
			account_charge(&t->account, own * part / (use > 1 ? use : 1));
	}
}

void watch_budget_begin(struct watch *w)
{
	size_t i;

	calibration_start(&w->calibration);
	(void)own_ns(w); /* what it took to begin is not theirs */
	w->hit_ns = CALIBRATE_GUESS_NS;
	for (i = 0; i < w->ntargets; i++)
		open_account(w, w->targets[i], w->hit_ns);
	watch_budget_share(w);
}

void watch_budget_join(struct watch *w, struct watched *t)
{
	open_account(w, t, w->hit_ns);
}

void watch_budget_price(struct watch *w)
{
	w->hit_ns = calibration_take(&w->calibration);
	price(w);
}

static int close_window(struct watched *t, struct err *err)
{
	bool cycled[ACCOUNT_FUNCTIONS];
	unsigned int i;

	for (i = 0; i < ACCOUNT_FUNCTIONS; i++)
		cycled[i] = t->account.functions[i].cycled;
	return attachment_close(t->attachment, cycled, err);
}

/* What the account wants, or what it wanted when it could not be done. */
static enum account_change due(const struct watched *t, enum account_change wanted, uint64_t now_ns)
{
	if (wanted != ACCOUNT_STAY || !t->failed_ns || now_ns - t->failed_ns < RETRY_NS)
		return wanted;
	return t->account.open ? ACCOUNT_OPEN : ACCOUNT_CLOSE;
}

static void note_failure(struct watched *t, int r, const struct err *err)
{
	if (r == -ESRCH || r == -ENOENT || r == -EPIPE || t->account.failed)
		return;
	if (r == -EAGAIN) { /* a busy machine; said when it lasts */
		if (!t->moving_ns)
			t->moving_ns = watch_now();
		if (watch_now() - t->moving_ns < LASTS_NS)
			return;
	}
	t->account.failed = true;
	log_warn("process %d: %s; some functions are not watched until that can be done",
		 (int)t->process.pid, err->text);
}

/* Whether probes are on their way, as it was decided last. */
static bool are_moving(struct watched *t, uint64_t now_ns)
{
	struct err err = {};
	int r = attachment_moved(t->attachment, &err);

	if (r > 0 && !t->moving_ns)
		t->moving_ns = now_ns;
	if (r > 0 && now_ns - t->moving_ns < MOVE_NS)
		return true;
	if (r <= 0)
		t->moving_ns = 0;
	if (r) {
		t->failed_ns = now_ns;
		note_failure(t, r > 0 ? -EAGAIN : r, &err);
	}
	return false;
}

void watch_budget_beat(struct watched *t, uint64_t now_ns)
{
	uint64_t unwatched_ns;
	struct err err = {};
	int r = attachment_beat(t->attachment, now_ns, &unwatched_ns, &err);

	if (unwatched_ns) {
		t->account.blind = true;
		log_warn("process %d was not watched for %.0f s: maprace was stopped",
			 (int)t->process.pid, (double)unwatched_ns / 1e9);
	}
	if (!r)
		return;
	t->account.blind = true;
	t->failed_ns = now_ns;
	note_failure(t, r, &err);
}

/* Threads that have ended have taken theirs with them. */
static uint64_t queued_ns(struct watched *t)
{
	uint64_t now = process_queued_ns(t->process.pid);

	t->queued_ns += now > t->queued_last_ns ? now - t->queued_last_ns : 0;
	t->queued_last_ns = now;
	return t->queued_ns;
}

/* As if nothing else had gone on while one waited, but for traps, which all CPUs take at a time. */
static void note_waiting(struct watched *t, const struct attachment_sum *sum, uint64_t now_ns)
{
	double at_a_time = t->account.cpus > 1 ? t->account.cpus : 1;
	uint64_t traps = (uint64_t)((double)t->account.trap_spent_ns / at_a_time);
	struct slowed_facts facts = {.lived_ns = now_ns - t->test_began_ns,
				     .cpu_ns = process_cpu_ns(t->process.pid),
				     .queued_ns = queued_ns(t),
				     .ours_ns = traps + sum->cpu.hold_ns};
	uint64_t others;

	if (facts.cpu_ns) /* it is there */
		t->slowed_ns = slowed_queued_ns(&facts);
	others = traps + t->slowed_ns;
	attachment_waited(t->attachment, others, sum->cpu.hold_ns);
	t->waited_ns = others + sum->cpu.hold_ns;
	t->lived_ns = facts.lived_ns;
}

void watch_budget_conclude(struct watched *t)
{
	struct attachment_sum sum;
	struct account_facts facts;

	if (!t->test_began_ns || !t->account_kept || !t->attachment)
		return;
	look(t, &sum, &facts);
	note_waiting(t, &sum, facts.now_ns);
}

uint64_t watch_budget_step(struct watched *t)
{
	struct attachment_sum sum;
	struct account_facts facts;
	struct err err = {}, call_err = {};
	enum account_change change;
	uint64_t again;
	int r = 0;

	if (are_moving(t, watch_now()))
		return MOVING_NS;
	weigh(t);
	look(t, &sum, &facts);
	watch_budget_beat(t, facts.now_ns);
	change = account_step(&t->account, &facts, &again);
	if (t->test_began_ns)
		note_waiting(t, &sum, facts.now_ns);
	if (t->test_began_ns && t->service_ns && facts.now_ns >= t->service_ns)
		become_service(t);
	if (t->test_began_ns && again > TEST_STEP_NS)
		again = TEST_STEP_NS;
	change = due(t, change, facts.now_ns);
	if (change == ACCOUNT_OPEN)
		r = attachment_open(t->attachment, &err);
	else if (change == ACCOUNT_CLOSE)
		r = close_window(t, &err);
	if (change != ACCOUNT_STAY) {
		t->failed_ns = r ? facts.now_ns : 0;
		t->moving_ns = r == -EAGAIN ? t->moving_ns : 0;
	}
	if (r)
		note_failure(t, r, &err);
	if (attachment_change_calls(t->attachment, facts.now_ns, &call_err))
		log_verbose("process %d: %s", (int)t->process.pid, call_err.text);
	t->account.blind = t->failed_ns;
	attachment_throttle(t->attachment, account_hold_ppm(&t->account));
	return again;
}

static int add_function(struct report_stats *stats, const struct watched *t, uint32_t slot)
{
	const char *name = attachment_function(t->attachment, slot);
	struct report_coverage *coverage;

	if (!name || !t->account.functions[slot].hits ||
	    mr_op_is_panics(attachment_op(t->attachment, slot)))
		return 0;
	coverage = realloc(stats->coverage, (stats->ncoverage + 1) * sizeof(*coverage));
	if (!coverage)
		return -ENOMEM;
	stats->coverage = coverage;
	coverage += stats->ncoverage++;
	coverage->pid = (uint32_t)t->process.pid;
	coverage->function = strdup(name);
	coverage->ended = t->ended;
	coverage->hits = t->account.functions[slot].hits;
	coverage->attached = account_attached(&t->account, slot);
	return coverage->function ? 0 : -ENOMEM;
}

static int most_hits_first(const void *a, const void *b)
{
	const struct report_coverage *x = a, *y = b;

	return x->hits < y->hits ? 1 : x->hits > y->hits ? -1 : 0;
}

int watch_budget_functions(const struct watched *t, struct report_stats *stats)
{
	uint32_t slot;

	for (slot = 0; slot < ACCOUNT_FUNCTIONS && t->account_kept; slot++)
		if (add_function(stats, t, slot))
			return -ENOMEM;
	return 0;
}

/* Of the whole watch, however short its life. */
static double cost_percent(const struct watch *w, uint64_t spent_ns)
{
	uint64_t elapsed_ns = (w->end_ns ? w->end_ns : watch_now()) - w->start_ns;

	return elapsed_ns ? 100.0 * (double)spent_ns / (double)elapsed_ns : 0;
}

static int add_present(const struct watch *w, const struct watched *t, struct report_stats *stats)
{
	stats->cost_percent += w->follow || w->census
				       ? cost_percent(w, account_spent_ns(&t->account))
				       : account_cost_percent(&t->account);
	stats->trap_ns += t->account.trap_spent_ns;
	stats->windows += t->account.windows;
	stats->cold_calls += attachment_cold_calls(t->attachment);
	return watch_budget_functions(t, stats);
}

static int add_past(const struct watch *w, const struct past *past, struct report_stats *stats)
{
	stats->cost_percent += cost_percent(w, past->spent_ns);
	stats->trap_ns += past->trap_ns;
	stats->windows += past->windows;
	stats->cold_calls += past->cold_calls;
	return past_fill_duties(past, stats);
}

int watch_budget_report(struct watch *w, struct report_stats *stats)
{
	size_t i;
	int r;

	stats->cost_percent = -1;
	stats->slowdown = are_tests(w) ? w->options->slowdown : 0;
	for (i = 0; i < w->ntargets; i++) {
		const struct watched *t = w->targets[i];

		if (!t->account_kept)
			continue;
		stats->lived_s += (double)t->lived_ns / 1e9;
		stats->waited_s += (double)t->waited_ns / 1e9;
		if (stats->cost_percent < 0)
			stats->cost_percent = 0;
		stats->budget_percent = w->options->budget_percent;
		stats->least_cpus = w->least_cpus;
		stats->hit_ns = w->hit_ns;
		r = t->past ? add_past(w, t->past, stats) : add_present(w, t, stats);
		if (r)
			return r;
	}
	if (w->gone.targets)
		stats->cost_percent += cost_percent(w, w->gone.spent_ns);
	stats->trap_ns += w->gone.trap_ns;
	stats->windows += w->gone.windows;
	stats->cold_calls += w->gone.cold_calls;
	stats->unwatched = report_unwatched(stats);
	if (stats->ncoverage)
		qsort(stats->coverage, stats->ncoverage, sizeof(*stats->coverage), most_hits_first);
	return 0;
}
