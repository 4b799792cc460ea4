/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What several targets in one engine have together: records, pairs, stacks, counters, sites. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "two_targets.h"

/* Where a clone may be born with the flag: a map is known to be assigned to by its own process
 * only, and only what that one has done since is a use of it. */
static void what_another_process_did_is_no_assignment(void **state)
{
	__u64 there = mr_tagged((uintptr_t)gomaps[0], OTHER_TAG);
	struct mr_target *other = &targets[2];
	int i;

	(void)state;
	simulated_clock = the_time;
	now_ns = 5000000000ull;
	other->clone_copies = MR_CLONE_FLAGS;
	gomaps[0][1] = 0x11ull << 32;
	op_in(OTHER_TGID, &b, SITE_READ, gomaps[0]);
	now_ns += 2000000000ull;
	record()->writer = (struct mr_map_access){.g = TAGGED(a.g),
						  .ns = now_ns,
						  .op = MR_OP_WRITE | MR_LAST_ONCE,
						  .slot = SITE_WRITE};
	map_assigned(0, there, TAGGED(a.g), MR_OP_READ, SITE_READ);
	map_assigned(0, there, mr_tagged((uintptr_t)a.g, OTHER_TAG), MR_OP_READ, SITE_READ);
	assert_int_equal(record()->assigned, 0); /* of a process whose clones are not born so */
	for (i = 0; i < 2; i++) {
		record()->assigned = mr_assigned_mark(there, record()->first_ns);
		assert_int_not_equal(record()->assigned,
				     mr_assigned_mark(TAGGED(gomaps[0]), record()->first_ns));
		record()->reader.g = record()->writer.g = i ? there : TAGGED(a.g);
		record()->reader.ns = record()->writer.ns = now_ns;
		other->whole_ns = now_ns - 1000;
		target1.whole_ns = 0;
		other->collections++;
		assert_int_equal(map_recognise(0, there, now_ns), 0);
		assert_int_equal(record()->assigned != 0, i);
	}
}

/* Who takes a record over has lost nothing: whose it was has. */
static void what_is_replaced_is_its_owner_s_loss(void **state)
{
	(void)state;
	op(&a, SITE_WRITE, gomaps[0]);
	op_in(OTHER_TGID, &b, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[2].counts[MR_COUNT_MAP_EVICTED], 1);
	assert_int_equal(cpus2[2].counts[MR_COUNT_MAP_EVICTED], 0);
}

static void races_in(__u32 tgid, __u16 tag, unsigned int n)
{
	struct mr_hold *h = &hold_table[0];
	unsigned int i;

	for (i = 0; i < n; i++) {
		h->seq += 2;
		h->access = (struct mr_access){.g = mr_tagged((uintptr_t)a.g, tag),
					       .goid = 1,
					       .op = MR_OP_WRITE,
					       .nframes = 1,
					       .stack_hash = i};
		h->map = mr_tagged((uintptr_t)gomaps[0], tag);
		record()->hold = 1;
		op_in(tgid, &b, SITE_WRITE, gomaps[0]);
	}
	h->map = 0;
}

/* However many races one process has, some of each other's are told. */
static void room_for_pairs_is_left_to_others(void **state)
{
	(void)state;
	cfg.holds_enabled = 0;
	races_in(TGID, TAG, MR_PAIRS_OWN + 10);
	assert_int_equal(event_count, MR_PAIRS_OWN + 10);
	assert_int_equal(target1.pairs, MR_PAIRS_OWN + 10);
	assert_int_equal(pairs_common, 10);
	pairs_common = MR_PAIRS;
	races_in(TGID, TAG, MR_PAIRS_OWN + 11);
	assert_int_equal(event_count, MR_PAIRS_OWN + 10);
	assert_int_equal(cpus1[2].counts[MR_COUNT_PAIRS_FULL], 1);
	races_in(OTHER_TGID, OTHER_TAG, MR_PAIRS_OWN + 1);
	assert_int_equal(event_count, 2 * MR_PAIRS_OWN + 10);
	assert_int_equal(cpus2[2].counts[MR_COUNT_PAIRS_FULL], 1);
	assert_int_equal(pair_find(event_list[0]->pair)->tag, TAG);
}

/* A stack of one process that a CPU has just taken keeps it from none of another's. */
static void stacks_are_taken_of_each_process(void **state)
{
	__u64 there = mr_tagged((uintptr_t)gomaps[0], OTHER_TAG);
	struct goroutine *r[2] = {&a, &b};
	int i;

	(void)state;
	cfg.map_mask = MR_MAP_RECORDS - 1;
	cfg.window_ns = 1000000;
	cfg.holds_enabled = 0;
	simulated_clock = the_time;
	now_ns = 5000000000ull;
	a.cpu = b.cpu = 1;
	for (i = 0; i < 2; i++) {
		op(r[i], SITE_WRITE, gomaps[0]);
		op_in(OTHER_TGID, r[i], SITE_WRITE, gomaps[0]);
	}
	now_ns += 200000;
	op(&a, SITE_WRITE, gomaps[0]);
	op_in(OTHER_TGID, &a, SITE_WRITE, gomaps[0]);
	assert_int_equal(
		stack_table[(map_index(TAGGED(gomaps[0])) & (MR_SUSPECT_SLOTS - 1)) * 2 + 1].map,
		TAGGED(gomaps[0]));
	assert_int_equal(stack_table[(map_index(there) & (MR_SUSPECT_SLOTS - 1)) * 2 + 1].map,
			 there);
}

static void *reads(void *arg)
{
	struct goroutine *r = arg;
	int i;

	for (i = 0; i < 300000; i++)
		op(r, SITE_READ, gomaps[r->cpu]);
	return NULL;
}

/* With more CPUs than there is room for, some have counters together: none is lost for that. */
static void counters_of_several_cpus(void **state)
{
	pthread_t threads[2];

	(void)state;
	cfg.cpus_shared = 1;
	cfg.cpu_mask = 0;
	cfg.map_mask = MR_MAP_RECORDS - 1;
	cfg.holds_enabled = 0;
	assert_int_equal(pthread_create(&threads[0], NULL, reads, &a), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, reads, &b), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(cpus1[0].hits[SITE_READ], 600000);
}

/*
 * An operation on another map finds, at its end, that its record is another map's by now, which is
 * proved racy: it takes the mark away that is not its own, and that map's operations are not kept
 * apart any more.
 */
static __u64 *second;

static void another_is_proved_racy(void)
{
	__u32 cpu = current_cpu, tid = current_tid;

	at_reserve = NULL;
	op(&b, SITE_WRITE, second);
	map_prove(map_index(TAGGED(second)), TAGGED(second));
	current_cpu = cpu;
	current_tid = tid;
}

static void a_late_operation_leaves_what_is_proved_of_another(void **state)
{
	struct goroutine d;

	(void)state;
	goroutine_init(&d, 4);
	cfg.map_mask = 0; /* both maps have one record */
	target1.hold_ppm = 0;
	second = gomaps[7];
	plant_hold(&d, SITE_WRITE, gomaps[0]);
	at_reserve = another_is_proved_racy;
	op(&a, SITE_WRITE, gomaps[0]);
	map_table[0].hold = 0;
	assert_int_equal(map_table[0].addr, TAGGED(second));
	assert_true(mr_map_proved(&map_table[0], TAGGED(second)));
	assert_true(map_table[0].flags & MR_MAP_RACY);
}

/*
 * A site that was left in the table when its target went: its slot has another process's target by
 * now, with another layout, an account and a gate of its own. Such a hit is counted as one at no
 * site.
 */
#define GONE_TAG 5  /* slot 1 */
#define OWNER_TAG 9 /* slot 1 again */
#define OWNER_TGID 5151

static void a_site_of_a_target_that_is_gone_is_nobodys(void **state)
{
	(void)state;
	memset(sites, 0, sizeof(sites));
	plant_target(OWNER_TGID, OWNER_TAG);
	plant_site(TGID, GONE_TAG, site_list[SITE_WRITE], SITE_WRITE);
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].hits[SITE_WRITE], 0);
	assert_int_not_equal(mr_tag(map_table[map_index(TAGGED(gomaps[0]))].addr), GONE_TAG);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_late_operation_leaves_what_is_proved_of_another),
		TEST(a_site_of_a_target_that_is_gone_is_nobodys),
		TEST(what_another_process_did_is_no_assignment),
		TEST(what_is_replaced_is_its_owner_s_loss),
		TEST(room_for_pairs_is_left_to_others),
		TEST(stacks_are_taken_of_each_process),
		TEST(counters_of_several_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
