/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where a map function has its map: what is said of the compilers' code, against each way through
 * it, as go tool objdump shows it.
 */
#include <maprace/wire.h>

#include "fixture.h"
#include "probe/hooks.h"
#include "probe/home.h"

#define MAX_INSNS 4096

struct insn {
	uint64_t addr;
	char text[80];
	bool reached, filled; /* when it is next: by some way, by all ways */
};

static struct insn insns[MAX_INSNS];
static size_t ninsns;

/* "  map.go:395  0x40cf40  493b6610  CMPQ 0x10(R14), SP" of the function that begins there. */
static void read_function(const char *version, const struct go_func *f)
{
	FILE *oracle = fixture_oracle(version, "objdump");
	char line[512];
	uint64_t addr;

	ninsns = 0;
	while (fgets(line, sizeof(line), oracle) && ninsns < MAX_INSNS) {
		struct insn *i = &insns[ninsns];

		if (sscanf(line, " %*s 0x%" SCNx64 " %*s %79[^\t\n]", &addr, i->text) != 2 ||
		    addr < f->entry || addr >= f->end)
			continue;
		i->addr = addr;
		i->reached = i->filled = false;
		ninsns++;
	}
	fclose(oracle);
}

static struct insn *insn_at(uint64_t addr)
{
	size_t i;

	for (i = 0; i < ninsns; i++)
		if (insns[i].addr == addr)
			return &insns[i];
	return NULL;
}

/* What is so behind one is so, but for what another way says. True: that is news. */
static bool flow(struct insn *to, bool filled)
{
	if (!to || (to->reached && (!to->filled || filled)))
		return false;
	to->filled = filled;
	to->reached = true;
	return true;
}

/* It never comes back; runtime.fatal() does, as far as the compiler knows. */
static bool ends(const char *text)
{
	static const char *const ends[] = {"JMP", "RET", "CALL runtime.gopanic(",
					   "CALL runtime.panic", "CALL runtime.throw("};
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!strncmp(text, ends[i], strlen(ends[i])))
			return true;
	return false;
}

static int32_t delta_at(const struct go_binary *bin, uint64_t pc)
{
	struct go_func f;
	int32_t delta;

	assert_int_equal(go_binary_sp_delta(bin, pc, &f, &delta), 0);
	return delta;
}

static void follow_each_way(const struct go_binary *bin, unsigned int reg)
{
	static const char *const names[] = {"AX", "BX", "CX"};
	uint64_t target;
	char store[64];
	bool news = true, filled;
	size_t i;

	flow(&insns[0], false);
	while (news) {
		news = false;
		for (i = 0; i < ninsns; i++) {
			struct insn *next = i + 1 < ninsns ? &insns[i + 1] : NULL;
			const char *text = insns[i].text;

			if (!insns[i].reached)
				continue;
			snprintf(store, sizeof(store), "MOVQ %s, 0x%" PRIx64 "(SP)", names[reg],
				 (uint64_t)delta_at(bin, insns[i].addr) +
					 (uint64_t)mr_home_offset(reg));
			filled = insns[i].filled || !strncmp(text, store, strlen(store));
			if (text[0] == 'J' && sscanf(text, "%*s 0x%" SCNx64, &target) == 1)
				news |= flow(insn_at(target), filled);
			if (!ends(text))
				news |= flow(next, filled);
		}
	}
}

/* Never said where some way has not come by; how often it is. */
static size_t assert_sound(const struct go_binary *bin, const char *what, unsigned int reg)
{
	size_t i, said = 0;

	for (i = 0; i < ninsns; i++) {
		bool called = i && !strncmp(insns[i - 1].text, "CALL", 4);
		bool here = home_is_filled(bin, insns[i].addr, false, reg);
		bool returned = called && home_is_filled(bin, insns[i].addr, true, reg);

		if (!insns[i].reached)
			continue;
		if ((here || returned) && !insns[i].filled)
			fail_msg("%s: said at 0x%" PRIx64 ", %s", what, insns[i].addr,
				 insns[i].text);
		said += here;
	}
	return said;
}

/* Where the runtime's check ends the program. */
static size_t check_returns(const struct go_binary *bin, unsigned int reg, size_t *told)
{
	size_t i, n = 0;

	for (i = 0, *told = 0; i + 1 < ninsns; i++) {
		if (strncmp(insns[i].text, "CALL runtime.fatal(", 19) != 0 &&
		    strncmp(insns[i].text, "CALL internal/runtime/maps.fatal(", 33) != 0)
			continue;
		n++;
		*told += home_is_filled(bin, insns[i + 1].addr, true, reg);
	}
	return n;
}

static void is_right_in(const char *version)
{
	struct go_binary *bin = fixture_open(version);
	bool swiss = go_binary_layout(bin)->map_impl == GO_MAP_SWISS;
	struct err err = {.text = ""};
	size_t i, checks, told, writes = 0;
	struct hook_set set;
	struct go_func f;

	assert_int_equal(hooks_choose(&set, bin, &err), 0);
	for (i = 0; i < set.count; i++) {
		const struct hook *h = &set.hooks[i];
		unsigned int reg = h->map_arg == MR_ARG_ITER ? 0 : h->map_arg - MR_ARG_0;

		if (!h->entry || !h->op || h->op >= MR_OP_MAX || h->map_arg == MR_ARG_NONE)
			continue;
		assert_int_equal(go_binary_func_by_pc(bin, h->entry, &f), 0);
		read_function(version, &f);
		if (!ninsns) /* reflection's */
			continue;
		follow_each_way(bin, reg);
		told = assert_sound(bin, h->function, reg);
		if (!strncmp(h->function, "runtime.mapassign", 17)) {
			writes++;
			if (told * 2 < ninsns)
				fail_msg("%s %s: only at %zu of %zu", version, h->function, told,
					 ninsns);
		}
		checks = check_returns(bin, reg, &told);
		/* who only reads a Swiss map does not need it any more then */
		if (told < checks && (!swiss || h->op == MR_OP_WRITE))
			fail_msg("%s %s: at %zu of %zu checks", version, h->function, told, checks);
	}
	assert_true(writes >= 4);
	if (swiss) { /* called by one that has a probe and does not need the map behind it */
		static const char *const names[] = {"internal/runtime/maps.(*Map).Delete"};

		assert_int_equal(go_binary_find_funcs(bin, names, 1, &f), 0);
		assert_non_null(f.name);
		read_function(version, &f);
		follow_each_way(bin, 0);
		assert_sound(bin, names[0], 0);
		checks = check_returns(bin, 0, &told);
		assert_true(checks && told == checks);
	}
	hooks_free(&set);
	go_binary_close(bin);
}

static void test_of_each_compiler(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++)
		is_right_in(fixture_versions[i]);
	is_right_in("1.24-noswiss");
	is_right_in("1.24-pgo");
}

/* Whatever the address. */
static void test_of_no_function(void **state)
{
	struct go_binary *bin = fixture_open("1.24");

	(void)state;
	assert_false(home_is_filled(bin, 0, true, 0));
	assert_false(home_is_filled(bin, 0, false, 0));
	assert_false(home_is_filled(bin, UINT64_MAX, true, 1));
	assert_false(home_is_filled(bin, go_binary_text(bin), false, HOME_REGISTERS));
	go_binary_close(bin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_each_compiler),
		cmocka_unit_test(test_of_no_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
