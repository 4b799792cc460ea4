/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Build info against go version -m, versions of every spelling, and what is refused by name. */
#include "fixture.h"

#include <errno.h>
#include <stdbool.h>

#include "go/buildinfo.h"
#include "memfile.h"

static const char magic[] = "\xff Go buildinf:";

static struct buildinfo read_fixture(const char *name)
{
	struct err err = {.text = ""};
	struct buildinfo info;
	struct elf_file *elf;

	assert_int_equal(elf_file_open(&elf, fixture_path(name), &err), 0);
	assert_int_equal(buildinfo_read(&info, elf, name, &err), 0);
	elf_file_close(elf);
	return info;
}

/* The oracle's first line is the version, the others are the module information, each behind a tab.
 */
static void check_equal(const char *version)
{
	struct buildinfo info = read_fixture(fixture_name(version));
	FILE *oracle = fixture_oracle(version, "buildinfo");
	char line[4096];
	const char *at = info.modinfo;
	int lines = 0;

	assert_non_null(fgets(line, sizeof(line), oracle));
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(info.version, line);
	while (fgets(line, sizeof(line), oracle)) {
		size_t len = strlen(line + 1);

		assert_int_equal(line[0], '\t');
		line[len] = '\0'; /* its newline */
		len--;
		assert_true(!strncmp(at, line + 1, len) && at[len] == '\n');
		at += len + 1;
		lines++;
	}
	assert_int_equal(*at, '\0');
	assert_true(lines >= 5);
	assert_string_equal(info.module, "maprace.test/prog");
	assert_int_equal(info.minor, atoi(version + 2));
	assert_false(info.noswiss);
	assert_false(info.race);
	fclose(oracle);
	buildinfo_free(&info);
}

static void test_equals_go_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++)
		check_equal(fixture_versions[i]);
}

static void test_variants(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VARIANTS; i++) {
		struct buildinfo info = read_fixture(fixture_name(fixture_variants[i]));

		assert_int_equal(info.minor, atoi(fixture_variants[i] + 2));
		assert_int_equal(info.noswiss, strstr(fixture_variants[i], "noswiss") != NULL);
		assert_string_equal(info.module, "maprace.test/prog");
		buildinfo_free(&info);
	}
}

static void test_minor(void **state)
{
	static const struct {
		const char *version;
		int minor;
	} cases[] = {
		{"go1.24.4", 24},
		{"go1.24", 24},
		{"go1.21.0", 21},
		{"go1.27rc1", 27},
		{"go1.9beta2", 9},
		{"go1.24.4 X:noswissmap", 24},
		{"go1.22.5 (Red Hat 1.22.5-1.el9)", 22},
		{"go1.24-custom", 24},
		{"devel go1.25-1a2b3c4d5e Tue Jun 3 12:00:00 2025 +0000", 25},
		{"go1.25-devel_1a2b3c4 Tue Jun 3", 25},
		{"go1.123", 123},
		{"go1.99999999999999999999", -2},
		{"devel +1a2b3c4d5e Tue Jun 3 12:00:00 2020 +0000", -1},
		{"unknown", -1},
		{"", -1},
		{"go1.", -1},
		{"go1.x", -1},
		{"go2.1", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int minor = buildinfo_minor(cases[i].version);

		if (cases[i].minor == -2) /* no overflow, and no version we know */
			assert_true(minor > 100);
		else
			assert_int_equal(minor, cases[i].minor);
	}
}

static void test_unreleased(void **state)
{
	(void)state;
	assert_true(buildinfo_unreleased("go1.27rc1", 27));
	assert_true(buildinfo_unreleased("go1.27beta1", 27));
	assert_true(buildinfo_unreleased("go1.27-devel_1a2b3c4 Tue Jun 3", 27));
	assert_true(
		buildinfo_unreleased("devel go1.27-1a2b3c4d5e Tue Jun 3 12:00:00 2026 +0000", 27));
	assert_false(buildinfo_unreleased("go1.27", 27));
	assert_false(buildinfo_unreleased("go1.27.4 X:nodwarf5", 27));
	assert_false(buildinfo_unreleased("go1.26rc1", 27));
	assert_false(buildinfo_unreleased("devel +1a2b3c4d5e Tue Jun 3 12:00:00 2020 +0000", 27));
}

static struct buildinfo interpret(const char *version, const char *modinfo)
{
	struct buildinfo info = {.version = strdup(version), .modinfo = strdup(modinfo)};

	buildinfo_interpret(&info);
	return info;
}

static void test_interpretation(void **state)
{
	struct buildinfo info;

	(void)state;
	info = interpret(
		"go1.24.4",
		"path\tcommand-line-arguments\nbuild\t-race=true\nbuild\tGOEXPERIMENT=noswissmap\n");
	assert_true(info.race);
	assert_true(info.noswiss);
	assert_string_equal(info.module, "command-line-arguments");
	buildinfo_free(&info);

	info = interpret("go1.24.4 X:spinbitmutex,noswissmap",
			 "path\ta/cmd\nmod\ta\tv1.0.0\th1:x\ndep\tb\tv2\n");
	assert_false(info.race);
	assert_true(info.noswiss);
	assert_string_equal(info.module, "a");
	buildinfo_free(&info);

	/* another line that only mentions it */
	info = interpret("go1.24.4",
			 "path\tx\nbuild\tGOEXPERIMENT=synctest\nbuild\t-tags=noswissmap\n");
	assert_false(info.noswiss);
	assert_false(info.race);
	buildinfo_free(&info);

	/* what must not reach a terminal */
	info = interpret("go1.24\n\033[2J\x9b", "path\tx\033]0;y\a\n");
	assert_string_equal(info.version, "go1.24??[2J?");
	assert_string_equal(info.module, "x?]0;y?");
	buildinfo_free(&info);

	info = interpret("go1.24.4", "");
	assert_string_equal(info.module, "");
	buildinfo_free(&info);
}

static void expect_refusal(const char *path, int code, const char *word1, const char *word2)
{
	struct err err = {.text = ""};
	struct go_binary *bin = (void *)1;

	assert_int_equal(go_binary_open(&bin, path, &err), code);
	assert_null(bin);
	if (!strstr(err.text, word1) || !strstr(err.text, word2) || strchr(err.text, '\n'))
		fail_msg("\"%s\" should name \"%s\" and \"%s\"", err.text, word1, word2);
}

static void test_go_115_is_refused_by_name(void **state)
{
	struct buildinfo info = read_fixture("old-1.15");

	(void)state;
	assert_string_equal(info.version,
			    "go1.15.15"); /* through pointers: the format up to 1.17 */
	assert_int_equal(info.minor, 15);
	buildinfo_free(&info);
	expect_refusal(fixture_path("old-1.15"), -ENOTSUP, "go1.15.15", "1.19, 1.21 to 1.27");
}

static void test_not_go(void **state)
{
	(void)state;
	expect_refusal("/bin/sh", -ENOEXEC, "/bin/sh", "not a Go program");
}

/* A copy of a fixture with len bytes at the first occurrence of needle replaced. */
static struct memfile patched(const char *name, const char *needle, size_t needle_len,
			      size_t offset, const void *with, size_t len)
{
	size_t size;
	uint8_t *data = fixture_read(name, &size), *at = data, *end = data + size;
	struct memfile m;

	/* the runtime has the magic as a constant too, not aligned to 16 */
	do {
		at = memmem(at, (size_t)(end - at), needle, needle_len);
		assert_non_null(at);
	} while ((at - data) % 16 != 0 && at++);
	memcpy(at + offset, with, len);
	m = memfile_make(data, size);
	free(data);
	return m;
}

static void test_versions_outside_the_table(void **state)
{
	static const struct {
		const char *version, *word;
	} cases[] = {
		/* as long as the original "go1.24.4" */
		{"go1.20.9", "go1.20.9"},
		{"go1.28.0", "go1.28.0"},
		{"go1.18.1", "go1.18.1"},
		{"go1.3.99", "go1.3.99"},
		{"unknownn", "does not say which Go"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct memfile m =
			patched("prog-1.24-stripped", magic, 14, 33, cases[i].version, 8);

		expect_refusal(m.path, -ENOTSUP, cases[i].word, m.path);
		memfile_close(&m);
	}
}

/* The version says 1.22, the tables say otherwise: a layout that fits neither is not used. */
static void test_version_against_tables(void **state)
{
	struct memfile m = patched("prog-1.24-stripped", magic, 14, 33, "go1.19.8", 8);

	(void)state;
	expect_refusal(m.path, -EBADMSG, m.path, "function table");
	memfile_close(&m);
}

static void test_damaged(void **state)
{
	static const uint8_t long_version[] = {0xff, 0xff, 0xff, 0xff, 0x7f};
	static const uint8_t endless[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct memfile m;

	(void)state;
	m = patched("prog-1.24-stripped", magic, 14, 32, long_version, sizeof(long_version));
	expect_refusal(m.path, -EBADMSG, m.path, "build info");
	memfile_close(&m);
	m = patched("prog-1.24-stripped", magic, 14, 32, endless, sizeof(endless));
	expect_refusal(m.path, -EBADMSG, m.path, "build info");
	memfile_close(&m);
	/* big-endian pointers, of the format up to 1.17 */
	m = patched("old-1.15", magic, 14, 15, "\1", 1);
	expect_refusal(m.path, -EBADMSG, m.path, "build info");
	memfile_close(&m);
	/* pointers to nowhere */
	m = patched("old-1.15", magic, 14, 16, "\xf0\xff\xff\xff\xff\xff\xff\xff", 8);
	expect_refusal(m.path, -EBADMSG, m.path, "build info");
	memfile_close(&m);
}

/* Without a section header table the place is found by its magic. */
static void test_without_sections(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++) {
		size_t size;
		uint8_t *data = fixture_read(fixture_name(fixture_versions[i]), &size);
		struct err err = {.text = ""};
		struct memfile m;
		struct go_binary *bin;

		memset(data + 40, 0, 8); /* e_shoff */
		memset(data + 60, 0, 4); /* e_shnum, e_shstrndx */
		m = memfile_make(data, size);
		free(data);
		if (go_binary_open(&bin, m.path, &err))
			fail_msg("%s", err.text);
		assert_int_equal(go_binary_layout(bin)->minor, atoi(fixture_versions[i] + 2));
		assert_true(go_binary_func_count(bin) > 1000);
		go_binary_close(bin);
		memfile_close(&m);
	}
}

static void test_missing(void **state)
{
	(void)state;
	expect_refusal("/nonexistent/prog", -ENOENT, "/nonexistent/prog", "No such file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_go_version),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_minor),
		cmocka_unit_test(test_unreleased),
		cmocka_unit_test(test_interpretation),
		cmocka_unit_test(test_go_115_is_refused_by_name),
		cmocka_unit_test(test_not_go),
		cmocka_unit_test(test_versions_outside_the_table),
		cmocka_unit_test(test_version_against_tables),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_without_sections),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
