/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which map it is that lies at an address, after a collection, a clear, or a stack that went away;
 * the BPF programs compiled as ordinary C, as test_engine does.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gomap_programs.h"

#define MAP (gomaps[0])

static struct goroutine a, b;

static struct mr_map *record(void)
{
	return &map_table[map_index(TAGGED(MAP))];
}

/* hash0 is the upper half of the header's second word */
static void seed_is(__u32 seed)
{
	MAP[1] = (__u64)seed << 32;
}

static void collect(void)
{
	current_tid = a.tid;
	enter_collected(&a);
}

static __u64 loss(enum mr_counter which)
{
	return cpus1[1].counts[which] + cpus1[2].counts[which];
}

/* A map that is proved racy, with all that this leaves in its record. */
static void begin_racy(void)
{
	set_up(NULL);
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	target1.hold_ppm = 0;
	seed_is(0x11);
	op(&a, SITE_WRITE, MAP);
	plant_hold(&a, SITE_WRITE, MAP);
	op(&b, SITE_READ, MAP);
	record()->hold = 0;
	hold_table[map_index(TAGGED(MAP)) & (MR_HOLD_SLOTS - 1)].map = 0;
	assert_int_equal(event_count, 1);
	assert_true(mr_map_proved(record(), TAGGED(MAP)));
	assert_int_equal(cpus1[2].racy, 1);
}

static void assert_racy(bool is)
{
	assert_int_equal(!!(record()->flags & MR_MAP_RACY), is);
	assert_int_equal(record()->collisions, is);
	assert_int_equal(!!(record()->flags & MR_MAP_MET), is);
	assert_int_equal(loss(MR_COUNT_MAP_REBORN), !is);
}

static void a_dead_maps_verdict_is_not_inherited(void **state)
{
	__u64 born;

	(void)state;
	begin_racy();
	born = record()->first_ns;
	collect();
	seed_is(0x22);
	op(&b, SITE_WRITE, MAP);
	assert_racy(false);
	assert_true(record()->first_ns > born);
	assert_int_equal(record()->writes, 1);
	assert_int_equal(record()->reads, 0);
	/* nor are its operations delayed */
	assert_int_equal(cpus1[2].racy, 1);
	assert_int_equal(loss(MR_COUNT_MAP_EVICTED), 0);
}

static void a_survivor_of_collections_stays_what_it_is(void **state)
{
	int i;

	(void)state;
	begin_racy();
	for (i = 0; i < 5; i++) {
		collect();
		op(&b, SITE_WRITE, MAP);
		assert_racy(true);
	}
	assert_int_equal(cpus1[2].racy, 6);
}

/* Its seed is its clones', too: one of them may lie there after a collection. */
static void a_map_that_was_cloned_is_not_known_by_its_seed(void **state)
{
	uint64_t reborn;
	int i;

	(void)state;
	begin_racy();
	target1.clone_copies = MR_CLONE_SEED;
	for (i = 0; i < 40; i++)
		op(&b, SITE_CLONE, MAP);
	assert_racy(true);
	seed_is(0x22);
	op(&b, SITE_CLONE, MAP); /* looked at or not */
	assert_int_equal(*seed_cloned(seed_of(TAGGED(MAP), &cpus1[1]), TAGGED(MAP)), CLONE_LATE);
	seed_is(0x11);
	collect();
	op(&b, SITE_WRITE, MAP);
	assert_racy(false);
	/* what comes to lie there much later was made later: a clone is some collections late at
	 * most */
	for (i = 0; i < CLONE_LATE; i++) {
		collect();
		op(&b, SITE_WRITE, MAP);
	}
	reborn = loss(MR_COUNT_MAP_REBORN);
	assert_in_range(reborn, CLONE_LATE, CLONE_LATE + 2);
	for (i = 0; i < 3; i++) {
		collect();
		op(&b, SITE_WRITE, MAP);
		assert_int_equal(loss(MR_COUNT_MAP_REBORN), reborn);
	}
	op(&b, SITE_CLONE, MAP);
	collect();
	op(&b, SITE_WRITE, MAP);
	assert_int_equal(loss(MR_COUNT_MAP_REBORN), reborn + 1);
	/* nor is it where each clone has a seed of its own, or nobody sees collections */
	begin_racy();
	op(&b, SITE_CLONE, MAP);
	collect();
	op(&b, SITE_WRITE, MAP);
	assert_racy(true);
	target1.collections_unseen = 1;
	target1.clone_copies = MR_CLONE_SEED;
	for (i = 0; i < 3; i++) {
		op(&b, SITE_CLONE, MAP);
		collect();
		op(&b, SITE_WRITE, MAP);
		assert_racy(true);
	}
}

/* Without a collection its memory cannot have become another's, whatever the seed. */
static void a_cleared_map_is_the_same(void **state)
{
	(void)state;
	begin_racy();
	seed_is(0x22);
	op(&b, SITE_WRITE, MAP);
	assert_racy(true);
	/* with one in between nobody can tell any more */
	collect();
	op(&b, SITE_WRITE, MAP);
	assert_racy(false);
}

/* What becomes empty now and then is known by the seed that it has when marking ends. */
static void a_map_that_is_emptied_is_known_by_its_new_seed(void **state)
{
	__u32 i;

	(void)state;
	begin_racy();
	for (i = 0; i < 5; i++) {
		record()->next_look_ns = 0;
		op(&b, SITE_DELETE, MAP);
		seed_is(0x22 + i);
		collect();
		collect(); /* nobody has used it since the last one: it may be anything by now */
		op(&b, SITE_WRITE, MAP);
		assert_racy(true);
	}
	/* another one, which is there when the second comes */
	op(&b, SITE_DELETE, MAP);
	collect();
	seed_is(0x99);
	collect();
	op(&b, SITE_WRITE, MAP);
	assert_racy(false);
}

/* A place for few: of two that share it the one that was looked at last is known again. */
static void who_has_no_place_among_the_emptied_is_forgotten(void **state)
{
	(void)state;
	begin_racy();
	record()->next_look_ns = 0;
	op(&b, SITE_DELETE, MAP);
	target1.emptied[map_index(TAGGED(MAP)) & (MR_EMPTIED - 1)] = MR_EMPTIED + 1;
	seed_is(0x22);
	collect();
	op(&b, SITE_WRITE, MAP);
	assert_racy(false);
}

/* As where plugins may run collections of their own. */
static void where_collections_go_unseen_the_seed_alone_tells(void **state)
{
	(void)state;
	begin_racy();
	target1.collections_unseen = 1;
	collect();
	op(&b, SITE_WRITE, MAP);
	assert_racy(true);
	seed_is(0x22);
	op(&b, SITE_WRITE, MAP);
	assert_racy(false);
}

static void what_cannot_be_read_is_another(void **state)
{
	(void)state;
	begin_racy();
	collect();
	fault_addr = (uintptr_t)MAP + target1.map_seed;
	op(&b, SITE_WRITE, MAP);
	assert_racy(false);
	assert_true(loss(MR_COUNT_HEADER_FAULT) > 0);
	assert_int_equal(record()->seed, 0);
	/* which is not to say that two of them are one */
	collect();
	op(&b, SITE_WRITE, MAP);
	assert_int_equal(loss(MR_COUNT_MAP_REBORN), 2);
}

static void another_process_collects_for_itself(void **state)
{
	(void)state;
	begin_racy();
	current_tgid = TGID + 1;
	collect();
	current_tgid = TGID;
	assert_int_equal(target1.collections, 0);
	collect();
	assert_int_equal(target1.collections, 1);
}

/* Who was let pass a few times goes on to be counted, and finds nothing of the dead one after that.
 */
static void who_passes_by_comes_to_the_new_map_soon(void **state)
{
	int i;

	(void)state;
	set_up(NULL);
	goroutine_init(&a, 1);
	target1.hold_ppm = 0;
	seed_is(0x11);
	for (i = 0; i < 500; i++)
		op(&a, SITE_READ, MAP);
	collect();
	seed_is(0x22);
	for (i = 0; i <= POLICY_MAX_SKIP; i++)
		op(&a, SITE_READ, MAP);
	assert_int_equal(loss(MR_COUNT_MAP_REBORN), 1);
	assert_true(record()->reads <= POLICY_MAX_SKIP + 1);
}

static void both_widths_of_a_seed_are_read_whole(void **state)
{
	__u32 seed;

	(void)state;
	set_up(NULL);
	goroutine_init(&a, 1);
	target1.map_seed = 8;
	target1.map_seed_size = 8;
	MAP[1] = 0x1234567800000000;
	seed = seed_of(TAGGED(MAP), &cpus1[1]);
	MAP[1] = 0x1234567800000004;
	assert_int_not_equal(seed_of(TAGGED(MAP), &cpus1[1]), seed);
	MAP[1] = 0x5234567800000000;
	assert_int_not_equal(seed_of(TAGGED(MAP), &cpus1[1]), seed);
	target1.map_seed = 12;
	target1.map_seed_size = 4;
	seed = seed_of(TAGGED(MAP), &cpus1[1]);
	MAP[2] = 1; /* what comes behind is none of it */
	assert_int_equal(seed_of(TAGGED(MAP), &cpus1[1]), seed);
}

/* --- stacks ----------------------------------------------------------------------------------- */

static void a_map_where_a_stacks_lay_is_held(void **state)
{
	__u64 *map = &a.stack[40];
	struct mr_map *m;
	int i;

	(void)state;
	set_up(NULL);
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	m = &map_table[map_index(TAGGED(map))];
	for (i = 0; i < 3; i++) {
		m->next_look_ns = 0;
		op(&a, SITE_WRITE, map);
		assert_true(m->flags & MR_MAP_STACK);
	}
	assert_int_equal(cpus1[1].holds, 0);
	/* the goroutine has another stack now, this memory is the heap's: no collection came
	 * between */
	a.g[0] = (uintptr_t)b.stack;
	a.g[1] = (uintptr_t)(b.stack + 64);
	m->next_look_ns = 0;
	memset(caller_table, 0, sizeof(caller_table));
	op(&a, SITE_WRITE, map);
	assert_int_equal(m->flags & MR_MAP_STACK, 0);
	assert_int_equal(cpus1[1].holds, 1);
	assert_int_equal(loss(MR_COUNT_MAP_REBORN), 1);
}

static void a_stack_that_cannot_be_told_is_left_alone(void **state)
{
	__u64 *map = &a.stack[40];
	struct mr_map *m;

	(void)state;
	set_up(NULL);
	goroutine_init(&a, 1);
	m = &map_table[map_index(TAGGED(map))];
	op(&a, SITE_WRITE, map);
	m->next_look_ns = 0;
	fault_addr = (uintptr_t)&a.g[1];
	op(&a, SITE_WRITE, map);
	assert_true(m->flags & MR_MAP_STACK);
	assert_true(loss(MR_COUNT_G_FAULT) > 0);
}

/* At a million a second 32 bits are full within an hour and a quarter. */
static void operations_are_counted_beyond_32_bits(void **state)
{
	(void)state;
	set_up(NULL);
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	op(&a, SITE_WRITE, MAP);
	op(&a, SITE_READ, MAP);
	record()->reads = record()->writes = UINT32_MAX;
	op(&b, SITE_WRITE, MAP);
	op(&b, SITE_READ, MAP);
	assert_true(record()->writes == UINT32_MAX + 1ull);
	assert_true(record()->reads == UINT32_MAX + 1ull);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_dead_maps_verdict_is_not_inherited),
		TEST(a_survivor_of_collections_stays_what_it_is),
		TEST(a_map_that_was_cloned_is_not_known_by_its_seed),
		TEST(a_cleared_map_is_the_same),
		TEST(a_map_that_is_emptied_is_known_by_its_new_seed),
		TEST(who_has_no_place_among_the_emptied_is_forgotten),
		TEST(where_collections_go_unseen_the_seed_alone_tells),
		TEST(what_cannot_be_read_is_another),
		TEST(another_process_collects_for_itself),
		TEST(who_passes_by_comes_to_the_new_map_soon),
		TEST(both_widths_of_a_seed_are_read_whole),
		TEST(a_map_where_a_stacks_lay_is_held),
		TEST(a_stack_that_cannot_be_told_is_left_alone),
		TEST(operations_are_counted_beyond_32_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
