/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What does not have the form that it must have is not known, whatever stands there; test_live.c
 * has the variables of programs that run. */
#include "fixture.h"

#include <stdbool.h>

#include "go/runtime_vars.h"
#include "process/memory.h"

#define AT 0xc000000000ull
#define RING 256
#define PAUSE_TOTAL 1 /* in words */
#define PAUSES 2
#define ENDS (PAUSES + RING)
#define NUMGC (ENDS + RING)
#define LAST_NANOTIME (NUMGC + 2)
#define WORDS (NUMGC + 3)
#define LAST 1790000000000000000ull

static struct go_binary *bin;
static uint64_t stats[WORDS]; /* as runtime.memstats has it, from the last collection's time on */

static int begin(void **state)
{
	(void)state;
	bin = fixture_open("1.24-stripped");
	return 0;
}

static int end(void **state)
{
	(void)state;
	go_binary_close(bin);
	return 0;
}

/* n collections, forced of them by the program; the last one ended at LAST */
static void collected(uint32_t n, uint32_t forced)
{
	memset(stats, 0, sizeof(stats));
	if (!n)
		return;
	stats[0] = LAST;
	stats[PAUSE_TOTAL] = 12345;
	stats[ENDS + (n + RING - 1) % RING] = LAST;
	stats[NUMGC] = (uint64_t)forced << 32 | n;
	stats[LAST_NANOTIME] = 1ull << 40;
}

static struct runtime_figures figures(const struct runtime_vars *vars)
{
	const struct memory_part part = {AT, stats, sizeof(stats)};
	struct memory *memory = memory_parts(&part, 1);
	struct runtime_figures f;

	assert_non_null(memory);
	runtime_vars_read(vars, bin, 0, memory, &f);
	memory_close(memory);
	return f;
}

static void collections_have_a_form(void **state)
{
	static const uint32_t counts[] = {1, 255, 256, 257, 100000};
	const struct runtime_vars vars = {.stats = {AT}, .nstats = 1};
	struct runtime_figures f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		collected(counts[i], 1);
		f = figures(&vars);
		assert_true(f.gc_known && !f.ps_known && !f.ms_known && !f.heap_known);
		assert_int_equal(f.gc_cycles, counts[i]);
		assert_int_equal(f.gc_forced, 1);
		assert_int_equal(f.gc_pause_ns, 12345);
		assert_true(f.gc_last_unix_ns == LAST);
		stats[ENDS + (counts[i] + RING - 1) % RING]++;
		assert_false(figures(&vars).gc_known);
	}
	collected(0, 0);
	f = figures(&vars);
	assert_true(f.gc_known && !f.gc_cycles && !f.gc_last_unix_ns);
	collected(3, 4);
	assert_false(figures(&vars).gc_known);
	collected(3, 0);
	stats[0] = 7;
	assert_false(figures(&vars).gc_known);
}

/* A copy that the program keeps has the same form, and less in it. */
static void the_newest_of_several_counts(void **state)
{
	static uint64_t older[WORDS];
	const struct runtime_vars vars = {.stats = {AT, AT + 0x10000}, .nstats = 2};
	struct memory_part parts[] = {{AT, stats, sizeof(stats)},
				      {AT + 0x10000, older, sizeof(older)}};
	struct runtime_figures f;
	struct memory *memory;
	int i;

	(void)state;
	collected(5, 0);
	memcpy(older, stats, sizeof(older));
	collected(9, 0);
	for (i = 0; i < 2; i++) {
		memory = memory_parts(parts, 2);
		assert_non_null(memory);
		runtime_vars_read(&vars, bin, 0, memory, &f);
		assert_true(f.gc_known);
		assert_int_equal(f.gc_cycles, 9);
		memory_close(memory);
		parts[0].data = older;
		parts[1].data = stats;
	}
}

/* Addresses of a process that is another one by now. */
static void nothing_is_made_of_what_is_not_there(void **state)
{
	const struct runtime_vars vars = {.pacer = 8,
					  .allp = {AT, 16, UINT64_MAX - 7},
					  .stats = {AT + 8, UINT64_MAX - 7},
					  .allm = {AT, 24, UINT64_MAX - 7},
					  .nallp = 3,
					  .nstats = 2,
					  .nallm = 3};
	struct runtime_figures f;

	(void)state;
	memset(stats, 0xff, sizeof(stats));
	f = figures(&vars);
	assert_false(f.ps_known || f.ms_known || f.gc_known || f.heap_known);
	collected(3, 0);
	f = figures(&vars);
	assert_false(f.ps_known || f.ms_known || f.gc_known || f.heap_known);
}

/* Chains that do not end, and that lead back. */
static void a_circle_of_ms_is_none(void **state)
{
	const struct go_layout *l = go_binary_layout(bin);
	const struct runtime_vars vars = {.allm = {AT}, .nallm = 1};
	static uint8_t data[8192];
	const struct memory_part part = {AT, data, sizeof(data)};
	const uint64_t m = AT + 64, g0 = AT + 4096;
	struct memory *memory = memory_parts(&part, 1);
	struct runtime_figures f;

	(void)state;
	assert_non_null(memory);
	assert_true(l->m_alllink + 8 < 4000 && l->m_g0 + 8 < 4000 && l->g_m + 8 < 4000);
	memcpy(data, &m, 8);
	memcpy(data + 64 + l->m_g0, &g0, 8);
	memcpy(data + 64 + l->m_alllink, &m, 8);
	memcpy(data + 4096 + l->g_m, &m, 8);
	runtime_vars_read(&vars, bin, 0, memory, &f);
	assert_false(f.ms_known);
	memory_close(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collections_have_a_form),
		cmocka_unit_test(the_newest_of_several_counts),
		cmocka_unit_test(nothing_is_made_of_what_is_not_there),
		cmocka_unit_test(a_circle_of_ms_is_none),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
