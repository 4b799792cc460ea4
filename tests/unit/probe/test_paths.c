/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The ways through functions of the runtime, on real programs of every version. */
#include <maprace/wire.h>

#include "fixture.h"
#include "probe/hooks.h"
#include "probe/paths.h"

static int ways(const struct go_binary *bin, const char *from, const char *to)
{
	const char *names[] = {from, to};
	struct go_func funcs[2];
	size_t which = 7;
	int r;

	assert_int_equal(go_binary_find_funcs(bin, names, 2, funcs), 0);
	assert_non_null(funcs[0].name);
	assert_non_null(funcs[1].name);
	r = paths_calling(bin, &funcs[0], &funcs[1].entry, 1, &which);
	if (r != PATHS_NONE)
		assert_int_equal(which, 0);
	return r;
}

/* Go 1.24 and later: a deletion from an empty map comes back before it is one. */
static void test_some_ways(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++) {
		struct go_binary *bin = fixture_open(fixture_versions[i]);

		if (go_binary_layout(bin)->map_impl == GO_MAP_SWISS)
			assert_int_equal(ways(bin, "runtime.mapdelete_faststr",
					      "internal/runtime/maps.(*Map).Delete"),
					 PATHS_SOME);
		else
			assert_int_equal(ways(bin, "runtime.mapassign", "runtime.hashGrow"),
					 PATHS_SOME);
		go_binary_close(bin);
	}
}

static void test_all_ways_and_none(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++) {
		struct go_binary *bin = fixture_open(fixture_versions[i]);

		assert_int_equal(ways(bin, "reflect.mapassign", "runtime.mapaccess2"), PATHS_NONE);
		assert_int_equal(ways(bin,
				      go_binary_layout(bin)->minor < 21 ? "reflect.mapassign"
									: "reflect.mapassign0",
				      "runtime.mapassign"),
				 PATHS_ALL);
		go_binary_close(bin);
	}
}

/* No wrapper of any version has a way past the function at which it is seen. */
static void covers(const char *name)
{
	struct go_binary *bin = fixture_open(name);
	struct err err = {.text = ""};
	struct hook_set set;
	size_t i, covered = 0;

	assert_int_equal(hooks_choose(&set, bin, &err), 0);
	for (i = 0; i < set.count; i++) {
		const struct hook *h = &set.hooks[i];

		if (h->state == HOOK_PROBED && h->why[0])
			fail_msg("%s: %s %s", name, h->function, h->why);
		covered += h->state == HOOK_COVERED;
	}
	assert_true(covered >= 2);
	hooks_free(&set);
	go_binary_close(bin);
}

static void test_wrappers(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++)
		covers(fixture_versions[i]);
	for (i = 0; i < N_FIXTURE_VARIANTS; i++)
		covers(fixture_variants[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_some_ways),
		cmocka_unit_test(test_all_ways_and_none),
		cmocka_unit_test(test_wrappers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
