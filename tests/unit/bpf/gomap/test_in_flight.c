/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A writing flag found set at entry: whose write it is, and when nobody can say. Compiled as
 * test_engine does. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gomap_programs.h"

static void in_flight_needs_another_writer(void **state)
{
	struct goroutine a, b;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	gomaps[0][1] = 4; /* hashWriting is set */
	op(&a, SITE_WRITE, gomaps[0]);
	/* nobody else has ever written: a flag left behind by a panic */
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_IN_FLIGHT_UNATTRIBUTED], 0);
	map_table[map_index(TAGGED(gomaps[0]))].flags |= MR_MAP_SHARED;
	map_table[map_index(TAGGED(gomaps[0]))].next_look_ns = 0;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_IN_FLIGHT_UNATTRIBUTED], 1);
	memset(fastpath_table, 0, sizeof(fastpath_table));
	gomaps[0][1] = 0;
	cfg.holds_enabled = 0;
	map_table[map_index(TAGGED(gomaps[0]))].next_look_ns = 0; /* its caller is read again */
	op(&a, SITE_WRITE, gomaps[0]);
	cfg.holds_enabled = 1;
	map_table[map_index(TAGGED(gomaps[0]))].first_ns -= PARKED_NS;
	gomaps[0][1] = 4;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->evidence, MR_EVIDENCE_IN_FLIGHT);
	assert_int_equal(event_list[0]->access[1].goid, 101);
	assert_int_equal(event_list[0]->access[1].op, MR_OP_WRITE);
	assert_int_equal(event_list[0]->access[1].nframes, 2);
}

/* c entered, is held or slow, and sets the flag; a came after it and is through; b enters. */
static void in_flight_of_two_writers_is_nobodys(void **state)
{
	struct goroutine a, b, c, d;
	int i;

	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	goroutine_init(&c, 3);
	goroutine_init(&d, 4);
	for (i = 0; i < 3; i++) {
		set_up(state);
		cfg.holds_enabled = 0;
		if (i == 2)
			op(&d, SITE_WRITE, gomaps[0]); /* its note is pushed out by a's */
		op(&c, SITE_WRITE, gomaps[0]);
		op(&a, SITE_WRITE, gomaps[0]);
		if (i == 2)
			op(&c, SITE_WRITE, gomaps[0]);
		map_table[map_index(TAGGED(gomaps[0]))].first_ns -= PARKED_NS;
		cfg.holds_enabled = 1;
		gomaps[0][1] = 4;
		/* as a writer b pushes one of the two out of the record */
		op(&b, i ? SITE_WRITE : SITE_READ, gomaps[0]);
		assert_int_equal(event_count, 1);
		assert_int_equal(event_list[0]->evidence, MR_EVIDENCE_IN_FLIGHT);
		assert_int_equal(event_list[0]->access[0].goid, 102);
		assert_int_equal(event_list[0]->access[1].flags, MR_ACCESS_UNKNOWN);
		assert_int_equal(event_list[0]->access[1].op, MR_OP_WRITE);
		assert_int_equal(event_list[0]->access[1].goid, 0);
	}
}

/* Somebody may have come by before the record was this map's, or while probes were away. */
static void in_flight_names_nobody_unless_all_were_seen(void **state)
{
	struct goroutine a, b;
	struct mr_map *m;
	int i;

	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	for (i = 0; i < 5; i++) {
		set_up(state);
		m = &map_table[map_index(TAGGED(gomaps[0]))];
		cfg.holds_enabled = 0;
		op(&a, SITE_WRITE, gomaps[0]);
		if (i != 0)
			m->first_ns -= PARKED_NS;
		if (i == 1)
			target1.whole_ns = 0;
		if (i == 2)
			target1.whole_ns = m->first_ns + PARKED_NS;
		if (i == 4) /* nobody knows whether it has run since */
			target1.looked_ns = bpf_ktime_get_ns() - LONG_WRITE_NS / 2;
		cfg.holds_enabled = 1;
		gomaps[0][1] = 4;
		op(&b, SITE_READ, gomaps[0]);
		gomaps[0][1] = 0;
		assert_int_equal(event_count, 1);
		assert_int_equal(event_list[0]->evidence, MR_EVIDENCE_IN_FLIGHT);
		assert_int_equal(event_list[0]->access[1].goid, i == 3 ? 101 : 0);
		tear_down(state);
	}
	set_up(state);
}

/* A clone of an empty map, made while a writer was inside: nobody is inside the clone. */
static void an_empty_clones_flag_is_no_evidence(void **state)
{
	struct goroutine a, b;
	int i;

	for (i = 0; i < 3; i++) {
		set_up(state);
		goroutine_init(&a, 1);
		goroutine_init(&b, 2);
		cfg.holds_enabled = 0;
		op(&a, SITE_DELETE, gomaps[0]);
		cfg.holds_enabled = 1;
		target1.clone_copies = i < 2 ? MR_CLONE_FLAGS : MR_CLONE_SEED;
		gomaps[0][0] = i == 1; /* how much is in */
		gomaps[0][1] = 4;
		op(&b, SITE_READ, gomaps[0]);
		assert_int_equal(event_count, i > 0);
		tear_down(state);
	}
	set_up(state);
}

/* Where a fault may have left the flag: nobody need be inside. Nor is the map called ordered. */
static void in_flight_says_nothing_where_the_flag_stays(void **state)
{
	struct goroutine a, b;
	int stays;

	for (stays = 0; stays < 2; stays++) {
		set_up(state);
		goroutine_init(&a, 1);
		goroutine_init(&b, 2);
		target1.flag_stays = (__u8)stays;
		cfg.holds_enabled = 0;
		op(&a, SITE_WRITE, gomaps[0]);
		cfg.holds_enabled = 1;
		gomaps[0][1] = 4;
		op(&b, SITE_READ, gomaps[0]);
		assert_int_equal(event_count, !stays);
		assert_int_equal(cpus1[2].counts[MR_COUNT_IN_FLIGHT_UNATTRIBUTED], stays);
		assert_true(map_table[map_index(TAGGED(gomaps[0]))].flags & MR_MAP_MET);
		tear_down(state);
	}
	set_up(state);
}

static struct goroutine writer, reporter;

/* The one that was inside is through, and comes again. */
static void the_writer_comes_again(void)
{
	map_note(&map_table[map_index(TAGGED(gomaps[0]))], TAGGED(writer.g), bpf_ktime_get_ns(),
		 writer.tid, writer.cpu, MR_OP_WRITE, 0, SITE_WRITE, &(bool){false});
}

/* Its next note pushes the reporter's into the place where its own was. */
static void in_flight_never_names_the_one_that_reports(void **state)
{
	(void)state;
	goroutine_init(&writer, 1);
	goroutine_init(&reporter, 2);
	cfg.holds_enabled = 0;
	op(&reporter, SITE_WRITE, gomaps[0]);
	op(&writer, SITE_WRITE, gomaps[0]);
	map_table[map_index(TAGGED(gomaps[0]))].first_ns -= PARKED_NS;
	map_table[map_index(TAGGED(gomaps[0]))].next_look_ns = 0;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	cfg.holds_enabled = 1;
	gomaps[0][1] = 4;
	at_reserve = the_writer_comes_again;
	op(&reporter, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->evidence, MR_EVIDENCE_IN_FLIGHT);
	assert_int_equal(event_list[0]->access[0].goid, 102);
	assert_int_not_equal(event_list[0]->access[1].goid, 102);
}

static __u64 clock_ns;

static __u64 the_clock(void)
{
	return clock_ns += 10;
}

/* The second write goes through the same function from another line, unlooked at. */
static void in_flight_tells_no_older_caller(void **state)
{
	struct goroutine a, b;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	clock_ns = 50000000000ull;
	simulated_clock = the_clock;
	cfg.holds_enabled = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	a.stack[8] += 0x77;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].looks, 1);
	map_table[map_index(TAGGED(gomaps[0]))].first_ns -= PARKED_NS;
	cfg.holds_enabled = 1;
	gomaps[0][1] = 4;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->access[1].goid, 101);
	assert_int_equal(event_list[0]->access[1].nframes, 1);
	simulated_clock = NULL;
}

/* Another goroutine lives at the writer's g since. */
static void in_flight_names_nobody_who_came_later(void **state)
{
	struct goroutine a, b;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	cfg.holds_enabled = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	a.g[2] = 777;
	map_table[map_index(TAGGED(gomaps[0]))].first_ns -= PARKED_NS;
	cfg.holds_enabled = 1;
	gomaps[0][1] = 4;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->access[1].goid, 0);
	assert_int_equal(event_list[0]->access[1].pcs[1], a.stack[8]);
}

/* It was looked at on one CPU, and passes on another one, where it has been before. */
static void in_flight_tells_no_caller_of_a_write_before_others_passed(void **state)
{
	struct goroutine a, b;
	__u64 looks;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	clock_ns = 5000000000ull;
	simulated_clock = the_clock;
	cfg.holds_enabled = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	clock_ns += 2 * PARKED_NS;
	op(&a, SITE_WRITE, gomaps[0]);
	clock_ns += 1000;
	op(&a, SITE_WRITE, gomaps[0]);
	a.cpu = 7;
	clock_ns += 10000000;
	op(&a, SITE_WRITE, gomaps[0]);
	a.cpu = 1;
	a.stack[8] += 0x77;
	looks = cpus1[1].looks;
	clock_ns += 1000;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].looks, looks);
	gomaps[0][1] = 4;
	map_table[map_index(TAGGED(gomaps[0]))].next_look_ns = 0;
	cfg.holds_enabled = 1;
	op(&b, SITE_READ, gomaps[0]);
	simulated_clock = NULL;
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->access[1].goid, 101);
	assert_int_equal(event_list[0]->access[1].nframes, 1);
}

/* An operation by which the goroutine gets no further than the notes: neither looks nor holds. */
static void passes(struct goroutine *r, __u32 cpu, int site)
{
	__u64 looks = cpus1[cpu].looks, passed = 0;
	int i;

	r->cpu = cpu;
	for (i = 0; i < MR_FASTPATH_SLOTS; i++) /* whatever the lot was */
		fastpath_table[cpu * MR_FASTPATH_SLOTS + (__u32)i].skip =
			fastpath_table[cpu * MR_FASTPATH_SLOTS + (__u32)i].step;
	op(r, site, gomaps[0]);
	for (i = 0; i < MR_FASTPATH_SLOTS; i++)
		passed += fastpath_table[cpu * MR_FASTPATH_SLOTS + (__u32)i].passed;
	assert_int_equal(cpus1[cpu].looks, looks);
	assert_true(passed > 0);
}

/* What b is told, entering now, of the write that is under way. */
static const struct mr_access *told(struct goroutine *b)
{
	map_table[map_index(TAGGED(gomaps[0]))].first_ns -= PARKED_NS;
	cfg.holds_enabled = 1;
	gomaps[0][1] |= 4;
	op(b, SITE_READ, gomaps[0]);
	gomaps[0][1] &= ~4ull;
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->evidence, MR_EVIDENCE_IN_FLIGHT);
	return &event_list[0]->access[1];
}

/* It is let pass on one CPU, is looked at on another, and comes back: from another line. */
static void in_flight_tells_no_line_of_another_cpu(void **state)
{
	struct mr_map *m = &map_table[map_index(TAGGED(gomaps[0]))];
	struct goroutine a, b;
	const struct mr_access *other;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	cfg.holds_enabled = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	op(&a, SITE_WRITE, gomaps[0]); /* the next one may pass */
	a.cpu = 5;
	m->next_look_ns = 0;
	op(&a, SITE_WRITE, gomaps[0]); /* its line is known now */
	a.stack[8] += 0x77;
	passes(&a, 1, SITE_WRITE);
	other = told(&b);
	assert_int_equal(other->goid, 101);
	assert_int_equal(other->nframes, 1);
	assert_int_equal(other->pcs[1], 0);
}

/* Likewise, through another function. */
static void in_flight_tells_no_function_of_another_cpu(void **state)
{
	struct goroutine a, b;
	const struct mr_access *other;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	cfg.holds_enabled = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	op(&a, SITE_WRITE, gomaps[0]);
	a.cpu = 5;
	op(&a, SITE_DELETE, gomaps[0]);
	passes(&a, 1, SITE_WRITE);
	other = told(&b);
	assert_int_equal(other->goid, 101);
	assert_int_equal(other->op, MR_OP_WRITE);
	assert_int_equal(other->pcs[0], site_list[SITE_WRITE].ip);
}

/* The only one who has written was at another map after that: this write is nobody's. */
static void in_flight_tells_of_nobody_who_went_on(void **state)
{
	struct goroutine a, b;
	int i;

	for (i = 0; i < 2; i++) {
		set_up(state);
		goroutine_init(&a, 1);
		goroutine_init(&b, 2);
		cfg.holds_enabled = 0;
		op(&a, SITE_WRITE, gomaps[0]);
		op(&a, i ? SITE_READ : SITE_WRITE, gomaps[!i]);
		assert_int_equal(told(&b)->flags, MR_ACCESS_UNKNOWN);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(in_flight_needs_another_writer),
		TEST(in_flight_of_two_writers_is_nobodys),
		TEST(in_flight_names_nobody_unless_all_were_seen),
		TEST(an_empty_clones_flag_is_no_evidence),
		TEST(in_flight_says_nothing_where_the_flag_stays),
		TEST(in_flight_never_names_the_one_that_reports),
		TEST(in_flight_tells_no_older_caller),
		TEST(in_flight_tells_no_caller_of_a_write_before_others_passed),
		TEST(in_flight_names_nobody_who_came_later),
		TEST(in_flight_tells_no_line_of_another_cpu),
		TEST(in_flight_tells_no_function_of_another_cpu),
		TEST(in_flight_tells_of_nobody_who_went_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
