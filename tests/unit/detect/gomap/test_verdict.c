/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/gomap/maprows.h"
#include "detect/gomap/verdict.h"

static uint8_t by_site[MR_MAP_SITES];
static uint16_t sites[MR_MAP_SITES];

static struct verdict_input tested(unsigned int met)
{
	struct verdict_input in = {
		.sites = sites, .holds = 300, .controls = 100, .by_site = by_site};

	memset(by_site, 0, sizeof(by_site));
	memset(sites, 0, sizeof(sites));
	sites[3] = 0x1234;
	by_site[3] = (uint8_t)met;
	sites[30] = 1;
	by_site[30] = 255;
	return in;
}

static void ordered_needs_a_chance_below_a_millionth(void **state)
{
	struct verdict_input in;
	struct verdict v;

	(void)state;
	in = tested(19); /* 2^-19 is 1.9e-6 */
	v = verdict_of(&in);
	assert_int_equal(v.verdict, REPORT_UNPROVEN);
	assert_true(v.p == 1);
	assert_true(fabs(v.expected - 19 * log(2)) < 1e-9);
	in = tested(20);
	v = verdict_of(&in);
	assert_int_equal(v.verdict, REPORT_ORDERED);
	assert_true(v.p < 1e-6 && fabs(v.p / exp(-v.expected) - 1) < 1e-9);
}

static void one_collision_outweighs_everything(void **state)
{
	struct verdict_input in = tested(255);
	struct verdict v;

	(void)state;
	in.collisions = 1;
	v = verdict_of(&in);
	assert_int_equal(v.verdict, REPORT_RACY);
	assert_true(v.p == 1);
	in.collisions = 0;
	in.met = true; /* and its event was lost: no proof, but no order either */
	assert_int_equal(verdict_of(&in).verdict, REPORT_UNPROVEN);
}

static void the_least_tested_site_decides(void **state)
{
	struct verdict_input in = tested(255);

	(void)state;
	assert_int_equal(verdict_of(&in).verdict, REPORT_ORDERED);
	sites[0] = 1; /* one more site, never tested */
	assert_int_equal(verdict_of(&in).verdict, REPORT_UNPROVEN);
	assert_true(verdict_of(&in).expected == 0);
	in = tested(255);
	in.crowded = true; /* one that there is no count for */
	assert_int_equal(verdict_of(&in).verdict, REPORT_UNPROVEN);
	assert_true(verdict_of(&in).expected == 0);
}

static void nothing_tested_is_unproven(void **state)
{
	struct verdict_input in = tested(255);

	(void)state;
	in.controls = 0;
	assert_int_equal(verdict_of(&in).verdict, REPORT_UNPROVEN);
	in = tested(255);
	in.holds = 0; /* no hold, no chance to collide */
	assert_int_equal(verdict_of(&in).verdict, REPORT_UNPROVEN);
	in = tested(255);
	memset(sites, 0, sizeof(sites));
	assert_int_equal(verdict_of(&in).verdict, REPORT_UNPROVEN);
	in = tested(255);
	in.by_site = NULL;
	assert_int_equal(verdict_of(&in).verdict, REPORT_UNPROVEN);
	/* counts from memory that others write: more holds a control than the coin gives */
	in = tested(20);
	in.holds = UINT32_MAX;
	in.controls = 1;
	assert_true(verdict_of(&in).expected < 15);
}

/* --- the coin: how often does a racy map get so far? --- */

static uint64_t random_word(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static double random_real(uint64_t *state)
{
	return (double)(random_word(state) >> 11) / 9007199254740992.0;
}

/*
 * A map that nothing orders, until its first collision: arrivals of whatever pattern (the n-th test
 * would be met or not, whatever the coin says), and a hold that is met only `hindrance` times as
 * often as a control. Returns the greatest expectation that was reached without a collision.
 */
static double greatest_before_collision(uint64_t seed, int pattern, double hindrance)
{
	static const uint16_t first[MR_MAP_SITES] = {1};
	struct verdict_input in = {.sites = first, .by_site = by_site};
	double greatest = 0, e;
	bool come;
	int n;

	by_site[0] = 0;
	for (n = 0; n < 4000 && by_site[0] < 255; n++) {
		switch (pattern) {
		case 0: /* independent */
			come = random_real(&seed) < 0.3;
			break;
		case 1: /* lock step: every fourth time */
			come = n % 4 == 1;
			break;
		case 2: /* bursts */
			come = n / 50 % 3 == 0;
			break;
		default: /* always */
			come = true;
		}
		if (random_word(&seed) % MR_TRIAL_ODDS) {
			in.holds++;
			if (come && random_real(&seed) < hindrance)
				break;
			continue;
		}
		in.controls++;
		by_site[0] += come;
		e = verdict_of(&in).expected;
		if (e > greatest)
			greatest = e;
	}
	return greatest;
}

#define RUNS 200000

static void check_false_rate(double hindrance, double below)
{
	int pattern, i, hundredth, ordered;

	for (pattern = 0; pattern < 4; pattern++) {
		hundredth = ordered = 0;
		for (i = 0; i < RUNS; i++) {
			double e = greatest_before_collision(
				(uint64_t)(i + 1) * 0xd1342543de82ef95ull, pattern, hindrance);

			hundredth += e > log(100);
			ordered += e > -log(VERDICT_P);
		}
		print_message("hindrance %.2f, pattern %d: of %d racy runs %d would have passed p "
			      "< 0.01, %d passed p < 1e-6\n",
			      hindrance, pattern, RUNS, hundredth, ordered);
		assert_true(hundredth <= below * RUNS);
		assert_int_equal(ordered, 0);
	}
}

static void racy_maps_do_not_become_ordered(void **state)
{
	(void)state;
	check_false_rate(1, 0.0001);
	check_false_rate(VERDICT_HINDRANCE, 0.02);
}

static void a_race_of_a_dead_map_proves_nothing_of_the_new_one(void **state)
{
	struct report_maprow rows[2] = {
		{.pid = 1, .addr = 0x1000, .since_ns = 5000000, .verdict = REPORT_ORDERED},
		{.pid = 1, .addr = 0x2000, .since_ns = 5000000, .verdict = REPORT_ORDERED},
	};
	struct report_race races[2] = {
		{.pid = 1, .map = {.addr = 0x1000, .seen_ns = 4000000}},
		/* by the very operation with which its record began */
		{.pid = 1, .map = {.addr = 0x2000, .seen_ns = 4999999}},
	};
	struct report report = {.maps = rows, .nmaps = 2, .races = races, .nraces = 2};

	(void)state;
	maprows_prove(&report);
	assert_int_equal(rows[0].verdict, REPORT_ORDERED);
	assert_int_equal(rows[1].verdict, REPORT_RACY);
}

static void nor_is_an_earlier_program_s_map_proved_by_a_later_one(void **state)
{
	struct report_maprow rows[2] = {
		{.pid = 1, .addr = 0x1000, .since_ns = 5000000, .until_ns = 7000000},
		{.pid = 1, .addr = 0x1000, .since_ns = 8000000, .verdict = REPORT_ORDERED},
	};
	struct report_race races[1] = {{.pid = 1, .map = {.addr = 0x1000, .seen_ns = 9000000}}};
	struct report report = {.maps = rows, .nmaps = 2, .races = races, .nraces = 1};

	(void)state;
	rows[0].verdict = REPORT_ORDERED;
	maprows_prove(&report);
	assert_int_equal(rows[0].verdict, REPORT_ORDERED);
	assert_int_equal(rows[1].verdict, REPORT_RACY);
	races[0].map.seen_ns = 6000000;
	rows[0].verdict = rows[1].verdict = REPORT_ORDERED;
	maprows_prove(&report);
	assert_int_equal(rows[0].verdict, REPORT_RACY);
	assert_int_equal(rows[1].verdict, REPORT_ORDERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordered_needs_a_chance_below_a_millionth),
		cmocka_unit_test(one_collision_outweighs_everything),
		cmocka_unit_test(the_least_tested_site_decides),
		cmocka_unit_test(nothing_tested_is_unproven),
		cmocka_unit_test(racy_maps_do_not_become_ordered),
		cmocka_unit_test(a_race_of_a_dead_map_proves_nothing_of_the_new_one),
		cmocka_unit_test(nor_is_an_earlier_program_s_map_proved_by_a_later_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
