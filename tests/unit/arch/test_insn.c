/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Instructions: how long each is and what happens behind it, against what disassemblers say of real
 * code: Go's of the map functions of every version, binutils' of the C library, which has what
 * compilers and people write.
 */
#include <dlfcn.h>

#include "fixture.h"
#include "arch/arch.h"

static enum arch_flow flow_of(const char *mnemonic)
{
	static const struct {
		const char *begins;
		enum arch_flow flow;
	} words[] = {{"call", ARCH_CALLS},    {"jmp", ARCH_JUMPS},   {"j", ARCH_BRANCHES},
		     {"loop", ARCH_BRANCHES}, {"ret", ARCH_RETURNS}, {"iret", ARCH_RETURNS},
		     {"lret", ARCH_RETURNS},  {"ud2", ARCH_STOPS},   {"int3", ARCH_STOPS},
		     {"hlt", ARCH_STOPS}};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strncasecmp(mnemonic, words[i].begins, strlen(words[i].begins)))
			return words[i].flow;
	return ARCH_GOES_ON;
}

static int hex(const char *digits, uint8_t *code, int max)
{
	int n;

	for (n = 0; n < max && sscanf(digits, "%2hhx", &code[n]) == 1; n++)
		digits += 2 + (digits[2] == ' ');
	return n;
}

/* text: the mnemonic and its operands; a target among them begins with "0x", or stands first. */
static bool agrees(const uint8_t *code, int len, uint64_t addr, const char *text, uint64_t target)
{
	enum arch_flow flow = flow_of(text);
	struct arch_insn insn;

	if (!arch_decode(code, (size_t)len, addr, &insn) || insn.len != len || insn.flow != flow ||
	    (target && insn.target != target)) {
		print_error("%" PRIx64 " %s: %d bytes for %d, flow %d for %d, to %" PRIx64 "\n",
			    addr, text, insn.len, len, insn.flow, flow, insn.target);
		return false;
	}
	/* one byte less is not enough */
	return !arch_decode(code, (size_t)len - 1, addr, &insn);
}

/* "  map.go:395  0x40cf40  493b6610  CMPQ 0x10(R14), SP" */
static void is_as_go_says(const char *version)
{
	FILE *oracle = fixture_oracle(version, "objdump");
	char line[512], digits[64], text[128];
	size_t n = 0, wrong = 0;
	uint64_t addr, target;
	uint8_t code[32];

	while (fgets(line, sizeof(line), oracle)) {
		if (sscanf(line, " %*s 0x%" SCNx64 " %63s %127[^\t\n]", &addr, digits, text) != 3 ||
		    text[0] == '?')
			continue;
		if (sscanf(text, "J%*s 0x%" SCNx64, &target) != 1)
			target = 0;
		wrong += !agrees(code, hex(digits, code, sizeof(code)), addr, text, target);
		n++;
	}
	fclose(oracle);
	assert_true(n > 1000);
	assert_int_equal(wrong, 0);
}

static void test_as_go_says(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++)
		is_as_go_says(fixture_versions[i]);
}

/* "   26a23:\t48 8d 3d 5e 5b 1b 00 \tlea    0x1b5b5e(%rip),%rdi" */
static void test_as_binutils_say(void **state)
{
	char command[512], line[1024], text[256];
	size_t n = 0, wrong = 0;
	uint64_t addr, target;
	uint8_t code[32];
	Dl_info info;
	FILE *oracle;
	char *tab;

	(void)state;
	assert_true(dladdr((void *)getenv, &info));
	snprintf(command, sizeof(command), "objdump -d -w '%s'", info.dli_fname);
	oracle = popen(command, "r");
	assert_non_null(oracle);
	while (fgets(line, sizeof(line), oracle)) {
		char *bytes;

		if (sscanf(line, " %" SCNx64 ":", &addr) != 1 || !(bytes = strchr(line, '\t')) ||
		    !(tab = strchr(++bytes, '\t')))
			continue;
		*tab++ = '\0';
		if (sscanf(tab, "%255[^\n]", text) != 1 || strstr(text, "(bad)"))
			continue;
		/* prefixes that stand alone as words */
		while (!strncmp(text, "bnd ", 4) || !strncmp(text, "notrack ", 8) ||
		       !strncmp(text, "data16 ", 7) || !strncmp(text, "repz ", 5) ||
		       !strncmp(text, "cs ", 3) || !strncmp(text, "lock ", 5))
			memmove(text, strchr(text, ' ') + 1, strlen(strchr(text, ' ')));
		if (sscanf(text, "%*s %" SCNx64 " <", &target) != 1 || !strchr(text, '<') ||
		    strchr(text, '#') || flow_of(text) == ARCH_GOES_ON)
			target = 0;
		wrong += !agrees(code, hex(bytes, code, sizeof(code)), addr, text, target);
		n++;
	}
	assert_int_equal(pclose(oracle), 0);
	assert_true(n > 100000);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_go_says),
					   cmocka_unit_test(test_as_binutils_say)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
