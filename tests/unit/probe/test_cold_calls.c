/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Call sites of map functions in real programs of every version: which they are, and who is next. */
#include <unistd.h>

#include <maprace/wire.h>

#include "fixture.h"
#include "arch/arch.h"
#include "probe/cold_calls.h"

#define BIAS 0x10000
#define S 1000000000ull

static uint8_t slots[MR_SITE_SLOTS];

static void find(struct cold_calls *c, const struct go_binary *bin, struct hook_set *set)
{
	struct err err = {};
	size_t i;

	memset(c, 0, sizeof(*c));
	assert_int_equal(hooks_choose(set, bin, &err), 0);
	assert_true(set->count <= MR_SITE_SLOTS);
	for (i = 0; i < set->count; i++)
		slots[i] = set->hooks[i].state == HOOK_PROBED ? (uint8_t)i : 0xff;
	assert_int_equal(cold_calls_find(c, bin, set, BIAS, slots), 0);
}

static bool is_listed(const struct cold_calls *c, uint64_t ip)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (c->list[i].ip == ip)
			return true;
	return false;
}

static size_t count_stripped(const char *version)
{
	struct hook_set set = {};
	struct go_binary *bin;
	struct cold_calls c;
	char name[64];
	size_t n;

	snprintf(name, sizeof(name), "%s-stripped", version);
	bin = fixture_open(name);
	find(&c, bin, &set);
	n = c.count;
	cold_calls_free(&c);
	hooks_free(&set);
	go_binary_close(bin);
	return n;
}

/* Each is a call of the function in whose slot it is, outside of the runtime; and a stripped
 * program has as many. */
static void test_calls(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++) {
		struct go_binary *bin = fixture_open(fixture_versions[i]);
		struct hook_set set = {};
		struct cold_calls c;
		size_t stripped = count_stripped(fixture_versions[i]);

		find(&c, bin, &set);
		assert_int_equal(c.count, stripped);
		assert_true(c.count > 20);
		for (k = 0; k < c.count; k++) {
			uint64_t at = c.list[k].ip - BIAS, offset;
			const struct hook *h = &set.hooks[c.list[k].link.slot];
			uint8_t code[ARCH_CALL_LEN];

			assert_int_equal(elf_file_read(go_binary_elf(bin), at, code, sizeof(code)),
					 0);
			assert_int_equal(arch_call_target(code, at + ARCH_CALL_LEN), h->entry);
			assert_int_equal(h->state, HOOK_PROBED);
			assert_int_equal(elf_file_offset(go_binary_elf(bin), at, &offset), 0);
			assert_int_equal(c.list[k].link.offset, offset);
			assert_true(at < set.runtime_lo || at >= set.runtime_hi);
		}
		cold_calls_free(&c);
		hooks_free(&set);
		go_binary_close(bin);
	}
}

/* Where the instruction before a call begins, that has room for what hides it; 0: too short. */
static uint64_t before(const struct go_binary *bin, uint64_t call)
{
	struct arch_insn insn = {};
	uint8_t code[4096];
	struct go_func f;
	uint64_t at;

	if (go_binary_func_by_pc(bin, call, &f) || f.end - f.entry > sizeof(code) ||
	    elf_file_read(go_binary_elf(bin), f.entry, code, f.end - f.entry))
		return 0;
	for (at = f.entry; at < call; at += insn.len) {
		assert_true(arch_decode(code + (at - f.entry), f.end - at, at, &insn));
		if (at + insn.len == call && insn.len >= 2)
			return at;
	}
	return 0;
}

/* A copy of the program in which the call's bytes are the number of a movabs. */
static void hide(const char *to, const char *from, uint64_t offset, uint64_t room)
{
	static const uint8_t movabs[2] = {0x48, 0xb8}, nop = 0x90;
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	static char piece[65536];
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(piece, 1, sizeof(piece), in)))
		assert_int_equal(fwrite(piece, 1, n, out), n);
	fseek(out, (long)(offset - room), SEEK_SET);
	for (n = 0; n + 2 < room; n++)
		fwrite(&nop, 1, 1, out);
	fwrite(movabs, 1, 2, out);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* A breakpoint in there would be the end of the process. */
static void test_bytes_within_another_instruction_are_no_call(void **state)
{
	struct go_binary *bin = fixture_open("1.24");
	char path[] = "/tmp/maprace-cold-XXXXXX";
	struct hook_set set = {}, other = {};
	struct cold_calls c, hidden;
	struct err err = {};
	uint64_t at = 0;
	size_t k;

	(void)state;
	assert_true(close(mkstemp(path)) == 0);
	find(&c, bin, &set);
	for (k = 0; k < c.count && !at; k++)
		at = before(bin, c.list[k].ip - BIAS);
	assert_true(at != 0);
	k--;
	hide(path, fixture_path(fixture_name("1.24")), c.list[k].link.offset,
	     c.list[k].ip - BIAS - at);
	go_binary_close(bin);
	assert_int_equal(go_binary_open(&bin, path, &err), 0);
	find(&hidden, bin, &other);
	assert_false(is_listed(&hidden, c.list[k].ip));
	assert_true(hidden.count > 10);
	cold_calls_free(&hidden);
	cold_calls_free(&c);
	hooks_free(&other);
	hooks_free(&set);
	go_binary_close(bin);
	unlink(path);
}

/* Of functions whose probes are away; all of them, and from the beginning a minute later. */
static void test_next(void **state)
{
	struct cold_call list[3] = {
		{.ip = 1, .link.slot = 1}, {.ip = 2, .link.slot = 2}, {.ip = 3, .link.slot = 1}};
	struct cold_calls c = {.list = list, .count = 3};
	const uint8_t away[MR_SITE_SLOTS] = {[1] = 1};

	(void)state;
	assert_ptr_equal(cold_calls_next(&c, away, 100 * S), &list[0]);
	assert_ptr_equal(cold_calls_next(&c, away, 100 * S), &list[2]);
	assert_null(cold_calls_next(&c, away, 100 * S));
	assert_ptr_equal(cold_calls_next(&c, away, 101 * S), &list[0]);
	assert_ptr_equal(cold_calls_next(&c, away, 101 * S), &list[2]);
	assert_null(cold_calls_next(&c, away, 159 * S));
	assert_null(cold_calls_next(&c, away, 161 * S));
	assert_ptr_equal(cold_calls_next(&c, away, 162 * S), &list[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_bytes_within_another_instruction_are_no_call),
		cmocka_unit_test(test_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
