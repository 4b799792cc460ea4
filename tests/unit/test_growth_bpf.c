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

#pragma clang diagnostic ignored "-Wmissing-prototypes"
#pragma clang diagnostic ignored "-Wunused-parameter"
#pragma clang diagnostic ignored "-Wunused-function"
#define MR_FROZEN volatile
#define __TARGET_ARCH_x86
#include "gomap.bpf.c"

#define TGID 4242
#define MAX_EVENTS 1000

#include "bpf_fake.h"
#include "engine_target.h"

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
	cfg.map_old = 24;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	memset(iterator, 0, sizeof(iterator));
	iterator[3] = (uintptr_t)MAP;
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
	r->regs.bx = (uintptr_t)MAP;
	r->regs.cx = (uintptr_t)iterator;
	r->regs.ax = (uintptr_t)iterator;
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
	r->regs.cx = (uintptr_t)MAP;
	current_cpu = r->cpu;
	current_tid = r->tid;
	maprace_op(&r->regs);
}

static const struct mr_event_growth *event(size_t i)
{
	assert_true(i < event_count);
	return (const struct mr_event_growth *)event_list[i];
}

static __u64 loss(enum mr_loss which)
{
	return cpus[1].loss[which] + cpus[2].loss[which];
}

/* a begins and moves one bucket, b moves the last one. */
static void grow_with_two(void)
{
	at(0, &a, SITE_GROW);
	MAP[OLD_BUCKETS] = 0x7000;
	at(5, &a, SITE_GROWN);
	at(10, &a, SITE_MOVE);
	at(12, &a, SITE_GROWN);
	at(20, &b, SITE_MOVE);
	at(23, &b, SITE_GROWN);
	at(30, &b, SITE_MOVE);
	MAP[OLD_BUCKETS] = 0;
	at(34, &b, SITE_GROWN);
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
	assert_int_equal(e->who.access.goid, 101);
	assert_int_equal(e->who.access.type, 0x600000);
	assert_int_equal(e->who.header_size, 48);
	assert_int_equal(e->who.header[0], 13);
	assert_int_equal(e->header_size, 48);
	e = event(1);
	assert_int_equal(e->what, MR_GROWTH_PAID | MR_GROWTH_ENDED);
	assert_int_equal(e->who.id, START);
	assert_int_equal(e->who.access.goid, 102);
	assert_int_equal(e->who.steps, 2);
	assert_int_equal(e->who.busy_ns, 7000);
	assert_int_equal(e->header.time_ns, START + 34000);
	assert_false(growth_under_way((uintptr_t)MAP));
	assert_int_equal(loss(MR_LOSS_GROWTH_UNPAIRED), 0);
	/* none of it is an operation: no record of the map was made */
	assert_int_equal(map_table[map_index((uintptr_t)MAP)].addr, 0);
	/* what a has done meanwhile waits in its place */
	assert_int_equal(grower_slot((uintptr_t)a.g)->steps, 2);
	assert_int_equal(grower_slot((uintptr_t)a.g)->busy_ns, 7000);
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
	assert_int_equal(event(2)->who.steps, 2);
}

static void a_growth_under_way_is_called_by_its_first_step(void **state)
{
	(void)state;
	begin();
	MAP[OLD_BUCKETS] = 0x7000;
	at(10, &a, SITE_MOVE);
	at(11, &a, SITE_GROWN);
	at(15, &b, SITE_MOVE);
	MAP[OLD_BUCKETS] = 0;
	at(16, &b, SITE_GROWN);
	assert_int_equal(event_count, 1);
	assert_int_equal(event(0)->what, MR_GROWTH_PAID | MR_GROWTH_ENDED | MR_GROWTH_LATE);
	assert_int_equal(event(0)->who.id, START + 10000);
	assert_int_equal(grower_slot((uintptr_t)a.g)->id, START + 10000);
}

static void morestack_makes_no_second_growth(void **state)
{
	(void)state;
	begin();
	at(0, &a, SITE_GROW);
	at(1, &a, SITE_GROW);
	MAP[OLD_BUCKETS] = 0x7000;
	at(5, &a, SITE_GROWN);
	at(10, &a, SITE_MOVE);
	at(11, &a, SITE_MOVE);
	at(12, &a, SITE_GROWN);
	assert_int_equal(event_count, 1);
	assert_int_equal(event(0)->who.id, START);
	assert_int_equal(grower_slot((uintptr_t)a.g)->steps, 2);
	assert_int_equal(grower_slot((uintptr_t)a.g)->busy_ns, 4000 + 1000);
	assert_int_equal(loss(MR_LOSS_GROWTH_UNPAIRED), 0);
}

static void one_end_alone_is_counted(void **state)
{
	(void)state;
	begin();
	at(0, &a, SITE_GROWN);
	assert_int_equal(loss(MR_LOSS_GROWTH_UNPAIRED), 1);
	at(10, &a, SITE_GROW); /* its return is never seen */
	at(20000000, &a, SITE_GROW);
	assert_int_equal(loss(MR_LOSS_GROWTH_UNPAIRED), 2);
	assert_int_equal(event_count, 0);
}

static void a_swiss_table_grows_at_one_go(void **state)
{
	__u64 table[2] = {0x02000000ull, 0};

	(void)state;
	begin();
	cfg.map_old = 0;
	swiss_at(0, &a, table);
	assert_true(growth_under_way((uintptr_t)MAP));
	at(9, &a, SITE_GROWN);
	assert_int_equal(event_count, 1);
	assert_int_equal(event(0)->what, MR_GROWTH_BEGAN | MR_GROWTH_PAID | MR_GROWTH_ENDED);
	assert_int_equal(event(0)->who.map, (uintptr_t)MAP);
	assert_int_equal(event(0)->who.access.type, 0x600000);
	assert_memory_equal(event(0)->who.table, table, sizeof(table));
	assert_int_equal(event(0)->who.busy_ns, 9000);
	assert_false(growth_under_way((uintptr_t)MAP));
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
	iterator[3] = (uintptr_t)gomaps[1];
	iterate_at(23, &b, SITE_ITER); /* of another map */
	assert_int_equal(event_count, 1);
}

static void a_collision_in_the_middle_is_marked(void **state)
{
	(void)state;
	begin();
	every_pair = true;
	plant_hold(&b, SITE_WRITE, MAP);
	at(0, &a, SITE_READ);
	at(10, &a, SITE_GROW);
	MAP[OLD_BUCKETS] = 0x7000;
	at(11, &a, SITE_GROWN);
	at(20, &a, SITE_READ);
	assert_int_equal(event_count, 3);
	assert_int_equal(event_list[0]->growing, 0);
	assert_int_equal(event_list[2]->growing, 1);
}

static void what_cannot_be_read_or_told_is_counted(void **state)
{
	(void)state;
	begin();
	fault_addr = (uintptr_t)&MAP[OLD_BUCKETS];
	at(0, &a, SITE_MOVE);
	assert_int_equal(loss(MR_LOSS_HEADER_FAULT), 1);
	fault_addr = 0;
	ring_full = true;
	at(10, &a, SITE_GROW);
	MAP[OLD_BUCKETS] = 0x7000;
	at(11, &a, SITE_GROWN);
	assert_int_equal(loss(MR_LOSS_GROWTH_RING), 1);
	assert_int_equal(event_count, 0);
}

static void nobody_asked(void **state)
{
	(void)state;
	begin();
	cfg.growth = 0;
	iterate_at(0, &b, SITE_ITER_BEGIN);
	iterate_at(1, &b, SITE_ITER);
	assert_int_equal(iterator_slot((uintptr_t)iterator)->it, 0);
	assert_int_equal(hits_of(2, SITE_ITER), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_classic_growth_has_a_begin_two_payers_and_an_end),
		cmocka_unit_test(what_is_not_told_yet_is_told_before_the_place_is_used_anew),
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
