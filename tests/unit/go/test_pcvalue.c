/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* pc-value tables: made by hand, malformed, and the SP deltas of real code against its disassembly.
 */
#include "fixture.h"

#include <errno.h>
#include <stdbool.h>

#include "go/pcvalue.h"

#define MAX_REGIONS 512

static void test_by_hand(void **state)
{
	/* -1 + 1 = 0 for 4 bytes, + 8 for 300, - 8 for 1 */
	static const uint8_t table[] = {2, 4, 16, 0xac, 0x02, 15, 1, 0, 99};
	struct pcvalue it;
	int32_t value;

	(void)state;
	pcvalue_start(&it, table, table + sizeof(table), 0x1000, 0x2000, 1);
	assert_int_equal(pcvalue_next(&it), 1);
	assert_int_equal(it.lo, 0x1000);
	assert_int_equal(it.hi, 0x1004);
	assert_int_equal(it.value, 0);
	assert_int_equal(pcvalue_next(&it), 1);
	assert_int_equal(it.hi, 0x1004 + 300);
	assert_int_equal(it.value, 8);
	assert_int_equal(pcvalue_next(&it), 1);
	assert_int_equal(it.hi, 0x1004 + 301);
	assert_int_equal(it.value, 0);
	assert_int_equal(pcvalue_next(&it), 0);

	pcvalue_start(&it, table, table + sizeof(table), 0x1000, 0x2000, 1);
	assert_int_equal(pcvalue_find(&it, 0x1003, &value), 0);
	assert_int_equal(value, 0);
	pcvalue_start(&it, table, table + sizeof(table), 0x1000, 0x2000, 1);
	assert_int_equal(pcvalue_find(&it, 0x1004, &value), 0);
	assert_int_equal(value, 8);
	pcvalue_start(&it, table, table + sizeof(table), 0x1000, 0x2000, 1);
	assert_int_equal(pcvalue_find(&it, 0x1004 + 301, &value), -ENOENT);
}

static void test_units_of_four(void **state)
{
	static const uint8_t table[] = {2, 4, 0};
	struct pcvalue it;

	(void)state;
	pcvalue_start(&it, table, table + sizeof(table), 0x1000, 0x2000, 4);
	assert_int_equal(pcvalue_next(&it), 1);
	assert_int_equal(it.hi, 0x1010);
}

/* A first difference of zero is no end: the value is then -1. */
static void test_first_zero(void **state)
{
	static const uint8_t table[] = {0, 4, 4, 2, 0};
	struct pcvalue it;

	(void)state;
	pcvalue_start(&it, table, table + sizeof(table), 0, 100, 1);
	assert_int_equal(pcvalue_next(&it), 1);
	assert_int_equal(it.value, -1);
	assert_int_equal(pcvalue_next(&it), 1);
	assert_int_equal(it.value, 1);
	assert_int_equal(pcvalue_next(&it), 0);
}

static int walk(const uint8_t *table, size_t size, uint64_t limit)
{
	/* on the heap, so that the sanitizer sees a read behind it */
	uint8_t *copy = malloc(size ? size : 1);
	struct pcvalue it;
	int got, n = 0;

	memcpy(copy, table, size);
	pcvalue_start(&it, copy, copy + size, 0x1000, limit, 1);
	while ((got = pcvalue_next(&it)) == 1)
		n++;
	free(copy);
	return got ? got : n;
}

static void test_malformed(void **state)
{
	static const uint8_t fine[] = {2, 4, 16, 4, 0};
	static const uint8_t empty_region[] = {2, 0, 16, 4, 0};
	static const uint8_t long_varint[] = {2, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0};

	(void)state;
	assert_int_equal(walk(fine, sizeof(fine), 0x1008), 2);
	assert_int_equal(walk(fine, sizeof(fine), 0x1007), -EBADMSG); /* beyond the function */
	for (size_t cut = 0; cut < sizeof(fine); cut++)
		assert_int_equal(walk(fine, cut, 0x2000), -EBADMSG);
	assert_int_equal(walk(empty_region, sizeof(empty_region), 0x2000), -EBADMSG);
	assert_int_equal(walk(long_varint, sizeof(long_varint), UINT64_MAX), -EBADMSG);
}

/* Every table of every function of every fixture ends inside its function and starts at its entry,
 * without a gap. */
static void check_all(const char *version, size_t *tables)
{
	struct go_binary *bin = fixture_open(version);
	static struct go_sp_region regions[MAX_REGIONS];

	for (size_t i = 0; i < go_binary_func_count(bin); i++) {
		struct go_func f;
		int n;

		assert_int_equal(go_binary_func_at(bin, i, &f), 0);
		n = go_binary_sp_regions(bin, &f, regions, MAX_REGIONS);
		if (n < 0 || n > MAX_REGIONS)
			fail_msg("%s %s: %d regions", version, f.name, n);
		if (!n)
			continue;
		(*tables)++;
		assert_int_equal(regions[0].lo, f.entry);
		assert_true(regions[n - 1].hi <= f.end);
		for (int j = 1; j < n; j++)
			assert_int_equal(regions[j].lo, regions[j - 1].hi);
	}
	go_binary_close(bin);
}

static void test_sp_of_everything(void **state)
{
	size_t tables = 0;

	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++)
		check_all(fixture_versions[i], &tables);
	for (size_t i = 0; i < N_FIXTURE_VARIANTS; i++)
		check_all(fixture_variants[i], &tables);
	assert_true(tables > 30000);
}

/*
 * go tool objdump: "  map.go:255  0x403360  493b6610  CMPQ SP, 0x10(R14)". The instruction that
 * makes the frame is PUSHQ BP (from Go 1.21 on) or a SUBQ or ADDQ on SP: where it ends, the SP
 * delta becomes non-zero.
 */
static bool makes_frame(const char *insn)
{
	return !strncmp(insn, "PUSHQ BP", 8) ||
	       (!strncmp(insn, "SUBQ $", 6) && strstr(insn, ", SP")) ||
	       (!strncmp(insn, "ADDQ $-", 7) && strstr(insn, ", SP"));
}

static void check_frames_made(const char *version)
{
	struct go_binary *bin = fixture_open(version);
	FILE *oracle = fixture_oracle(version, "objdump");
	static struct go_sp_region regions[MAX_REGIONS];
	char line[1024];
	bool in_func = false;
	size_t checked = 0;

	while (fgets(line, sizeof(line), oracle)) {
		unsigned long long addr;
		char hex[64], insn[256];
		struct go_func f;
		int n, first;

		if (!strncmp(line, "TEXT ", 5)) {
			in_func = true;
			continue;
		}
		if (!in_func || sscanf(line, " %*s 0x%llx %63s %255[^\n]", &addr, hex, insn) != 3)
			continue;
		if (!makes_frame(insn))
			continue;
		in_func = false; /* the first of a function */
		assert_int_equal(go_binary_func_by_pc(bin, addr, &f), 0);
		n = go_binary_sp_regions(bin, &f, regions, MAX_REGIONS);
		for (first = 0; first < n && !regions[first].delta; first++)
			;
		if (first == n)
			fail_msg("%s %s: no region with a frame", version, f.name);
		if (regions[first].lo != addr + strlen(hex) / 2)
			fail_msg("%s %s: frame at %#llx, want %#llx", version, f.name,
				 (unsigned long long)regions[first].lo, addr + strlen(hex) / 2);
		checked++;
	}
	assert_true(checked >= 20);
	fclose(oracle);
	go_binary_close(bin);
}

static void test_frames_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++)
		check_frames_made(fixture_versions[i]);
}

/* However much room there is, the number of regions is told. */
static void test_little_room(void **state)
{
	struct go_binary *bin = fixture_open("1.24");
	const char *name = "runtime.mapassign_faststr";
	struct go_sp_region all[64], one[1] = {{1, 1, 1}};
	struct go_func f;
	int n;

	(void)state;
	assert_int_equal(go_binary_find_funcs(bin, &name, 1, &f), 0);
	n = go_binary_sp_regions(bin, &f, all, 64);
	assert_in_range(n, 3, 64);
	assert_int_equal(go_binary_sp_regions(bin, &f, one, 0), n);
	assert_int_equal(one[0].lo, 1);
	assert_int_equal(go_binary_sp_regions(bin, &f, one, 1), n);
	assert_int_equal(one[0].lo, f.entry);
	f.index = UINT32_MAX;
	assert_true(go_binary_sp_regions(bin, &f, all, 64) <= 0);
	go_binary_close(bin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),		 cmocka_unit_test(test_units_of_four),
		cmocka_unit_test(test_first_zero),	 cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_sp_of_everything), cmocka_unit_test(test_frames_made),
		cmocka_unit_test(test_little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
