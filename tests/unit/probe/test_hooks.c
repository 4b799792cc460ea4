/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which functions are probed where, on real programs of every version. */
#include <maprace/wire.h>

#include "fixture.h"
#include "arch/arch.h"
#include "probe/hooks.h"
#include "process/elf_file.h"

static uint8_t byte_at(const struct go_binary *bin, uint64_t addr)
{
	uint8_t byte = 0;

	assert_int_equal(elf_file_read(go_binary_elf(bin), addr, &byte, 1), 0);
	return byte;
}

/* Probed, with its returns, each of which is one, inside the function. */
static void assert_grows(const struct hook_set *set, const struct go_binary *bin,
			 const char *function)
{
	bool many_steps = strstr(function, "evacuate"); /* their returns would cost too much */
	size_t i, returns = 0;
	struct go_func f;

	for (i = 0; i < set->count; i++)
		if (!strcmp(set->hooks[i].function, function))
			break;
	if (i == set->count || set->hooks[i].state != HOOK_PROBED)
		fail_msg("%s: %s", function, i == set->count ? "no hook" : set->hooks[i].why);
	assert_int_equal(go_binary_func_by_pc(bin, set->hooks[i].entry, &f), 0);
	for (i++; i < set->count && set->hooks[i].op == MR_OP_GROWN; i++) {
		assert_int_equal(set->hooks[i].entry, f.entry);
		assert_true(set->hooks[i].addr > f.entry && set->hooks[i].addr < f.end);
		assert_int_equal(byte_at(bin, set->hooks[i].addr), 0xc3);
		returns++;
	}
	assert_in_range(returns, many_steps ? 0 : 1, many_steps ? 0 : HOOK_RETURNS);
}

static void growth_is_seen_in(const char *name)
{
	static const char *const classic[] = {"runtime.hashGrow", "runtime.evacuate",
					      "runtime.evacuate_fast64",
					      "runtime.evacuate_faststr"};
	static const char *const swiss[] = {"internal/runtime/maps.(*Map).growToTable",
					    "internal/runtime/maps.(*table).grow",
					    "internal/runtime/maps.(*table).split"};
	struct go_binary *bin = fixture_open(name);
	struct err err = {.text = ""};
	struct hook_set set;
	size_t i, before;

	assert_int_equal(hooks_choose(&set, bin, &err), 0);
	before = set.probed;
	assert_int_equal(hooks_choose_growth(&set, bin), 0);
	assert_true(set.probed > before);
	assert_int_equal(set.blind, 0);
	if (go_binary_layout(bin)->map_impl == GO_MAP_SWISS)
		for (i = 0; i < 3; i++)
			assert_grows(&set, bin, swiss[i]);
	else
		for (i = 0; i < 4; i++)
			assert_grows(&set, bin, classic[i]);
	hooks_free(&set);
	go_binary_close(bin);
}

/* At their stack checks, whose flags tell whether the function begins anew: nothing is counted
 * twice. */
static void panics_are_seen_in(const char *name)
{
	static const uint8_t ops[] = {MR_OP_GOPANIC, MR_OP_RECOVERY, MR_OP_GOEXIT};
	struct go_binary *bin = fixture_open(name);
	struct err err = {.text = ""};
	struct hook_set set;
	size_t i, before;

	assert_int_equal(hooks_choose(&set, bin, &err), 0);
	before = set.count;
	assert_int_equal(hooks_choose_panics(&set, bin), 0);
	assert_int_equal(set.count, before + 3);
	for (i = 0; i < 3; i++) {
		const struct hook *h = &set.hooks[before + i];

		assert_int_equal(h->op, ops[i]);
		assert_true(mr_op_is_panics(h->op) && mr_op_has_site(h->op));
		if (h->op == MR_OP_GOEXIT && h->state == HOOK_ABSENT)
			continue; /* of a program that never calls it */
		assert_int_equal(h->state, HOOK_PROBED);
		assert_int_equal(h->site, SITE_JUMP);
	}
	assert_int_equal(set.blind, 0);
	hooks_free(&set);
	go_binary_close(bin);
}

/* What an address is, after a collection, rests on this one. */
static void collections_are_seen_in(const char *name)
{
	struct go_binary *bin = fixture_open(name);
	struct err err = {.text = ""};
	struct hook_set set;
	size_t i, seen = 0;

	assert_int_equal(hooks_choose(&set, bin, &err), 0);
	for (i = 0; i < set.count; i++)
		seen += set.hooks[i].op == MR_OP_COLLECTED && set.hooks[i].state == HOOK_PROBED &&
			set.hooks[i].offset;
	if (seen != 1)
		fail_msg("%s: the end of marking is seen %zu times", name, seen);
	hooks_free(&set);
	go_binary_close(bin);
}

static void collections_are_seen_in_every_version(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++)
		collections_are_seen_in(fixture_versions[i]);
	for (i = 0; i < N_FIXTURE_VARIANTS; i++)
		collections_are_seen_in(fixture_variants[i]);
}

/* What calls a map function for the program is known as a wrapper; what the program has is not. */
static void wrappers_are_known_in(const char *name)
{
	static const char *const names[] = {
		"runtime.mapdelete",
		"runtime.mapclear",
		"runtime.mapIterStart",
		"runtime.mapIterNext",
		"runtime.mapdelete_fast64",
		"runtime.mapassign",
		"runtime.mapdelete_faststr",
		"runtime.mapiterinit",
		"os.Getenv",
		"fmt.Fprintf",
		"sync.(*Mutex).lockSlow",
		"main.main",
	};
	enum { N = sizeof(names) / sizeof(names[0]), OTHERS = 4 };
	struct go_binary *bin = fixture_open(name);
	struct go_func funcs[N];
	struct err err = {.text = ""};
	struct hook_set set;
	size_t i, seen = 0;
	bool in;

	assert_int_equal(hooks_choose(&set, bin, &err), 0);
	assert_true(go_binary_find_funcs(bin, names, N, funcs) >= 0);
	for (i = 0; i < N; i++) {
		if (!funcs[i].name)
			continue;
		in = funcs[i].entry >= set.runtime_lo && funcs[i].entry < set.runtime_hi;
		if (in != (i < N - OTHERS))
			fail_msg("%s: %s is %s", name, names[i], in ? "a wrapper" : "none");
		seen++;
	}
	assert_true(seen >= 4);
	hooks_free(&set);
	go_binary_close(bin);
}

static void wrappers_are_known_in_every_version(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++)
		wrappers_are_known_in(fixture_versions[i]);
	for (i = 0; i < N_FIXTURE_VARIANTS; i++)
		wrappers_are_known_in(fixture_variants[i]);
}

static bool may_lead_on(const char *name)
{
	return !strncmp(name, "reflect.map", 11) || !strncmp(name, "runtime.map", 11) ||
	       !strncmp(name, "runtime.reflect_map", 19) ||
	       !strncmp(name, "internal/runtime/maps.(*Map)", 28) ||
	       !strncmp(name, "internal/runtime/maps.(*Iter)", 29);
}

/* Nothing that f calls, directly or through other functions of maps, is a hook of the same kind. */
static void assert_leads_to_none(const struct hook_set *set, const struct go_binary *bin,
				 const struct hook *from, const struct go_func *f, int depth)
{
	size_t len = (size_t)(f->end - f->entry), i, j;
	uint8_t *code = malloc(len);
	struct go_func to;

	assert_non_null(code);
	assert_int_equal(elf_file_read(go_binary_elf(bin), f->entry, code, len), 0);
	for (i = 0; i + ARCH_CALL_LEN <= len; i++) {
		uint64_t ret = f->entry + i + ARCH_CALL_LEN;
		uint64_t target = arch_call_target(code + i, ret);

		if (!target || go_binary_func_by_pc(bin, target, &to) || to.entry != target ||
		    to.entry == f->entry)
			continue;
		for (j = 0; j < set->count; j++)
			if (set->hooks[j].state == HOOK_PROBED && set->hooks[j].entry == target &&
			    set->hooks[j].op == from->op)
				fail_msg("%s leads to %s", from->function, set->hooks[j].function);
		if (depth && may_lead_on(to.name))
			assert_leads_to_none(set, bin, from, &to, depth - 1);
	}
	free(code);
}

static void one_write_is_noted_once_in(const char *name)
{
	struct go_binary *bin = fixture_open(name);
	struct err err = {.text = ""};
	struct hook_set set;
	struct go_func f;
	size_t i;

	assert_int_equal(hooks_choose(&set, bin, &err), 0);
	for (i = 0; i < set.count; i++) {
		/* a classic map's iteration takes its first step by a function that is probed, too */
		if (set.hooks[i].state != HOOK_PROBED || !mr_op_writes(set.hooks[i].op))
			continue;
		assert_int_equal(go_binary_func_by_pc(bin, set.hooks[i].entry, &f), 0);
		assert_leads_to_none(&set, bin, &set.hooks[i], &f, 3);
	}
	hooks_free(&set);
	go_binary_close(bin);
}

static void one_write_is_noted_once_in_every_version(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++)
		one_write_is_noted_once_in(fixture_versions[i]);
	for (i = 0; i < N_FIXTURE_VARIANTS; i++)
		one_write_is_noted_once_in(fixture_variants[i]);
}

static void growth_is_seen_in_every_version(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++)
		growth_is_seen_in(fixture_versions[i]);
	for (i = 0; i < N_FIXTURE_VARIANTS; i++)
		growth_is_seen_in(fixture_variants[i]);
}

static void panics_are_seen_in_every_version(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++)
		panics_are_seen_in(fixture_versions[i]);
	for (i = 0; i < N_FIXTURE_VARIANTS; i++)
		panics_are_seen_in(fixture_variants[i]);
}

static void a_return_stands_behind_nops_or_not_at_all(void **state)
{
	static const struct {
		int at, len;
		uint8_t code[16];
	} cases[] = {
		{0, 1, {0xc3}},
		{1, 2, {0x90, 0xc3}},
		{5, 6, {0x66, 0x90, 0x0f, 0x1f, 0x00, 0xc3}},
		{9, 10, {0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, 0xc3}},
		{-1, 0, {0}},
		{-1, 1, {0x90}},		   /* it ends before */
		{-1, 9, {0x66, 0x0f, 0x1f, 0x84}}, /* likewise */
		{-1, 3, {0x0f, 0x1f, 0x44}},	   /* a NOP that is cut */
		{-1, 2, {0xf3, 0xc3}},		   /* none that Go makes */
		{-1, 5, {0x48, 0x89, 0x44, 0x24, 0x08}},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(arch_return_at(cases[i].code, cases[i].len), cases[i].at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collections_are_seen_in_every_version),
		cmocka_unit_test(wrappers_are_known_in_every_version),
		cmocka_unit_test(one_write_is_noted_once_in_every_version),
		cmocka_unit_test(growth_is_seen_in_every_version),
		cmocka_unit_test(panics_are_seen_in_every_version),
		cmocka_unit_test(a_return_stands_behind_nops_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
