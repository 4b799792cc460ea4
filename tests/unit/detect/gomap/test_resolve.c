/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a target can make us keep of a stack has an end. */
#include "fixture.h"

#include "detect/gomap/resolve.h"

static char *long_name(char last)
{
	char *name = malloc(62001);

	assert_non_null(name);
	memset(name, 'x', 62000);
	name[61999] = last;
	name[62000] = '\0';
	return name;
}

static void test_names_are_cut_and_told_apart(void **state)
{
	struct resolver r = {};
	char *a, *b, *again, *whole = malloc(RESOLVE_NAME_MAX + 1);

	(void)state;
	assert_non_null(whole);
	memset(whole, 'y', RESOLVE_NAME_MAX);
	whole[RESOLVE_NAME_MAX] = '\0';
	whole = resolve_cut(&r, whole);
	assert_int_equal(strlen(whole), RESOLVE_NAME_MAX);
	assert_int_equal(r.names_cut, 0);
	a = resolve_cut(&r, long_name('a'));
	b = resolve_cut(&r, long_name('b'));
	again = resolve_cut(&r, long_name('a'));
	assert_int_equal(strlen(a), RESOLVE_NAME_MAX);
	assert_non_null(strstr(a, "xxx...#"));
	assert_string_not_equal(a, b);
	assert_string_equal(a, again);
	assert_int_equal(r.names_cut, 3);
	assert_null(resolve_cut(&r, NULL));
	free(whole);
	free(a);
	free(b);
	free(again);
}

/* An address with inlined calls, for a stack of many of them. */
static uint64_t inlined_pc(const struct go_binary *bin, int *frames)
{
	struct go_frame out[32];
	uint64_t pc, best = 0;

	*frames = 0;
	for (pc = go_binary_text(bin); pc < go_binary_text(bin) + (1u << 19); pc += 7) {
		int n = go_binary_frames(bin, pc, true, out, 32);

		if (n <= *frames)
			continue;
		*frames = n;
		best = pc;
	}
	return best;
}

static void test_stacks_are_cut(void **state)
{
	struct go_binary *bin = fixture_open("1.24");
	struct process process = {.pid = 0};
	struct resolver r = {.bin = bin, .process = &process};
	struct mr_access raw = {.nframes = MR_FRAMES, .op = MR_OP_WRITE};
	struct report_access out;
	uint64_t pc;
	int each, i;

	(void)state;
	pc = inlined_pc(bin, &each);
	assert_true(each * MR_FRAMES > RESOLVE_FRAMES_MAX);
	for (i = 0; i < MR_FRAMES; i++)
		raw.pcs[i] = pc;
	assert_int_equal(resolve_access(&r, &raw, &out), 0);
	assert_int_equal(out.nframes, RESOLVE_FRAMES_MAX);
	assert_true(out.truncated);
	assert_int_equal(r.stacks_cut, 1);
	report_access_free(&out);
	raw.nframes = 8;
	assert_int_equal(resolve_access(&r, &raw, &out), 0);
	assert_in_range(out.nframes, 8 * each - 1, 8 * each);
	assert_false(out.truncated);
	assert_int_equal(r.stacks_cut, 1);
	report_access_free(&out);
	go_binary_close(bin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_cut_and_told_apart),
		cmocka_unit_test(test_stacks_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
