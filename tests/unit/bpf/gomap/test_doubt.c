/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is known of a map, and when it is in doubt: clones that are born with the writing flag,
 * notes that are forgotten, the flag of a map that has been emptied.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fatal_scene.h"

static void forget(void)
{
	memset(fastpath_table, 0, sizeof(fastpath_table));
}

/* An iteration that was begun while something was in asks for the flag of an empty map */
static __u64 iter_took(__u64 used)
{
	static __u64 it[16];
	__u64 before;
	memset(it, 0, sizeof(it));
	it[3] = (uintptr_t)gomaps[0];
	gomaps[0][0] = used;
	gomaps[0][1] = 4;
	b.regs.ip = site_list[SITE_ITER].ip;
	b.regs.ax = (uintptr_t)it;
	current_cpu = b.cpu;
	current_tid = b.tid;
	step = 25;
	before = clock_ns;
	maprace_op(&b.regs);
	step = 0;
	return clock_ns - before;
}
static void an_iteration_is_kept_from_who_is_inside_an_emptied_map(void **state)
{
	__u64 t0;
	target1.clone_copies = MR_CLONE_FLAGS;
	cfg.holds_enabled = 1;
	target1.hold_ppm = 0;
	cfg.burst_ns = 0;
	map_prove(map_index(TAGGED(gomaps[0])), TAGGED(gomaps[0]));
	forget();
	assert_true(iter_took(1) > 5 * MS);
	clock_ns += 50 * MS;
	forget();
	t0 = iter_took(0);
	assert_true(t0 > 5 * MS);
}
/* The first proof forgets that something was put in */
static void a_proof_forgets_nothing(void **state)
{
	struct mr_hold *h;
	target1.clone_copies = MR_CLONE_FLAGS;
	op(&a, SITE_WRITE, gomaps[0]);
	clock_ns += 1000;
	forget();
	op(&a, SITE_WRITE, gomaps[0]);
	clock_ns += 1000;
	forget();
	op(&b, SITE_READ, gomaps[0]);
	clock_ns += 1000;
	assert_int_equal(dies(&b)->born_flagged, 0);
	forget();
	op(&a, SITE_WRITE, gomaps[0]);
	h = plant_hold(&a, SITE_WRITE, gomaps[0]);
	clock_ns += 1000;
	forget();
	op(&b, SITE_READ, gomaps[0]); /* collides: proven */
	assert_int_equal(h->hit_seq, h->seq);
	record()->hold = 0;
	h->map = 0;
	clock_ns += 50000;
	assert_int_equal(dies(&b)->born_flagged, 0);
}
/* What is forgotten after a collection was also who else has written */
static void who_is_forgotten_leaves_nobody_alone(void **state)
{
	static struct goroutine many[64];
	struct goroutine *p = NULL, *q = NULL;
	__u64 *map = gomaps[5];
	const struct mr_event_fatal *e;
	int i, j;
	for (i = 0; i < 64; i++)
		goroutine_init(&many[i], 10 + i);
	for (i = 0; i < 64 && !q; i++)
		for (j = i + 1; j < 64 && !q; j++)
			if (mr_mark_place(TAGGED(many[i].g)) == mr_mark_place(TAGGED(many[j].g)) &&
			    mr_mark(TAGGED(many[i].g)) != mr_mark(TAGGED(many[j].g)))
				p = &many[i], q = &many[j];
	assert_non_null(q);
	target1.clone_copies = MR_CLONE_FLAGS;
	map[0] = 5;
	map[1] = 0x77ull << 32;
	/* p writes, busily: it may pass by itself many times */
	for (i = 0; i < 40; i++) {
		clock_ns += 100;
		op(p, SITE_WRITE, map);
	}
	clock_ns += 3 * MS;
	for (i = 0; i < 40; i++) {
		clock_ns += 100;
		op(p, SITE_WRITE, map);
	}
	clock_ns += 2000 * MS;
	/* a window ends, another one begins; a collection: the map is the same */
	target1.whole_ns = 0;
	target1.epoch += 2;
	clock_ns += MS;
	target1.epoch += 2;
	target1.whole_ns = clock_ns;
	current_tid = p->tid;
	enter_collected(p);
	clock_ns += MS;
	op(q, SITE_WRITE, map); /* holds the lock */
	clock_ns += 1500 * MS;
	/* p goes on, seldom now, without the lock: its again entry still lets it pass */
	for (i = 0; i < 3; i++) {
		op(p, SITE_WRITE, map);
		clock_ns += 500 * MS;
	}
	memset(&fastpath_table[(q->cpu & (MR_CPUS - 1)) * MR_FASTPATH_SLOTS], 0,
	       sizeof(fastpath_table[0]) * MR_FASTPATH_SLOTS);
	op(q, SITE_WRITE, map);
	clock_ns += 1000;
	op(p, SITE_WRITE, map);
	map[1] |= 4; /* p is inside */
	clock_ns += 1000;
	op(&b, SITE_READ, map);
	e = dies(&b);
	assert_int_not_equal(e->other.goid, q->g[2]);
}
/* Count down resurrected on a racy map's entry */
static void meanwhile(void)
{
	__u32 cpu = current_cpu, tid = current_tid;
	map_prove(map_index(TAGGED(gomaps[0])), TAGGED(gomaps[0])); /* on another CPU */
	op(&c, SITE_WRITE, gomaps[0]); /* let in on this CPU: none may pass */
	assert_int_equal(fastpath_slot(1, TAGGED(gomaps[0]))->skip, 0);
	current_cpu = cpu;
	current_tid = tid;
}
static void what_another_has_stopped_does_not_pass(void **state)
{
	struct mr_fastpath *s0 = fastpath_slot(1, TAGGED(gomaps[0]));
	__u64 racy;
	int i;
	cfg.holds_enabled = 1;
	target1.hold_ppm = 0;
	cfg.burst_ns = 0;
	c.cpu = 1; /* the CPU of a */
	forget();
	op(&c, SITE_WRITE, gomaps[0]);
	for (i = 0; i < 40; i++) {
		clock_ns += 100;
		op(&a, SITE_READ, gomaps[0]);
	}
	for (; s0->skip < 20; i++) {
		clock_ns += 100;
		op(&a, SITE_READ, gomaps[0]);
	}
	at_lookup = meanwhile;
	op(&a, SITE_READ, gomaps[0]);
	racy = cpus1[1].racy;
	for (i = 0; i < 15; i++) {
		clock_ns += 100;
		op(&c, SITE_WRITE, gomaps[0]);
	}
	assert_int_equal(cpus1[1].racy - racy, 15);
}
/* A clone that was entered three collections before its memory was taken */
static void a_clone_may_be_late(void **state)
{
	int n, i, r[6];
	for (n = 1; n <= 5; n++) {
		begin(state);
		target1.clone_copies = MR_CLONE_FLAGS;
		gomaps[0][1] = gomaps[1][1] = 0x11ull << 32;
		gomaps[0][0] = gomaps[1][0] = 3;
		for (i = 0; i < 3; i++) {
			forget();
			op(&a, SITE_WRITE, gomaps[1]);
			clock_ns += 2000 * MS;
		}
		op(&c, SITE_CLONE, gomaps[0]); /* seen; parked before it takes memory */
		for (i = 0; i < n; i++) {
			clock_ns += 2 * MS;
			forget();
			op(&a, SITE_WRITE, gomaps[1]); /* alive before this collection */
			current_tid = a.tid;
			enter_collected(&a);
		}
		gomaps[1][1] |= 4; /* c's clone takes its memory, born with the flag */
		clock_ns += 200 * MS;
		op(&b, SITE_READ, gomaps[1]);
		r[n] = dies(&b)->born_flagged;
		end(state);
	}
	for (n = 1; n <= 5; n++)
		assert_int_equal(r[n], 1);
}
/* A program that can load plugins, Go 1.25 */
static void in_flight_is_told_where_collections_go_unseen(void **state)
{
	size_t before;
	target1.clone_copies = MR_CLONE_FLAGS;
	target1.collections_unseen = 1;
	target1.whole_ns = 0;
	cfg.holds_enabled = 1;
	target1.hold_ppm = 0;
	cfg.burst_ns = 0;
	__u64 *map = gomaps[20];
	struct mr_map *m = &map_table[map_index(TAGGED(map))];
	map[0] = 17;
	map[1] = 0x66ull << 32;
	forget();
	op(&b, SITE_READ, map);
	clock_ns += 5 * MS;
	forget();
	op(&a, SITE_WRITE, map);
	clock_ns += 5 * MS;
	forget();
	op(&b, SITE_READ, map);
	clock_ns += 5 * MS;
	forget();
	op(&a, SITE_WRITE, map);
	clock_ns += 1000;
	map[1] |= 4; /* a is inside */
	forget();
	m->next_look_ns = 0;
	before = event_count;
	op(&b, SITE_READ, map);
	assert_int_equal(event_count - before, 1);
}
static void nor_is_more_looked_at_there(void **state)
{
	__u64 looks[2];
	int k, i;
	__u64 *map;
	target1.clone_copies = MR_CLONE_FLAGS;
	cfg.holds_enabled = 0;
	for (k = 0; k < 2; k++) {
		target1.collections_unseen = k;
		target1.whole_ns = k ? 0 : 1;
		map = gomaps[10 + k];
		map[1] = 0x55ull << 32;
		forget();
		looks[k] = cpus1[a.cpu].looks;
		for (i = 0; i < 100000; i++) {
			clock_ns += 1000;
			op(&a, SITE_WRITE, map);
		}
		looks[k] = cpus1[a.cpu].looks - looks[k];
	}
	assert_true(looks[1] < 2 * looks[0]);
}
static void a_late_clone_is_not_racy(void **state)
{
	struct mr_map *m = &map_table[map_index(TAGGED(gomaps[1]))];
	int i;
	target1.clone_copies = MR_CLONE_FLAGS;
	gomaps[0][1] = gomaps[1][1] = 0x11ull << 32;
	op(&a, SITE_WRITE, gomaps[1]);
	op(&c, SITE_CLONE, gomaps[0]);
	for (i = 0; i < 3; i++) {
		clock_ns += MS;
		forget();
		op(&a, SITE_WRITE, gomaps[1]);
		if (i == 2)
			map_prove(map_index(TAGGED(gomaps[1])), TAGGED(gomaps[1]));
		current_tid = a.tid;
		enter_collected(&a);
	}
	clock_ns += MS;
	forget();
	op(&b, SITE_READ, gomaps[1]);
	assert_false(m->flags & MR_MAP_RACY);
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_iteration_is_kept_from_who_is_inside_an_emptied_map),
		TEST(a_proof_forgets_nothing),
		TEST(who_is_forgotten_leaves_nobody_alone),
		TEST(what_another_has_stopped_does_not_pass),
		TEST(a_clone_may_be_late),
		TEST(in_flight_is_told_where_collections_go_unseen),
		TEST(nor_is_more_looked_at_there),
		TEST(a_late_clone_is_not_racy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
