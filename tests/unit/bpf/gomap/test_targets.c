/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Several targets in one engine, in the BPF programs themselves, compiled as ordinary C. Two
 * processes of one program have their goroutines and maps at the same addresses; a slot is used
 * again by a process with the same number. Here all maps have one record as well, so that whatever
 * could be mixed up is.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gomap_programs.h"

#define OTHER_TGID 5151
#define OTHER_TAG 6 /* slot 2 */
#define NEXT_TAG 9  /* slot 1 again */
#define cpus2 (&cpus[2 * MR_CPUS])

static struct goroutine a, b;

static int begin(void **state)
{
	set_up(state);
	cfg.map_mask = 0;
	plant_target(OTHER_TGID, OTHER_TAG);
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	return 0;
}

static int end(void **state)
{
	simulated_clock = NULL;
	return set_up(state);
}

/* The same operation in the process that has this number. */
static void op_in(__u32 tgid, struct goroutine *r, int site, void *map)
{
	current_tgid = tgid;
	op(r, site, map);
	current_tgid = TGID;
}

static struct mr_map *record(void)
{
	return &map_table[0];
}

/* a: in the one; b: in the other, at the same time, as if it were the same map. */
static void a_hold_is_its_own_process_s(void **state)
{
	(void)state;
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	op_in(OTHER_TGID, &b, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus1[2].collisions + cpus2[2].collisions, 0);
	assert_int_equal(record()->flags & (MR_MAP_MET | MR_MAP_RACY), 0);
	assert_int_equal(cpus2[2].hits[SITE_WRITE], 1);
	assert_int_equal(cpus1[2].hits[SITE_WRITE], 0);
	/* while in the holder's own process it is one */
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->header.tag, TAG);
	assert_int_equal(event_list[0]->map, TAGGED(gomaps[0]));
	assert_int_equal(event_list[0]->access[0].g, TAGGED(b.g));
}

static __u64 now_ns;
static unsigned int came;

/* In the middle of a hold the other process comes, each time that it is looked at the clock. */
static __u64 the_other_comes(void)
{
	__u32 cpu = current_cpu, tid = current_tid;
	static bool inside;

	now_ns += 1000;
	if (!inside && hold_table[0].map) {
		inside = true;
		came++;
		record()->next_look_ns = 0;
		op_in(OTHER_TGID, &b, came & 1 ? SITE_WRITE : SITE_READ, gomaps[0]);
		inside = false;
		current_cpu = cpu;
		current_tid = tid;
	}
	return now_ns;
}

static void two_processes_never_collide(void **state)
{
	int i;

	(void)state;
	now_ns = 1000000000000;
	simulated_clock = the_other_comes;
	for (i = 0; i < 300; i++) {
		now_ns += 10000000;
		record()->next_look_ns = 0;
		op(&a, i & 1 ? SITE_READ : SITE_WRITE, gomaps[0]);
	}
	assert_true(cpus1[1].holds > 10);
	assert_true(came > 100);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus1[1].collisions + cpus2[2].collisions, 0);
	assert_int_equal(cpus1[1].read_meets_read + cpus2[2].read_meets_read, 0);
}

/* What was noted of a writer in one process names nobody in another, whose flag it is that is set. */
static void a_writer_is_its_own_process_s(void **state)
{
	(void)state;
	op(&a, SITE_WRITE, gomaps[0]);
	op(&b, SITE_WRITE, gomaps[0]);
	gomaps[0][1] = 4; /* somebody is inside */
	record()->flags |= MR_MAP_SHARED;
	op_in(OTHER_TGID, &a, SITE_WRITE, gomaps[0]);
	record()->flags |= MR_MAP_SHARED;
	record()->next_look_ns = 0;
	memset(again_table, 0, sizeof(again_table));
	op_in(OTHER_TGID, &a, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus2[1].loss[MR_LOSS_IN_FLIGHT_UNATTRIBUTED], 1);
}

/* The last event is a fatal one's: which map it is on. */
static __u64 dies_in(__u32 tgid, struct goroutine *r)
{
	const struct mr_event_fatal *e;

	current_tgid = tgid;
	current_cpu = r->cpu;
	current_tid = r->tid;
	enter_fatal(r);
	current_tgid = TGID;
	assert_true(event_count > 0);
	e = (const void *)event_list[event_count - 1];
	assert_int_equal(e->header.kind, MR_EVENT_FATAL);
	assert_true(e->other.flags & MR_ACCESS_UNKNOWN);
	return e->map;
}

static void a_death_is_of_its_own_process_s_map(void **state)
{
	(void)state;
	op(&a, SITE_WRITE, gomaps[0]);
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(dies_in(OTHER_TGID, &a), 0); /* it has used none there */
	op_in(OTHER_TGID, &a, SITE_WRITE, gomaps[1]);
	assert_int_equal(dies_in(OTHER_TGID, &a), mr_tagged((uintptr_t)gomaps[1], OTHER_TAG));
	assert_int_equal(dies_in(TGID, &b), TAGGED(gomaps[0]));
}

/* A process ends, another one gets its number and its slot. */
static void a_slot_s_next_life_inherits_nothing(void **state)
{
	(void)state;
	op(&a, SITE_WRITE, gomaps[0]);
	op(&b, SITE_WRITE, gomaps[0]);
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	gomaps[0][1] = 4;
	memset(sites, 0, sizeof(sites));
	plant_target(TGID, NEXT_TAG);
	assert_int_equal(dies_in(TGID, &b), 0);
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 1); /* its death */
	assert_int_equal(record()->addr, mr_tagged((uintptr_t)gomaps[0], NEXT_TAG));
	assert_int_equal(record()->writes, 1);
	assert_int_equal(cpus1[2].collisions, 0);
	/* nor is one that was left forgotten, as it was not evicted */
	assert_int_equal(cpus1[2].loss[MR_LOSS_MAP_EVICTED], 0);
	hold_table[0].map = 0;
}

/* What was proved of a map is no other process's map's. */
static void a_proof_is_its_own_process_s(void **state)
{
	(void)state;
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(record()->collisions, 1);
	assert_true(mr_map_proved(record(), TAGGED(gomaps[0])));
	assert_false(mr_map_proved(record(), mr_tagged((uintptr_t)gomaps[0], OTHER_TAG)));
	hold_table[0].map = 0;
	op_in(OTHER_TGID, &b, SITE_WRITE, gomaps[0]);
	assert_int_equal(record()->flags & MR_MAP_RACY, 0);
	assert_int_equal(record()->collisions, 0);
}

/* The same two lines in two processes: two pairs, each is told. */
static void the_same_stacks_are_two_pairs(void **state)
{
	(void)state;
	target1.hold_ppm = targets[2].hold_ppm = 0;
	cfg.map_mask = MR_MAP_RECORDS - 1;
	plant_hold(&a, SITE_WRITE, gomaps[0])->access.stack_hash = 1;
	op(&b, SITE_WRITE, gomaps[0]);
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 1);
	{
		__u64 there = mr_tagged((uintptr_t)gomaps[0], OTHER_TAG);
		struct mr_hold *h = &hold_table[map_index(there) & (MR_HOLD_SLOTS - 1)];

		h->seq += 2;
		h->access = hold_table[map_index(TAGGED(gomaps[0])) & (MR_HOLD_SLOTS - 1)].access;
		h->access.g = mr_tagged((uintptr_t)a.g, OTHER_TAG);
		h->map = there;
		map_table[map_index(there)].hold = 1;
	}
	op_in(OTHER_TGID, &b, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 2);
	assert_int_equal(event_list[1]->header.tag, OTHER_TAG);
	assert_int_not_equal(event_list[0]->pair, event_list[1]->pair);
}

static void collections_and_clones_are_each_process_s(void **state)
{
	__u64 here = TAGGED(gomaps[0]), there = mr_tagged((uintptr_t)gomaps[0], OTHER_TAG);

	(void)state;
	current_tgid = OTHER_TGID;
	enter_collected(&a);
	current_tgid = TGID;
	assert_int_equal(target1.collections, 0);
	assert_int_equal(targets[2].collections, 1);
	targets[2].clone_copies = MR_CLONE_SEED;
	op_in(OTHER_TGID, &a, SITE_CLONE, gomaps[0]);
	assert_int_equal(*seed_cloned(seed_of(there, &cpus2[1]), there), 2);
	assert_int_equal(*seed_cloned(seed_of(here, &cpus1[1]), here), 0);
}

/* A record that one target has emptied, and that is another's by now, is not read: it lies in
 * another process's memory. */
static void a_collection_leaves_others_records(void **state)
{
	__u32 seed;

	(void)state;
	target1.emptied[0] = 1; /* record 0 */
	op_in(OTHER_TGID, &a, SITE_DELETE, gomaps[0]);
	seed = record()->seed;
	((__u32 *)gomaps[0])[3] = 0x1234567;
	enter_collected(&a);
	assert_int_equal(record()->seed, seed);
	record()->addr = TAGGED(gomaps[0]);
	record()->collected = target1.collections;
	enter_collected(&a);
	assert_int_not_equal(record()->seed, seed);
}

/* Two runtimes in one process: the instruction tells whose it is. */
static void runtimes_in_one_process_are_two_targets(void **state)
{
	struct mr_probe_site site = site_list[SITE_WRITE];

	(void)state;
	site.ip = 0x4a0000;
	plant_site(TGID, OTHER_TAG, site, 3);
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	b.regs.ip = site.ip;
	b.regs.bx = (uintptr_t)gomaps[0];
	current_cpu = b.cpu;
	current_tid = b.tid;
	maprace_op(&b.regs);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus2[2].hits[3], 1);
	hold_table[0].map = 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_hold_is_its_own_process_s),
		TEST(two_processes_never_collide),
		TEST(a_writer_is_its_own_process_s),
		TEST(a_death_is_of_its_own_process_s_map),
		TEST(a_slot_s_next_life_inherits_nothing),
		TEST(a_proof_is_its_own_process_s),
		TEST(the_same_stacks_are_two_pairs),
		TEST(collections_and_clones_are_each_process_s),
		TEST(a_collection_leaves_others_records),
		TEST(runtimes_in_one_process_are_two_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
