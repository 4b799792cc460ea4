/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where the runtime says that the world is to stop, against the symbol tables of the fixtures that
 * have one. */
#include "fixture.h"

#include <inttypes.h>

#include "arch/arch.h"
#include "probe/world.h"

#define SCHED_SIZE 16384 /* at most; it has about 7 KiB */

static void found_in(const char *version, uint64_t expected)
{
	struct go_binary *bin = fixture_open(version);
	uint64_t addr = 0;

	if (world_find(bin, &addr))
		fail_msg("%s: not found", version);
	if (expected && (addr <= expected || addr - expected > SCHED_SIZE))
		fail_msg("%s: 0x%" PRIx64 " is not in runtime.sched, 0x%" PRIx64, version, addr,
			 expected);
	go_binary_close(bin);
}

static void test_every_version(void **state)
{
	uint64_t addr;
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++) {
		addr = fixture_symbol(fixture_versions[i], "runtime.sched");
		assert_true(addr);
		found_in(fixture_versions[i], addr);
	}
}

static void test_every_way_of_linking(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VARIANTS; i++)
		found_in(fixture_variants[i], 0);
}

static void test_instructions(void **state)
{
	static const uint8_t move[] = {0x8a, 0x0d, 0xf8, 0xff, 0xff, 0xff};
	static const uint8_t compare[] = {0x83, 0x3d, 0x10, 0x00, 0x00, 0x00, 0x00};
	static const uint8_t other[] = {0x83, 0x3d, 0x10, 0x00, 0x00, 0x00, 0x01};

	(void)state;
	assert_int_equal(arch_asks_byte(move, sizeof(move), 0x1000), 0xffe);
	assert_int_equal(arch_asks_byte(move, sizeof(move) - 1, 0x1000), 0);
	assert_int_equal(arch_asks_byte(compare, sizeof(compare), 0x1000), 0x1017);
	assert_int_equal(arch_asks_byte(compare, sizeof(compare) - 1, 0x1000), 0);
	assert_int_equal(arch_asks_byte(other, sizeof(other), 0x1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_version),
		cmocka_unit_test(test_every_way_of_linking),
		cmocka_unit_test(test_instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
