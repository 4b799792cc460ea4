/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The experiment behind the verdicts, in the BPF programs themselves, compiled as ordinary C: on
 * simulated time (simulation.h) with arrivals of every kind that could deceive it.
 */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "detect/gomap/verdict.h"

#include "gomap_programs.h"
#include "simulation.h"

#define SECONDS 1000000000ull

static struct mr_trial *trial(void)
{
	return &trial_table[map_index(TAGGED(sim.map)) & (MR_TRIAL_SLOTS - 1)];
}

/* Runs a scenario with many seeds; the number of runs in which the map became ordered. */
static int ordered_runs(const char *name, void (*scenario)(int seed), int seeds, __u64 seconds)
{
	__u64 when = 0, latest = 0, controls = 0, met = 0;
	int i, n = 0, racy = 0;

	for (i = 0; i < seeds; i++) {
		sim_begin((__u64)i);
		scenario(i);
		n += sim_until_ordered(seconds * SECONDS, &when);
		racy += sim_verdict().verdict == REPORT_RACY;
		controls += trial()->controls;
		met += trial()->met;
		latest = when > latest ? when : latest;
	}
	print_message(
		"%s: of %d runs %d ordered (the last after %.1f s), %d racy; %.0f controls and "
		"%.1f met a run\n",
		name, seeds, n, (double)latest / 1e9, racy, (double)controls / seeds,
		(double)met / seeds);
	return n;
}

/* --- racy: never ordered ---------------------------------------------------------------------- */

static void independent(int seed)
{
	sim_add(sim_poisson, SITE_WRITE, -1, 1000000);
	sim_add(sim_poisson, seed % 2 ? SITE_READ : SITE_WRITE, -1, 1000000 + 1000 * (__u64)seed);
}

/* Collisions that nobody is told of, to see that the map is not called ordered for that. */
static void independent_and_unheard(int seed)
{
	independent(seed);
	ring_full = true;
}

static void lock_step(int seed)
{
	struct actor *a = sim_add(sim_lock_step, SITE_WRITE, -1, 1000000);
	struct actor *b = sim_add(sim_lock_step, SITE_READ, -1, 1000000);

	a->phase = 0;
	b->phase = 10 + seed * 9; /* us behind the other */
}

/* Never so close that a hold reaches the other: nothing is learnt, and nothing is claimed. */
static void lock_step_beyond_reach(int seed)
{
	lock_step(seed);
	sim.actors[1].phase = 300 + seed * 4;
	cfg.max_hold_ns = 200000;
}

static void bursts(int seed)
{
	(void)seed;
	sim_add(sim_burst, SITE_WRITE, -1, 20000000);
	sim_add(sim_burst, SITE_READ, -1, 20000000);
}

/* GOMAXPROCS=1, each goroutine on a thread of its own: who is held keeps the others from running. */
static void one_processor(int seed)
{
	int i;

	independent(seed);
	sim_add(sim_poisson, SITE_WRITE, -1, 1000000);
	for (i = 0; i < sim.nactors; i++)
		sim.actors[i].goroutine.g[6] = 1;
	sim.one_processor = true;
}

/* A busy machine: who would come during a hold mostly comes after it. */
static void hindered(int seed)
{
	independent(seed);
	sim.hindered = 80;
}

/* Three goroutines with a lock, one function that has none and comes once in 200 ms. */
static void rare_without_lock(int seed)
{
	(void)seed;
	sim_add(sim_poisson, SITE_WRITE, 0, 50000);
	sim_add(sim_poisson, SITE_WRITE, 0, 50000);
	sim_add(sim_poisson, SITE_WRITE, 0, 50000);
	sim_add(sim_poisson, SITE_READ, -1, 200000000)->next_ns = sim.now + 20000000;
}

/* One that came once, seen and never tested; what its call site is hashed to has much in common
 * with that of those that are. */
static void once_and_alike(int seed)
{
	struct actor *once;
	__u64 ip, key;
	int i, shift = seed % 2 ? 58 : 43;

	for (i = 0; i < 3; i++)
		sim_add(sim_poisson, SITE_WRITE, 0, 50000);
	once = sim_add(sim_poisson, SITE_WRITE, 0, SIM_NEVER >> 12);
	once->next_ns = sim.now + 20000000;
	ip = site_list[SITE_WRITE].ip ^ tag_of(TAGGED(once->goroutine.g));
	key = mr_caller_key(ip, sim.actors[0].goroutine.stack[8]);
	do
		once->goroutine.stack[8]++;
	while ((mr_caller_key(ip, once->goroutine.stack[8]) ^ key) >> shift & 63);
}

/* As many call sites as have numbers are told apart, whatever they are hashed to. */
static void sim_many_sites(struct simulation *s, struct actor *a)
{
	(void)s;
	if (!sim_lock(a))
		return;
	a->goroutine.stack[8] = 0x500000 + 0x100 * (sim_random() % a->mean_ns);
	sim_operate(a);
	sim_unlock(a);
	a->next_ns = sim.now + sim_exponential(50000);
}

static void crowded(int seed)
{
	int i;

	(void)seed;
	for (i = 0; i < 4; i++)
		sim_add(sim_many_sites, SITE_WRITE, 0, MR_MAP_SITES + 1)->next_ns = sim.now + 1000;
}

static void full(int seed)
{
	int i;

	(void)seed;
	for (i = 0; i < 4; i++)
		sim_add(sim_many_sites, SITE_WRITE, 0, MR_MAP_SITES)->next_ns = sim.now + 1000;
}

static void racy_maps_never_become_ordered(void **state)
{
	(void)state;
	assert_int_equal(ordered_runs("independent", independent, 100, 10), 0);
	assert_int_equal(ordered_runs("lock step", lock_step, 100, 10), 0);
	assert_int_equal(ordered_runs("bursts", bursts, 100, 10), 0);
	assert_int_equal(ordered_runs("hindered", hindered, 100, 10), 0);
	assert_int_equal(ordered_runs("rare without lock", rare_without_lock, 20, 10), 0);
}

static void what_cannot_be_tested_stays_unproven(void **state)
{
	(void)state;
	assert_int_equal(ordered_runs("lock step beyond reach", lock_step_beyond_reach, 20, 10), 0);
	assert_int_equal(ordered_runs("one processor", one_processor, 20, 10), 0);
	assert_int_equal(ordered_runs("unheard", independent_and_unheard, 20, 10), 0);
	assert_int_equal(ordered_runs("once, its site alike", once_and_alike, 20, 10), 0);
	assert_int_equal(ordered_runs("more call sites than numbers", crowded, 2, 5), 0);
}

/* --- ordered ---------------------------------------------------------------------------------- */

static void locked(int seed)
{
	int i;

	for (i = 0; i < 4; i++)
		sim_add(sim_poisson, i % 2 ? SITE_READ : SITE_WRITE, 0, 20000 + 1000 * (__u64)seed);
}

static void locked_maps_become_ordered(void **state)
{
	(void)state;
	assert_int_equal(ordered_runs("locked", locked, 20, 10), 20);
	assert_int_equal(ordered_runs("as many call sites as numbers", full, 2, 20), 2);
}

/* --- one step at a time ----------------------------------------------------------------------- */

static struct mr_map *record(void)
{
	return &map_table[map_index(TAGGED(sim.map))];
}

/* Opens a control by hand, as the coin does. */
static void open_control(struct actor *a, __u64 length)
{
	__u32 index = map_index(TAGGED(sim.map));
	struct mr_trial *t;

	record()->addr = TAGGED(sim.map);
	t = trial_of(index, record());
	t->g = TAGGED(a->goroutine.g);
	t->processor = a->goroutine.g[6];
	t->tid = a->goroutine.tid;
	t->cpu = (__u16)a->goroutine.cpu;
	t->op = site_list[a->site].op;
	t->site = 5;
	t->end_ns = sim.now + length;
	record()->trial = 1;
}

static void who_counts_as_met(void **state)
{
	struct actor *a, *b;
	int i;

	(void)state;
	for (i = 0; i < 7; i++) {
		set_up(NULL);
		sim_begin(1);
		cfg.holds_enabled = 0;
		a = sim_add(sim_poisson, i == 1 ? SITE_READ : SITE_WRITE, -1, 1);
		b = sim_add(sim_poisson, SITE_READ, -1, 1);
		a->next_ns = b->next_ns = SIM_NEVER; /* they act when we say so */
		open_control(a, i == 2 ? 100 : 100000);
		if (i == 3)
			b->goroutine.cpu = a->goroutine.cpu;
		if (i == 4)
			b->goroutine.tid = a->goroutine.tid;
		if (i == 5)
			b->goroutine.g[6] = a->goroutine.g[6];
		if (i == 6)
			fault_addr = (uintptr_t)&b->goroutine.g[6];
		sim.now += 1000;
		sim_operate(b);
		/* met by another's conflicting operation in time, on resources of its own, only */
		assert_int_equal(trial()->met, i == 0);
		assert_int_equal(trial()->by_site[5], i == 0);
		/* only who counts, or comes too late, ends it */
		assert_int_equal(record()->trial, i != 0 && i != 2);
		assert_int_equal(event_count, 0);
		assert_int_equal(record()->flags & (MR_MAP_RACY | MR_MAP_MET), 0);
		sim_operate(b);
		assert_int_equal(trial()->met, i == 0); /* once */
	}
}

static void ones_own_operations_leave_a_control_open(void **state)
{
	struct actor *a;

	(void)state;
	sim_begin(1);
	cfg.holds_enabled = 0;
	a = sim_add(sim_poisson, SITE_WRITE, -1, 1);
	a->next_ns = SIM_NEVER;
	open_control(a, 100000);
	sim_operate(a);
	assert_int_equal(record()->trial, 1);
	sim.now += 200000;
	sim_operate(a);
	assert_int_equal(record()->trial, 0);
	assert_int_equal(trial()->met, 0);
}

/* A function that is seldom called on a busy map is seen, however little time is between looks. */
static void a_rare_function_is_always_looked_at(void **state)
{
	struct actor *a, *b;
	__u64 looks;
	int i, k;

	(void)state;
	sim_begin(1);
	cfg.holds_enabled = 0;
	a = sim_add(sim_poisson, SITE_WRITE, -1, 1);
	b = sim_add(sim_poisson, SITE_WRITE, -1, 1);
	a->next_ns = b->next_ns = SIM_NEVER;
	for (i = 0; i < 20; i++) {
		for (k = 0; k < 100; k++) {
			sim_operate(k % 2 ? a : b);
			sim.now += 1000;
		}
		looks = cpus1[a->goroutine.cpu].looks;
		a->site = SITE_DELETE;
		sim_operate(a);
		a->site = SITE_WRITE;
		assert_int_equal(cpus1[a->goroutine.cpu].looks, looks + 1);
		sim.now += 1000;
	}
}

/* Two maps share a slot: the newcomer inherits nothing. */
static void a_slot_begins_anew_for_another_map(void **state)
{
	struct actor *a;

	(void)state;
	sim_begin(1);
	a = sim_add(sim_poisson, SITE_WRITE, -1, 1);
	open_control(a, 100000);
	trial()->met = trial()->holds = trial()->controls = 9;
	trial()->by_site[5] = 200;
	record()->first_ns = 77; /* the record has had another map meanwhile */
	open_control(a, 100000);
	assert_int_equal(trial()->met + trial()->holds + trial()->controls, 0);
	assert_int_equal(trial()->by_site[5], 0);
	trial()->map = TAGGED(0x1234);
	open_control(a, 100000);
	assert_int_equal(cpus1[current_cpu].counts[MR_COUNT_TRIAL_EVICTED], 1);
}

static int end_simulation(void **state)
{
	simulated_clock = NULL;
	return set_up(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, end_simulation)
	const struct CMUnitTest tests[] = {
		TEST(who_counts_as_met),
		TEST(ones_own_operations_leave_a_control_open),
		TEST(a_rare_function_is_always_looked_at),
		TEST(a_slot_begins_anew_for_another_map),
		TEST(racy_maps_never_become_ordered),
		TEST(what_cannot_be_tested_stays_unproven),
		TEST(locked_maps_become_ordered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
