/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which call instructions are probed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arch.h"
#include "probe/calls.h"

static void busy_call_sites_are_given_up(void **state)
{
	static struct mr_call table[MR_CALL_SLOTS];
	static struct calls c;
	struct links_calls change;

	(void)state;
	memset(table, 0, sizeof(table));
	memset(&c, 0, sizeof(c));
	c.table = table;
	c.sites[0] = (struct calls_site){.link = {.offset = 0x1000, .slot = 3}, .ip = 0x401000};
	c.sites[1] = (struct calls_site){.link = {.offset = 0x2000, .slot = 4}, .ip = 0x402000};
	c.count = 2;
	assert_true(calls_change(&c, 1000000000, &change));
	assert_int_equal(change.nmore, 2);
	assert_int_equal(change.nless, 0);
	assert_int_equal(table[mr_call_slot(0, 0x401000)].ip, 0x401000);
	assert_int_equal(table[mr_call_slot(0, 0x401000)].slot, 3);
	calls_changed(&c, &change, true);
	assert_false(calls_change(&c, 2000000000, &change));
	table[mr_call_slot(0, 0x401000)].hits += 1000;
	table[mr_call_slot(0, 0x402000)].hits += 100000;
	assert_true(calls_change(&c, 3000000000, &change));
	assert_int_equal(change.nmore, 0);
	assert_int_equal(change.nless, 1);
	assert_int_equal(change.less[0].offset, 0x2000);
	calls_changed(&c, &change, true);
	assert_int_equal(table[mr_call_slot(0, 0x402000)].ip, 0);
	assert_int_equal(c.bare, 1);
	assert_false(calls_change(&c, 4000000000, &change));
}

static void only_a_plain_call_is_one(void **state)
{
	/* call rel32; call *%rax behind something that could be one */
	static const uint8_t plain[ARCH_CALL_LEN] = {0xe8, 0x10, 0x00, 0x00, 0x00};
	static const uint8_t back[ARCH_CALL_LEN] = {0xe8, 0xfb, 0xff, 0xff, 0xff};
	static const uint8_t indirect[ARCH_CALL_LEN] = {0x48, 0x8b, 0x00, 0xff, 0xd0};

	(void)state;
	assert_int_equal(arch_call_target(plain, 0x401005), 0x401015);
	assert_int_equal(arch_call_target(back, 0x401005), 0x401000);
	assert_int_equal(arch_call_target(indirect, 0x401005), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(busy_call_sites_are_given_up),
		cmocka_unit_test(only_a_plain_call_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
