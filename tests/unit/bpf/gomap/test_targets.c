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

#include "two_targets.h"

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

/* While a goroutine of one process is held, the other's comes and takes the record. */
static void two_processes_never_collide(void **state)
{
	__u64 there = mr_tagged((uintptr_t)gomaps[0], OTHER_TAG);
	int i, taken = 0;

	(void)state;
	now_ns = 1000000000000;
	simulated_clock = the_other_comes;
	for (i = 0; i < 300; i++) {
		now_ns += 10000000;
		record()->next_look_ns = 0;
		op(&a, i & 1 ? SITE_READ : SITE_WRITE, gomaps[0]);
		if (record()->addr != there)
			continue;
		/* what a was held for is not told of the other's map */
		assert_int_equal(record()->holds + record()->hold_ns, 0);
		taken++;
	}
	assert_true(cpus1[1].holds > 10);
	assert_true(came > 100);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus1[1].collisions + cpus2[2].collisions, 0);
	assert_int_equal(cpus1[1].read_meets_read + cpus2[2].read_meets_read, 0);
	assert_true(taken > 10);
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
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op_in(OTHER_TGID, &a, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus2[1].counts[MR_COUNT_IN_FLIGHT_UNATTRIBUTED], 1);
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
	assert_int_equal(cpus1[2].counts[MR_COUNT_MAP_EVICTED], 0);
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
	assert_int_equal(*seed_cloned(seed_of(there, &cpus2[1]), there), 1 + CLONE_LATE);
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

/* Goroutines of another process that share with a the place of what was entered last. */
static struct goroutine *of_the_same_place(__u64 g)
{
	static struct goroutine pool[20000];
	size_t i;

	for (i = 0; i < 20000; i++)
		if (last_op_slot(mr_tagged((uintptr_t)pool[i].g, OTHER_TAG)) == last_op_slot(g))
			return &pool[i];
	fail_msg("none of 20000");
	return NULL;
}

/* Ids of goroutines are told apart within one process only. */
static void a_goroutine_s_id_is_its_own_process_s(void **state)
{
	struct goroutine *writer = of_the_same_place(TAGGED(a.g));
	const struct mr_event_fatal *e;

	(void)state;
	cfg.map_mask = MR_MAP_RECORDS - 1;
	cfg.holds_enabled = 0;
	goroutine_init(writer, 3);
	simulated_clock = the_time;
	now_ns = 5000000000ull;
	op_in(OTHER_TGID, writer, SITE_WRITE, gomaps[0]);
	now_ns += 2000000000ull;
	op_in(OTHER_TGID, writer, SITE_WRITE, gomaps[0]);
	now_ns += 1000;
	op(&a, SITE_WRITE, gomaps[5]);
	assert_ptr_equal(last_op_slot(TAGGED(a.g)),
			 last_op_slot(mr_tagged((uintptr_t)writer->g, OTHER_TAG)));
	writer->g[2] = a.g[2]; /* who lives there now has not written */
	now_ns += 1000;
	op_in(OTHER_TGID, &b, SITE_WRITE, gomaps[0]);
	now_ns += 1000;
	assert_int_equal(dies_in(OTHER_TGID, &b), mr_tagged((uintptr_t)gomaps[0], OTHER_TAG));
	e = (const void *)event_list[event_count - 1];
	assert_int_equal(e->other.goid, 0);
}

/* A process that makes its memory look as it likes is still told from others by the tag. */
static void an_id_tells_the_process_whatever_it_is(void **state)
{
	(void)state;
	a.g[2] = mr_tagged(7, OTHER_TAG ^ TAG);
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(mr_tag(last_op_slot(TAGGED(a.g))->goid), TAG);
}

/* Its part in a growth was still to be told: it is told as what it is. */
static void a_part_in_a_growth_is_its_own_process_s(void **state)
{
	__u64 there = mr_tagged((uintptr_t)b.g, OTHER_TAG);
	struct mr_grower *w = grower_slot(there, mr_tagged((uintptr_t)gomaps[1], OTHER_TAG));
	const struct mr_event_growth *e;
	int full;

	(void)state;
	cfg.growth = 1;
	target1.map_old = targets[2].map_old = 24;
	for (full = 0; full < 2; full++) {
		*w = (struct mr_grower){.g = TAGGED(a.g), .map = TAGGED(gomaps[0]), .id = 1};
		w->steps = 3;
		ring_full = full;
		op_in(OTHER_TGID, &b, SITE_GROW, gomaps[1]);
		ring_full = false;
		memset(inside_table, 0, sizeof(inside_table));
	}
	assert_int_equal(event_count, 1);
	e = (const void *)event_list[0];
	assert_int_equal(e->who.map, TAGGED(gomaps[0]));
	assert_int_equal(e->header.tag, TAG);
	/* and where it could not be told, that is its loss */
	assert_int_equal(cpus1[2].counts[MR_COUNT_GROWTH_RING], 1);
	assert_int_equal(cpus2[2].counts[MR_COUNT_GROWTH_RING], 0);
}

/* A return from what was entered before the probes were there has no map yet. */
static void the_return_from_nothing_is_nobody_s(void **state)
{
	(void)state;
	cfg.growth = 1;
	grown_table[mr_map_index(0, MR_GROWN - 1)] =
		(struct mr_grown){.under_way = 1, .collected = 5};
	op(&a, SITE_GROWN, NULL);
	assert_int_equal(cpus[1].counts[MR_COUNT_HEADER_FAULT], 0);
	assert_int_equal(cpus[1].counts[MR_COUNT_GROWN_EVICTED], 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_GROWTH_UNPAIRED], 1);
}

/* Maps at one address in processes that are watched at the same time: as long as there are no more
 * slots than places, none has another one's, neither record nor hold. */
static void slots_have_places_of_their_own(void **state)
{
	static const __u32 masks[] = {MR_MAP_RECORDS - 1, 2 * MR_MAP_RECORDS - 1, 1023};
	static __u8 taken[1024];
	__u64 addr;
	__u32 slot, i;

	(void)state;
	for (i = 0; i < 3; i++)
		for (addr = 0xc000010000; addr < 0xc000010000 + 4096; addr += 48) {
			memset(taken, 0, sizeof(taken));
			for (slot = 1; slot < MR_TARGETS; slot++) {
				__u32 place = mr_map_index(mr_tagged(addr, (__u16)slot), masks[i]) &
					      1023;

				assert_int_equal(taken[place]++, 0);
			}
		}
}

/* Those of one process lie as by chance at the worst: of 1024 places 647 are taken then. */
static void maps_in_a_row_are_spread(void **state)
{
	static __u8 taken[1024];
	__u64 base, stride;
	__u32 i, places;

	(void)state;
	for (base = 0xc000000000; base < 0xc000010000; base += 0x3000)
		for (stride = 16; stride <= 8192; stride *= 2) {
			memset(taken, 0, sizeof(taken));
			for (i = places = 0; i < 1024; i++)
				places += !taken[mr_map_index(mr_tagged(base + i * stride, 7),
							      1023)]++;
			assert_true(places > 560);
		}
}

/* Nobody waits for one of another process. */
static void who_leaves_is_kept_from_its_own_only(void **state)
{
	__u64 g = mr_tagged((uintptr_t)b.g, OTHER_TAG);

	(void)state;
	aparts[0].g[1] = TAGGED(a.g);
	aparts[0].when[1] = 1000001;
	assert_int_equal(delay_left(0, 1, TAGGED(b.g), 1002001, APART_NS), APART_NS - 2000);
	assert_int_equal(delay_left(0, 1, g, 1002001, APART_NS), 0);
}

/* Beside a proved map of a, a proved map of b: the note that b leaves while a waits stays b's. */
static __u64 the_other_leaves(void)
{
	now_ns += 1000;
	aparts[0].g[1] = mr_tagged((uintptr_t)b.g, OTHER_TAG);
	aparts[0].when[1] = 77;
	return now_ns;
}

static void a_note_of_another_stays_as_it_is(void **state)
{
	(void)state;
	current_cpu = 1;
	now_ns = 1000000;
	aparts[0].g[2] = TAGGED(b.g);
	aparts[0].when[2] = 1000001;
	simulated_clock = the_other_leaves;
	assert_int_equal(delay_racy_op(0, TAGGED(gomaps[0]), TAGGED(a.g), 1, 0), 1);
	assert_int_equal(aparts[0].when[1], 77);
}

/* A writer notes itself in a record that has just become another process's map's. */
static void a_late_note_names_nobody(void **state)
{
	__u64 there = mr_tagged((uintptr_t)gomaps[0], OTHER_TAG);

	(void)state;
	simulated_clock = the_time;
	now_ns = 5000000000ull;
	op_in(OTHER_TGID, &b, SITE_READ, gomaps[0]);
	assert_int_equal(record()->addr, there);
	now_ns += 2000000000ull;
	gomaps[0][1] = 4;
	record()->writer = (struct mr_map_access){
		.g = TAGGED(a.g), .ns = now_ns - 1000, .op = MR_OP_WRITE, .slot = SITE_WRITE};
	last_op_note(TAGGED(a.g), there, SITE_WRITE, a.regs.sp, 0);
	last_op_look(TAGGED(a.g), 0x512345, now_ns - 1000);
	record()->flags |= MR_MAP_SHARED | MR_MAP_WRITTEN;
	record()->next_look_ns = 0;
	op_in(OTHER_TGID, &b, SITE_READ, gomaps[0]);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus2[2].counts[MR_COUNT_IN_FLIGHT_UNATTRIBUTED], 1);
	assert_int_equal(dies_in(OTHER_TGID, &b), there);
	assert_int_equal(((const struct mr_event_fatal *)(const void *)event_list[0])->other.goid,
			 0);
	gomaps[0][1] = 0;
	record()->writer.g = TAGGED(a.g);
	assert_false(is_old_write(&record()->writer, there,
				  record()->writer.ns - 2 * (__u64)LONG_WRITE_NS,
				  now_ns + 2 * WRITE_NS, 0));
	assert_true(is_old_write(&record()->writer, TAGGED(a.g),
				 record()->writer.ns - 2 * (__u64)LONG_WRITE_NS,
				 now_ns + 2 * WRITE_NS, 0));
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
		TEST(a_goroutine_s_id_is_its_own_process_s),
		TEST(an_id_tells_the_process_whatever_it_is),
		TEST(a_part_in_a_growth_is_its_own_process_s),
		TEST(the_return_from_nothing_is_nobody_s),
		TEST(slots_have_places_of_their_own),
		TEST(maps_in_a_row_are_spread),
		TEST(who_leaves_is_kept_from_its_own_only),
		TEST(a_note_of_another_stays_as_it_is),
		TEST(a_late_note_names_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
