/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Goroutines in made up memory, of a small program: what their stacks are, and what comes of lists,
 * pointers and stacks that are not right. Those of real programs: tests/e2e/snapshot.sh.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../fuzz/mini_elf.h"
#include "../memfile.h"
#include "snapshot/goroutines.h"
#include "snapshot/groups.h"

#define AT 0xc000000000ull
#define SIZE 8192u
#define LIST 64u
#define G0 0x400u
#define G1 0x600u
#define M 0x800u
#define STACK 0x1000u
#define STACK_END 0x1800u
#define TID 77

/* main.main is at MINI_TEXT, 64 bytes: its SP delta is 8 from its byte 8 on, to 56. */
#define INSIDE (MINI_TEXT + 20)

struct made {
	uint8_t bytes[SIZE];
	struct go_binary *bin;
	struct memory *memory;
	const struct go_layout *l;
	uint64_t first; /* that is asked for */
	struct unwinder u;
	struct goroutines gs;
};

static struct made m;

static void put(uint64_t at, uint64_t value, unsigned int size)
{
	mini_put(m.bytes + at, value, size);
}

static void put_g(uint64_t g, uint64_t id, uint32_t status)
{
	put(g + m.l->g_stack_lo, AT + STACK, 8);
	put(g + m.l->g_stack_hi, AT + STACK_END, 8);
	put(g + m.l->g_m, AT + M, 8);
	put(g + m.l->g_goid, id, 8);
	put(g + m.l->g_status, status, 4);
	put(g + m.l->g_sched_pc, INSIDE, 8);
	put(g + m.l->g_sched_sp, AT + STACK + 0x100, 8);
	put(g + m.l->g_waitreason, 14, 1); /* chan receive */
}

/* function: a name for the second one of the program */
static void begin_with(const char *function)
{
	static struct mini_elf mini;
	const struct memory_part part = {AT, m.bytes, SIZE};
	struct mini_piece none = {NULL, 0};
	struct err err = {.text = ""};
	struct memfile f;
	char *name;

	memset(&m, 0, sizeof(m));
	mini_make(&mini, 24, false, none, none, none);
	name = memmem(mini.data, mini.size, "runtime.mapassign", 18);
	assert_non_null(name);
	strncpy(name, function, 17);
	f = memfile_make(mini.data, mini.size);
	if (go_binary_open(&m.bin, f.path, &err))
		fail_msg("%s", err.text);
	memfile_close(&f);
	m.l = go_binary_layout(m.bin);
	m.memory = memory_parts(&part, 1);
	assert_int_equal(unwinder_init(&m.u, m.bin, 0, m.memory), 0);
	put(0, AT + LIST, 8);
	put(8, 2, 8);
	put(16, 2, 8);
	put(LIST, AT + G0, 8);
	put(LIST + 8, AT + G1, 8);
	put(M + m.l->m_procid, TID, 8);
	put_g(G0, 1, GOROUTINE_WAITING);
	put_g(G1, 2, GOROUTINE_DEAD);
	/* called from main.main, from runtime.mapassign, from nowhere */
	put(STACK + 0x108, INSIDE + 10, 8);
	put(STACK + 0x118, MINI_TEXT + 64 + 30, 8);
}

static void begin(void)
{
	begin_with("runtime.mapassign");
}

static int read_all(const struct freeze *freeze)
{
	goroutines_free(&m.gs);
	return goroutines_read(&m.gs, m.l, AT, m.first, m.memory, freeze, &m.u);
}

static void end(void)
{
	goroutines_free(&m.gs);
	unwinder_free(&m.u);
	memory_close(m.memory);
	go_binary_close(m.bin);
}

/* Whatever place it has in the list, and whatever is said to be one. */
static void the_one_asked_for_is_first(void **state)
{
	static const uint64_t none[] = {0, 1, AT, AT + G1 + 4, AT + SIZE, UINT64_MAX};
	size_t i;

	(void)state;
	begin();
	put_g(G1, 2, GOROUTINE_WAITING);
	m.first = AT + G1;
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.n, 2);
	assert_int_equal(m.gs.list[0].id, 2);
	assert_int_equal(m.gs.list[0].n, 3); /* and its stack */
	assert_int_equal(m.gs.list[1].id, 1);
	assert_int_equal(m.gs.unread, 0);
	put(G1 + m.l->g_status, GOROUTINE_DEAD, 4);
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.n, 1);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		m.first = none[i];
		assert_int_equal(read_all(NULL), 0);
		assert_int_equal(m.gs.n, 1);
		assert_int_equal(m.gs.list[0].id, 1);
	}
	end();
}

/* 16 million goroutines would take 1.6 GB here. */
static void what_is_claimed_takes_no_memory(void **state)
{
	(void)state;
	begin();
	put(8, 1 << 24, 8);
	put(16, 1 << 24, 8);
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.total, 1 << 24);
	assert_int_equal(m.gs.n, 1);
	assert_in_range(m.gs.list_room, 1, 4096);
	end();
}

static void a_stack_is_walked_by_its_depths(void **state)
{
	struct report_snapshot out = {.pid = 1};

	(void)state;
	begin();
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.n, 1);
	assert_int_equal(m.gs.dead, 1);
	assert_int_equal(m.gs.list[0].n, 3);
	assert_int_equal(m.gs.pcs[0], INSIDE);
	assert_int_equal(m.gs.pcs[1], INSIDE + 10);
	assert_int_equal(m.gs.pcs[2], MINI_TEXT + 94);
	assert_true(m.gs.list[0].truncated); /* nobody's first function was reached */
	assert_int_equal(groups_make(&out, &m.gs, m.bin, 0, 1), 0);
	assert_int_equal(out.ngroups, 1);
	assert_string_equal(out.groups[0].state, "waiting");
	assert_string_equal(out.groups[0].wait, "chan receive");
	assert_string_equal(out.groups[0].frames[0].function, "main.main");
	report_snapshot_free(&out);
	end();
}

static void one_that_runs_has_its_registers(void **state)
{
	struct frozen_thread t = {.tid = 9, .own = TID, .stopped = true, .known = true};
	struct freeze freeze = {.threads = &t, .n = 1};

	(void)state;
	begin();
	put(G0 + m.l->g_status, GOROUTINE_RUNNING, 4);
	t.regs.rip = MINI_TEXT + 4; /* in the prologue: nothing is on the stack yet */
	t.regs.rsp = AT + STACK + 0x108;
	assert_int_equal(read_all(&freeze), 0);
	assert_int_equal(m.gs.list[0].n, 3);
	assert_int_equal(m.gs.pcs[0], (MINI_TEXT + 4) | UNWIND_EXACT);
	assert_int_equal(m.gs.pcs[1], INSIDE + 10);
	/* in code that is not Go: by the frame pointer, which a loop does not hold up */
	t.regs.rip = 0x7fff00001000;
	t.regs.rbp = AT + STACK + 0x200;
	put(STACK + 0x200, AT + STACK + 0x200, 8);
	put(STACK + 0x208, 0x7fff00002000, 8);
	assert_int_equal(read_all(&freeze), 0);
	assert_true(m.gs.list[0].approximate && m.gs.list[0].truncated);
	t.known = false;
	assert_int_equal(read_all(&freeze), 0);
	assert_int_equal(m.gs.list[0].n, 0);
	end();
}

/* What is read of a thread's own stack is not the goroutine's. */
static void one_that_is_not_reached_is_truncated(void **state)
{
	struct frozen_thread t = {.tid = 9, .own = TID, .stopped = true, .known = true};
	struct freeze freeze = {.threads = &t, .n = 1};

	(void)state;
	/* the scheduler has begun with its thread, and is about to run the goroutine */
	begin_with("runtime.mstart");
	put(G0 + m.l->g_status, GOROUTINE_RUNNING, 4);
	t.regs.rip = MINI_TEXT + 4;
	t.regs.rsp = AT + STACK + 0x118; /* on the goroutine's stack that is its end */
	assert_int_equal(read_all(&freeze), 0);
	assert_int_equal(m.gs.list[0].n, 1);
	assert_false(m.gs.list[0].truncated);
	t.regs.rsp = AT + STACK_END + 0x118;
	put(STACK_END + 0x118, MINI_TEXT + 64 + 30, 8);
	assert_int_equal(read_all(&freeze), 0);
	assert_true(m.gs.list[0].truncated);
	end();
	/* on the thread's stack without a trace of where the goroutine's goes on */
	begin_with("runtime.nanotime1");
	put(G0 + m.l->g_status, GOROUTINE_RUNNING, 4);
	t.regs.rip = MINI_TEXT + 64 + 30;
	t.regs.rsp = AT + STACK + 0x108;
	assert_int_equal(read_all(&freeze), 0);
	assert_false(m.gs.list[0].approximate);
	t.regs.rsp = AT + STACK_END + 0x108;
	t.regs.rbp = AT + STACK_END + 0x200;
	assert_int_equal(read_all(&freeze), 0);
	assert_int_equal(m.gs.list[0].n, 1);
	assert_true(m.gs.list[0].truncated);
	/* its frame pointer still leads to the goroutine's */
	t.regs.rbp = AT + STACK + 0x200;
	put(STACK + 0x200, 0, 8);
	put(STACK + 0x208, MINI_TEXT + 94, 8);
	assert_int_equal(read_all(&freeze), 0);
	assert_false(m.gs.list[0].approximate);
	assert_true(m.gs.list[0].n >= 2);
	assert_int_equal(m.gs.pcs[0], (MINI_TEXT + 64 + 30) | UNWIND_EXACT);
	assert_int_equal(m.gs.pcs[1], MINI_TEXT + 94);
	put(STACK + 0x208, 0x7fff00002000, 8); /* not to any function of Go's */
	assert_int_equal(read_all(&freeze), 0);
	assert_int_equal(m.gs.list[0].n, 1);
	assert_true(m.gs.list[0].truncated);
	end();
}

/* Those of which more is known are not taken together with those of which less is. */
static void stacks_that_may_lack_frames_are_told_apart(void **state)
{
	struct report_snapshot out = {.pid = 1};

	(void)state;
	begin();
	put_g(G1, 2, GOROUTINE_WAITING);
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.n, 2);
	m.gs.list[1].approximate = true;
	assert_int_equal(groups_make(&out, &m.gs, m.bin, 0, 1), 0);
	assert_int_equal(out.ngroups, 2);
	report_snapshot_free(&out);
	end();
}

/* Whatever the list is like, and however long it takes to read. */
static void those_that_run_are_read_first(void **state)
{
	struct frozen_thread t[2] = {{.tid = 9, .own = TID, .stopped = true, .known = true},
				     {.tid = 10, .own = 10, .stopped = true, .known = true}};
	struct freeze freeze = {.threads = t, .n = 2};

	(void)state;
	begin();
	put(G0 + m.l->g_status, GOROUTINE_RUNNING, 4);
	put(M + m.l->m_curg, AT + G0, 8);
	put(0x1c00, AT + G0, 8);
	t[0].regs.fs_base = t[1].regs.fs_base = AT + 0x1c08;
	t[0].regs.rip = MINI_TEXT + 4;
	t[0].regs.rsp = AT + STACK + 0x108;
	assert_int_equal(read_all(&freeze), 0);
	assert_int_equal(m.gs.n, 1); /* once */
	assert_int_equal(m.gs.list[0].n, 3);
	assert_int_equal(m.gs.dead, 1);
	put(0, UINT64_MAX - 7, 8); /* no list */
	assert_int_equal(read_all(&freeze), 0);
	assert_int_equal(m.gs.n, 1);
	assert_int_equal(m.gs.list[0].n, 3);
	/* a goroutine of the scheduler: the one that it works for */
	put(0x1c00, AT + G1, 8);
	put(G1 + m.l->g_m, AT + M, 8);
	assert_int_equal(read_all(&freeze), 0);
	assert_int_equal(m.gs.n, 1);
	assert_int_equal(m.gs.list[0].addr, AT + G0);
	/* an m that names another goroutine each time it is asked, or none */
	put(M + m.l->m_curg, AT + G0 + 8, 8);
	assert_int_equal(read_all(&freeze), 0);
	assert_int_equal(m.gs.n, 0);
	end();
}

static void lists_that_are_none_are_refused(void **state)
{
	(void)state;
	begin();
	put(8, 1ull << 60, 8);
	assert_int_equal(read_all(NULL), -EFAULT);
	put(8, 0, 8);
	assert_int_equal(read_all(NULL), -EFAULT);
	put(8, 1000, 8); /* it goes on beyond what is there */
	put(0, AT + SIZE - 16, 8);
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.n, 0);
	assert_int_equal(m.gs.unreadable, 1000);
	put(0, UINT64_MAX - 7, 8);
	put(8, 4, 8);
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.unreadable, 4);
	end();
}

/* What looks like it everywhere is looked at for so long, and no longer. */
static void the_search_ends_in_time(void **state)
{
	struct err err = {.text = ""};
	uint64_t allgs;

	(void)state;
	begin();
	memory_deadline(m.memory, 1);
	assert_int_equal(goroutines_find(m.bin, 0, m.memory, NULL, &allgs, &err), -ETIME);
	assert_non_null(strstr(err.text, "was not found in time"));
	end();
}

/* Where another process of the program had it, it is only if main's goroutine is there. */
static void a_hint_is_no_more_than_that(void **state)
{
	struct goroutines_hint hint = {.looked = true, .main = INSIDE, .allgs = AT};
	struct err err = {.text = ""};
	uint64_t allgs = 0;

	(void)state;
	begin();
	put(G0 + m.l->g_startpc, INSIDE, 8);
	assert_int_equal(goroutines_find(m.bin, 0, m.memory, &hint, &allgs, &err), 0);
	assert_int_equal(allgs, AT);
	put(G0 + m.l->g_startpc, INSIDE + 1, 8);
	assert_int_equal(goroutines_find(m.bin, 0, m.memory, &hint, &allgs, &err), -ENOENT);
	hint.main = 0;
	assert_int_equal(goroutines_find(m.bin, 0, m.memory, &hint, &allgs, &err), -ENOENT);
	hint.allgs = UINT64_MAX - 8;
	assert_int_equal(goroutines_find(m.bin, 0, m.memory, &hint, &allgs, &err), -ENOENT);
	end();
}

static void goroutines_that_are_none_are_counted(void **state)
{
	(void)state;
	begin();
	put(LIST, AT + G0 + 1, 8);
	put(LIST + 8, UINT64_MAX - 64, 8);
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.unreadable, 2);
	put(LIST, AT + G0, 8);
	put(G0 + m.l->g_stack_hi, 1ull << 60, 8);
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.unreadable, 2);
	put(G0 + m.l->g_stack_hi, AT + STACK_END, 8);
	put(G0 + m.l->g_sched_sp, 16, 8);
	assert_int_equal(read_all(NULL), 0);
	assert_int_equal(m.gs.unreadable, 2);
	end();
}

/* A function that calls itself without end, as far as its stack says. */
static void endless_stacks_end(void **state)
{
	uint64_t at;

	(void)state;
	begin();
	for (at = STACK; at < STACK_END; at += 8)
		put(at, INSIDE, 8);
	assert_int_equal(read_all(NULL), 0);
	assert_true(m.gs.list[0].n > 10 && m.gs.list[0].n <= UNWIND_MAX);
	assert_true(m.gs.list[0].truncated);
	end();
}

/* The numbers of waiting reasons are the runtime's constants, whose order changed with 1.26. */
static void reasons_are_those_of_the_version(void **state)
{
	static const struct {
		int minor;
		unsigned int reason;
		const char *text;
	} known[] = {
		{19, 14, "chan receive"},
		{19, 19, "sleep"},
		{21, 20, "sync.Cond.Wait"},
		{23, 14, "chan receive"},
		{24, 24, "sync.WaitGroup.Wait"},
		{25, 18, "GOMAXPROCS updater (idle)"},
		{26, 2, "IO wait"},
		{27, 3, "dumping heap"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_string_equal(go_layout_wait_reason(go_layout_find(known[i].minor, false),
							  known[i].reason),
				    known[i].text);
	assert_null(go_layout_wait_reason(go_layout_find(19, false), 27));
	assert_null(go_layout_wait_reason(go_layout_find(27, false), 47));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_asked_for_is_first),
		cmocka_unit_test(what_is_claimed_takes_no_memory),
		cmocka_unit_test(a_stack_is_walked_by_its_depths),
		cmocka_unit_test(one_that_runs_has_its_registers),
		cmocka_unit_test(one_that_is_not_reached_is_truncated),
		cmocka_unit_test(stacks_that_may_lack_frames_are_told_apart),
		cmocka_unit_test(those_that_run_are_read_first),
		cmocka_unit_test(lists_that_are_none_are_refused),
		cmocka_unit_test(the_search_ends_in_time),
		cmocka_unit_test(a_hint_is_no_more_than_that),
		cmocka_unit_test(goroutines_that_are_none_are_counted),
		cmocka_unit_test(endless_stacks_end),
		cmocka_unit_test(reasons_are_those_of_the_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
