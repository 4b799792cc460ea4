/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "budget/account.h"

#include <string.h>

#define SAVED_S 1.0 /* the account holds what this many seconds earn */
#define SAFETY                                                                                   \
	0.7 /* of the share is planned for: attaching, cold caches and waiting for locks cost as \
	       well */
#define COLD                                                                                      \
	1.6 /* a hit in a real program costs so much more than in calibrate.c's loop: 1.25 in CPU \
	       time, for what it evicts, and what others wait for meanwhile (docs/cost.md) */
#define WINDOWED 0.8	  /* of that share, where hits come in windows: locks are fought for then */
#define STEADY_SHARE 0.25 /* of the income may be spent by functions that are never taken away */
#define FEW_HOLDS_NS 10000000.0	 /* are paid back, however small the share */
#define CPUS_NS 50000000ull	 /* over how long the target's use of CPUs is looked at */
#define STARVING_NS 500000000ull /* a moment's burst is no habit */
#define STEP_CALM_NS 50000000ull
#define STEP_MIN_NS 2000000ull

static double random_unit(struct account *d) /* 0 to 1 */
{
	d->seed = d->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(d->seed >> 40) / (double)(1u << 24);
}

static double earns_for(const struct account *d) /* CPUs */
{
	return d->grant > 0 && d->grant < d->cpus ? d->grant : d->cpus;
}

/* A quota is of all that it may do: five percent of a CPU were half of a tenth of one. */
static double bounded_cpus(const struct account *d, double cpus)
{
	if (d->limit > 0 && cpus > d->limit)
		return d->limit;
	if (cpus < 1)
		return d->limit > 0 && d->limit < 1 ? d->limit : 1;
	return cpus;
}

/* CPU seconds a second */
static double income(const struct account *d)
{
	return d->share * SAFETY * (d->cycling ? WINDOWED : 1) * earns_for(d);
}

static double capacity_ns(const struct account *d)
{
	return income(d) * SAVED_S * 1e9;
}

void account_price(struct account *d, double hit_ns)
{
	d->hit_ns = hit_ns * COLD;
}

void account_init(struct account *d, double share, double hit_ns, unsigned int count, uint64_t seed,
		  const struct account_facts *now)
{
	unsigned int i;

	memset(d, 0, sizeof(*d));
	d->share = share;
	account_price(d, hit_ns);
	d->count = count < ACCOUNT_FUNCTIONS ? count : ACCOUNT_FUNCTIONS;
	d->seed = seed;
	d->open = true;
	d->cpus = 1;
	d->account_ns = capacity_ns(d);
	d->begin_ns = d->last_ns = d->window_ns = now->now_ns;
	d->last_target_ns = now->target_ns;
	d->last_hold_ns = now->hold_ns;
	d->last_other_hits = now->other_hits;
	for (i = 0; i < d->count; i++) {
		d->functions[i].hits = now->hits[i];
		d->functions[i].weight = 1;
	}
}

void account_weigh(struct account *d, unsigned int function, double weight)
{
	if (function < d->count)
		d->functions[function].weight = weight;
}

/* It has earned for so many CPUs until now. */
static void keep_worth(struct account *d, double before)
{
	double part = earns_for(d) / before;

	d->account_ns *= part;
	d->threshold *= part;
}

void account_grant(struct account *d, double cpus)
{
	double before = earns_for(d);

	d->grant = cpus;
	keep_worth(d, before);
}

void account_confine(struct account *d, double cpus)
{
	double before = earns_for(d);

	d->limit = cpus;
	d->cpus = bounded_cpus(d, d->cpus);
	keep_worth(d, before);
}

void account_charge(struct account *d, double ns)
{
	d->account_ns -= ns;
}

void account_advance(struct account *d, double seconds)
{
	d->account_ns += income(d) * seconds * 1e9;
}

void account_change_share(struct account *d, double share, bool holds_apart)
{
	d->share = share;
	d->holds_apart = holds_apart;
	if (d->account_ns > capacity_ns(d))
		d->account_ns = capacity_ns(d);
	if (d->account_ns < 0)
		d->account_ns = 0;
}

/* The caller's totals are sums of counters written without atomics: they may seem to go back. */
static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void note_use(struct account *d, uint64_t elapsed, uint64_t target_ns)
{
	d->use_ns += elapsed;
	d->use_target_ns += target_ns;
	if (d->use_ns < CPUS_NS)
		return;
	d->use += ((double)d->use_target_ns / (double)d->use_ns - d->use) / 2;
	d->use_ns = 0;
	d->use_target_ns = 0;
}

/* Looked at while all probes are in place: who then waits for a lock, because its holder is in a
 * trap, uses no CPU, and a program that the traps make serial earns for one. */
static void note_cpus(struct account *d, const struct account_facts *now)
{
	uint64_t target_ns = grown(now->target_ns, d->last_target_ns);
	double cpus;

	d->last_target_ns += target_ns;
	note_use(d, grown(now->now_ns, d->last_ns), target_ns);
	if (!d->open || d->blind)
		return;
	d->cpus_ns += grown(now->now_ns, d->last_ns);
	d->cpus_target_ns += target_ns;
	if (d->cpus_ns < CPUS_NS)
		return;
	cpus = (double)d->cpus_target_ns / (double)d->cpus_ns;
	d->cpus_ns = 0;
	d->cpus_target_ns = 0;
	d->cpus += (bounded_cpus(d, cpus) - d->cpus) / 2;
}

/* A moment's excess is paid back within seconds, or a burst would blind us for minutes; but a few
 * holds always are. */
static double worst_ns(const struct account *d)
{
	double ns = 4 * capacity_ns(d);

	return ns > FEW_HOLDS_NS ? ns : FEW_HOLDS_NS;
}

/* Earns and spends what lies between the last step and this one. */
static void keep_account(struct account *d, const struct account_facts *now)
{
	uint64_t elapsed = grown(now->now_ns, d->last_ns);
	uint64_t others = grown(now->other_hits, d->last_other_hits);
	double hits = (double)others, spent, full;
	unsigned int i;

	for (i = 0; i < d->count; i++) {
		struct account_function *f = &d->functions[i];
		uint64_t new = grown(now->hits[i], f->hits);

		hits += (double)new * f->weight;
		f->window_hits += new;
		f->hits += new;
		if (!d->blind && (d->open || !f->cycled))
			f->on_ns += elapsed;
	}
	d->trap_spent_ns += (uint64_t)(hits * d->hit_ns);
	d->hold_spent_ns += grown(now->hold_ns, d->last_hold_ns);
	spent = hits * d->hit_ns;
	if (!d->holds_apart)
		spent += (double)grown(now->hold_ns, d->last_hold_ns);
	full = d->account_ns - spent; /* more than the account holds only where it was lent */
	if (full < capacity_ns(d))
		full = capacity_ns(d);
	d->allowed_ns += d->share * earns_for(d) * (double)elapsed;
	d->account_ns += income(d) * (double)elapsed - spent;
	if (d->account_ns > full)
		d->account_ns = full;
	if (d->account_ns < -worst_ns(d))
		d->account_ns = -worst_ns(d);
	d->last_ns = now->now_ns;
	d->last_hold_ns += grown(now->hold_ns, d->last_hold_ns);
	d->last_other_hits += others;
	d->window_other += others;
}

/* Its probes were in place in the present period. */
static bool in_place(const struct account_function *f, bool cycled_too)
{
	return f->weight > 0 && (!f->cycled || cycled_too);
}

/*
 * Which functions the other hits are put down to: of those that were in place, all alike at first.
 * What a period costs in which some were not then tells more.
 */
static void blame(struct account *d, bool cycled_too)
{
	double elapsed = (double)(d->last_ns - d->window_ns), rate, sum = 0;
	unsigned int i, n = 0;

	if (elapsed <= 0)
		return;
	rate = (double)d->window_other * d->hit_ns / elapsed;
	for (i = 0; i < d->count; i++) {
		if (!in_place(&d->functions[i], cycled_too))
			continue;
		sum += d->functions[i].blame;
		n++;
	}
	for (i = 0; i < d->count; i++) {
		struct account_function *f = &d->functions[i];

		if (in_place(f, cycled_too))
			f->blame = sum > 0 ? f->blame * rate / sum : rate / n;
	}
}

static void price(struct account *d, bool cycled_too)
{
	double elapsed = (double)(d->last_ns - d->window_ns);
	unsigned int i;

	if (elapsed <= 0)
		return;
	blame(d, cycled_too);
	for (i = 0; i < d->count; i++) {
		struct account_function *f = &d->functions[i];

		if (in_place(f, cycled_too))
			f->cost =
				(double)f->window_hits * f->weight * d->hit_ns / elapsed + f->blame;
	}
}

/* Which functions stay: the cheapest, as many as a part of the income pays for. */
static void choose(struct account *d)
{
	double left = income(d) * STEADY_SHARE;
	bool taken[ACCOUNT_FUNCTIONS] = {};
	unsigned int i, k;

	for (k = 0; k < d->count; k++) {
		unsigned int best = d->count;

		for (i = 0; i < d->count; i++)
			if (!taken[i] &&
			    (best == d->count || d->functions[i].cost < d->functions[best].cost))
				best = i;
		taken[best] = true;
		left -= d->functions[best].cost;
		d->functions[best].cycled = left < 0;
	}
}

static void begin_period(struct account *d)
{
	unsigned int i;

	d->window_ns = d->last_ns;
	d->window_other = 0;
	for (i = 0; i < d->count; i++)
		d->functions[i].window_hits = 0;
}

/* CPU seconds a second that traps took in the present period. */
static double trap_rate(const struct account *d)
{
	double elapsed = (double)(d->last_ns - d->window_ns), hits = (double)d->window_other;
	unsigned int i;

	for (i = 0; i < d->count; i++)
		hits += (double)d->functions[i].window_hits * d->functions[i].weight;
	return elapsed > 0 ? hits * d->hit_ns / elapsed : 0;
}

static uint64_t bounded(double ns)
{
	if (ns < (double)STEP_MIN_NS)
		return STEP_MIN_NS;
	return ns < (double)STEP_CALM_NS ? (uint64_t)ns : STEP_CALM_NS;
}

static enum account_change while_open(struct account *d, uint64_t *again_ns)
{
	double rate = trap_rate(d);

	if (d->account_ns > d->threshold || rate <= income(d) / 2) {
		/* where holds have drawn it below there is no hurry: they get less by themselves */
		if (rate > 0 && d->account_ns > d->threshold)
			*again_ns = bounded((d->account_ns - d->threshold) / rate / 2);
		if (d->last_ns - d->window_ns > 1000000000ull)
			begin_period(d); /* what it costs now, not what it cost once */
		return ACCOUNT_STAY;
	}
	price(d, true);
	choose(d);
	begin_period(d);
	d->open = false;
	d->cycling = true;
	d->threshold = capacity_ns(d) * (0.4 + 0.5 * random_unit(d));
	*again_ns = bounded((d->threshold - d->account_ns) / income(d));
	return ACCOUNT_CLOSE;
}

/* One that was cheap has become dear: those that stay spend what the next window waits for. */
static bool starves(const struct account *d)
{
	return trap_rate(d) > income(d) / 2 &&
	       (d->last_ns - d->window_ns > STARVING_NS || d->account_ns < -2 * capacity_ns(d));
}

static enum account_change while_closed(struct account *d, uint64_t *again_ns)
{
	if (d->account_ns < d->threshold) {
		*again_ns = bounded((d->threshold - d->account_ns) / income(d));
		if (starves(d)) {
			price(d, false);
			choose(d);
			begin_period(d);
			return ACCOUNT_CLOSE;
		}
		return ACCOUNT_STAY;
	}
	blame(d, false);
	begin_period(d);
	d->open = true;
	d->windows++;
	d->threshold = capacity_ns(d) * 0.1 * random_unit(d);
	*again_ns = STEP_MIN_NS;
	return ACCOUNT_OPEN;
}

enum account_change account_step(struct account *d, const struct account_facts *now,
				 uint64_t *again_ns)
{
	note_cpus(d, now);
	keep_account(d, now);
	*again_ns = STEP_CALM_NS;
	if (d->share >= 1)
		return ACCOUNT_STAY;
	return d->open ? while_open(d, again_ns) : while_closed(d, again_ns);
}

uint32_t account_hold_ppm(const struct account *d)
{
	double full = d->share * 1000000, part = d->account_ns / (capacity_ns(d) / 2);

	if (d->share >= 1)
		return 1000000;
	if (earns_for(d) < 1)
		full *= earns_for(d);
	if (d->cycling)
		full /= 2; /* or holds elsewhere would spend what the next window waits for */
	if (part < 0)
		part = 0;
	return (uint32_t)(full * (part < 1 ? part : 1) + 0.5);
}

uint64_t account_spent_ns(const struct account *d)
{
	return d->trap_spent_ns + d->hold_spent_ns;
}

double account_cost_percent(const struct account *d)
{
	double elapsed = (double)(d->last_ns - d->begin_ns);

	return elapsed > 0 ? 100.0 * (double)account_spent_ns(d) / elapsed : 0;
}

double account_allowed_percent(const struct account *d)
{
	double elapsed = (double)(d->last_ns - d->begin_ns);

	return elapsed > 0 ? 100.0 * d->allowed_ns / elapsed : 0;
}

double account_attached(const struct account *d, unsigned int function)
{
	double elapsed = (double)(d->last_ns - d->begin_ns);

	if (function >= d->count || elapsed <= 0)
		return 1;
	return (double)d->functions[function].on_ns / elapsed;
}
