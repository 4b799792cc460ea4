/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* --growth: what the BPF programs note of maps that grow, compiled as ordinary C. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gomap_programs.h"

#define START 1000000000ull
#define MAP (gomaps[0])
#define OLD_BUCKETS 3 /* the word of the header that is hmap.oldbuckets */

static __u64 now_ns;
static struct goroutine a, b;
static __u64 iterator[8];

static __u64 clock_by_hand(void)
{
	return now_ns;
}

static void begin(void)
{
	set_up(NULL);
	simulated_clock = clock_by_hand;
	cfg.holds_enabled = 0;
	cfg.growth = 1;
	target1.map_old = 24;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	memset(iterator, 0, sizeof(iterator));
	iterator[3] = TAGGED(MAP);
}

static void at(__u64 us, struct goroutine *r, int site)
{
	now_ns = START + us * 1000;
	op(r, site, MAP);
}

/* The iterator is in the third register of the function that begins, in the first of the others. */
static void iterate_at(__u64 us, struct goroutine *r, int site)
{
	now_ns = START + us * 1000;
	r->regs.ip = site_list[site].ip;
	r->regs.bx = TAGGED(MAP);
	r->regs.cx = TAGGED(iterator);
	r->regs.ax = TAGGED(iterator);
	current_cpu = r->cpu;
	current_tid = r->tid;
	maprace_op(&r->regs);
}

static void swiss_at(__u64 us, struct goroutine *r, void *table)
{
	now_ns = START + us * 1000;
	r->regs.ip = site_list[SITE_SWISS_GROW].ip;
	r->regs.ax = (uintptr_t)table;
	r->regs.bx = 0x600000;
	r->regs.cx = TAGGED(MAP);
	current_cpu = r->cpu;
	current_tid = r->tid;
	maprace_op(&r->regs);
}

static const struct mr_event_growth *event(size_t i)
{
	assert_true(i < event_count);
	return (const struct mr_event_growth *)event_list[i];
}

static __u64 loss(enum mr_counter which)
{
	return cpus1[1].counts[which] + cpus1[2].counts[which];
}

static const struct mr_grower *part(const struct goroutine *r, const void *map)
{
	return grower_slot(TAGGED(r->g), TAGGED(map));
}

/* a begins and empties one bucket, b the two last ones; the next who comes sees that it is over. */
static void grow_with_two(void)
{
	at(0, &a, SITE_GROW);
	MAP[OLD_BUCKETS] = 0x7000;
	at(5, &a, SITE_GROWN);
	at(10, &a, SITE_MOVE);
	at(20, &b, SITE_MOVE);
	at(30, &b, SITE_MOVE);
	at(31, &b, SITE_READ);
	MAP[OLD_BUCKETS] = 0;
	at(34, &b, SITE_READ);
	at(36, &b, SITE_WRITE);
}

static void a_classic_growth_has_a_begin_two_payers_and_an_end(void **state)
{
	const struct mr_event_growth *e;

	(void)state;
	begin();
	MAP[0] = 13;
	grow_with_two();
	assert_int_equal(event_count, 2);
	e = event(0);
	assert_int_equal(e->header.kind, MR_EVENT_GROWTH);
	assert_int_equal(e->what, MR_GROWTH_BEGAN | MR_GROWTH_PAID);
	assert_int_equal(e->who.id, START);
	assert_int_equal(e->who.busy_ns, 5000);
	assert_int_equal(e->who.steps, 0);
	assert_int_equal(e->who.access.goid, 101);
	assert_int_equal(e->who.access.type, 0x600000);
	assert_int_equal(e->who.header_size, 48);
	assert_int_equal(e->who.header[0], 13);
	assert_int_equal(e->header_size, 48);
	e = event(1);
	assert_int_equal(e->what, MR_GROWTH_ENDED);
	assert_int_equal(e->who.id, START);
	assert_int_equal(e->header.time_ns, START + 34000);
	assert_int_equal(loss(MR_COUNT_GROWTH_UNPAIRED), 0);
	/* what each has done waits in its place */
	assert_int_equal(part(&a, MAP)->steps, 1);
	assert_int_equal(part(&a, MAP)->id, START);
	assert_int_equal(part(&b, MAP)->steps, 2);
	assert_int_equal(part(&b, MAP)->id, START);
	assert_int_equal(part(&b, MAP)->access.goid, 102);
	/* parts of growths are no operations, but for the two reads and the write */
	assert_int_equal(map_table[map_index(TAGGED(MAP))].reads, 2);
	assert_int_equal(map_table[map_index(TAGGED(MAP))].writes, 1);
}

/* A map dies in the middle of its growth: it is not over because another one lies there now. */
static void a_dead_maps_growth_is_not_ended_by_the_next(void **state)
{
	int survives;

	(void)state;
	for (survives = 0; survives < 2; survives++) {
		begin();
		at(0, &a, SITE_GROW);
		MAP[OLD_BUCKETS] = 0x7000;
		at(5, &a, SITE_GROWN);
		at(10, &a, SITE_MOVE);
		assert_int_equal(event_count, 1);
		current_tid = a.tid;
		enter_collected(&a);
		MAP[OLD_BUCKETS] = 0;
		MAP[1] = survives ? 0 : 0x77ull << 32; /* the seed */
		at(1000, &b, SITE_READ);
		assert_int_equal(event_count, survives ? 2 : 1);
		assert_int_equal(loss(MR_COUNT_GROWN_EVICTED), !survives);
	}
}

/* Nor are its old buckets the next one's, should that grow and its buckets lie there too. */
static void a_growth_of_another_map_is_another(void **state)
{
	(void)state;
	begin();
	MAP[OLD_BUCKETS] = 0x7000;
	at(0, &a, SITE_MOVE);
	at(10, &a, SITE_MOVE);
	current_tid = a.tid;
	enter_collected(&a);
	MAP[1] = 0x77ull << 32;
	at(20, &a, SITE_MOVE);
	assert_int_equal(part(&a, MAP)->id, START + 20000);
	assert_int_equal(part(&a, MAP)->steps, 1);
}

static void what_is_not_told_yet_is_told_before_the_place_is_used_anew(void **state)
{
	(void)state;
	begin();
	grow_with_two();
	at(40, &a, SITE_GROW);
	assert_int_equal(event_count, 3);
	assert_int_equal(event(2)->what, MR_GROWTH_PAID);
	assert_int_equal(event(2)->who.id, START);
	assert_int_equal(event(2)->who.steps, 1);
}

/* Each map has its place: going to and fro between two costs no event. */
static void two_maps_of_one_goroutine(void **state)
{
	int i;

	(void)state;
	begin();
	MAP[OLD_BUCKETS] = gomaps[1][OLD_BUCKETS] = 0x7000;
	for (i = 0; i < 10; i++) {
		now_ns = START + (__u64)i * 1000;
		op(&a, SITE_MOVE, MAP);
		op(&a, SITE_MOVE, gomaps[1]);
	}
	assert_int_equal(event_count, 0);
	assert_int_equal(part(&a, MAP)->steps, 10);
	assert_int_equal(part(&a, gomaps[1])->steps, 10);
}

/* The runtime uses the memory of a goroutine that has ended for the next one. */
static void another_goroutine_in_the_same_memory(void **state)
{
	(void)state;
	begin();
	MAP[OLD_BUCKETS] = 0x7000;
	at(0, &a, SITE_MOVE);
	at(1, &a, SITE_MOVE);
	a.g[2] = 777;
	at(2, &a, SITE_MOVE);
	assert_int_equal(event_count, 1);
	assert_int_equal(event(0)->who.access.goid, 101);
	assert_int_equal(event(0)->who.steps, 2);
	assert_int_equal(part(&a, MAP)->access.goid, 777);
	assert_int_equal(part(&a, MAP)->steps, 1);
	/* nor is its return that of the one before */
	at(10, &a, SITE_GROW);
	a.g[2] = 778;
	at(11, &a, SITE_GROWN);
	assert_int_equal(loss(MR_COUNT_GROWTH_UNPAIRED), 1);
}

static void a_growth_under_way_is_called_by_its_first_step(void **state)
{
	(void)state;
	begin();
	MAP[OLD_BUCKETS] = 0x7000;
	at(10, &a, SITE_MOVE);
	at(15, &b, SITE_MOVE);
	MAP[OLD_BUCKETS] = 0;
	at(16, &b, SITE_DELETE);
	assert_int_equal(event_count, 1);
	assert_int_equal(event(0)->what, MR_GROWTH_ENDED | MR_GROWTH_LATE);
	assert_int_equal(event(0)->who.id, START + 10000);
	assert_int_equal(part(&a, MAP)->id, START + 10000);
	assert_int_equal(part(&b, MAP)->id, START + 10000);
	assert_int_equal(part(&b, MAP)->flags, MR_GROWTH_LATE);
}

static void morestack_makes_no_second_growth(void **state)
{
	(void)state;
	begin();
	at(0, &a, SITE_GROW);
	at(1, &a, SITE_GROW);
	MAP[OLD_BUCKETS] = 0x7000;
	at(5, &a, SITE_GROWN);
	assert_int_equal(event_count, 1);
	assert_int_equal(event(0)->who.id, START);
	assert_int_equal(event(0)->who.busy_ns, 4000);
	assert_int_equal(loss(MR_COUNT_GROWTH_UNPAIRED), 0);
}

static void one_end_alone_is_counted(void **state)
{
	(void)state;
	begin();
	at(0, &a, SITE_GROWN);
	assert_int_equal(loss(MR_COUNT_GROWTH_UNPAIRED), 1);
	at(10, &a, SITE_GROW); /* its return is never seen */
	at(20000000, &a, SITE_GROW);
	assert_int_equal(loss(MR_COUNT_GROWTH_UNPAIRED), 2);
	assert_int_equal(event_count, 0);
}

/* While probes were away anything may have happened. */
static void nothing_is_paired_across_windows(void **state)
{
	(void)state;
	begin();
	at(0, &a, SITE_GROW);
	target1.epoch++;
	at(1, &a, SITE_GROWN); /* of another map, for all we know */
	assert_int_equal(loss(MR_COUNT_GROWTH_UNPAIRED), 1);
	assert_int_equal(event_count, 0);
	/* an end that nobody saw */
	MAP[OLD_BUCKETS] = 0x7000;
	at(10, &b, SITE_MOVE);
	target1.epoch++;
	MAP[OLD_BUCKETS] = 0;
	at(5000000, &b, SITE_WRITE);
	assert_int_equal(event_count, 0);
	/* an iteration whose end, and another one's begin, were not seen */
	iterate_at(6000000, &b, SITE_ITER_BEGIN);
	target1.epoch++;
	at(6000010, &a, SITE_GROW);
	iterate_at(6000020, &b, SITE_ITER);
	assert_int_equal(event_count, 0);
}

static void a_swiss_table_grows_at_one_go(void **state)
{
	__u64 table[2] = {0x02000000ull, 0};

	(void)state;
	begin();
	target1.map_old = 0;
	swiss_at(0, &a, table);
	assert_true(growth_under_way(TAGGED(MAP), now_ns));
	at(9, &a, SITE_GROWN);
	assert_int_equal(event_count, 1);
	assert_int_equal(event(0)->what, MR_GROWTH_BEGAN | MR_GROWTH_PAID | MR_GROWTH_ENDED);
	assert_int_equal(event(0)->who.map, TAGGED(MAP));
	assert_int_equal(event(0)->who.access.type, 0x600000);
	assert_memory_equal(event(0)->who.table, table, sizeof(table));
	assert_int_equal(event(0)->who.busy_ns, 9000);
	assert_int_equal(event(0)->who.steps, 1);
	assert_false(growth_under_way(TAGGED(MAP), now_ns));
}

static void an_iteration_that_goes_on_was_open(void **state)
{
	(void)state;
	begin();
	iterate_at(0, &b, SITE_ITER_BEGIN);
	iterate_at(1, &b, SITE_ITER);
	at(10, &a, SITE_GROW);
	MAP[OLD_BUCKETS] = 0x7000;
	at(11, &a, SITE_GROWN);
	iterate_at(20, &b, SITE_ITER);
	iterate_at(21, &b, SITE_ITER);
	assert_int_equal(event_count, 2);
	assert_int_equal(event(1)->what, MR_GROWTH_ITERATOR);
	assert_int_equal(event(1)->who.id, START + 10000);
	assert_int_equal(event(1)->since_ns, START);
	assert_int_equal(event(1)->who.access.goid, 102);
	/* they are operations like all others */
	assert_int_equal(hits_of(2, SITE_ITER), 3);
}

static void iterations_that_were_not_open(void **state)
{
	(void)state;
	begin();
	iterate_at(0, &b, SITE_ITER_BEGIN);
	at(10, &a, SITE_GROW);
	MAP[OLD_BUCKETS] = 0x7000;
	at(11, &a, SITE_GROWN);
	iterate_at(20, &b, SITE_ITER_BEGIN); /* another one in the same place, begun after it */
	iterate_at(21, &b, SITE_ITER);
	iterate_at(22, &a, SITE_ITER); /* another goroutine's, in a stack that was moved */
	iterator[3] = TAGGED(gomaps[1]);
	iterate_at(23, &b, SITE_ITER); /* of another map */
	assert_int_equal(event_count, 1);
}

static void a_collision_in_the_middle_is_marked(void **state)
{
	__u64 table[2] = {0x02000000ull, 0};

	(void)state;
	begin();
	target1.map_old = 0;
	every_pair = true;
	plant_hold(&b, SITE_WRITE, MAP);
	at(0, &a, SITE_READ);
	swiss_at(10, &b, table);
	at(20, &a, SITE_READ);
	at(30000000, &a, SITE_READ); /* its end was not seen */
	swiss_at(40000000, &b, table);
	target1.epoch++;
	at(40000001, &a, SITE_READ); /* nor may it have been here */
	assert_int_equal(event_count, 4);
	assert_int_equal(event_list[0]->growing, 0);
	assert_int_equal(event_list[1]->growing, 1);
	assert_int_equal(event_list[2]->growing, 0);
	assert_int_equal(event_list[3]->growing, 0);
}

static void what_cannot_be_read_or_told_is_counted(void **state)
{
	(void)state;
	begin();
	fault_addr = (uintptr_t)&MAP[OLD_BUCKETS];
	at(0, &a, SITE_MOVE);
	assert_int_equal(loss(MR_COUNT_HEADER_FAULT), 1);
	fault_addr = 0;
	ring_full = true;
	at(10, &a, SITE_GROW);
	MAP[OLD_BUCKETS] = 0x7000;
	at(11, &a, SITE_GROWN);
	assert_int_equal(loss(MR_COUNT_GROWTH_RING), 1);
	assert_int_equal(event_count, 0);
}

static void nobody_asked(void **state)
{
	(void)state;
	begin();
	cfg.growth = 0;
	iterate_at(0, &b, SITE_ITER_BEGIN);
	iterate_at(1, &b, SITE_ITER);
	assert_int_equal(iterator_slot(TAGGED(iterator))->it, 0);
	assert_int_equal(hits_of(2, SITE_ITER), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_classic_growth_has_a_begin_two_payers_and_an_end),
		cmocka_unit_test(a_dead_maps_growth_is_not_ended_by_the_next),
		cmocka_unit_test(a_growth_of_another_map_is_another),
		cmocka_unit_test(what_is_not_told_yet_is_told_before_the_place_is_used_anew),
		cmocka_unit_test(two_maps_of_one_goroutine),
		cmocka_unit_test(another_goroutine_in_the_same_memory),
		cmocka_unit_test(nothing_is_paired_across_windows),
		cmocka_unit_test(a_growth_under_way_is_called_by_its_first_step),
		cmocka_unit_test(morestack_makes_no_second_growth),
		cmocka_unit_test(one_end_alone_is_counted),
		cmocka_unit_test(a_swiss_table_grows_at_one_go),
		cmocka_unit_test(an_iteration_that_goes_on_was_open),
		cmocka_unit_test(iterations_that_were_not_open),
		cmocka_unit_test(a_collision_in_the_middle_is_marked),
		cmocka_unit_test(what_cannot_be_read_or_told_is_counted),
		cmocka_unit_test(nobody_asked),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
