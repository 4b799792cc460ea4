/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The function table against go tool nm, across ways of linking, and damaged. */
#include "fixture.h"

#include <errno.h>
#include <stdbool.h>

#include "base/bits.h"
#include "go/moduledata.h"
#include "go/pclntab.h"

struct symbol {
	uint64_t addr, size;
	char name[512];
};

/* The next text symbol of nm's output: "  401000          1 T internal/abi.NoEscape". */
static bool read_symbol(FILE *f, struct symbol *s)
{
	char line[1024], type;
	unsigned long long addr, size;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %llu %c %511[^\n]", &addr, &size, &type, s->name) != 4)
			continue;
		if (type != 'T' && type != 't')
			continue;
		s->addr = addr;
		s->size = size;
		return true;
	}
	return false;
}

static const char *const markers[] = {"runtime.text", "runtime.etext", "_rt0_amd64_linux.args"};

/* The middle dot of function-local types is a full stop in ELF symbols. */
static void plain_dots(char *name)
{
	char *dot;

	while ((dot = strstr(name, "\u00b7")) != NULL) {
		*dot = '.';
		memmove(dot + 1, dot + 2, strlen(dot + 2) + 1);
	}
}

/* nm marks assembly functions by their calling convention; the table does not. */
static void drop_abi(char *name)
{
	char *dot = strrchr(name, '.');

	if (dot && (!strcmp(dot, ".abi0") || !strcmp(dot, ".abiinternal")))
		*dot = '\0';
}

static bool is_marker(const struct symbol *s)
{
	for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
		if (!strcmp(s->name, markers[i]))
			return true;
	}
	return !s->size;
}

/* Type arguments to "[...]", as tables up to Go 1.20 have them. */
static void shorten(char *name)
{
	char *open = strchr(name, '['), *close = strrchr(name, ']');

	if (open && close > open) {
		char rest[512];

		snprintf(rest, sizeof(rest), "%.500s", close);
		sprintf(open + 1, "...%s", rest);
	}
}

static void check_names(const char *version)
{
	struct go_binary *bin = fixture_open(version);
	FILE *oracle = fixture_oracle(version, "nm");
	size_t n = 0, count = go_binary_func_count(bin);
	struct symbol s;

	while (read_symbol(oracle, &s)) {
		char got[512], want[512];
		struct go_func f, by_index;

		if (is_marker(&s))
			continue;
		if (go_binary_func_by_pc(bin, s.addr, &f))
			fail_msg("%s: no function at %#llx (%s)", version,
				 (unsigned long long)s.addr, s.name);
		assert_int_equal(f.entry, s.addr);
		assert_in_range(s.addr + s.size, f.entry + 1, f.end);
		snprintf(got, sizeof(got), "%.511s", f.name);
		snprintf(want, sizeof(want), "%.511s", s.name);
		shorten(got);
		plain_dots(got);
		shorten(want);
		drop_abi(want);
		assert_string_equal(got, want);
		/* its last byte belongs to it as well */
		assert_int_equal(go_binary_func_by_pc(bin, f.end - 1, &by_index), 0);
		assert_int_equal(by_index.index, f.index);
		assert_int_equal(go_binary_func_at(bin, f.index, &by_index), 0);
		assert_ptr_equal(by_index.name, f.name);
		n++;
	}
	/* every function of the table is one of nm's */
	assert_int_equal(n, count);
	fclose(oracle);
	go_binary_close(bin);
}

static void test_functions_equal_nm(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++)
		check_names(fixture_versions[i]);
}

/*
 * The names of a PIE or cgo program are those of the plain one, in the same order, plus a few that
 * cgo adds. Sizes may differ: code that loads addresses does.
 */
static void test_variants_have_the_same_functions(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VARIANTS; i++) {
		const char *variant = fixture_variants[i];
		struct go_binary *a, *b;
		struct go_func fa, fb;
		char version[8];
		size_t seen = 0, same;

		if (strstr(variant, "noswiss"))
			continue;
		snprintf(version, sizeof(version), "%.4s", variant);
		a = fixture_open(version);
		b = fixture_open(variant);
		same = go_binary_func_count(a);
		assert_true(go_binary_func_count(b) >= same - 20);
		for (size_t j = 0; j < same; j++) {
			assert_int_equal(go_binary_func_at(a, j, &fa), 0);
			if (go_binary_find_funcs(b, &fa.name, 1, &fb))
				fail_msg("find_funcs failed");
			seen += fb.name != NULL;
			if (fb.name)
				assert_string_equal(fb.name, fa.name);
			if (!strstr(variant, "cgo")) { /* the same functions, then */
				assert_int_equal(go_binary_func_at(b, j, &fb), 0);
				assert_string_equal(fb.name, fa.name);
			}
		}
		assert_true(seen >= same - 20);
		assert_int_equal(go_binary_is_cgo(b), strstr(variant, "cgo") != NULL);
		assert_int_equal(elf_file_is_pie(go_binary_elf(b)), strstr(variant, "pie") != NULL);
		assert_int_equal(elf_file_has_symtab(go_binary_elf(b)),
				 strstr(variant, "stripped") == NULL);
		go_binary_close(a);
		go_binary_close(b);
	}
}

static void test_find_many(void **state)
{
	static const char *const names[] = {
		"runtime.mapassign_faststr",
		"runtime.nosuch",
		"main.main",
		"runtime.mapaccess1_fast64",
		"main.mai",
		"main.main.",
		"",
		"runtime.mapassign_faststr",
	};
	struct go_func f[8], by_pc;

	(void)state;
	for (size_t i = 0; i < N_FIXTURE_VERSIONS; i++) {
		struct go_binary *bin = fixture_open(fixture_versions[i]);

		memset(f, 0x55, sizeof(f));
		assert_int_equal(go_binary_find_funcs(bin, names, 8, f), 0);
		for (size_t j = 0; j < 8; j++) {
			bool there = j == 0 || j == 2 || j == 3 || j == 7;

			assert_int_equal(f[j].name != NULL, there);
			if (!there)
				continue;
			assert_string_equal(f[j].name, names[j]);
			assert_int_equal(go_binary_func_by_pc(bin, f[j].entry, &by_pc), 0);
			assert_int_equal(by_pc.index, f[j].index);
		}
		assert_int_equal(go_binary_find_funcs(bin, names, 0, f), 0);
		go_binary_close(bin);
	}
}

static void test_outside(void **state)
{
	struct go_binary *bin = fixture_open("1.23");
	size_t n = go_binary_func_count(bin);
	struct go_func first, last, f;

	(void)state;
	assert_int_equal(go_binary_func_at(bin, 0, &first), 0);
	assert_int_equal(go_binary_func_at(bin, n - 1, &last), 0);
	assert_int_equal(go_binary_func_at(bin, n, &f), -ENOENT);
	assert_int_equal(go_binary_func_at(bin, SIZE_MAX, &f), -ENOENT);
	assert_int_equal(go_binary_func_by_pc(bin, first.entry - 1, &f), -ENOENT);
	assert_int_equal(go_binary_func_by_pc(bin, last.end, &f), -ENOENT);
	assert_int_equal(go_binary_func_by_pc(bin, 0, &f), -ENOENT);
	assert_int_equal(go_binary_func_by_pc(bin, UINT64_MAX, &f), -ENOENT);
	go_binary_close(bin);
}

/* A table of our own to damage: the real one of a fixture, without the rest of the file. */
static uint8_t *load_table(const char *name, size_t *size, uint64_t *text)
{
	struct err err = {.text = ""};
	struct pclntab_header h;
	struct moduledata md;
	struct elf_file *elf;
	uint64_t vaddr;
	uint8_t *data;

	assert_int_equal(elf_file_open(&elf, fixture_path(name), &err), 0);
	assert_int_equal(moduledata_find_pclntab(elf, &vaddr, &h), 0);
	assert_int_equal(moduledata_read(&md, elf, go_layout_find(24, false), vaddr, &h, &err), 0);
	*size = md.pclntab_size;
	*text = md.text;
	data = malloc(*size + 1);
	assert_non_null(data);
	assert_int_equal(elf_file_read(elf, vaddr, data, *size), 0);
	elf_file_close(elf);
	return data;
}

static int init_with(const uint8_t *data, size_t size, size_t at, uint64_t word, unsigned int width,
		     uint64_t text)
{
	uint8_t *copy = malloc(size + 1);
	struct pclntab tab;
	int err;

	memcpy(copy, data, size);
	for (unsigned int i = 0; i < width; i++)
		copy[at + i] = (uint8_t)(word >> (8 * i));
	err = pclntab_init(&tab, copy, size, text);
	pclntab_free(&tab);
	return err;
}

static void test_damaged_header(void **state)
{
	uint64_t text, functab;
	size_t size;
	uint8_t *data = load_table("prog-1.24", &size, &text);

	(void)state;
	functab = get_le64(data + 64);
	assert_int_equal(init_with(data, size, 0, 0xfffffff1, 4, text), 0);
	assert_int_equal(init_with(data, size, 0, 0xfffffff2, 4, text), -EBADMSG); /* magic */
	assert_int_equal(init_with(data, size, 0, 0xfffffffb, 4, text), -EBADMSG); /* Go 1.2's */
	assert_int_equal(init_with(data, size, 4, 1, 1, text), -EBADMSG);	   /* padding */
	assert_int_equal(init_with(data, size, 6, 3, 1, text), -EBADMSG); /* instruction unit */
	assert_int_equal(init_with(data, size, 7, 4, 1, text), -EBADMSG); /* pointer size */
	assert_int_equal(init_with(data, size, 8, 0, 8, text), -EBADMSG); /* no functions */
	assert_int_equal(init_with(data, size, 8, size, 8, text), -EBADMSG);
	assert_int_equal(init_with(data, size, 8, UINT64_MAX, 8, text), -EBADMSG);
	assert_int_equal(init_with(data, size, 8, UINT64_MAX / 8 + 2, 8, text), -EBADMSG);
	for (size_t at = 32; at <= 64; at += 8)
		assert_int_equal(init_with(data, size, at, UINT64_MAX - 7, 8, text), -EBADMSG);
	assert_int_equal(init_with(data, size, 64, size - 8, 8, text),
			 -EBADMSG); /* functab at the end */
	assert_int_equal(init_with(data, size, functab + 80, 0, 4, text),
			 -EBADMSG); /* entries not ascending */
	assert_int_equal(init_with(data, size, 0, 0xfffffff1, 4, UINT64_MAX - 4), -EBADMSG);
	for (size_t cut = 0; cut < functab + 64; cut += cut < 80 ? 1 : 997) {
		if (cut >= PCLNTAB_HEADER_SIZE)
			assert_int_equal(init_with(data, cut, 0, 0xfffffff1, 4, text), -EBADMSG);
	}
	free(data);
}

/* Records that lead outside are errors of their function only. */
static void test_damaged_records(void **state)
{
	uint64_t text, functab;
	size_t size;
	uint8_t *data = load_table("prog-1.24", &size, &text), *rec;
	struct pclntab tab;
	struct pclntab_func f;
	struct pcvalue it;
	uint32_t word;

	(void)state;
	assert_int_equal(pclntab_init(&tab, data, size, text), 0);
	functab = tab.h.functab;
	rec = data + functab + get_le32(data + functab + 8 * 7 + 4);
	assert_int_equal(pclntab_func_at(&tab, 7, &f), 0);

	assert_int_equal(pclntab_values(&tab, &f, 0, &it), -ENOENT);
	assert_int_equal(pclntab_values(&tab, &f, UINT32_MAX, &it), -EBADMSG);
	assert_int_equal(pclntab_pcdata(&tab, &f, f.n_pcdata, &word), -ENOENT);
	assert_int_equal(pclntab_funcdata(&tab, &f, 255, &word), -ENOENT);
	assert_string_equal(pclntab_file(&tab, f.cu, -1), "");
	assert_string_equal(pclntab_file(&tab, UINT32_MAX, INT32_MAX), "");
	assert_null(pclntab_name(&tab, UINT32_MAX));

	memset(rec + 28, 0xff, 4); /* npcdata */
	assert_int_equal(pclntab_func_at(&tab, 7, &f), -EBADMSG);
	memset(rec + 28, 0, 4);
	assert_int_equal(pclntab_func_at(&tab, 7, &f), 0);
	memset(rec + 4, 0x7f, 4); /* nameOff */
	assert_int_equal(pclntab_func_at(&tab, 7, &f), -EBADMSG);
	memset(rec + 4, 0, 4);
	rec[0] ^= 1; /* entryOff differs from functab's */
	assert_int_equal(pclntab_func_at(&tab, 7, &f), -EBADMSG);
	memset(data + functab + 8 * 7 + 4, 0xff, 4); /* funcoff */
	assert_int_equal(pclntab_func_at(&tab, 7, &f), -EBADMSG);
	assert_int_equal(pclntab_func_at(&tab, 8, &f), 0);
	pclntab_free(&tab);
}

/* A name table with no end in it. */
static void test_endless_names(void **state)
{
	uint64_t text;
	size_t size;
	uint8_t *data = load_table("prog-1.24", &size, &text);
	const char *name = "main.main";
	struct pclntab tab;
	struct pclntab_func f;
	struct go_func found;

	(void)state;
	memset(data + PCLNTAB_HEADER_SIZE, 'm', get_le64(data + 64) - PCLNTAB_HEADER_SIZE);
	assert_int_equal(pclntab_init(&tab, data, size, text), 0);
	assert_int_equal(pclntab_find_funcs(&tab, &name, 1, &found), 0);
	assert_null(found.name);
	assert_int_equal(pclntab_func_at(&tab, 0, &f), -EBADMSG);
	pclntab_free(&tab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_equal_nm),
		cmocka_unit_test(test_variants_have_the_same_functions),
		cmocka_unit_test(test_find_many),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_damaged_header),
		cmocka_unit_test(test_damaged_records),
		cmocka_unit_test(test_endless_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
