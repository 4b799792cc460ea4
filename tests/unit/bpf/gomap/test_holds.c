/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How long a hold lasts, what it leaves, and who owns its slot. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gomap_programs.h"

static void holds_not_done_or_cut_short_are_counted(void **state)
{
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	target1.hold_ppm = 0;
	cfg.burst_ns = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_NO_TOKENS], 1);
	assert_int_equal(cpus1[1].counts[MR_COUNT_HOLD_SHORT], 0);

	set_up(state);
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 1);
	assert_int_equal(cpus1[1].counts[MR_COUNT_HOLD_SHORT], 0);
	/* longer than the looks at the clock last that the verifier allows */
	set_up(state);
	cfg.max_hold_ns = 1000000000000ull;
	cfg.burst_ns = 4000000000000ull;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 1);
	assert_int_equal(cpus1[1].counts[MR_COUNT_NO_TOKENS], 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_HOLD_SHORT], 1);
}

static void holds_end_in_time_and_leave_nothing(void **state)
{
	struct goroutine a;
	__u64 before, took;
	__u32 index = map_index(TAGGED(gomaps[0]));

	(void)state;
	goroutine_init(&a, 1);
	before = bpf_ktime_get_ns();
	op(&a, SITE_WRITE, gomaps[0]);
	took = bpf_ktime_get_ns() - before;
	assert_int_equal(cpus1[1].holds, 1);
	assert_true(took >= cfg.max_hold_ns);
	assert_int_equal(map_table[index].hold, 0);
	assert_int_equal(hold_table[index & (MR_HOLD_SLOTS - 1)].map, 0);
	assert_int_equal(hold_table[index & (MR_HOLD_SLOTS - 1)].seq % 2, 0);
	assert_int_equal(claim_table[index & (MR_HOLD_SLOTS - 1)], 0);
	/* a slot that somebody else owns is left alone */
	atomic_store(&claim_table[index & (MR_HOLD_SLOTS - 1)], 1);
	caller_table[0].next_ns = 0;
	memset(caller_table, 0, sizeof(caller_table));
	map_table[index].next_look_ns = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].counts[MR_COUNT_SLOT_BUSY], 1);
	assert_int_equal(cpus1[1].holds, 1);
	atomic_store(&claim_table[index & (MR_HOLD_SLOTS - 1)], 0);
}

static __u64 clock_ns;

static __u64 ticking(void)
{
	return clock_ns += 25;
}

static __u64 took(struct goroutine *r, int site, void *map)
{
	__u64 before = clock_ns;

	op(r, site, map);
	return clock_ns - before;
}

/* A clone of an empty map may be born with the writing flag, and lives on with it. */
static void a_flag_that_stays_keeps_no_reader(void **state)
{
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	target1.clone_copies = MR_CLONE_FLAGS;
	clock_ns = 5000000000ull;
	simulated_clock = ticking;
	gomaps[0][1] = target1.map_writing_mask;
	assert_in_range(took(&a, SITE_READ, gomaps[0]), 1, 2 * cfg.max_hold_ns);
	assert_int_equal(cpus1[1].holds, 1);
	/* but whom it would end waits for a real writer to have done its first assignment */
	assert_true(took(&a, SITE_WRITE, gomaps[0]) > 10 * cfg.max_hold_ns);
	assert_true(took(&a, SITE_CLONE, gomaps[0]) > 10 * cfg.max_hold_ns);
	assert_in_range(took(&a, SITE_DELETE, gomaps[0]), 1, 2 * cfg.max_hold_ns);
	gomaps[0][0] = 1;
	memset(caller_table, 0, sizeof(caller_table));
	assert_true(took(&a, SITE_READ, gomaps[0]) > 10 * cfg.max_hold_ns);
	simulated_clock = NULL;
}

static void write_as_new(struct goroutine *r)
{
	memset(caller_table, 0, sizeof(caller_table));
	map_table[map_index(TAGGED(gomaps[0]))].next_look_ns = 0;
	op(r, SITE_WRITE, gomaps[0]);
}

/* The kernel may fail to delete a key (EBUSY): the slot is not lost for that. */
static void a_claim_that_sticks_is_counted_and_its_slot_used_again(void **state)
{
	__u32 slot = map_index(TAGGED(gomaps[0])) & (MR_HOLD_SLOTS - 1);
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	stuck_deletes =
		2; /* of the first hold; and of the second one, which takes the old key out */
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 1);
	assert_int_equal(cpus[1].counts[MR_COUNT_CLAIM_STUCK], 1);
	assert_int_equal(claim_table[slot], 1);
	write_as_new(&a);
	assert_int_equal(cpus1[1].holds, 2);
	assert_int_equal(cpus1[1].counts[MR_COUNT_SLOT_BUSY], 0);
	assert_int_equal(claim_table[slot], 1); /* tried once an owner, not for ever */
	write_as_new(&a);
	assert_int_equal(cpus1[1].holds, 3);
	assert_int_equal(claim_table[slot], 0);
	assert_int_equal(cpus[1].counts[MR_COUNT_CLAIM_STUCK], 1);
	assert_true(late_claimed(0) && !late_claimed(slot | 1u << CLAIM_SHIFT));
	/* many in a row */
	set_up(state);
	stuck_deletes = 9;
	while (cpus1[1].holds < 12)
		write_as_new(&a);
	assert_int_equal(cpus1[1].counts[MR_COUNT_SLOT_BUSY], 0);
	assert_in_range(cpus[1].counts[MR_COUNT_CLAIM_STUCK], 1, 9);
	assert_int_equal(claim_states[slot].oldest, claim_states[slot].generation);
}

/* The thread has a lock of the runtime's, or has stopped the world. */
static void nobody_is_held_in_the_runtimes_own_work(void **state)
{
	__u64 m[8] = {};
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	target1.g_m = 40;
	target1.m_locks = 12;
	a.g[5] = (uintptr_t)m;
	m[1] = 1ull << 32;
	op(&a, SITE_READ, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_HOLD_LOCKED], 1);
	m[1] = 0;
	target1.m_preemptoff = 16; /* a string: where it is, how long */
	m[3] = 5;
	write_as_new(&a);
	assert_int_equal(cpus1[1].holds, 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_HOLD_LOCKED], 2);
	m[1] = m[2] = 1; /* beside them */
	m[3] = 0;
	write_as_new(&a);
	assert_int_equal(cpus1[1].holds, 1);
	fault_addr = (uintptr_t)m + target1.m_locks;
	write_as_new(&a);
	assert_int_equal(cpus1[1].holds, 1);
	assert_int_equal(cpus1[1].counts[MR_COUNT_G_FAULT], 1);
}

static void another_takes_the_record(void)
{
	__u32 index = map_index(TAGGED(gomaps[0]));

	map_take_over(&map_table[index], TAGGED(gomaps[1]), bpf_ktime_get_ns(), &cpus1[3]);
}

static void the_type_of_a_held_map_is_its_own_records_alone(void **state)
{
	struct mr_map *m = &map_table[map_index(TAGGED(gomaps[0]))];
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	at_claim = another_takes_the_record;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 1);
	assert_int_equal(m->addr, TAGGED(gomaps[1]));
	assert_int_equal(m->type, 0);
	write_as_new(&a);
	assert_int_equal(cpus1[1].holds, 2);
	assert_int_equal(m->type, 0x600000);
}

static __u32 contested;

/* The slot goes on to its next key, and the old one is taken out. */
static void move_on(void)
{
	assert_int_equal(claim_take(contested), 1);
	stuck_deletes = 1;
	claim_release(contested);
	assert_int_equal(claim_take(contested), 1);
	claim_release(contested);
	assert_int_equal(claim_take(contested), 1); /* and owned when the other one claims */
}

static void a_key_of_the_past_owns_nothing(void **state)
{
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	contested = map_index(TAGGED(gomaps[0])) & (MR_HOLD_SLOTS - 1);
	at_claim = move_on;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_SLOT_BUSY], 1);
	assert_int_equal(claim_table[contested], 0);
	assert_int_equal(claim_take(contested), 0);
	claim_release(contested);
	assert_int_equal(claim_take(contested), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(holds_not_done_or_cut_short_are_counted),
		TEST(holds_end_in_time_and_leave_nothing),
		TEST(a_flag_that_stays_keeps_no_reader),
		TEST(nobody_is_held_in_the_runtimes_own_work),
		TEST(the_type_of_a_held_map_is_its_own_records_alone),
		TEST(a_claim_that_sticks_is_counted_and_its_slot_used_again),
		TEST(a_key_of_the_past_owns_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
