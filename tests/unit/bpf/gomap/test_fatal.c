/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who else was inside the map that a goroutine dies of: by the BPF program, at that very moment.
 * Compiled as test_engine does. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fatal_scene.h"

static void at(__u64 later_ns, struct goroutine *r, int site)
{
	clock_ns += later_ns;
	op(r, site, gomaps[0]);
}

static void dies_alone(struct goroutine *r)
{
	const struct mr_event_fatal *e = dies(r);

	assert_int_equal(e->other.flags, MR_ACCESS_UNKNOWN);
	assert_int_equal(e->other.goid, 0);
	assert_int_equal(cpus1[r->cpu].counts[MR_COUNT_FATAL_UNATTRIBUTED], 1);
}

/* A fault may have left the flag: the one that wrote has gone on, perhaps. */
static void nobody_is_told_where_the_flag_stays(void **state)
{
	(void)state;
	target1.flag_stays = 1;
	at(0, &a, SITE_WRITE);
	at(1000, &b, SITE_READ);
	clock_ns += 1000;
	dies_alone(&b);
}

static void the_only_other_writer_is_told(void **state)
{
	const struct mr_event_fatal *e;

	(void)state;
	a.g[3] = 0x700001;
	record()->type = 0x600000;
	gomaps[0][0] = 17;
	gomaps[0][1] = 4; /* hashWriting */
	at(0, &a, SITE_WRITE);
	at(1000, &b, SITE_READ);
	clock_ns += 1000;
	e = dies(&b);
	gomaps[0][0] = gomaps[0][1] = 0; /* what comes later is not told */
	assert_int_equal(e->map, TAGGED(gomaps[0]));
	assert_int_equal(e->type, 0x600000);
	assert_int_equal(e->site, site_list[SITE_READ].ip);
	assert_int_equal(e->op, MR_OP_READ);
	assert_int_equal(e->map_header_size, 48);
	assert_int_equal(((const __u64 *)e->map_header)[0], 17);
	assert_int_equal(((const __u64 *)e->map_header)[1], 4);
	assert_int_equal(e->other.flags, MR_ACCESS_PARTIAL | MR_ACCESS_UNBORNE);
	assert_int_equal(e->other.goid, 101);
	assert_int_equal(e->other.gopc, 0x700001);
	assert_int_equal(e->other.op, MR_OP_WRITE);
	assert_int_equal(e->other.time_ns, clock_ns - 2000);
	assert_int_equal(e->other.nframes, 2);
	assert_int_equal(e->other.pcs[0], site_list[SITE_WRITE].ip);
	assert_int_equal(e->other.pcs[1], a.stack[8]);
	assert_int_equal(cpus1[b.cpu].counts[MR_COUNT_FATAL_UNATTRIBUTED], 0);
}

/* As a writer, also while its own write is what the record noted last. */
static void of_two_writers_each_is_the_others(void **state)
{
	(void)state;
	at(0, &a, SITE_WRITE);
	at(1000, &b, SITE_WRITE);
	assert_int_equal(dies(&b)->other.goid, 101);
	at(1000, &a, SITE_WRITE);
	assert_int_equal(dies(&b)->other.goid, 101);
}

/* The second write comes through the same function from another line, and is not looked at. */
static void an_older_caller_is_not_told(void **state)
{
	const struct mr_event_fatal *e;

	(void)state;
	at(0, &a, SITE_WRITE);
	a.stack[8] += 0x77;
	at(1000, &a, SITE_WRITE);
	e = dies(&b);
	assert_int_equal(e->other.goid, 101);
	assert_int_equal(e->other.nframes, 1);
	assert_int_equal(e->other.pcs[0], site_list[SITE_WRITE].ip);
}

/* Unless it stands inside right now, as the map's flag tells: then its stack has it. */
static void but_one_that_is_inside_has_its_line(void **state)
{
	const struct mr_event_fatal *e;

	(void)state;
	at(0, &a, SITE_WRITE);
	a.stack[8] += 0x77;
	at(1000, &a, SITE_WRITE);
	gomaps[0][1] = 4;
	text_call_ret = a.stack[8];
	text_call_of = 0x402000;
	e = dies(&b);
	assert_int_equal(e->other.nframes, 2);
	assert_int_equal(e->other.pcs[1], a.stack[8]);
	text_call_of = 0x404000; /* what lies on its stack is of another call */
	assert_int_equal(dies(&b)->other.nframes, 1);
	text_call_of = 0x402000;
	a.g[1] = (uintptr_t)&a.stack[8]; /* it has another stack by now */
	assert_int_equal(dies(&b)->other.nframes, 1);
}

/* It is looked at on one CPU, and passes on another one, where it has been before: the map's record
 * sees nothing of that. */
static void nor_that_of_a_write_before_those_that_passed(void **state)
{
	const struct mr_event_fatal *e;
	__u64 looks;

	(void)state;
	at(0, &a, SITE_WRITE);
	at(1000, &a, SITE_WRITE);
	a.cpu = 7;
	at(MS, &a, SITE_WRITE);
	assert_int_equal(last_op_slot(TAGGED(a.g))->caller, a.stack[8]);
	a.cpu = 1;
	a.stack[8] += 0x77;
	looks = cpus1[1].looks;
	at(1000, &a, SITE_WRITE);
	assert_int_equal(cpus1[1].looks, looks);
	assert_int_equal(record()->writer.ns, clock_ns - 1000);
	e = dies(&b);
	assert_int_equal(e->other.goid, 101);
	assert_int_equal(e->other.nframes, 1);
}

/* c has the lock that orders it with b; a has none, and came first. */
static void of_three_writers_the_last_one_is_not_told(void **state)
{
	(void)state;
	at(0, &a, SITE_WRITE);
	at(1000, &c, SITE_WRITE);
	at(1000, &b, SITE_WRITE);
	dies_alone(&b);
}

static void nor_where_it_wrote_once_long_ago(void **state)
{
	(void)state;
	at(0, &c, SITE_WRITE);
	at(200 * MS, &a, SITE_WRITE);
	at(1000, &b, SITE_WRITE);
	at(1000, &a, SITE_WRITE);
	dies_alone(&b);
}

/* Whoever enters a write while the dying one is inside is in conflict with it, be there however
 * many. */
static void one_that_entered_after_it_is(void **state)
{
	const struct mr_event_fatal *e;

	(void)state;
	at(0, &a, SITE_WRITE);
	at(1000, &c, SITE_WRITE);
	at(MS, &b, SITE_WRITE);
	at(1000, &c, SITE_WRITE);
	e = dies(&b);
	assert_int_equal(e->other.goid, 103);
	assert_int_equal(e->other.pcs[0], site_list[SITE_WRITE].ip);
}

/* When it entered is not known: it was not looked at. */
static void unless_it_may_have_entered_before(void **state)
{
	(void)state;
	at(0, &a, SITE_WRITE);
	at(1000, &c, SITE_WRITE);
	at(MS, &b, SITE_WRITE);
	at(100, &b, SITE_WRITE);
	at(1000, &c, SITE_WRITE);
	dies_alone(&b);
}

static void a_writer_may_have_gone_by_unseen(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		begin(state);
		at(0, &a, SITE_WRITE);
		at(1000, &b, SITE_READ);
		if (i == 0)
			record()->first_ns = clock_ns - 50 * MS;
		if (i == 3) /* its thread got the CPU for a few milliseconds of each hundred */
			record()->first_ns = clock_ns - 500 * MS;
		if (i == 4) /* it was parked in the middle, and the goroutines in front are many */
			record()->first_ns = clock_ns - 5000 * MS;
		if (i == 1)
			target1.whole_ns = 0;
		if (i == 2)
			target1.whole_ns = clock_ns - 50 * MS;
		dies_alone(&b);
		end(state);
	}
}

/* b and c came to write for the first time at once: one pushed the other out of the record. */
static void two_that_came_at_once_are_two(void **state)
{
	struct mr_map_access first;

	(void)state;
	at(0, &a, SITE_WRITE);
	first = record()->writer;
	at(1000, &c, SITE_WRITE);
	record()->writer = first;
	record()->writer_before = (struct mr_map_access){};
	at(1000, &b, SITE_WRITE);
	assert_false(record()->flags & MR_MAP_WRITERS);
	dies_alone(&b);
}

/* Of two that came at once the record has one alone, and the other's mark is where c's goes. */
static void a_mark_that_is_found_is_anothers(void **state)
{
	(void)state;
	record()->marks[mr_mark_place(TAGGED(c.g))] = mr_mark(TAGGED(a.g)) ^ 2;
	at(1000, &c, SITE_WRITE);
	assert_true(record()->flags & MR_MAP_WRITERS);
	dies_alone(&c);
}

/* a noted itself over b's note, at the same time on another CPU. */
static void pushed_out(void)
{
	struct mr_map_access first;

	at(0, &a, SITE_WRITE);
	first = record()->writer;
	at(1000, &b, SITE_WRITE);
	record()->writer = record()->writer_before = first;
}

static void two_are_no_more_where_one_is_noted_twice(void **state)
{
	(void)state;
	pushed_out();
	assert_int_equal(dies(&b)->other.goid, 101);
	at(MS, &b, SITE_WRITE);
	assert_false(record()->flags & MR_MAP_WRITERS);
	assert_int_equal(dies(&b)->other.goid, 101);
}

static void but_a_third_one_is_seen_to_be_one(void **state)
{
	(void)state;
	pushed_out();
	at(1000, &c, SITE_WRITE);
	assert_true(record()->flags & MR_MAP_WRITERS);
	dies_alone(&c);
}

/* One that found the record to be another map's, and is late with its note. */
static void a_note_of_another_map_is_none(void **state)
{
	(void)state;
	at(0, &b, SITE_WRITE);
	clock_ns += 1000;
	map_take_over(record(), TAGGED(gomaps[0]), clock_ns - 1000, &cpus1[1]);
	last_set(&record()->writer, TAGGED(a.g), clock_ns, a.tid, a.cpu, MR_OP_WRITE, 1);
	clock_ns += 1000;
	assert_int_equal(last_op_slot(TAGGED(b.g))->time_ns, clock_ns - 2000);
	dies_alone(&b);
}

static void one_written_long_ago_is_none(void **state)
{
	(void)state;
	at(0, &b, SITE_READ);
	dies_alone(&b);
}

static void one_written_later_is_none(void **state)
{
	(void)state;
	at(0, &a, SITE_WRITE);
	at(1000, &b, SITE_READ);
	record()->writer.ns = clock_ns + 1;
	dies_alone(&b);
}

static void another_map_in_its_record_is_none(void **state)
{
	(void)state;
	at(0, &a, SITE_WRITE);
	at(1000, &b, SITE_READ);
	record()->addr = TAGGED(gomaps[1]);
	dies_alone(&b);
}

/* Another goroutine lives at the g now: which of the two it was is not known, but the line is. */
static void whoever_came_later_to_live_there_is_not_told(void **state)
{
	const struct mr_event_fatal *e;

	(void)state;
	at(0, &a, SITE_WRITE);
	a.g[2] = 777;
	at(1000, &b, SITE_READ);
	e = dies(&b);
	assert_int_equal(e->other.flags, MR_ACCESS_PARTIAL | MR_ACCESS_UNBORNE);
	assert_int_equal(e->other.goid, 0);
	assert_int_equal(e->other.gopc, 0);
	assert_int_equal(e->other.pcs[1], a.stack[8]);
	/* and the same where it has written itself: the one before may be the one who did it */
	a.stack[8] += 0x77;
	at(1000, &a, SITE_WRITE);
	clock_ns += 1000;
	dies_alone(&b);
}

/* One that has lived there since before the dying one entered, though not for long. */
static void one_that_is_young_is(void **state)
{
	(void)state;
	a.g[2] = 777;
	at(0, &a, SITE_WRITE);
	at(1000, &b, SITE_READ);
	at(10, &a, SITE_WRITE);
	assert_int_equal(dies(&b)->other.goid, 777);
}

/* What it does by now is another matter. */
static void one_that_is_elsewhere_by_now_has_no_line(void **state)
{
	const struct mr_event_fatal *e;

	(void)state;
	at(0, &a, SITE_WRITE);
	at(1000, &b, SITE_READ);
	op(&a, SITE_WRITE, gomaps[1]);
	e = dies(&b);
	assert_int_equal(e->other.goid, 101);
	assert_int_equal(e->other.nframes, 0);
	op(&a, SITE_READ, gomaps[0]);
	e = dies(&b);
	assert_int_equal(e->other.goid, 101);
	assert_int_equal(e->other.nframes, 0);
	assert_int_equal(e->other.op, MR_OP_WRITE);
}

/* It stands in the function that it has entered, with so many frames of the runtime's on top. */
static void stand(struct goroutine *r, int frames)
{
	r->regs.sp = (uintptr_t)&r->stack[2];
	r->stack[2] = site_list[SITE_READ].ip + 7;
	r->stack[7] = (uintptr_t)&r->stack[16]; /* its own frame: its return address is at [8] */
	r->stack[5] = (uintptr_t)&r->stack[7];
	r->regs.bp = (uintptr_t)&r->stack[frames ? 5 : 7];
}

/* The map came in the second register. */
static void what_it_entered_is_in_its_home(void **state)
{
	const struct mr_event_fatal *e;

	(void)state;
	op(&b, SITE_READ, gomaps[0]);
	b.stack[10] = (uintptr_t)gomaps[0];
	stand(&b, 0);
	e = dies(&b);
	assert_int_equal(e->map, TAGGED(gomaps[0]));
	assert_int_equal(e->home_frame, 1);
	assert_int_equal(e->home_reg, 1);
	stand(&b, 1);
	assert_int_equal(dies(&b)->home_frame, 2);
}

/* The kernel has left out the run of our program as it entered the function once more. */
static void of_another_map_it_is_not(void **state)
{
	const struct mr_event_fatal *e;

	(void)state;
	op(&b, SITE_READ, gomaps[0]);
	b.stack[10] = (uintptr_t)gomaps[1];
	stand(&b, 0);
	e = dies(&b);
	assert_int_equal(e->map, TAGGED(gomaps[0])); /* as far as is noted */
	assert_int_equal(e->home_frame, 0);
}

/* What lies there is of the earlier one still. */
static void nor_in_another_frame(void **state)
{
	(void)state;
	op(&b, SITE_READ, gomaps[0]);
	b.stack[10] = (uintptr_t)gomaps[0];
	stand(&b, 0);
	b.stack[5] = (uintptr_t)&b.stack[16]; /* from another depth of the stack */
	b.regs.bp = (uintptr_t)&b.stack[5];
	assert_int_equal(dies(&b)->home_frame, 0);
}

/* Only while somebody is there to let it go, who must be able to know of it before it stands. */
static void it_is_stopped_while_somebody_looks_after_it(void **state)
{
	(void)state;
	signal_sent = 0;
	targets[1].stop_at_fatal_ms = 0;
	assert_int_equal(dies(&a)->stopped, 0);
	assert_int_equal(signal_sent, 0);
	assert_int_equal(targets[1].stopped_ns, 0);
	targets[1].stop_at_fatal_ms = 50;
	assert_int_equal(dies(&b)->stopped, 1);
	assert_int_equal(signal_sent, SIGSTOP);
	assert_int_equal(targets[1].stopped_ns, clock_ns);
}

/* Whoever has been inside since before we came would have the map's mark set still: where nobody
 * looks whether it is, the only other writer that was seen need not be the one. */
static void the_only_other_one_is_not_named_where_nobody_looks(void **state)
{
	const struct mr_event_fatal *e;

	(void)state;
	targets[1].stop_at_fatal_ms = 0;
	at(1000, &b, SITE_READ);
	at(1000, &a, SITE_WRITE);
	e = dies(&b); /* a has entered after b: that is certain all the same */
	assert_int_equal(e->other.goid, 101);
	at(1000, &a, SITE_WRITE);
	at(1000, &b, SITE_READ);
	dies_alone(&b);
	targets[1].stop_at_fatal_ms = 50;
	e = dies(&b);
	assert_int_equal(e->other.goid, 101);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_told_where_the_flag_stays),
		TEST(the_only_other_writer_is_told),
		TEST(of_two_writers_each_is_the_others),
		TEST(an_older_caller_is_not_told),
		TEST(but_one_that_is_inside_has_its_line),
		TEST(nor_that_of_a_write_before_those_that_passed),
		TEST(of_three_writers_the_last_one_is_not_told),
		TEST(nor_where_it_wrote_once_long_ago),
		TEST(one_that_entered_after_it_is),
		TEST(unless_it_may_have_entered_before),
		TEST(a_writer_may_have_gone_by_unseen),
		TEST(two_that_came_at_once_are_two),
		TEST(a_mark_that_is_found_is_anothers),
		TEST(two_are_no_more_where_one_is_noted_twice),
		TEST(but_a_third_one_is_seen_to_be_one),
		TEST(a_note_of_another_map_is_none),
		TEST(one_written_long_ago_is_none),
		TEST(one_written_later_is_none),
		TEST(another_map_in_its_record_is_none),
		TEST(whoever_came_later_to_live_there_is_not_told),
		TEST(one_that_is_young_is),
		TEST(one_that_is_elsewhere_by_now_has_no_line),
		TEST(what_it_entered_is_in_its_home),
		TEST(of_another_map_it_is_not),
		TEST(nor_in_another_frame),
		TEST(it_is_stopped_while_somebody_looks_after_it),
		TEST(the_only_other_one_is_not_named_where_nobody_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
