/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_SIMULATION_H
#define MAPRACE_TESTS_SIMULATION_H

/*
 * Goroutines on simulated time around the real engine. The engine asks for the time again and again
 * while it holds; that is where the others get on with what is due meanwhile, unless they wait for
 * a lock or for a processor. Everything follows from one seed. Included once, behind
 * engine_target.h.
 */
#define SIM_ACTORS 8
#define SIM_NEVER (~0ull)
#define SIM_TICK 500 /* ns that a look at the clock takes */

struct simulation;

struct actor {
	struct goroutine goroutine;
	void (*step)(struct simulation *s, struct actor *a); /* one operation; sets next_ns */
	__u64 next_ns;
	__u64 mean_ns;		/* between operations, or whatever step makes of it */
	int number, site, lock; /* lock: -1 none */
	int phase;
	bool inside; /* on its way through the engine */
};

struct simulation {
	struct actor actors[SIM_ACTORS];
	int nactors;
	__u64 now, random;
	int lock_owner[2];     /* actor, -1 free */
	bool one_processor;    /* while one is held nobody else runs */
	unsigned int hindered; /* percent of the arrivals in a hold that come after it instead */
	void *map;
};

static struct simulation sim;

static __u64 sim_random(void)
{
	__u64 x = sim.random += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* An exponentially distributed time. */
static __u64 sim_exponential(__u64 mean)
{
	double u = (double)((sim_random() >> 11) + 1) / 9007199254740993.0;

	return (__u64)(-log(u) * (double)mean) + 1;
}

static struct actor *sim_due(__u64 until)
{
	struct actor *best = NULL;
	int i;

	for (i = 0; i < sim.nactors; i++) {
		struct actor *a = &sim.actors[i];

		if (!a->inside && a->next_ns <= until && (!best || a->next_ns < best->next_ns))
			best = a;
	}
	return best;
}

static bool sim_somebody_inside(void)
{
	int i;

	for (i = 0; i < sim.nactors; i++)
		if (sim.actors[i].inside)
			return true;
	return false;
}

static void sim_run_one(struct actor *a)
{
	__u32 cpu = current_cpu, tid = current_tid;

	if (a->next_ns > sim.now)
		sim.now = a->next_ns;
	a->next_ns = SIM_NEVER;
	a->step(&sim, a);
	current_cpu = cpu;
	current_tid = tid;
}

static __u64 sim_clock(void)
{
	struct actor *a;

	sim.now += SIM_TICK;
	while (!(sim.one_processor && sim_somebody_inside()) && (a = sim_due(sim.now))) {
		if (sim_somebody_inside() && sim_random() % 100 < sim.hindered) {
			a->next_ns = sim.now + 1100000; /* when the hold is over */
			continue;
		}
		sim_run_one(a);
	}
	return sim.now;
}

/* An operation with all that the engine makes of it. */
static void sim_operate(struct actor *a)
{
	a->inside = true;
	op(&a->goroutine, a->site, sim.map);
	a->inside = false;
}

/* Takes the lock, or waits until its owner hands it on. */
static bool sim_lock(struct actor *a)
{
	if (sim.lock_owner[a->lock] >= 0 && sim.lock_owner[a->lock] != a->number) {
		a->phase = 1; /* waits */
		return false;
	}
	sim.lock_owner[a->lock] = a->number;
	a->phase = 0;
	return true;
}

static void sim_unlock(struct actor *a)
{
	int i, k;

	sim.lock_owner[a->lock] = -1;
	for (i = 1; i <= sim.nactors; i++) {
		k = (a->number + i) % sim.nactors;
		if (sim.actors[k].lock == a->lock && sim.actors[k].phase == 1) {
			sim.lock_owner[a->lock] = k;
			sim.actors[k].next_ns = sim.now + 3000; /* it has to wake up */
			return;
		}
	}
}

/* Uses the map whenever it wants to, under its lock if it has one. */
static void sim_poisson(struct simulation *s, struct actor *a)
{
	(void)s;
	if (a->lock >= 0 && !sim_lock(a))
		return;
	sim_operate(a);
	if (a->lock >= 0)
		sim_unlock(a);
	a->next_ns = sim.now + sim_exponential(a->mean_ns);
}

/* At its own moment of each period, by the clock and by nothing else. */
static void sim_lock_step(struct simulation *s, struct actor *a)
{
	__u64 period = a->mean_ns, offset = (__u64)a->phase * 1000;

	(void)s;
	sim_operate(a);
	a->next_ns = (sim.now - offset + period) / period * period + offset;
}

/* 50 operations 10 us apart, all at the same time every 20 ms. */
static void sim_burst(struct simulation *s, struct actor *a)
{
	(void)s;
	sim_operate(a);
	a->phase = (a->phase + 1) % 50;
	if (a->phase)
		a->next_ns = sim.now + 5000 + sim_exponential(5000);
	else
		a->next_ns = sim.now / 20000000 * 20000000 + 20000000 + sim_exponential(50000);
}

/* The engine anew, no actors. */
static void sim_begin(__u64 seed)
{
	set_up(NULL);
	memset(&sim, 0, sizeof(sim));
	sim.now = 1000000000;
	sim.random = seed * 0xd1342543de82ef95ull + 1;
	atomic_store(&random_state, seed * 0xaf251af3b0f025b5ull);
	sim.lock_owner[0] = sim.lock_owner[1] = -1;
	sim.map = gomaps[0];
	cfg.max_hold_ns = 1000000;
	target1.hold_ppm = 50000;
	target1.g_m = 40;
	target1.m_p = 48;
	target1.m_locks = 400; /* no lock */
	target1.m_preemptoff = 408;
	simulated_clock = sim_clock;
}

static struct actor *sim_add(void (*step)(struct simulation *s, struct actor *a), int site,
			     int lock, __u64 mean_ns)
{
	struct actor *a = &sim.actors[sim.nactors];

	goroutine_init(&a->goroutine, (__u32)sim.nactors);
	a->goroutine.stack[8] = 0x500000 + (__u64)site * 0x1000; /* one caller each site */
	a->number = sim.nactors++;
	a->step = step;
	a->site = site;
	a->lock = lock;
	a->mean_ns = mean_ns;
	a->next_ns = sim.now + sim_exponential(mean_ns);
	/* its m is the g itself, its P a number */
	a->goroutine.g[5] = TAGGED(a->goroutine.g);
	a->goroutine.g[6] = (__u64)a->number + 1;
	return a;
}

static struct verdict sim_verdict(void)
{
	__u32 index = map_index(TAGGED(sim.map));
	struct mr_map *m = &map_table[index];
	struct mr_trial *t = &trial_table[index & (MR_TRIAL_SLOTS - 1)];
	struct verdict_input in = {.collisions = mr_map_proved(m, m->addr) ? m->collisions : 0,
				   .met = m->flags & MR_MAP_MET,
				   .crowded = m->flags & MR_MAP_CROWDED,
				   .sites = m->sites,
				   .holds = t->holds,
				   .controls = t->controls,
				   .by_site = t->by_site};

	return verdict_of(&in);
}

/* Until that time, or until the map is ordered (true) or racy. */
static bool sim_until_ordered(__u64 ns, __u64 *when)
{
	__u64 begin = sim.now, look = sim.now;
	struct actor *a;

	while (sim.now < begin + ns && (a = sim_due(SIM_NEVER - 1))) {
		sim_run_one(a);
		if (sim.now < look)
			continue;
		look = sim.now + 10000000;
		switch (sim_verdict().verdict) {
		case REPORT_ORDERED:
			*when = sim.now - begin;
			return true;
		case REPORT_RACY:
			return false;
		case REPORT_UNPROVEN:
			break;
		}
	}
	return false;
}

#endif
