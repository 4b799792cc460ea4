/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The programs that find lost updates, compiled as ordinary C, with every order of steps that the
 * kernel may take them in: what is lost must be found, and what is not must never be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpfmap_fake.h"

static void test_lost(void **state)
{
	__u64 was;

	(void)state;
	write_now(one, 5, BPF_ANY);
	was = read_now(one);
	write_now(two, read_now(two) + 1, BPF_ANY);
	write_now(one, was + 1, BPF_ANY);
	assert_int_equal(events_n, 1);
	assert_int_equal(events[0].finding, MR_BPF_LOST_UPDATE);
	assert_int_equal(events[0].writer.tid, 100);
	assert_int_equal(events[0].other.tid, 200);
	assert_int_equal(events[0].lost, 1);
	assert_true(events[0].read_ns < events[0].other_ns);
	assert_true(events[0].other_ns < events[0].write_ns);
	assert_int_equal(events[0].key[0], 7);
	assert_int_equal(events[0].value[0], 6);
	assert_int_equal(the_rows[5].conflicts, 1);
}

/* Whether the loss hangs on the other one's having read is told: it does when both were inside. */
static void test_both_read(void **state)
{
	struct write inner, outer;
	__u64 was;

	(void)state;
	write_now(three, 5, BPF_ANY);
	was = read_now(one);
	write_now(two, read_now(two) + 1, BPF_ANY);
	write_now(one, was + 1, BPF_ANY);
	assert_int_equal(events_n, 1);
	assert_int_equal(events[0].flags, 0);

	reset();
	write_now(three, 5, BPF_ANY);
	was = read_now(one);
	write_enter(&inner, two, read_now(two) + 1, BPF_ANY);
	write_enter(&outer, one, was + 1000, BPF_ANY);
	write_land(&inner);
	write_leave(&inner, 0);
	write_land(&outer);
	write_leave(&outer, 0);
	assert_int_equal(lost_updates(), 1);
	/* the last; that the two updates overlapped is told as well */
	assert_int_equal(events[events_n - 1].finding, MR_BPF_LOST_UPDATE);
	assert_int_equal(events[events_n - 1].writer.tid, 100);
	assert_int_equal(events[events_n - 1].other.tid, 200);
	assert_int_equal(events[events_n - 1].flags, MR_BPF_BOTH_READ);
	assert_int_equal(events[0].finding, MR_BPF_CONCURRENT_WRITE);
	assert_int_equal(events[0].flags, 0);
}

static void test_in_turn(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		write_now(one, read_now(one) + 1, BPF_ANY);
		write_now(counter, read_now(counter) + 1, BPF_ANY);
		write_now(two, read_now(two) + 1, BPF_ANY);
	}
	assert_int_equal(events_n, 0);
	assert_int_equal(element.value, 60);
}

/* A read long before, a write that was not made of it. */
static void test_window(void **state)
{
	(void)state;
	read_now(one);
	write_now(two, 8, BPF_ANY);
	now_ns += bcfg.window_ns;
	write_now(one, 9, BPF_ANY);
	assert_int_equal(events_n, 0);
	assert_int_equal(the_cpus[0].counts[MR_BPF_COUNT_READ_EXPIRED], 1);
}

/* Nobody has read before writing: the last one wins, and that is what they want. */
static void test_blind(void **state)
{
	(void)state;
	write_now(one, 1, BPF_ANY);
	write_now(two, 2, BPF_ANY);
	write_now(one, 3, BPF_ANY);
	assert_int_equal(events_n, 0);
}

/* Two resets overlap, the earlier one comes last. A third reads that and goes on from it. */
static void test_blind_overlap(void **state)
{
	struct write a;

	(void)state;
	write_now(three, 9, BPF_ANY);
	write_enter(&a, one, 1, BPF_ANY);
	write_now(two, 2, BPF_ANY);
	write_land(&a);
	write_leave(&a, 0);
	write_now(three, read_now(three) + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 0);
	assert_int_equal(element.value, 2);
}

/* A reset that is under way when a counter writes back: it may come last, and then nothing is lost.
 */
static void test_blind_undecided(void **state)
{
	struct write reset_, add;
	__u64 was;

	(void)state;
	write_now(three, 9, BPF_ANY);
	was = read_now(one);
	write_enter(&reset_, two, 0, BPF_ANY);
	write_enter(&add, one, was + 1, BPF_ANY);
	write_land(&add);
	write_land(&reset_);
	write_leave(&add, 0);
	write_leave(&reset_, 0);
	assert_int_equal(lost_updates(), 0);
	assert_int_equal(the_cpus[0].counts[MR_BPF_COUNT_UNDECIDED], 1);
}

/* A reset that is over is overwritten by one who did not see it. */
static void test_blind_lost(void **state)
{
	__u64 was;

	(void)state;
	write_now(three, 9, BPF_ANY);
	was = read_now(one);
	write_now(two, 0, BPF_ANY);
	write_now(one, was + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 1);
	assert_int_equal(events[0].other.tid, 200);
}

/* Both have read the same, both are inside: one of them is lost, unless the other one fails. Not
 * told of before the two have been met in an order that is certain; then all of it is counted. */
static void test_both_inside(void **state)
{
	struct write a, b;
	__u64 was;
	int i;

	(void)state;
	write_now(three, 5, BPF_ANY);
	for (i = 0; i < 2; i++) {
		read_now(one);
		read_now(two);
		write_enter(&a, one, 6, BPF_ANY);
		write_enter(&b, two, 7, BPF_ANY);
		write_land(&b);
		write_leave(&b, 0);
		write_land(&a);
		write_leave(&a, 0);
		assert_int_equal(lost_updates(), i);
		assert_int_equal(lost_in_all(),
				 i ? 3 : 1); /* the second time, one was lost in between */
		/* the one who reads what came last has lost nothing */
		write_now(three, read_now(three) + 1, BPF_ANY);
		assert_int_equal(lost_updates(), i);
		if (i)
			break;
		was = read_now(two);
		write_now(one, read_now(one) + 1, BPF_ANY);
		write_now(two, was + 1, BPF_ANY);
		assert_int_equal(lost_updates(), 1);
	}
}

/* Stores in place go unseen; they may bring back a value that somebody wrote long ago. */
static void test_in_place(void **state)
{
	(void)state;
	write_now(one, 0, BPF_ANY);
	write_now(two, 5, BPF_ANY);
	element.value = 0;
	write_now(three, read_now(three) + 1, BPF_ANY);
	assert_int_equal(events_n, 0);
	/* and any other value */
	element.value = 77;
	write_now(one, read_now(one) + 1, BPF_ANY);
	assert_int_equal(events_n, 0);
}

/* A claim is known when its call is over; who reads what it claimed before that is not stale. */
static void test_claim(void **state)
{
	struct write claim;
	__u64 was;

	(void)state;
	write_now(one, 3, BPF_ANY);
	delete_now(one);
	write_enter(&claim, one, 40, BPF_NOEXIST);
	write_land(&claim);
	was = read_now(two);
	write_leave(&claim, 0);
	write_now(two, was + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 0);
	/* refused claims write nothing */
	was = read_now(two);
	write_enter(&claim, one, 41, BPF_NOEXIST);
	write_leave(&claim, -17);
	write_now(two, was + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 0);
}

/* An update that the kernel refuses changes nothing. */
static void test_failed(void **state)
{
	struct write full, b;
	__u64 was;

	(void)state;
	was = read_now(one);
	read_now(two);
	write_enter(&full, two, 8, BPF_ANY);
	write_leave(&full, -12);
	write_now(one, was + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 0);
	/* also when it is still under way as the other enters */
	was = read_now(one);
	read_now(two);
	write_enter(&full, two, 9, BPF_ANY);
	write_enter(&b, one, was + 1, BPF_ANY);
	write_leave(&full, -12);
	write_land(&b);
	write_leave(&b, 0);
	assert_int_equal(lost_updates(), 0);
	/* and our own */
	was = read_now(one);
	write_now(two, read_now(two) + 1, BPF_ANY);
	write_enter(&full, one, was + 1, BPF_ANY);
	write_leave(&full, -12);
	assert_int_equal(lost_updates(), 0);
}

/* Somebody deletes in between: to write back brings it to life again. */
static void test_deleted(void **state)
{
	__u64 was;

	(void)state;
	write_now(two, 5, BPF_ANY);
	was = read_now(one);
	delete_now(two);
	write_now(one, was + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 1);
	assert_int_equal(events[0].other_digest, MR_BPF_ABSENT);
	/* gone and made anew with what was there: nothing is lost */
	was = read_now(one);
	delete_now(two);
	write_now(two, was, BPF_ANY);
	write_now(one, was + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 1);
}

/* Deletions and BPF_EXIST updates are versions when they end. Somebody may go on from them before. */
static void test_overtaken(void **state)
{
	struct write w;
	__u64 key = 7, was, enter[2] = {(__u64)&the_map, (__u64)&key};
	__u64 leave[3] = {(__u64)&the_map, (__u64)&key, 0};

	(void)state;
	write_now(three, 5, BPF_ANY);
	was = read_now(one);
	write_enter(&w, one, was + 1, BPF_EXIST);
	write_land(&w);
	write_now(two, read_now(two) + 1, BPF_ANY);
	write_leave(&w, 0);
	write_now(three, read_now(three) + 1, BPF_ANY);
	assert_int_equal(element.value, 8);
	assert_int_equal(lost_updates(), 0);
	/* the same with a deletion */
	read_now(one);
	be(one);
	enter_htab_map_delete_elem(enter);
	present = false;
	read_now(two);
	write_now(two, 1, BPF_ANY);
	be(one);
	leave_htab_map_delete_elem(leave);
	write_now(three, read_now(three) + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 0);
	/* but a deletion that was made of something old is one */
	read_now(one);
	write_now(two, read_now(two) + 1, BPF_ANY);
	delete_now(one);
	assert_int_equal(lost_updates(), 1);
}

/* An unknown program may be anybody, also the reader itself. */
static void test_unknown_program(void **state)
{
	__u64 was;

	(void)state;
	write_now(two, 5, BPF_ANY);
	was = read_now(counter);
	unknown_code = 0x500000000ull;
	write_now(counter, was + 1, BPF_ANY);
	unknown_code = 0;
	write_now(counter, 9, BPF_ANY);
	assert_int_equal(events_n, 0);
	assert_true(the_cpus[3].counts[MR_BPF_COUNT_PROGRAM_UNKNOWN] > 0);
}

/* A stack that does not tell who calls. */
static void test_unclear_stack(void **state)
{
	struct write w = {.key = 7, .value = 6};
	__u64 ctx[5] = {(__u64)&the_map, (__u64)&w.key, (__u64)&w.value, 0, 0};
	__u64 was;

	(void)state;
	write_now(two, 5, BPF_ANY);
	was = read_now(one);
	be(two);
	now_frames = 1;
	enter_htab_map_update_elem(ctx);
	write_land(&w);
	leave_htab_map_update_elem(ctx);
	assert_int_equal(the_cpus[1].counts[MR_BPF_COUNT_STACK_FAULT], 1);
	assert_int_equal(the_cpus[1].counts[MR_BPF_COUNT_EXIT_UNMATCHED], 0);
	write_now(one, was + 1, BPF_ANY);
	assert_int_equal(events_n, 0);
}

/* What reads or deletes many keys at once makes earlier reads worthless. */
static void test_unseen(void **state)
{
	__u64 ctx[1] = {(__u64)&the_map};

	(void)state;
	read_now(one);
	write_now(two, 8, BPF_ANY);
	unseen___htab_map_lookup_and_delete_batch(ctx);
	write_now(one, 9, BPF_ANY);
	assert_int_equal(events_n, 0);
}

/* A read of which only the beginning was seen: the one before it says nothing of the write. */
static void test_half_read(void **state)
{
	__u64 key = 7, copy = 0;
	__u64 ctx[4] = {(__u64)&the_map, (__u64)&key, (__u64)&copy, 0};

	(void)state;
	read_now(one);
	write_now(two, 8, BPF_ANY);
	be(one);
	enter_bpf_map_copy_value(ctx);
	write_now(one, 9, BPF_ANY);
	assert_int_equal(events_n, 0);
}

/* Two runs of one program on one CPU cannot overlap, but the one may read what the other left. */
static void test_one_cpu(void **state)
{
	struct actor elsewhere = counter;

	(void)state;
	elsewhere.tid = 77;
	read_now(counter);
	write_now(two, 8, BPF_ANY);
	write_now(elsewhere, 1, BPF_ANY); /* another run: it has read nothing */
	assert_int_equal(events_n, 0);
}

static void test_overlap(void **state)
{
	struct write a, b;

	(void)state;
	write_enter(&a, one, 1, BPF_ANY);
	write_enter(&b, two, 2, BPF_ANY);
	write_land(&a);
	write_land(&b);
	write_leave(&b, 0);
	assert_int_equal(events_n, 0);
	write_leave(&a, 0);
	assert_int_equal(events_n, 1);
	assert_int_equal(events[0].finding, MR_BPF_CONCURRENT_WRITE);
	assert_int_equal(events[0].writer.tid, 100);
	assert_int_equal(events[0].other.tid, 200);
	assert_true(events[0].write_ns < events[0].other_ns);
	/* under the value's lock there is an order */
	write_enter(&a, one, 3, BPF_F_LOCK);
	write_enter(&b, two, 4, BPF_F_LOCK);
	write_leave(&a, 0);
	write_leave(&b, 0);
	/* one after the other */
	write_now(one, 5, BPF_ANY);
	write_now(two, 6, BPF_ANY);
	/* an exit that was never seen: nobody knows whether it was still inside */
	write_enter(&a, one, 7, BPF_ANY);
	write_now(two, 8, BPF_ANY);
	assert_int_equal(events_n, 1);
	assert_int_equal(the_findings[events[0].tag & (MR_BPF_FINDINGS - MR_BPF_WAYS)].count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lost, fresh),
		cmocka_unit_test_setup(test_both_read, fresh),
		cmocka_unit_test_setup(test_in_turn, fresh),
		cmocka_unit_test_setup(test_window, fresh),
		cmocka_unit_test_setup(test_blind, fresh),
		cmocka_unit_test_setup(test_blind_overlap, fresh),
		cmocka_unit_test_setup(test_blind_undecided, fresh),
		cmocka_unit_test_setup(test_blind_lost, fresh),
		cmocka_unit_test_setup(test_both_inside, fresh),
		cmocka_unit_test_setup(test_in_place, fresh),
		cmocka_unit_test_setup(test_claim, fresh),
		cmocka_unit_test_setup(test_failed, fresh),
		cmocka_unit_test_setup(test_deleted, fresh),
		cmocka_unit_test_setup(test_overtaken, fresh),
		cmocka_unit_test_setup(test_unknown_program, fresh),
		cmocka_unit_test_setup(test_unclear_stack, fresh),
		cmocka_unit_test_setup(test_unseen, fresh),
		cmocka_unit_test_setup(test_half_read, fresh),
		cmocka_unit_test_setup(test_one_cpu, fresh),
		cmocka_unit_test_setup(test_overlap, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
