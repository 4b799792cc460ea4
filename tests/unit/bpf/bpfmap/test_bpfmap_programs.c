/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The programs that find lost updates, compiled as ordinary C: what BPF programs lose, who look at
 * a value after ours did, and some of whose look-ups the kernel hides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpfmap_fake.h"

static void test_lost_by_program(void **state)
{
	__u64 was;

	(void)state;
	was = read_now(one);
	write_now(counter, read_now(counter) + 1, BPF_ANY);
	write_now(counter, read_now(counter) + 1, BPF_ANY);
	write_now(one, was + 1, BPF_ANY);
	assert_int_equal(events_n, 1);
	assert_int_equal(events[0].other.kind, MR_BPF_PROGRAM);
	assert_int_equal(events[0].other.prog_id, 3);
	assert_int_equal(events[0].lost, 2);
	/* and the other way round: two programs */
	was = read_now(counter);
	write_now(second_counter, read_now(second_counter) + 1, BPF_ANY);
	write_now(counter, was + 1, BPF_ANY);
	assert_int_equal(events_n, 2);
	assert_int_equal(events[1].writer.prog_id, 3);
	assert_int_equal(events[1].other.prog_id, 4);
}

/* Who has read is overtaken before it writes. */
static void read_and_overtaken(struct actor a)
{
	read_now(a);
	write_now(one, read_now(one) + 1, BPF_ANY);
}

/* The element that a program has found may be in use for the same key again by the time that the
 * program looks at it, when two have written since; with the lock it changes itself. */
static void test_the_element_of_a_program(void **state)
{
	struct write early;
	__u64 was;

	(void)state;
	write_now(one, 5, BPF_ANY);
	was = read_now(counter);
	write_now(one, read_now(one) + 1, BPF_ANY);
	write_now(two, read_now(two) + 1, BPF_ANY);
	write_now(counter, was + 1, BPF_ANY);
	assert_int_equal(events_n, 0);
	assert_int_equal(the_cpus[counter.cpu].counts[MR_BPF_COUNT_UNNAMED], 1);
	was = read_now(counter);
	write_now(two, read_now(two) + 1, BPF_F_LOCK);
	write_now(counter, was + 1, BPF_F_LOCK);
	assert_int_equal(events_n, 0);
	/* somebody who has entered before the look-up, and comes to it after */
	write_enter(&early, three, 1000, BPF_ANY);
	was = read_now(counter);
	write_land(&early);
	write_leave(&early, 0);
	write_now(two, read_now(two) + 1, BPF_ANY);
	write_now(counter, was + 1, BPF_ANY);
	assert_int_equal(events_n, 0);
	/* the element was given back before we looked at it, with what it had in it */
	was = element.value;
	write_now(one, read_now(one) + 1, BPF_ANY);
	element.value = was;
	read_now(counter);
	write_now(two, was + 2, BPF_ANY);
	write_now(counter, was + 1, BPF_ANY);
	assert_int_equal(events_n, 0);
	/* others have come since, and nobody knows any more who was there before */
	was = read_now(counter);
	write_now(two, read_now(two) + 1, BPF_ANY);
	write_enter(&early, counter, was + 1, BPF_ANY);
	write_land(&early);
	write_now(one, was + 2, BPF_ANY);
	write_now(one, was + 3, BPF_ANY);
	write_leave(&early, 0);
	assert_int_equal(lost_updates(), 0);
	/* what bpf(2) has copied is what it is, and so is nothing */
	was = read_now(three);
	write_now(one, read_now(one) + 1, BPF_ANY);
	write_now(two, read_now(two) + 1, BPF_F_LOCK);
	write_now(three, was + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 1);
	delete_now(one);
	read_now(counter);
	write_now(one, 7, BPF_ANY);
	write_now(two, 8, BPF_ANY);
	write_now(counter, 1, BPF_ANY);
	assert_int_equal(lost_updates(), 2);
	/* then what it loses otherwise counts as well: the two before, too */
	was = read_now(counter);
	write_now(two, read_now(two) + 1, BPF_ANY);
	write_now(counter, was + 1, BPF_ANY);
	assert_int_equal(lost_updates(), 2);
}

/* A program looks and leaves it at that; when it runs again its look-up goes unseen, not its write.
 */
static void test_another_run(void **state)
{
	(void)state;
	read_and_overtaken(counter);
	now_task.nivcsw++;
	write_now(counter, 8, BPF_ANY);
	read_and_overtaken(counter);
	now_task.nvcsw++;
	write_now(counter, 9, BPF_ANY);
	assert_int_equal(events_n, 0);
	assert_int_equal(the_cpus[counter.cpu].counts[MR_BPF_COUNT_READ_OLD], 2);
	/* threads wait between the two, and are seen in both */
	read_and_overtaken(two);
	now_task.nvcsw++;
	write_now(two, 10, BPF_ANY);
	assert_int_equal(events_n, 1);
}

/* The same within one turn, in interrupts: the kernel counts the look-up that it hid. A thread's
 * may be hidden too, when another one lost the CPU inside our program. */
static void test_a_hidden_look_up(void **state)
{
	(void)state;
	read_and_overtaken(counter);
	now_hidden.misses++;
	write_now(counter, 8, BPF_ANY);
	read_and_overtaken(two);
	now_hidden.misses++;
	write_now(two, 9, BPF_ANY);
	assert_int_equal(events_n, 0);
	assert_int_equal(the_cpus[counter.cpu].counts[MR_BPF_COUNT_READ_OLD], 1);
	assert_int_equal(the_cpus[two.cpu].counts[MR_BPF_COUNT_READ_OLD], 1);
}

/* Where it is not known what is hidden nothing is concluded from a program's look-up, unless the
 * kernel hides nothing. */
static void test_hidden_where_unknown(void **state)
{
	(void)state;
	the_control[0].hidden_known = 0; /* some of them may be */
	read_and_overtaken(counter);
	write_now(counter, 8, BPF_ANY);
	assert_int_equal(events_n, 0);
	assert_int_equal(the_cpus[counter.cpu].counts[MR_BPF_COUNT_READ_OLD], 1);
	bcfg.hides = 0;
	read_and_overtaken(counter);
	write_now(counter, 8, BPF_ANY);
	assert_int_equal(events_n, 1);
}

/* The kernel's iterator over programs, which ends with none: two of them are ours. */
static void test_hidden_counters_are_found(void **state)
{
	static struct bpf_prog_stats stats[3][2]; /* of each program, by CPU */
	static __u64 offsets[2] = {0, sizeof(stats[0][0])};
	struct bpf_prog_aux___mr aux[3] = {{.id = 31}, {.id = 32}, {.id = 33}};
	struct bpf_prog___mr progs[3];
	struct bpf_iter__bpf_prog___mr ctx = {};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		the_cpus[i].misses[0] = 0;
	the_control[0].reader[0] = 33;
	the_control[0].reader[1] = 31;
	bcfg.per_cpu_offset = (uintptr_t)offsets;
	bcfg.ncpus = 2;
	for (i = 0; i < 3; i++) {
		progs[i] = (struct bpf_prog___mr){.aux = &aux[i], .stats = stats[i]};
		ctx.prog = &progs[i];
		hidden_find(&ctx);
	}
	ctx.prog = NULL;
	hidden_find(&ctx);
	for (i = 0; i < 2; i++) {
		assert_int_equal(the_cpus[i].misses[0], (uintptr_t)&stats[2][i].misses);
		assert_int_equal(the_cpus[i].misses[1], (uintptr_t)&stats[0][i].misses);
		assert_int_equal(the_cpus[i].misses[2], 0);
	}
	assert_int_equal(the_cpus[2].misses[0], 0);
	stats[2][1].misses = 5;
	stats[0][1].misses = 6;
	assert_int_equal(hidden_reads(&the_cpus[1]), 11);
	assert_int_equal(hidden_reads(&the_cpus[0]), 0);
	assert_int_equal(hidden_reads(&the_cpus[2]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lost_by_program, fresh),
		cmocka_unit_test_setup(test_the_element_of_a_program, fresh),
		cmocka_unit_test_setup(test_another_run, fresh),
		cmocka_unit_test_setup(test_a_hidden_look_up, fresh),
		cmocka_unit_test_setup(test_hidden_where_unknown, fresh),
		cmocka_unit_test_setup(test_hidden_counters_are_found, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
