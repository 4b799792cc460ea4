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

#define S 1000000000ull

static struct mr_call cold_table[MR_CALL_SLOTS];
static struct calls cold;

/* Their call instructions are 16 bytes apart. */
static void begin_cold(size_t n)
{
	struct links_calls change;
	size_t i;

	memset(cold_table, 0, sizeof(cold_table));
	memset(&cold, 0, sizeof(cold));
	cold.table = cold_table;
	for (i = 0; i < n; i++) {
		struct links_call link = {.offset = 0x1000 + 16 * i, .slot = 3};

		assert_true(calls_want_cold(&cold, 0x401000 + 16 * i, &link, S));
	}
	assert_true(calls_change(&cold, S, &change));
	assert_int_equal(change.nmore, n);
	assert_true(change.more[0].stays);
	calls_changed(&cold, &change, true);
	assert_int_equal(cold.cold, n);
}

static uint32_t *hits_of(size_t i)
{
	return &cold_table[mr_call_slot(0, 0x401000 + 16 * i)].hits;
}

static void what_is_not_cold_goes_soon_and_for_good(void **state)
{
	const struct links_call link = {.offset = 0x1000, .slot = 3};
	struct links_calls change;

	(void)state;
	begin_cold(2);
	*hits_of(0) += 100;
	assert_true(calls_change(&cold, S + 150000000, &change));
	assert_int_equal(change.nless, 1);
	assert_int_equal(change.less[0].offset, 0x1000);
	calls_changed(&cold, &change, true);
	assert_int_equal(cold.cold, 1);
	assert_int_equal(cold.bare, 0);
	assert_false(calls_want_cold(&cold, 0x401000, &link, 2 * S));
	assert_false(calls_change(&cold, 2 * S, &change));
	*hits_of(1) += 150;
	assert_false(calls_change(&cold, 3 * S, &change));
}

static void all_together_are_not_too_busy(void **state)
{
	struct links_calls change;
	size_t i;

	(void)state;
	begin_cold(32);
	for (i = 0; i < 32; i++)
		*hits_of(i) += i ? 150 : 20;
	assert_false(calls_change(&cold, 2 * S, &change));
	for (i = 0; i < 32; i++)
		*hits_of(i) += i ? 400 : 20;
	assert_true(calls_change(&cold, 4 * S, &change));
	assert_int_equal(change.nless, 31);
}

static void who_is_not_called_from_makes_way_for_others(void **state)
{
	struct links_calls change;

	(void)state;
	begin_cold(2);
	assert_false(calls_change(&cold, 12 * S, &change));
	cold.others = true;
	*hits_of(1) += 1;
	assert_true(calls_change(&cold, 13 * S, &change));
	assert_int_equal(change.nless, 1);
	assert_int_equal(change.less[0].offset, 0x1000);
	calls_changed(&cold, &change, true);
	assert_int_equal(cold.cold, 1);
	assert_true(calls_want_cold(&cold, 0x401000, &change.less[0], 13 * S));
}

/* What the engine has asked for as well stays wanted, as any other. */
static void one_that_was_asked_for_is_kept(void **state)
{
	struct links_calls change;

	(void)state;
	begin_cold(1);
	cold.sites[0].asked = true;
	*hits_of(0) += 100;
	assert_true(calls_change(&cold, S + 150000000, &change));
	assert_int_equal(change.nless, 1);
	calls_changed(&cold, &change, true);
	assert_int_equal(cold.cold, 0);
	assert_true(calls_change(&cold, 2 * S, &change));
	assert_int_equal(change.nmore, 1);
	assert_false(change.more[0].stays);
	calls_changed(&cold, &change, true);
	assert_int_equal(cold.bare, 0);
}

static void there_are_so_many_at_a_time(void **state)
{
	const struct links_call link = {.offset = 0x9000, .slot = 3};
	size_t i;

	(void)state;
	memset(&cold, 0, sizeof(cold));
	for (i = 0; i < CALLS_COLD; i++)
		assert_true(calls_want_cold(&cold, 0x401000 + 16 * i, &link, S));
	assert_false(calls_want_cold(&cold, 0x409000, &link, S));
	assert_false(calls_want_cold(&cold, 0x401000, &link, S));
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
		cmocka_unit_test(what_is_not_cold_goes_soon_and_for_good),
		cmocka_unit_test(all_together_are_not_too_busy),
		cmocka_unit_test(who_is_not_called_from_makes_way_for_others),
		cmocka_unit_test(one_that_was_asked_for_is_kept),
		cmocka_unit_test(there_are_so_many_at_a_time),
		cmocka_unit_test(only_a_plain_call_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
