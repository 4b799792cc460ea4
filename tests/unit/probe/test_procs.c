/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where the number of Ps is, against the symbol tables of the fixtures that have one. */
#include "fixture.h"

#include <inttypes.h>

#include "arch/arch.h"
#include "probe/procs.h"

static void found_in(const char *version, uint64_t expected)
{
	struct go_binary *bin = fixture_open(version);
	uint64_t addr = 0;

	if (procs_find(bin, &addr))
		fail_msg("%s: not found", version);
	if (expected && addr != expected)
		fail_msg("%s: at 0x%" PRIx64 ", not 0x%" PRIx64, version, addr, expected);
	go_binary_close(bin);
}

static void test_every_version(void **state)
{
	uint64_t addr;
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++) {
		addr = fixture_symbol(fixture_versions[i], "runtime.gomaxprocs");
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
	static const uint8_t load[] = {0x8b, 0x15, 0xf8, 0xff, 0xff, 0xff};
	static const uint8_t lea[] = {0x48, 0x8d, 0x35, 0x10, 0x00, 0x00, 0x00};
	static const uint8_t far[] = {0x4c, 0x8d, 0x0d, 0x00, 0x01, 0x00, 0x00};

	(void)state;
	assert_int_equal(arch_loads(load, sizeof(load), 0x1000), 0xffe);
	assert_int_equal(arch_loads(load, sizeof(load) - 1, 0x1000), 0);
	assert_int_equal(arch_loads(lea, sizeof(lea), 0x1000), 0);
	assert_int_equal(arch_takes_address(lea, sizeof(lea), 0x1000), 0x1017);
	assert_int_equal(arch_takes_address(far, sizeof(far), 0x1000), 0x1107);
	assert_int_equal(arch_takes_address(lea, sizeof(lea) - 1, 0x1000), 0);
	assert_int_equal(arch_takes_address(load, sizeof(load), 0x1000), 0);
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
