/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which map a goroutine dies of, where clones may have been born with the writing flag. Compiled as
 * test_engine does. */
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

/* Born with the writing flag of the map that it is a clone of, which alone is in conflict: seen to
 * be cloned or not, and whatever its seed. */
static void of_a_clone_no_map_is_told(void **state)
{
	(void)state;
	target1.clone_copies = MR_CLONE_FLAGS;
	memcpy(gomaps[1], gomaps[0], sizeof(gomaps[0]));
	op(&b, SITE_READ, gomaps[1]);
	assert_int_equal(dies(&b)->map, 0);
	op(&b, SITE_WRITE, gomaps[1]);
	assert_int_equal(dies(&b)->map, 0);
	assert_int_equal(dies(&b)->born_flagged, 1);
	target1.epoch += 2; /* what it did last is not known: all the more */
	assert_int_equal(dies(&b)->born_flagged, 1);
	target1.epoch -= 2;
	target1.clone_copies = MR_CLONE_SEED;
	assert_int_equal(dies(&b)->map, TAGGED(gomaps[1]));
	assert_int_equal(dies(&b)->born_flagged, 0);
	target1.clone_copies = MR_CLONE_FLAGS;
	/* held up for so long, it would be taken for an assignment that went well */
	clock_ns += 150 * MS;
	assert_int_equal(dies(&b)->born_flagged, 1);
}

/* Something has been put in: that would have been its end. A deletion would not. */
static void but_one_that_was_assigned_to_is_none(void **state)
{
	(void)state;
	target1.clone_copies = MR_CLONE_FLAGS;
	at(0, &a, SITE_WRITE);
	at(MS, &b, SITE_READ);
	assert_int_equal(dies(&b)->map, 0);
	at(150 * MS, &b, SITE_READ); /* a has written long ago */
	assert_int_equal(dies(&b)->map, TAGGED(gomaps[0]));
	record()->writer.op = MR_OP_DELETE;
	assert_int_equal(dies(&b)->map, 0);
	at(1000, &a, SITE_WRITE);
	at(1000, &b, SITE_READ);
	assert_int_equal(dies(&b)->map, 0);
	memset(fastpath_table, 0, sizeof(fastpath_table));
	at(1000, &a, SITE_WRITE); /* it comes again */
	at(1000, &b, SITE_READ);
	assert_int_equal(dies(&b)->map, TAGGED(gomaps[0]));
	assert_int_equal(record()->assigned,
			 mr_assigned_mark(TAGGED(gomaps[0]), record()->first_ns));
}

/* Both of one record: the second one takes it over while somebody is on its way to the first. */
static __u64 *second_map(__u64 *room, size_t words)
{
	size_t i;

	for (i = 8; map_index(TAGGED(&room[i])) != map_index(TAGGED(gomaps[0])); i += 2)
		assert_true(i + 10 < words);
	return &room[i];
}

static __u64 *second;
static void another_comes_to_the_second(void)
{
	__u32 cpu = current_cpu, tid = current_tid;

	at_reserve = NULL;
	op(&c, SITE_READ, second);
	current_cpu = cpu;
	current_tid = tid;
}

static void a_late_note_of_another_map_is_no_assignment(void **state)
{
	size_t words = (size_t)8 << 20;
	__u64 *room = calloc(words, sizeof(*room));
	struct goroutine d;

	(void)state;
	goroutine_init(&d, 4);
	target1.clone_copies = MR_CLONE_FLAGS;
	second = second_map(room, words);
	second[1] = 4; /* a clone: whoever writes to it first dies */
	plant_hold(&d, SITE_WRITE, gomaps[0]);
	at_reserve = another_comes_to_the_second;
	op(&a, SITE_WRITE, gomaps[0]);
	assert_int_equal(record()->addr, TAGGED(second));
	record()->hold = 0;
	assert_int_equal(record()->writer.g, TAGGED(a.g));
	clock_ns += 150 * MS;
	op(&b, SITE_WRITE, second);
	assert_int_equal(dies(&b)->born_flagged, 1);
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op(&a, SITE_READ, second); /* who left it there comes again */
	assert_int_equal(dies(&b)->born_flagged, 1);
	/* nor does a mark tell of it that was set for the map before */
	record()->assigned = mr_assigned_mark(TAGGED(gomaps[0]), record()->first_ns - 1);
	assert_int_equal(dies(&b)->born_flagged, 1);
	free(room);
}

/* Assigned to, collected, and another clone of the same source lies there. */
static void replaced_by_a_clone(void)
{
	int i;

	target1.clone_copies = MR_CLONE_FLAGS;
	gomaps[0][1] = gomaps[1][1] = 0x11ull << 32;
	for (i = 0; i < 3; i++) {
		memset(fastpath_table, 0, sizeof(fastpath_table));
		op(&a, SITE_WRITE, gomaps[1]);
		clock_ns += 2000 * MS;
	}
	op(&b, SITE_READ, gomaps[1]);
	assert_int_equal(dies(&b)->born_flagged, target1.collections_unseen);
	current_tid = a.tid;
	enter_collected(&a);
	gomaps[1][0] = 3;
	gomaps[1][1] |= 4;
}

static void a_clone_that_was_not_seen_inherits_nothing(void **state)
{
	int i;

	for (i = 0; i < 4; i++) {
		begin(state);
		target1.collections_unseen = i == 2;
		replaced_by_a_clone();
		if (i < 2)
			target1.whole_ns = i ? clock_ns : 0; /* the probes are away, or were */
		clock_ns += 200 * MS;
		op(&b, SITE_READ, gomaps[1]);
		assert_int_equal(dies(&b)->born_flagged, i < 3);
		end(state);
	}
}

/* Turned away by its stack check, it notes itself twice for one write. */
static void one_that_was_turned_away_has_not_assigned(void **state)
{
	(void)state;
	target1.clone_copies = MR_CLONE_FLAGS;
	memcpy(gomaps[1], gomaps[0], sizeof(gomaps[0]));
	op(&b, SITE_READ, gomaps[1]);
	clock_ns += 2000 * MS;
	b.regs.flags = 0x41;
	op(&b, SITE_WRITE, gomaps[1]);
	b.regs.flags = 0;
	op(&b, SITE_WRITE, gomaps[1]);
	assert_int_equal(dies(&b)->born_flagged, 1);
	/* nor where one probed function calls another one, as reflection may */
	site_of(SITE_DELETE)->op = MR_OP_WRITE;
	op(&b, SITE_DELETE, gomaps[1]);
	op(&b, SITE_WRITE, gomaps[1]);
	assert_int_equal(dies(&b)->born_flagged, 1);
	/* nor where the probe may stand in front of the check */
	site_of(SITE_WRITE)->jump = 0;
	memset(&map_table[map_index(TAGGED(gomaps[1]))], 0, sizeof(map_table[0]));
	op(&b, SITE_WRITE, gomaps[1]);
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op(&b, SITE_WRITE, gomaps[1]);
	assert_int_equal(dies(&b)->born_flagged, 1);
}

/* Nor is one that lies where a map on a stack did, be that never looked at a second time. */
static void a_stack_map_leaves_nothing_to_a_heap_map(void **state)
{
	__u64 *map = &c.stack[40];
	const struct mr_event_fatal *e;

	(void)state;
	op(&c, SITE_WRITE, map);
	memset(fastpath_table, 0, sizeof(fastpath_table));
	clock_ns += 2000 * MS;
	op(&c, SITE_WRITE, map);
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op(&c, SITE_WRITE, map);
	/* its stack is the heap's now, without a collection */
	clock_ns += 10 * MS;
	op(&b, SITE_READ, map);
	e = dies(&b);
	assert_int_equal(e->map, TAGGED(map));
	assert_int_equal(e->other.flags, MR_ACCESS_UNKNOWN); /* not c, which wrote to another one */
	target1.clone_copies = MR_CLONE_FLAGS;
	assert_int_equal(dies(&b)->born_flagged, 1);
}

/* And where the one that came to the heap map has not been looked at. */
static void nor_to_one_that_was_not_looked_at(void **state)
{
	__u64 *map = &c.stack[40];
	struct mr_map *m = &map_table[map_index(TAGGED(map))];

	(void)state;
	target1.clone_copies = MR_CLONE_FLAGS;
	op(&c, SITE_WRITE, map);
	clock_ns += 2000 * MS;
	memset(fastpath_table, 0, sizeof(fastpath_table));
	op(&c, SITE_WRITE, map);
	m->next_look_ns = clock_ns + 1000 * MS;
	m->seen = m->looked = ~0ull;
	clock_ns += 10 * MS;
	op(&b, SITE_READ, map);
	assert_true(m->flags & MR_MAP_STACK);
	clock_ns += 200 * MS;
	assert_int_equal(dies(&b)->born_flagged, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(of_a_clone_no_map_is_told),
		TEST(but_one_that_was_assigned_to_is_none),
		TEST(a_late_note_of_another_map_is_no_assignment),
		TEST(a_clone_that_was_not_seen_inherits_nothing),
		TEST(one_that_was_turned_away_has_not_assigned),
		TEST(a_stack_map_leaves_nothing_to_a_heap_map),
		TEST(nor_to_one_that_was_not_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
