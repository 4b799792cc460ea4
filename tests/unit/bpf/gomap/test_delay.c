/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is proved racy is kept apart; compiled as test_engine does. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gomap_programs.h"

static __u64 clock_ns;

static __u64 ticking(void)
{
	return clock_ns += 25;
}

/* A clone of an empty map may be born with the writing flag, and lives on with it. */
static void a_flag_that_stays_is_not_waited_for(void **state)
{
	struct goroutine a, b;
	__u64 before;
	int i;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	target1.clone_copies = MR_CLONE_FLAGS;
	target1.hold_ppm = 0;
	cfg.burst_ns = 0;
	clock_ns = 5000000000ull;
	simulated_clock = ticking;
	gomaps[0][1] = target1.map_writing_mask;
	plant_hold(&a, SITE_DELETE, gomaps[0]);
	op(&b, SITE_READ, gomaps[0]);
	assert_true(map_table[map_index(TAGGED(gomaps[0]))].flags & MR_MAP_RACY);
	map_table[map_index(TAGGED(gomaps[0]))].hold = 0;
	before = clock_ns;
	for (i = 0; i < 20; i++) {
		clock_ns += 1000000;
		op(&b, SITE_READ, gomaps[0]);
	}
	simulated_clock = NULL;
	assert_int_equal(cpus1[2].racy, 21);
	assert_true(clock_ns - before < 21000000);
}

/* Of two that come at about the same time the later one waits: whether it did, in one of many
 * tries, as a busy machine may be late for any of them. */
static bool waits(__u64 other, __u32 other_writes, __u64 g, __u32 writes)
{
	__u32 index = map_index(TAGGED(gomaps[0]));
	struct mr_delay *s = &aparts[index & (MR_HOLD_SLOTS - 1)];
	bool waited = false;
	int i;

	for (i = 0; i < 1000; i++) {
		s->g[3] = other ? mr_tagged(other, TAG) : 0;
		s->when[3] = (bpf_ktime_get_ns() & ~1ull) | other_writes;
		waited |= delay_racy_op(index, TAGGED(gomaps[0]), mr_tagged(g, TAG), writes, 0);
	}
	return waited;
}

static void who_comes_later_on_a_racy_map_waits(void **state)
{
	static __u64 eight[8]; /* a g */
	struct goroutine a;
	__u64 before;
	int i;

	(void)state;
	current_cpu = 1;
	assert_true(waits(7, 1, 8, 1));
	assert_true(waits(7, 1, 8, 0));
	assert_true(waits(7, 0, 8, 1));
	assert_int_equal(cpus1[1].racy, 3000);
	assert_true(cpus1[1].counts[MR_COUNT_KEPT_APART] > 0);
	assert_true(cpus1[1].hold_ns > 0);
	/* readers, oneself, nobody */
	assert_false(waits(7, 0, 8, 0));
	assert_false(waits(8, 1, 8, 1));
	assert_false(waits(0, 1, 8, 1));
	/* a writer that is still inside, for a bounded time */
	gomaps[0][1] = target1.map_writing_mask;
	before = bpf_ktime_get_ns();
	assert_true(waits(0, 0, TAGGED(eight), 0));
	assert_true(bpf_ktime_get_ns() - before > 1000 * APART_NS);
	gomaps[0][1] = 0;
	/* each operation of a racy map, and of no other */
	goroutine_init(&a, 2);
	target1.hold_ppm = 0;
	for (i = 0; i < 3; i++)
		op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[2].racy, 0);
	map_prove(map_index(TAGGED(gomaps[0])), TAGGED(gomaps[0]));
	memset(fastpath_table, 0, sizeof(fastpath_table));
	for (i = 0; i < 3; i++)
		op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[2].racy, 3);
	cfg.holds_enabled = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[2].racy, 3);
}

static __u64 clock_ns;

static __u64 the_clock(void)
{
	return clock_ns += 100;
}

/* Whoever waits for the world to stop waits for this one. */
static void one_that_is_to_stop_waits_little(void **state)
{
	__u32 index = map_index(TAGGED(gomaps[0]));
	struct goroutine a;
	__u64 before, took[4];
	int i;

	(void)state;
	goroutine_init(&a, 1);
	simulated_clock = the_clock;
	gomaps[0][1] = target1.map_writing_mask;
	for (i = 0; i < 4; i++) {
		a.g[2] = i & 1 ? ~0ull : 0; /* behind the bounds of the stack */
		before = clock_ns;
		delay_racy_op(index, TAGGED(gomaps[0]), TAGGED(a.g), 1 | (i & 2), 0);
		took[i] = clock_ns - before;
	}
	simulated_clock = NULL;
	assert_true(took[0] > 10000000 && took[2] > 10000000);
	assert_in_range(took[1], 500000, 2000000);
	assert_true(took[3] < 20000); /* at the call instruction it stops without harm */
}

/* It is the moment of leaving that counts: a held one has come long before. */
static void who_was_held_is_noted_when_it_leaves(void **state)
{
	__u32 index = map_index(TAGGED(gomaps[0]));
	struct goroutine a;
	__u64 before;

	(void)state;
	goroutine_init(&a, 2);
	op(&a, SITE_WRITE, gomaps[0]);
	map_prove(map_index(TAGGED(gomaps[0])), TAGGED(gomaps[0]));
	map_table[index].flags |= MR_MAP_SHARED;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	memset(caller_table, 0, sizeof(caller_table));
	map_table[index].next_look_ns = 0;
	cpus1[2].tokens_ns = cfg.burst_ns;
	cpus1[2].holds = cpus1[2].hold_ns = 0;
	before = bpf_ktime_get_ns();
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[2].holds, 1);
	assert_true(cpus1[2].hold_ns >= cfg.min_hold_ns);
	/* the lowest bit says that it writes */
	assert_true((aparts[index & (MR_HOLD_SLOTS - 1)].when[2] | 1) - before >= cpus1[2].hold_ns);
}

/* Who has been let pass a few times from now on is not when the map is proved racy meanwhile. */
static void from_the_proof_on_each_is_kept_apart(void **state)
{
	__u32 index = map_index(TAGGED(gomaps[0]));
	struct goroutine a, b, c;
	int i;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	goroutine_init(&c, 3);
	target1.hold_ppm = 0;
	for (i = 0; i < 40; i++)
		op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(cpus1[2].racy, 0);
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	op(&c, SITE_DELETE, gomaps[0]);
	assert_int_equal(map_table[index].flags & MR_MAP_RACY, MR_MAP_RACY);
	map_table[index].hold = 0;
	assert_int_equal(cpus1[3].racy, 1);
	for (i = 0; i < 3; i++)
		op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(cpus1[2].racy, 3);
}

/* There are fewer notes than CPUs. */
static void two_cpus_may_share_a_note(void **state)
{
	(void)state;
	current_cpu = 3 + MR_DELAY_CPUS;
	assert_true(waits(7, 1, 8, 1));
	assert_false(waits(8, 1, 8, 1));
}

static int left(__u64 other, __u64 when, __u64 g, __u64 now)
{
	aparts[5].g[3] = other;
	aparts[5].when[3] = when;
	return delay_left(5, 3, g, now, APART_NS);
}

/* Never do both wait, and the one that was first does not. */
static void of_two_at_the_same_moment_one_waits(void **state)
{
	__u64 now = 1000000;

	(void)state;
	assert_int_equal(left(7, now | 1, 8, now), APART_NS);
	assert_int_equal(left(8, now, 7, now | 1), 0);
	assert_int_equal(left(7, now + 2, 8, now | 1), 0);
	assert_int_equal(left(7, now - APART_NS, 8, now | 1), 0);
	assert_int_equal(left(7, now - APART_NS + 2, 8, now | 1), 2);
	assert_int_equal(left(7, now, 8, now), 0);
}

/* What one waits at its call that comes each period, so long after the other one. */
static __u64 step(struct goroutine *a, __u64 period, __u64 after)
{
	__u32 index = map_index(TAGGED(gomaps[0]));
	struct mr_delay *s = &aparts[index & (MR_HOLD_SLOTS - 1)];
	__u64 before;

	memset(aparts, 0, sizeof(aparts));
	s->g[3] = mr_tagged(7, TAG);
	s->when[3] = (clock_ns - after) | 1;
	before = clock_ns;
	delay_racy_op(index, TAGGED(gomaps[0]), TAGGED(a->g), 3, period);
	return clock_ns - before;
}

/* Two that sleep for as long as one another after a collision would meet again and again. */
static void at_its_call_one_gets_out_of_step(void **state)
{
	struct goroutine a;
	__u64 tokens, took;

	(void)state;
	goroutine_init(&a, 1);
	current_cpu = 1;
	simulated_clock = the_clock;
	clock_ns = 1000000000;
	a.g[2] = 0; /* stackguard0 */
	assert_true(cfg.burst_ns >= 8 * STEP_MAX_NS);
	cpus1[1].tokens_ns = tokens = cfg.burst_ns;
	took = step(&a, 5000000, 100000);
	assert_in_range(took, 5000000 / STEP_SHARE - 100000, 5000000 / STEP_SHARE);
	assert_in_range(tokens - cpus1[1].tokens_ns, took * 9 / 10, took);
	/* out of step already, or hurried, or seldom: never for longer than a bound */
	assert_in_range(step(&a, 5000000, 700000), 100, 1000);
	assert_in_range(step(&a, 8000, 1000), APART_NS, 2 * APART_NS);
	assert_in_range(step(&a, 1000000000, 100000), STEP_MAX_NS - 100000, STEP_MAX_NS);
	/* asked to stop, it stops in front of the operation */
	a.g[2] = ~0ull;
	assert_in_range(step(&a, 5000000, 100000), 100, 20000);
	/* and not for what others need to find races */
	a.g[2] = 0;
	cpus1[1].tokens_ns = tokens = cfg.burst_ns / 2 + 100000;
	assert_in_range(step(&a, 5000000, 100000), 100, 1000);
	assert_int_equal(cpus1[1].tokens_ns, tokens);
	simulated_clock = NULL;
}

/* Behind its stack check it waits, asked to stop or not: there it would be stopped inside. */
static void two_others_do_not_make_it_a_step(void **state)
{
	__u32 index = map_index(TAGGED(gomaps[0]));
	struct mr_delay *s = &aparts[index & (MR_HOLD_SLOTS - 1)];
	struct goroutine a;
	__u64 before;

	(void)state;
	goroutine_init(&a, 1);
	current_cpu = 1;
	simulated_clock = the_clock;
	clock_ns = 1000000000;
	a.g[2] = ~0ull;
	s->g[3] = mr_tagged(7, TAG);
	s->g[4] = mr_tagged(9, TAG);
	s->when[3] = s->when[4] = clock_ns | 1;
	cpus1[1].tokens_ns = cfg.burst_ns;
	before = clock_ns;
	delay_racy_op(index, TAGGED(gomaps[0]), TAGGED(a.g), 1, 0);
	assert_true(clock_ns - before >= APART_NS);
	assert_int_equal(cpus1[1].tokens_ns, cfg.burst_ns);
	simulated_clock = NULL;
}

/* By its own last write; else by who came last to this call; never by a time that is not one. */
static void a_period_is_what_is_known_of_it(void **state)
{
	__u32 index = map_index(TAGGED(gomaps[0]));
	struct mr_map *m = &map_table[index];

	(void)state;
	memset(m, 0, sizeof(*m));
	m->writer = (struct mr_map_access){.g = 7, .ns = 900};
	m->writer_before = (struct mr_map_access){.g = 8, .ns = 500};
	assert_int_equal(delay_period(index, 7, 1000, 990), 100);
	assert_int_equal(delay_period(index, 8, 1000, 990), 500);
	assert_int_equal(delay_period(index, 9, 1000, 990), 10);
	assert_int_equal(delay_period(index, 9, 1000, 1005), 0);
	assert_int_equal(delay_period(index, 9, 1000, 0), 0);
	memset(m, 0, sizeof(*m));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(who_comes_later_on_a_racy_map_waits),
		TEST(a_flag_that_stays_is_not_waited_for),
		TEST(one_that_is_to_stop_waits_little),
		TEST(who_was_held_is_noted_when_it_leaves),
		TEST(from_the_proof_on_each_is_kept_apart),
		TEST(two_cpus_may_share_a_note),
		TEST(of_two_at_the_same_moment_one_waits),
		TEST(at_its_call_one_gets_out_of_step),
		TEST(two_others_do_not_make_it_a_step),
		TEST(a_period_is_what_is_known_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
