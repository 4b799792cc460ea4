/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The BPF programs themselves, compiled as ordinary C: threads are CPUs, the test's own memory is
 * the target's. What is asked here is what a proof must survive: torn snapshots, shared slots,
 * one's own hold, faults in every read.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MAX_EVENTS 100000
#include "gomap_programs.h"

static void collision_is_reported_with_both_sides(void **state)
{
	struct goroutine a, b;
	struct mr_event_race *e;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(event_count, 1);
	e = event_list[0];
	assert_int_equal(e->evidence, MR_EVIDENCE_COLLISION);
	assert_int_equal(e->access[0].goid, 102);
	assert_int_equal(e->access[0].op, MR_OP_READ);
	assert_int_equal(e->access[0].tid, 1002);
	assert_int_equal(e->access[0].nframes, 4);
	assert_int_equal(e->access[0].pcs[0], 0x401000);
	assert_int_equal(e->access[0].pcs[1], 0x502000);
	assert_int_equal(e->access[0].pcs[2], 0x502001);
	assert_int_equal(e->access[0].pcs[3], 0x502002);
	assert_int_equal(e->access[0].flags, 0);
	assert_int_equal(e->access[1].goid, 101);
	assert_int_equal(e->access[1].op, MR_OP_WRITE);
	assert_int_equal(e->map, TAGGED(gomaps[0]));
	assert_int_equal(e->map_header_size, 48);
	assert_int_equal(cpus1[2].collisions, 1);
	assert_true(map_table[map_index(TAGGED(gomaps[0]))].flags & MR_MAP_RACY);
}

static void what_is_no_collision(void **state)
{
	struct goroutine a, b;
	struct mr_hold *h;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	/* two readers */
	h = plant_hold(&a, SITE_READ, gomaps[0]);
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(cpus1[2].read_meets_read, 1);
	/* one's own hold: nested calls, a prologue that runs twice */
	h->access.op = MR_OP_WRITE;
	op(&a, SITE_WRITE, gomaps[0]);
	/* the hold is over, only the record's mark is late */
	h->map = 0;
	op(&b, SITE_WRITE, gomaps[0]);
	/* another map in the same slot */
	h->map = TAGGED(gomaps[1]);
	op(&b, SITE_WRITE, gomaps[0]);
	/* the slot is being written */
	h->map = TAGGED(gomaps[0]);
	h->seq++;
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 0);
	assert_int_equal(cpus1[1].collisions + cpus1[2].collisions, 0);
}

static void other_processes_and_closed_gates_count_nothing(void **state)
{
	struct goroutine a, b;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	current_tgid = TGID + 1;
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus[2].counts[MR_COUNT_FOREIGN], 1);
	current_tgid = TGID;
	target1.gate = 0;
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 0);
	assert_int_equal(hits_of(2, SITE_WRITE), 0);
	target1.gate = TAG;
	cfg.pidns_ino = 77;
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(event_count, 1);
	cfg.pidns_ino = 78;
	op(&b, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus[2].counts[MR_COUNT_FOREIGN], 2);
}

static void operations_that_are_none(void **state)
{
	struct goroutine a, b;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	op(&a, SITE_WRITE, NULL);
	assert_int_equal(cpus1[1].nil_maps, 1);
	assert_int_equal(hits_of(1, SITE_WRITE), 0);
	/* a map on the goroutine's own stack is never held */
	op(&a, SITE_WRITE, &a.stack[40]);
	assert_int_equal(cpus1[1].stack_maps, 1);
	assert_int_equal(cpus1[1].holds, 0);
	/* the runtime itself, on g0: neither holds nor collides */
	b.g[2] = 0;
	op(&b, SITE_WRITE, gomaps[1]);
	assert_int_equal(cpus1[2].holds, 0);
	plant_hold(&a, SITE_WRITE, gomaps[2]);
	op(&b, SITE_WRITE, gomaps[2]);
	assert_int_equal(event_count, 0);
	assert_true(cpus1[2].counts[MR_COUNT_NO_GOID] >= 2);
	/* an address that is no site */
	a.regs.ip = 0x499999;
	current_cpu = 1;
	maprace_op(&a.regs);
	assert_int_equal(cpus1[1].counts[MR_COUNT_UNKNOWN_SITE], 1);
}

static struct mr_fastpath *busy;

static void another_thread_is_looked_at(void)
{
	busy->skip = 0;
	busy->step = 0;
}

/* Nor where another thread is let in on this CPU while one is about to pass. */
static void what_may_pass_does_not_wrap(void **state)
{
	struct goroutine a;
	int i;

	(void)state;
	goroutine_init(&a, 1);
	cfg.holds_enabled = 0;
	busy = fastpath_slot(1, TAGGED(gomaps[0]));
	for (i = 0; i < 1000 && busy->skip != 1; i++)
		op(&a, SITE_READ, gomaps[0]);
	assert_int_equal(busy->skip, 1);
	at_lookup = another_thread_is_looked_at;
	op(&a, SITE_READ, gomaps[0]);
	assert_null(at_lookup);
	assert_in_range(busy->skip, 0, POLICY_MAX_SKIP);
}

/* Others' are in the place that is its own. */
static void sites_may_be_some_places_further(void **state)
{
	__u32 own = mr_site_place(TGID, site_list[SITE_READ].ip), steps;
	struct goroutine b;

	(void)state;
	goroutine_init(&b, 2);
	for (steps = 0; steps <= MR_SITE_STEPS + 1; steps++) {
		memset(sites, 0, sizeof(sites));
		memset(cpus, 0, sizeof(cpus));
		sites[(own + steps) & (MR_SITES - 1)] = (struct mr_site){
			.site = site_list[SITE_READ], .tgid = TGID, .tag = TAG, .number = 7};
		op(&b, SITE_READ, gomaps[steps]);
		assert_int_equal(cpus1[2].hits[7], steps <= MR_SITE_STEPS);
		assert_int_equal(cpus1[2].counts[MR_COUNT_UNKNOWN_SITE], steps > MR_SITE_STEPS);
	}
}

static void every_fault_is_counted_and_reached(void **state)
{
	struct goroutine a, b;
	__u64 iter[4] = {0, 0, 0x600000, 0};
	struct {
		__u64 addr;
		enum mr_counter loss;
		bool event;
	} cases[] = {
		{(uintptr_t)&b.g[2], MR_COUNT_G_FAULT, false},	       /* goid */
		{(uintptr_t)&b.g[1], MR_COUNT_G_FAULT, false},	       /* end of the stack */
		{(uintptr_t)&b.g[3], MR_COUNT_G_FAULT, true},	       /* who made it */
		{(uintptr_t)&b.stack[8], MR_COUNT_STACK_BROKEN, true}, /* return address */
		{(uintptr_t)&b.stack[33], MR_COUNT_STACK_BROKEN, true},
		{(uintptr_t)gomaps[5], MR_COUNT_HEADER_FAULT, true},
	};
	size_t i, before;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_up(state);
		goroutine_init(&a, 1);
		goroutine_init(&b, 2);
		plant_hold(&a, SITE_WRITE, gomaps[5]);
		cfg.holds_enabled = 0;
		fault_addr = cases[i].addr;
		op(&b, SITE_READ, gomaps[5]);
		assert_true(fault_hits > 0); /* a fault that is never reached tests nothing */
		assert_true(cpus1[2].counts[cases[i].loss] > 0);
		assert_int_equal(event_count, cases[i].event);
	}
	set_up(state);
	fault_addr = (uintptr_t)&iter[3];
	a.regs.ip = site_list[SITE_ITER].ip;
	a.regs.ax = (uintptr_t)iter;
	current_cpu = 1;
	before = hits_of(1, SITE_ITER);
	maprace_op(&a.regs);
	assert_int_equal(cpus1[1].counts[MR_COUNT_ITER_FAULT], 1);
	assert_int_equal(hits_of(1, SITE_ITER), before);
}

static void a_full_ring_is_counted(void **state)
{
	struct goroutine a, b;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	ring_full = true;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(cpus1[2].counts[MR_COUNT_RING_FULL], 1);
	assert_int_equal(event_count, 0);
}

/* Who is woken in the middle of an operation takes the CPU from it: only a ring that fills up does.
 */
static void nobody_is_woken_but_by_a_ring_half_full(void **state)
{
	static const struct {
		__u64 used;
		unsigned int wakeups;
	} cases[] = {
		{0, 0}, {MR_RING_SIZE / 2 - 8, 0}, {MR_RING_SIZE / 2, 1}, {MR_RING_SIZE - 8, 2}};
	struct goroutine a, b;
	size_t i;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	every_pair = true;
	for (i = 0; i < 4; i++) {
		plant_hold(&a, SITE_WRITE, gomaps[0]);
		ring_used = cases[i].used;
		op(&b, SITE_READ, gomaps[0]);
		assert_int_equal(event_count, i + 1);
		assert_int_equal(wakeups, cases[i].wakeups);
	}
}

static void discarded_events_fill_the_ring_too(void **state)
{
	struct goroutine a, b;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	cfg.holds_enabled = 0;
	op(&b, SITE_READ, gomaps[0]);
	ring_used = MR_RING_SIZE / 2 - 8;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(wakeups, 0);
	ring_used = MR_RING_SIZE / 2;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(event_count, 1);
	assert_int_equal(wakeups, 1);
}

/* What the other goroutine was about is read while the process is there, which is not for long. */
static void a_fatal_error_wakes_at_once(void **state)
{
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	ring_used = 64;
	current_cpu = a.cpu;
	current_tid = a.tid;
	enter_fatal(&a);
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->header.kind, MR_EVENT_FATAL);
	assert_int_equal(wakeups, 1);
}

static void pairs_are_told_once_and_counted(void **state)
{
	struct goroutine a, b;
	int i;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	cfg.holds_enabled = 0;
	for (i = 0; i < 5; i++)
		op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(event_count, 1);
	assert_int_equal(pair_find(event_list[0]->pair)->count, 5);
}

static void hostile_stacks_end(void **state)
{
	struct goroutine a, b;
	int i;

	(void)state;
	goroutine_init(&a, 1);
	/* a frame that points to itself, backwards, outside, or nowhere */
	const __u64 links[] = {(uintptr_t)&b.stack[16], (uintptr_t)&b.stack[0],
			       (uintptr_t)(&b.stack[64]), 0x1234567, ~0ull - 7};

	for (i = 0; i < 5; i++) {
		set_up(state);
		goroutine_init(&b, 2);
		plant_hold(&a, SITE_WRITE, gomaps[0]);
		b.stack[16] = links[i];
		op(&b, SITE_READ, gomaps[0]);
		assert_int_equal(event_count, 1);
		assert_int_equal(event_list[0]->access[0].nframes, 3);
		assert_int_equal(event_list[0]->access[0].flags, MR_ACCESS_BROKEN);
		assert_int_equal(cpus1[2].counts[MR_COUNT_STACK_BROKEN] >= 1, 1);
	}
}

/* Two maps share a record: what is proved of one is not written down for the other. */
static void collision_is_noted_for_its_own_map(void **state)
{
	static __u64 many[1024][8];
	struct goroutine a, b;
	__u32 index;
	size_t i = 0;

	(void)state;
	cfg.map_mask = 15; /* that one is found whatever the addresses are */
	index = map_index(TAGGED(gomaps[0]));
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	while (i < 1023 && map_index(TAGGED(many[i])) != index)
		i++;
	cfg.holds_enabled = 0;
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	op(&b, SITE_WRITE, many[i]);
	assert_int_equal(map_table[index].addr, TAGGED(many[i]));
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(event_count, 1);
	assert_int_equal(map_table[index].addr, TAGGED(gomaps[0]));
	assert_int_equal(map_table[index].collisions, 1);
	assert_int_equal(map_table[index].flags & MR_MAP_RACY, MR_MAP_RACY);
}

static struct mr_map *taken;
static __u64 taken_by;

static void take_over(void)
{
	map_take_over(taken, taken_by, bpf_ktime_get_ns(), &cpus1[3]);
}

/* ... nor when the other one comes while the event is being made. */
static void a_record_that_is_taken_over_proves_nothing(void **state)
{
	__u32 index = map_index(TAGGED(gomaps[0]));
	struct goroutine a, b;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	cfg.holds_enabled = 0;
	plant_hold(&a, SITE_WRITE, gomaps[0]);
	taken = &map_table[index];
	taken_by = TAGGED(gomaps[1]);
	at_reserve = take_over;
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(event_count, 1);
	assert_int_equal(event_list[0]->map, TAGGED(gomaps[0]));
	assert_int_equal(map_table[index].addr, TAGGED(gomaps[1]));
	assert_int_equal(map_table[index].collisions, 0);
	assert_int_equal(map_table[index].flags & MR_MAP_RACY, 0);
}

/* What is written behind the newcomer's back does not fit it, and does not last. */
static void a_mark_is_its_own_maps_alone(void **state)
{
	struct mr_map *m = &map_table[map_index(TAGGED(gomaps[0]))];
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	target1.hold_ppm = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	m->proved = TAGGED(gomaps[1]);
	m->collisions = 1;
	m->flags |= MR_MAP_RACY;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(m->flags & MR_MAP_RACY, 0);
	assert_int_equal(cpus1[1].racy, 0);
	assert_false(mr_map_proved(m, TAGGED(gomaps[0])));
}

/* --- many threads at once
 * ---------------------------------------------------------------------------------------- */

#define WORKERS 4
static struct goroutine workers[WORKERS];
static pthread_mutex_t map_locks[64];
static atomic_bool stop_workers;
static bool with_locks;

static void *work(void *arg)
{
	struct goroutine *r = arg;
	unsigned int seed = r->tid, n;

	while (!atomic_load(&stop_workers)) {
		n = (unsigned int)rand_r(&seed);
		if (with_locks)
			pthread_mutex_lock(&map_locks[n % 3]);
		op(r, n / 8 % 2 ? SITE_READ : SITE_WRITE, gomaps[n % 3]);
		if (with_locks)
			pthread_mutex_unlock(&map_locks[n % 3]);
	}
	return NULL;
}

static bool many_collisions(void)
{
	return event_count > 100;
}

static bool many_holds(void)
{
	__u64 holds_done = 0;
	size_t i;

	for (i = 0; i < WORKERS; i++)
		holds_done += *(volatile __u64 *)&cpus1[i].holds;
	return holds_done > 100;
}

/* Lets them run until there is enough to look at, for a second at least; a busy machine takes long.
 */
static void run_workers(bool (*enough)(void))
{
	struct timespec ts = {.tv_nsec = 10000000};
	int rounds = 0;
	pthread_t threads[WORKERS];
	__u32 i;

	atomic_store(&stop_workers, false);
	for (i = 0; i < 64; i++)
		pthread_mutex_init(&map_locks[i], NULL);
	for (i = 0; i < WORKERS; i++)
		goroutine_init(&workers[i], i);
	for (i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	while (rounds++ < 100 || (!enough() && rounds < 6000))
		nanosleep(&ts, NULL);
	atomic_store(&stop_workers, true);
	for (i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
}

static void check_side(const struct mr_access *a)
{
	__u64 number = a->goid - 100;

	assert_true(number < WORKERS);
	assert_ptr_equal((void *)(uintptr_t)mr_addr(a->g), workers[number].g);
	assert_int_equal(a->tid, number + 1000);
	assert_int_equal(a->cpu, number);
	assert_int_equal(a->nframes, 4);
	assert_int_equal(a->pcs[0], a->op == MR_OP_READ ? 0x401000 : 0x402008);
	assert_int_equal(a->pcs[1], 0x500000 + number * 0x1000);
	assert_int_equal(a->pcs[3], 0x500000 + number * 0x1000 + 2);
}

static void concurrent_snapshots_are_whole(void **state)
{
	size_t i;

	(void)state;
	every_pair = true;
	cfg.max_hold_ns = 30000; /* short, so that many end while they are read */
	with_locks = false;
	run_workers(many_collisions);
	assert_true(event_count > 20);
	for (i = 0; i < event_count; i++) {
		const struct mr_event_race *e = event_list[i];

		check_side(&e->access[0]);
		check_side(&e->access[1]);
		assert_int_not_equal(e->access[0].goid, e->access[1].goid);
		assert_true(mr_op_writes(e->access[0].op) || mr_op_writes(e->access[1].op));
	}
}

static void locked_workers_never_collide(void **state)
{
	(void)state;
	every_pair = true;
	cfg.max_hold_ns = 30000;
	with_locks = true;
	run_workers(many_holds);
	assert_true(many_holds());
	assert_int_equal(event_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(collision_is_reported_with_both_sides),
		TEST(what_is_no_collision),
		TEST(other_processes_and_closed_gates_count_nothing),
		TEST(operations_that_are_none),
		TEST(what_may_pass_does_not_wrap),
		TEST(sites_may_be_some_places_further),
		TEST(every_fault_is_counted_and_reached),
		TEST(a_full_ring_is_counted),
		TEST(nobody_is_woken_but_by_a_ring_half_full),
		TEST(discarded_events_fill_the_ring_too),
		TEST(a_fatal_error_wakes_at_once),
		TEST(pairs_are_told_once_and_counted),
		TEST(hostile_stacks_end),
		TEST(collision_is_noted_for_its_own_map),
		TEST(a_record_that_is_taken_over_proves_nothing),
		TEST(a_mark_is_its_own_maps_alone),
		TEST(concurrent_snapshots_are_whole),
		TEST(locked_workers_never_collide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
