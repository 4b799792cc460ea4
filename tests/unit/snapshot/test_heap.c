/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which counts of the runtime's profile are taken, and what they stand for. */
#include "fixture.h"

#include <stdbool.h>

#include "snapshot/heap.h"

#define RATE (512u << 10)
#define PIECE (64u << 10)

static struct go_binary *bin;
static uint64_t leak, other; /* in functions of the program */

static int open_program(void **state)
{
	(void)state;
	bin = fixture_open("1.24-stripped");
	leak = fixture_symbol("1.24", "main.main") + 1;
	other = fixture_symbol("1.24", "runtime.mallocgc") + 1;
	return leak > 1 && other > 1 ? 0 : -1;
}

static int close_program(void **state)
{
	(void)state;
	go_binary_close(bin);
	return 0;
}

static struct heap_counts counts(uint64_t allocs, uint64_t frees)
{
	return (struct heap_counts){allocs, frees, allocs * PIECE, frees * PIECE};
}

/* One bucket, whose innermost function is the runtime's. */
static void resolve(struct report_memory *out, struct heap_counts published, struct heap_counts all)
{
	uint64_t pcs[] = {other, leak};
	struct heap_bucket bucket = {published, all, PIECE, 0, 2};
	struct heap_profile p = {.list = &bucket, .n = 1, .pcs = pcs, .npcs = 2, .rate = RATE};
	struct report_heap heap;

	memset(out, 0, sizeof(*out));
	assert_int_equal(heap_resolve(&heap, &p, bin, 0), 0);
	assert_int_equal(heap_sum(out, &heap), 0);
	report_heap_free(&heap);
}

static void what_was_kept_at_the_last_collection(void **state)
{
	struct report_memory m;

	(void)state;
	/* of 64 KiB one in 8.5 is sampled: 1 / (1 - exp(-1/8)) */
	resolve(&m, counts(150, 50), counts(300, 50));
	assert_false(m.heap_with_recent);
	assert_int_equal(m.heap.inuse_objects, 851);
	assert_int_equal(m.heap.alloc_objects, 1276);
	assert_int_equal(m.nsites, 1);
	assert_string_equal(m.sites[0].at.function, "main.main");
	assert_int_equal(m.sites[0].use.inuse_bytes, m.heap.inuse_bytes);
	report_memory_free(&m);
}

static void all_there_is_where_that_says_little(void **state)
{
	struct report_memory m;

	(void)state;
	resolve(&m, counts(150, 50), counts(351, 50));
	assert_true(m.heap_with_recent);
	assert_int_equal(m.heap.alloc_objects, 2987);
	report_memory_free(&m);
	resolve(&m, counts(0, 0), counts(100, 0)); /* none so far */
	assert_true(m.heap_with_recent);
	assert_int_equal(m.heap.inuse_objects, 851);
	report_memory_free(&m);
}

static void nothing_is_nothing(void **state)
{
	struct report_memory m;

	(void)state;
	resolve(&m, counts(0, 0), counts(0, 0));
	assert_false(m.heap_with_recent);
	assert_int_equal(m.nsites, 0);
	assert_int_equal(m.heap.inuse_bytes, 0);
	report_memory_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_kept_at_the_last_collection),
		cmocka_unit_test(all_there_is_where_that_says_little),
		cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, open_program, close_program);
}
