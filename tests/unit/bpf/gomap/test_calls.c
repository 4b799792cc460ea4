/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Holds at the instruction that calls a map function, and the runtime's requests to stop. Compiled
 * as test_engine does. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gomap_programs.h"

#define STACK_PREEMPT 0xfffffffffffffadeull /* Go src/runtime/stack.go */

static __u32 write_slot(void)
{
	return SITE_WRITE;
}

static void probe_call(const struct goroutine *r)
{
	__u64 ip = r->stack[8] - REG_CALL_LEN;

	call_sites[mr_call_slot(TGID, ip)] =
		(struct mr_call){.ip = ip, .tgid = TGID, .tag = TAG, .slot = (__u8)write_slot()};
}

/* The call in front of the write: nothing of it is on the stack yet. */
static void call_write(struct goroutine *r, void *map)
{
	r->regs.ip = r->stack[8] - REG_CALL_LEN;
	r->regs.sp = (uintptr_t)&r->stack[9];
	r->regs.bx = TAGGED(map);
	r->regs.ax = 0x600000;
	current_cpu = r->cpu;
	current_tid = r->tid;
	maprace_call(&r->regs);
	r->regs.sp = (uintptr_t)&r->stack[8];
}

/* Makes the map one that matters, without a hold. */
static void introduce(struct goroutine *a, struct goroutine *b)
{
	cfg.holds_enabled = 0;
	op(a, SITE_WRITE, gomaps[0]);
	op(b, SITE_WRITE, gomaps[0]);
	cfg.holds_enabled = 1;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	map_table[map_index(TAGGED(gomaps[0]))].next_look_ns = 0;
}

static void a_writer_is_held_shortly_and_its_call_asked_for(void **state)
{
	struct goroutine a, b;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	introduce(&a, &b);
	cfg.bare_hold_ns = 50000;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 1);
	assert_true(hold_table[map_index(TAGGED(gomaps[0])) & (MR_HOLD_SLOTS - 1)].seq);
	assert_true(cpus1[1].hold_ns >= 50000);
	assert_int_equal(call_count, 1);
	assert_int_equal(call_list[0].ret, a.stack[8]);
	assert_int_equal(call_list[0].slot, write_slot());
	/* once is enough */
	memset(fastpath_table, 0, sizeof(fastpath_table));
	map_table[map_index(TAGGED(gomaps[0]))].next_look_ns = 0;
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(call_count, 1);
	/* a reader leaves no flag behind when it is stopped inside */
	op(&b, SITE_READ, gomaps[0]);
	assert_int_equal(call_count, 1);
}

static struct goroutine *visitor;

static void visit(void)
{
	if (visitor && hold_table[map_index(TAGGED(gomaps[0])) & (MR_HOLD_SLOTS - 1)].map) {
		struct goroutine *v = visitor;

		visitor = NULL;
		op(v, SITE_WRITE, gomaps[0]);
		current_cpu = 1;
		current_tid = 1001;
	}
}

static __u64 visited_clock(void)
{
	static __u64 now = 1000000000;

	visit();
	return now += 100;
}

static void a_hold_at_the_call_tells_what_one_behind_it_would(void **state)
{
	struct goroutine a, b;
	struct mr_event_race *e;

	(void)state;
	simulated_clock = visited_clock;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	introduce(&a, &b);
	probe_call(&a);
	visitor = &b;
	call_write(&a, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 1);
	assert_int_equal(cpus1[1].calls[write_slot()], 1);
	assert_int_equal(event_count, 1);
	e = event_list[0];
	assert_int_equal(e->evidence, MR_EVIDENCE_COLLISION);
	assert_int_equal(e->access[1].goid, 101);
	assert_int_equal(e->access[1].op, MR_OP_WRITE);
	assert_int_equal(e->access[1].nframes, 4);
	assert_int_equal(e->access[1].pcs[0], site_list[SITE_WRITE].ip);
	assert_int_equal(e->access[1].pcs[1], a.stack[8]);
	assert_int_equal(e->access[1].pcs[2], a.stack[17]);
	assert_int_equal(e->access[1].pcs[3], a.stack[33]);
	/* behind it nobody is held a second time, nor asked for again */
	memset(fastpath_table, 0, sizeof(fastpath_table));
	map_table[map_index(TAGGED(gomaps[0]))].next_look_ns = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 1);
	assert_int_equal(call_count, 1);
	assert_int_equal(call_list[0].ret, b.stack[8]); /* the other's, which has no such probe */
	simulated_clock = NULL;
}

static struct goroutine *to_stop;

static __u64 stopping_clock(void)
{
	static __u64 now = 1000000000;

	if (to_stop && hold_table[map_index(TAGGED(gomaps[0])) & (MR_HOLD_SLOTS - 1)].map)
		to_stop->g[2] = STACK_PREEMPT;
	return now += 100;
}

static void a_hold_ends_when_its_goroutine_is_to_stop(void **state)
{
	struct goroutine a, b;
	__u64 before;
	int at_call;

	for (at_call = 0; at_call < 2; at_call++) {
		set_up(state);
		simulated_clock = stopping_clock;
		goroutine_init(&a, 1);
		goroutine_init(&b, 2);
		introduce(&a, &b);
		cfg.max_hold_ns = 10000000;
		target1.g_goid = 32; /* [2], behind the bounds of the stack, is the guard here */
		a.g[4] = 7;
		to_stop = &a;
		before = bpf_ktime_get_ns();
		probe_call(&a);
		if (at_call)
			call_write(&a, gomaps[0]);
		else
			op(&a, SITE_READ, gomaps[0]);
		assert_int_equal(cpus1[1].holds, 1);
		assert_int_equal(cpus1[1].counts[MR_COUNT_HOLD_CUT], 1);
		assert_true(bpf_ktime_get_ns() - before < cfg.max_hold_ns / 10);
		to_stop = NULL;
		simulated_clock = NULL;
	}
}

/* Its stack check fails: it comes again, and what waits then waits where it can be stopped. */
static void who_leaves_is_not_kept(void **state)
{
	struct goroutine a, b;
	struct mr_probe_site *s;

	(void)state;
	s = site_of(SITE_WRITE);
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	introduce(&a, &b);
	s->jump = 1;
	a.regs.flags = 0x41;
	gomaps[0][1] = 4; /* somebody is inside */
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].holds, 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_KEPT_APART], 0);
	a.regs.flags = 0;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	map_table[map_index(TAGGED(gomaps[0]))].next_look_ns = 0;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(cpus1[1].counts[MR_COUNT_KEPT_APART], 1);
	assert_true(cpus1[1].hold_ns > 1000000); /* it is not let run into the other one */
}

/* A helper that many maps pass: one that was not known at its call is held behind it. */
static void a_map_that_is_new_is_held_all_the_same(void **state)
{
	struct goroutine a, b;
	size_t i;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	introduce(&a, &b);
	probe_call(&a);
	cfg.bare_hold_ns = 50000;
	cfg.max_hold_ns = 100000;
	call_write(&a, gomaps[0]);
	for (i = 0; i < sizeof(caller_table) / sizeof(caller_table[0]); i++)
		caller_table[i].next_ns = 0;
	cpus1[1].holds = 0;
	call_write(&a, gomaps[1]);
	assert_int_equal(cpus1[1].holds, 0);
	cpus1[1].tokens_ns = cfg.burst_ns;
	op(&a, SITE_WRITE, gomaps[1]);
	assert_int_equal(cpus1[1].holds, 1);
}

/* Likewise one that lies where another one was collected, as is found at its call. */
static void one_reborn_at_its_call_is_held(void **state)
{
	struct goroutine a;

	(void)state;
	goroutine_init(&a, 1);
	probe_call(&a);
	cfg.bare_hold_ns = 50000;
	cfg.max_hold_ns = 100000;
	gomaps[1][1] = 0x11ull << 32;
	cfg.holds_enabled = 0;
	op(&a, SITE_WRITE, gomaps[1]);
	op(&a, SITE_WRITE, gomaps[0]);
	call_write(&a, gomaps[0]); /* other maps pass there */
	cfg.holds_enabled = 1;
	enter_collected(&a);
	gomaps[1][1] = 0x22ull << 32;
	call_write(&a, gomaps[1]);
	op(&a, SITE_WRITE, gomaps[1]);
	assert_int_equal(cpus1[1].counts[MR_COUNT_MAP_REBORN], 1);
	assert_int_equal(cpus1[1].holds, 1);
}

static __u64 clock_ns;

static __u64 the_clock(void)
{
	return clock_ns += 100;
}

/* Each sleeps for 5 ms after its write: in step after the first collision, for ever after. */
static void two_in_step_are_brought_out_of_it(void **state)
{
	__u32 index = map_index(TAGGED(gomaps[0]));
	struct goroutine a, b;
	__u64 left = 0;
	int i;

	(void)state;
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	b.stack[8] = a.stack[8]; /* from one line */
	target1.g_goid = 32;	 /* [2], behind the bounds of the stack, is the guard here */
	a.g[4] = b.g[4] = 7;
	introduce(&a, &b);
	map_prove(map_index(TAGGED(gomaps[0])), TAGGED(gomaps[0]));
	map_table[index].flags |= MR_MAP_RACY;
	probe_call(&a);
	simulated_clock = the_clock;
	clock_ns = bpf_ktime_get_ns() + 1000000000;
	target1.hold_ppm = 0;
	for (i = 0; i < 2; i++) {
		clock_ns += 5000000;
		cpus1[1].tokens_ns = cpus1[2].tokens_ns = cfg.burst_ns;
		cpus1[1].refilled_ns = cpus1[2].refilled_ns = clock_ns;
		call_write(&a, gomaps[0]);
		op(&a, SITE_WRITE, gomaps[0]);
		left = clock_ns;
		call_write(&b, gomaps[0]);
		if (!i)
			op(&b, SITE_WRITE, gomaps[0]);
	}
	assert_in_range(clock_ns - left, 500000, 1000000);
	simulated_clock = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_writer_is_held_shortly_and_its_call_asked_for),
		TEST(a_hold_at_the_call_tells_what_one_behind_it_would),
		TEST(a_hold_ends_when_its_goroutine_is_to_stop),
		TEST(who_leaves_is_not_kept),
		TEST(a_map_that_is_new_is_held_all_the_same),
		TEST(one_reborn_at_its_call_is_held),
		TEST(two_in_step_are_brought_out_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
