/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* --panics: what the BPF programs count of panics, and what became of them, compiled as ordinary C.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gomap_programs.h"

#define GOPANIC_IP 0x4e0005
#define RECOVERY_IP 0x4e1004
#define GOEXIT_IP 0x4e2004
#define RUNTIME_LO 0x4d0000
#define RUNTIME_HI 0x4f8000
#define DEATH_IP 0x4f2000

/* words of a goroutine's g */
enum { G_PANIC = 8, G_PC, G_SP };

static struct goroutine a, b;
static __u64 said[2], text_of_it;

static int begin(void **state)
{
	set_up(state);
	cfg.panics = 1;
	target1.runtime_lo = RUNTIME_LO;
	target1.runtime_hi = RUNTIME_HI;
	target1.g_panic = 8 * G_PANIC;
	target1.recover_in_g = 1;
	target1.recover_pc = 8 * G_PC;
	target1.recover_sp = 8 * G_SP;
	plant_site(TGID, TAG,
		   (struct mr_probe_site){.ip = GOPANIC_IP, .op = MR_OP_GOPANIC, .jump = 1}, 20);
	plant_site(TGID, TAG,
		   (struct mr_probe_site){.ip = RECOVERY_IP, .op = MR_OP_RECOVERY, .jump = 1}, 21);
	plant_site(TGID, TAG,
		   (struct mr_probe_site){.ip = GOEXIT_IP, .op = MR_OP_GOEXIT, .jump = 1}, 22);
	plant_site(TGID, TAG, (struct mr_probe_site){.ip = DEATH_IP, .op = MR_OP_PANIC},
		   MR_SITE_SLOTS);
	goroutine_init(&a, 1);
	goroutine_init(&b, 2);
	a.g[G_PANIC] = b.g[G_PANIC] = 0x1234; /* the runtime's list has some */
	return 0;
}

static void hit(struct goroutine *r, __u64 ip)
{
	r->regs.ip = ip;
	current_cpu = r->cpu;
	current_tid = r->tid;
	if (ip == DEATH_IP)
		maprace_death(&r->regs);
	else
		maprace_panic(&r->regs);
}

/* By a function whose frame ends at that word of the stack: the lower, the deeper. */
static void panics(struct goroutine *r, int word, __u64 type, __u64 data)
{
	r->regs.sp = (uintptr_t)&r->stack[word];
	r->stack[word] = r->stack[8]; /* the same caller */
	r->regs.ax = type;
	r->regs.bx = data;
	hit(r, GOPANIC_IP);
}

/* It goes on in a frame whose stack pointer is at that word; on the thread's own stack. */
static void recovers(struct goroutine *r, int word, __u64 pc)
{
	struct goroutine thread = *r;

	r->g[G_SP] = (uintptr_t)&r->stack[word];
	r->g[G_PC] = pc;
	thread.regs.r14 = (uintptr_t)thread.g;
	thread.regs.ax = (uintptr_t)r->g;
	hit(&thread, RECOVERY_IP);
}

/* The row of the only one of that type. */
static struct mr_panic_site *row_of(__u64 type)
{
	size_t i;

	for (i = 0; i < 64; i++)
		if (panic_site_keys[i] && panic_site_table[i].type == type)
			return &panic_site_table[i];
	fail();
	return NULL;
}

static void assert_outcomes(__u64 type, __u64 total, __u64 recovered, __u64 repanicked,
			    __u64 replaced, __u64 goexit, __u64 died)
{
	const struct mr_panic_site *s = row_of(type);

	assert_int_equal(s->total, total);
	assert_int_equal(s->outcomes[MR_PANIC_RECOVERED], recovered);
	assert_int_equal(s->outcomes[MR_PANIC_REPANICKED], repanicked);
	assert_int_equal(s->outcomes[MR_PANIC_REPLACED], replaced);
	assert_int_equal(s->outcomes[MR_PANIC_GOEXIT], goexit);
	assert_int_equal(s->outcomes[MR_PANIC_DIED], died);
}

static __u64 lost(void)
{
	return cpus1[1].counts[MR_COUNT_PANIC_OUTCOME];
}

static void nobody_is_left(void)
{
	assert_int_equal(key_place(panicking_keys, 16, mr_panicking_key(TAGGED(a.g))), 16);
}

static void one_is_recovered(void **state)
{
	const struct mr_event_panic *e;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		panics(&a, 8, 0x600100, 0x77);
		recovers(&a, 20, 0x511111);
	}
	assert_outcomes(0x600100, 3, 3, 0, 0, 0, 0);
	assert_int_equal(row_of(0x600100)->site, a.stack[8]);
	assert_int_equal(row_of(0x600100)->via, 0);
	assert_int_equal(row_of(0x600100)->recovered_at, 0x511111);
	assert_int_equal(row_of(0x600100)->flags, 0);
	nobody_is_left();
	assert_int_equal(cpus1[1].hits[20], 3);
	assert_int_equal(cpus1[1].hits[21], 3);
	/* the first of them in full, and no other */
	assert_int_equal(event_count, 1);
	e = (const struct mr_event_panic *)event_list[0];
	assert_int_equal(e->header.kind, MR_EVENT_PANIC);
	assert_int_equal(e->header.size, sizeof(*e));
	assert_int_equal(e->data, 0x77);
	assert_int_equal(e->top, 0);
	assert_int_equal(e->text_read, 0);
	assert_int_equal(e->access.goid, 101);
	assert_int_equal(e->access.nframes, 4);
	assert_int_equal(e->access.pcs[1], a.stack[8]);
	assert_int_equal(lost(), 0);
	recovers(&a, 24, 0x522222);
	assert_int_equal(row_of(0x600100)->flags, 0); /* of nothing that is known */
	panics(&a, 8, 0x600100, 0x77);
	recovers(&a, 24, 0x522222);
	assert_int_equal(row_of(0x600100)->flags, MR_PANIC_ELSEWHERE);
}

/* The check fails, the stack grows, and the function begins anew. */
static void one_is_counted_once(void **state)
{
	(void)state;
	a.regs.flags = 1;
	panics(&a, 8, 0x600100, 0);
	assert_int_equal(key_place(panic_site_keys, 64, 0), 0);
	a.regs.flags = 0;
	panics(&a, 8, 0x600100, 0);
	assert_outcomes(0x600100, 1, 0, 0, 0, 0, 0);
	assert_int_equal(cpus1[1].hits[20], 2); /* both were traps */
}

/* Of an error of the runtime's the program's own frame is the place. */
static void the_runtime_is_passed(void **state)
{
	(void)state;
	a.stack[8] = RUNTIME_LO + 1;
	a.stack[17] = RUNTIME_LO + 2;
	a.stack[34] = 0x5555;
	panics(&a, 8, 0x600100, 0);
	assert_int_equal(row_of(0x600100)->site, a.stack[33]);
	assert_int_equal(row_of(0x600100)->via, a.stack[17]);
	assert_int_equal(((const struct mr_event_panic *)event_list[0])->top, 0x5555);
	/* the same type elsewhere is another row */
	a.stack[33]++;
	panics(&a, 8, 0x600100, 0);
	assert_int_equal(key_place(panic_site_keys, 64, 0), 2);
}

static void the_same_value_again(void **state)
{
	(void)state;
	panics(&a, 16, 0x600100, 0x77);
	panics(&a, 12, 0x600200, 0x77); /* another type */
	panics(&a, 8, 0x600200, 0x77);
	recovers(&a, 40, 0x511111);
	assert_outcomes(0x600100, 1, 0, 0, 1, 0, 0);
	assert_outcomes(0x600200, 2, 1, 1, 0, 0, 0);
	nobody_is_left();
}

/* What a deferred function panics with and recovers from leaves the outer one as it is. */
static void one_inside_of_another(void **state)
{
	(void)state;
	panics(&a, 16, 0x600100, 0);
	panics(&a, 8, 0x600200, 0);
	recovers(&a, 12, 0x511111);
	assert_outcomes(0x600100, 1, 0, 0, 0, 0, 0);
	assert_outcomes(0x600200, 1, 1, 0, 0, 0, 0);
	recovers(&a, 40, 0x511112);
	assert_outcomes(0x600100, 1, 1, 0, 0, 0, 0);
	nobody_is_left();
}

static void the_stack_moves_meanwhile(void **state)
{
	static __u64 elsewhere[64];

	(void)state;
	panics(&a, 16, 0x600100, 0);
	panics(&a, 8, 0x600200, 0);
	memcpy(elsewhere, a.stack, sizeof(elsewhere));
	a.g[0] = (uintptr_t)elsewhere;
	a.g[1] = (uintptr_t)(elsewhere + 64);
	recovers(&a, 0, 0x511111);
	assert_outcomes(0x600200, 1, 0, 0, 0, 0, 0); /* no frame of this stack */
	panics(&b, 16, 0x600300, 0);
	memcpy(elsewhere, b.stack, sizeof(elsewhere));
	b.g[0] = (uintptr_t)elsewhere;
	b.g[1] = (uintptr_t)(elsewhere + 64);
	b.g[G_SP] = (uintptr_t)&elsewhere[20];
	b.g[G_PC] = 0x511111;
	b.regs.ax = (uintptr_t)b.g;
	hit(&b, RECOVERY_IP);
	assert_outcomes(0x600300, 1, 1, 0, 0, 0, 0);
}

static void goexit_ends_all(void **state)
{
	(void)state;
	panics(&a, 16, 0x600100, 0);
	panics(&a, 12, 0x600200, 0);
	a.regs.sp = (uintptr_t)&a.stack[8];
	hit(&a, GOEXIT_IP);
	assert_outcomes(0x600100, 1, 0, 0, 0, 1, 0);
	assert_outcomes(0x600200, 1, 0, 0, 0, 1, 0);
	assert_outcomes(0, 1, 0, 0, 0, 1, 0);
	assert_int_equal(row_of(0)->flags, MR_PANIC_IS_GOEXIT);
	nobody_is_left();
	/* and a deferred function of it panics */
	panics(&a, 4, 0x600300, 0);
	recovers(&a, 6, 0x511111);
	assert_outcomes(0x600300, 1, 1, 0, 0, 0, 0);
}

static void one_ends_the_process(void **state)
{
	(void)state;
	panics(&a, 16, 0x600100, 0x77);
	panics(&a, 12, 0x600100, 0x77);
	panics(&b, 12, 0x600200, 0);
	a.regs.sp = (uintptr_t)&a.stack[4];
	hit(&a, DEATH_IP);
	assert_outcomes(0x600100, 2, 0, 1, 0, 0, 1);
	assert_outcomes(0x600200, 1, 0, 0, 0, 0, 0); /* of another goroutine: it is not known */
}

/* What went by unseen is not taken for something else. */
static void an_end_is_missed(void **state)
{
	(void)state;
	panics(&a, 8, 0x600100, 0);
	panics(&a, 16, 0x600200, 0); /* from further out: the first one is over */
	assert_int_equal(lost(), 1);
	target1.epoch += 2; /* probes were away */
	recovers(&a, 40, 0x511111);
	assert_int_equal(lost(), 2);
	panics(&a, 16, 0x600300, 0);
	a.g[2]++; /* another goroutine has its g */
	recovers(&a, 40, 0x511111);
	assert_int_equal(lost(), 3);
	panics(&a, 16, 0x600400, 0);
	a.g[G_PANIC] = 0; /* the runtime knows of none when the next one begins */
	panics(&a, 8, 0x600500, 0);
	assert_int_equal(lost(), 4);
	recovers(&a, 40, 0x511111);
	assert_outcomes(0x600100, 1, 0, 0, 0, 0, 0);
	assert_outcomes(0x600200, 1, 0, 0, 0, 0, 0);
	assert_outcomes(0x600300, 1, 0, 0, 0, 0, 0);
	assert_outcomes(0x600400, 1, 0, 0, 0, 0, 0);
	assert_outcomes(0x600500, 1, 1, 0, 0, 0, 0);
}

static void so_many_levels_are_told_apart(void **state)
{
	__u64 i;

	(void)state;
	for (i = 0; i < MR_PANICS_DEEP + 2; i++)
		panics(&a, 30 - 2 * (int)i, 0x600100 + i, 0);
	assert_int_equal(lost(), 2);
	recovers(&a, 60, 0x511111);
	assert_outcomes(0x600100 + MR_PANICS_DEEP + 1, 1, 1, 0, 0, 0, 0);
	assert_outcomes(0x600100 + MR_PANICS_DEEP, 1, 0, 0, 0, 0, 0);
	assert_outcomes(0x600100 + MR_PANICS_DEEP - 1, 1, 0, 0, 0, 0, 0);
	assert_outcomes(0x600100, 1, 0, 0, 1, 0, 0);
	nobody_is_left();
}

static void there_is_room_for_so_many(void **state)
{
	__u64 i;

	(void)state;
	panics_common = MR_PANIC_SITES; /* the others have all of it */
	for (i = 0; i < MR_PANIC_SITES_OWN + 5; i++) {
		panics(&a, 8, 0x600100 + i, 0);
		recovers(&a, 40, 0x511111);
	}
	assert_int_equal(target1.panics, MR_PANIC_SITES_OWN);
	assert_int_equal(cpus1[1].counts[MR_COUNT_PANIC_SITES], 5);
	ring_full = true;
	goroutine_init(&b, 2);
	panics_common = 0;
	panics(&b, 8, 0x610000, 0);
	assert_int_equal(cpus1[2].counts[MR_COUNT_PANIC_STACK], 1);
	ring_full = false;
	panics(&b, 8, 0x610000, 0);
	assert_int_equal(((const struct mr_event_panic *)event_list[event_count - 1])->access.goid,
			 102);
}

static void what_it_says_is_told_when_asked_for(void **state)
{
	const struct mr_event_panic *e;

	(void)state;
	memcpy(&text_of_it, "so it is", 8);
	said[0] = (uintptr_t)&text_of_it;
	said[1] = 8;
	panics(&a, 8, 0x600100, (uintptr_t)said);
	assert_int_equal(((const struct mr_event_panic *)event_list[0])->text_read, 0);
	assert_int_equal(((const struct mr_event_panic *)event_list[0])->text_len, 0);
	cfg.panic_values = 1;
	panics(&a, 8, 0x600200, (uintptr_t)said);
	e = (const struct mr_event_panic *)event_list[1];
	assert_int_equal(e->text_read, 8);
	assert_memory_equal(e->said, "so it is", 8);
	/* neither the one nor the other can be read */
	fault_addr = (uintptr_t)&text_of_it;
	panics(&a, 8, 0x600300, (uintptr_t)said);
	e = (const struct mr_event_panic *)event_list[2];
	assert_int_equal(e->text, (uintptr_t)&text_of_it);
	assert_int_equal(e->text_read, 0);
	panics(&a, 8, 0x600400, 8);
	assert_int_equal(((const struct mr_event_panic *)event_list[3])->text_len, 0);
}

static void memory_that_is_not_there(void **state)
{
	(void)state;
	fault_addr = (uintptr_t)&a.g[2];
	panics(&a, 8, 0x600100, 0);
	assert_int_equal(key_place(panic_site_keys, 64, 0), 0);
	assert_int_equal(cpus1[1].counts[MR_COUNT_G_FAULT], 1);
	fault_addr = 0;
	panics(&a, 8, 0x600100, 0);
	fault_addr = (uintptr_t)&a.g[G_SP];
	recovers(&a, 40, 0x511111);
	assert_int_equal(lost(), 1);
	assert_outcomes(0x600100, 1, 0, 0, 0, 0, 0);
	nobody_is_left();
	fault_addr = (uintptr_t)&a.stack[8];
	panics(&a, 8, 0x600200, 0);
	assert_int_equal(row_of(0x600200)->site, 0);
	a.g[2] = 0; /* the runtime's own goroutine */
	panics(&a, 8, 0x600300, 0);
	assert_int_equal(key_place(panic_site_keys, 64, 0), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_is_recovered, begin),
		cmocka_unit_test_setup(one_is_counted_once, begin),
		cmocka_unit_test_setup(the_runtime_is_passed, begin),
		cmocka_unit_test_setup(the_same_value_again, begin),
		cmocka_unit_test_setup(one_inside_of_another, begin),
		cmocka_unit_test_setup(the_stack_moves_meanwhile, begin),
		cmocka_unit_test_setup(goexit_ends_all, begin),
		cmocka_unit_test_setup(one_ends_the_process, begin),
		cmocka_unit_test_setup(an_end_is_missed, begin),
		cmocka_unit_test_setup(so_many_levels_are_told_apart, begin),
		cmocka_unit_test_setup(there_is_room_for_so_many, begin),
		cmocka_unit_test_setup(what_it_says_is_told_when_asked_for, begin),
		cmocka_unit_test_setup(memory_that_is_not_there, begin),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
