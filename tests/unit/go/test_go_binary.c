/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Programs whose tables contradict each other, and programs damaged anywhere. */
#include "fixture.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "base/bits.h"
#include "go/moduledata.h"
#include "memfile.h"
#include "sparse.h"

struct copy {
	uint8_t *data;
	size_t size;
	struct moduledata md;
	uint64_t md_offset, pclntab_offset;
};

static struct copy copy_fixture(const char *name, int minor)
{
	struct err err = {.text = ""};
	struct pclntab_header h;
	struct elf_file *elf;
	struct copy c;
	uint64_t vaddr;

	c.data = fixture_read(name, &c.size);
	assert_int_equal(elf_file_open(&elf, fixture_path(name), &err), 0);
	assert_int_equal(moduledata_find_pclntab(elf, &vaddr, &h), 0);
	assert_int_equal(moduledata_read(&c.md, elf, go_layout_find(minor, false), vaddr, &h, &err),
			 0);
	assert_int_equal(elf_file_offset(elf, c.md.addr, &c.md_offset), 0);
	assert_int_equal(elf_file_offset(elf, vaddr, &c.pclntab_offset), 0);
	elf_file_close(elf);
	return c;
}

static void put_u64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void expect_bad(const struct copy *c, const char *word)
{
	struct memfile m = memfile_make(c->data, c->size);
	struct err err = {.text = ""};
	struct go_binary *bin = (void *)1;

	assert_int_equal(go_binary_open(&bin, m.path, &err), -EBADMSG);
	assert_null(bin);
	if (!strstr(err.text, word) || !strstr(err.text, m.path))
		fail_msg("\"%s\" should say \"%s\"", err.text, word);
	memfile_close(&m);
}

static void test_contradictions(void **state)
{
	static const struct {
		uint32_t offset;
		uint64_t value;
		const char *word;
	} words[] = {
		{0, 0x1234, "no module data"},	   {8, 0x1234, "no module data"},
		{136, 7, "no module data"},	   {104, 0x1234, "function table's size"},
		{112, UINT64_MAX, "table's size"}, {112, 1 << 29, "cut off"},
		{112, 64, "contradicts itself"},   {160, 0, "outside the program's text"},
		{168, 0, "outside the program's"}, {168, UINT64_MAX, "disagree about its code"},
		{176, 0x1000, "disagree about"},   {296, UINT64_MAX, "types outside the file"},
		{296, 0x10, "types outside"},	   {304, 0, "types outside the file"},
	};
	struct copy c = copy_fixture("prog-1.24-stripped", 24);

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uint8_t *at = c.data + c.md_offset + words[i].offset, saved[8];

		memcpy(saved, at, 8);
		put_u64(at, words[i].value);
		expect_bad(&c, words[i].word);
		memcpy(at, saved, 8);
	}
	free(c.data);
}

/* Without a header that can be one, or with another version's, the table is not guessed. */
static void test_no_function_table(void **state)
{
	struct copy c = copy_fixture("prog-1.24-stripped", 24);

	(void)state;
	c.data[c.pclntab_offset] = 0xf0; /* Go 1.18's */
	expect_bad(&c, "not its version's");
	c.data[c.pclntab_offset] = 0;
	expect_bad(&c, "missing");
	free(c.data);
}

/*
 * A header that looks right stands before the true one: a Go program that is carried as data. This
 * way of linking has no section for the table, so that it is found by looking.
 */
static void test_another_program_inside(void **state)
{
	struct copy c = copy_fixture("prog-1.24-cgo-pie", 24);
	struct err err = {.text = ""};
	const struct elf_section *rodata;
	struct go_binary *bin;
	struct memfile m;
	size_t count, at;

	(void)state;
	bin = fixture_open("1.24-cgo-pie");
	assert_null(elf_file_section(go_binary_elf(bin), ".gopclntab"));
	count = go_binary_func_count(bin);
	rodata = elf_file_section(go_binary_elf(bin), ".rodata");
	at = (rodata->offset + rodata->size / 2) & ~(size_t)7;
	assert_true(at < c.pclntab_offset);
	memcpy(c.data + at, c.data + c.pclntab_offset, PCLNTAB_HEADER_SIZE);
	c.data[at + 8]++; /* with one function more */
	go_binary_close(bin);

	m = memfile_make(c.data, c.size);
	if (go_binary_open(&bin, m.path, &err))
		fail_msg("%s", err.text);
	assert_int_equal(go_binary_func_count(bin), count);
	go_binary_close(bin);
	memfile_close(&m);
	free(c.data);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void use(const struct go_binary *bin)
{
	static const char *const names[] = {"runtime.mapassign_faststr", "main.main",
					    "runtime.fatal"};
	struct go_sp_region regions[16];
	struct go_frame frames[16];
	struct go_func f[3];
	char buf[64];

	assert_int_equal(go_binary_find_funcs(bin, names, 3, f), 0);
	for (size_t i = 0; i < go_binary_func_count(bin); i += 7) {
		struct go_func g;
		int n;

		if (go_binary_func_at(bin, i, &g))
			continue;
		go_binary_sp_regions(bin, &g, regions, 16);
		n = go_binary_frames(bin, g.entry + 9, true, frames, 16);
		assert_in_range(n, 1, 16);
		for (int j = 0; j < n; j++)
			assert_true(strlen(frames[j].function) && strlen(frames[j].file) < 65536);
	}
	for (uint64_t a = 0; a < 200; a++)
		go_binary_type_name(bin, 0x480000 + a * 4096 + a * 8, buf, sizeof(buf));
}

/* Bytes changed anywhere in the tables: a sentence, or an object that answers. The seed is fixed: a
 * failure comes again. */
static void test_damaged_anywhere(void **state)
{
	struct copy c = copy_fixture("prog-1.27-stripped", 27);
	uint64_t seed = 88172645463325252u;
	int opened = 0, refused = 0;

	(void)state;
	for (int round = 0; round < 150; round++) {
		uint8_t *copy = malloc(c.size);
		struct err err = {.text = ""};
		struct go_binary *bin;
		struct memfile m;
		int err_code;

		memcpy(copy, c.data, c.size);
		for (int i = 0; i < 1 + round % 40; i++) {
			uint64_t r = random_next(&seed), at;

			if (i % 4 == 0)
				at = r % 4096; /* headers */
			else if (i % 4 == 1)
				at = c.md_offset + r % 400;
			else
				at = c.pclntab_offset + r % c.md.pclntab_size;
			if (i % 4 < 2 && round % 3)
				continue; /* else hardly one could be opened */
			copy[at] = (uint8_t)(r >> 32);
		}
		m = memfile_make(copy, c.size);
		free(copy);
		err_code = go_binary_open(&bin, m.path, &err);
		if (!err_code) {
			opened++;
			use(bin);
			go_binary_close(bin);
		} else {
			refused++;
			assert_true(err.text[0] && !strchr(err.text, '\n'));
		}
		memfile_close(&m);
	}
	assert_true(opened > 20 && refused > 20);
	free(c.data);
}

static void put_at(const struct memfile *m, const void *data, size_t len, off_t at)
{
	assert_int_equal(pwrite(m->fd, data, len, at), len);
}

/* For as much as there is to look at, the answer comes in seconds, and says what was not done. */
static void test_sparse(void **state)
{
	static const char magic[] = "\xff Go buildinf:";
	static const uint8_t header[8] = {0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8};
	const struct {
		bool go;	 /* it has build info */
		size_t headers;	 /* what looks like a function table's beginning at first sight */
		uint64_t relocs; /* bytes */
		int code;
		const char *word;
	} cases[] = {
		{false, 0, 0, -EFBIG, "no build info is in the 512 MiB"},
		{true, 0, 0, -EFBIG, "Go tables are not in the 512 MiB"},
		{true, 200000, 0, -EFBIG, "Go tables are not in the 512 MiB"},
		{true, 0, SPARSE_SIZE / 2, -E2BIG, "more than 16777216 relocations"},
	};
	time_t before = time(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct memfile m = sparse_make(cases[i].relocs);
		struct err err = {.text = ""};
		struct go_binary *bin;

		if (cases[i].go) {
			put_at(&m, magic, 14, 4096);
			put_at(&m, "\x08\x02", 2, 4096 + 14);
			put_at(&m, "\x08go1.24.4\0", 10, 4096 + 32);
		}
		for (size_t j = 0; j < cases[i].headers; j++)
			put_at(&m, header, sizeof(header), (off_t)(8192 + 8 * j));
		assert_int_equal(go_binary_open(&bin, m.path, &err), cases[i].code);
		if (!strstr(err.text, cases[i].word) || !strstr(err.text, m.path))
			fail_msg("\"%s\" should say \"%s\"", err.text, cases[i].word);
		memfile_close(&m);
	}
	assert_true(time(NULL) - before < 60); /* sanitizers, and a busy machine */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_no_function_table),
		cmocka_unit_test(test_another_program_inside),
		cmocka_unit_test(test_damaged_anywhere),
		cmocka_unit_test(test_sparse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
