/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ELF files: what is read, from real programs, and what is refused, from damaged copies. */
#include "fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memfile.h"
#include "sparse.h"
#include "process/elf_file.h"
#include "process/elf_reloc.h"

static struct elf_file *open_fixture(const char *version)
{
	struct err err = {.text = ""};
	struct elf_file *elf;

	if (elf_file_open(&elf, fixture_path(fixture_name(version)), &err))
		fail_msg("%s", err.text);
	return elf;
}

static void test_properties(void **state)
{
	struct elf_file *elf;

	(void)state;
	elf = open_fixture("1.24");
	assert_int_equal(elf_file_machine(elf), EM_X86_64);
	assert_false(elf_file_is_pie(elf));
	assert_true(elf_file_has_symtab(elf));
	elf_file_close(elf);
	elf = open_fixture("1.24-pie");
	assert_true(elf_file_is_pie(elf));
	elf_file_close(elf);
	elf = open_fixture("1.24-stripped");
	assert_false(elf_file_has_symtab(elf));
	elf_file_close(elf);
}

/* Go's own id has slashes in it; a GNU one (from the C linker) is hexadecimal. */
static void test_build_ids(void **state)
{
	struct elf_file *elf;
	const char *id;

	(void)state;
	elf = open_fixture("1.24");
	id = elf_file_build_id(elf);
	assert_int_equal(strlen(id), 83);
	assert_int_equal(strcspn(id, "/"), 20);
	elf_file_close(elf);
	elf = open_fixture("1.24-cgo");
	id = elf_file_build_id(elf);
	assert_int_equal(strlen(id), 40);
	assert_int_equal(strspn(id, "0123456789abcdef"), 40);
	elf_file_close(elf);
}

static void test_sections_and_segments(void **state)
{
	struct elf_file *elf = open_fixture("1.23");
	const struct elf_section *text = elf_file_section(elf, ".text");
	const struct elf_segment *segments;
	uint64_t offset;
	uint8_t bytes[4];
	size_t n = elf_file_segments(elf, &segments);

	(void)state;
	assert_non_null(text);
	assert_null(elf_file_section(elf, ".tex"));
	assert_null(elf_file_section(elf, ".nosuch"));
	assert_true(n >= 3);
	for (size_t i = 1; i < n; i++)
		assert_true(segments[i].vaddr > segments[i - 1].vaddr);
	assert_int_equal(elf_file_offset(elf, text->addr, &offset), 0);
	assert_int_equal(offset, text->offset);
	assert_int_equal(elf_file_offset(elf, text->addr + text->size - 1, &offset), 0);
	assert_int_equal(elf_file_read(elf, text->addr, bytes, 4), 0);
	elf_file_close(elf);
}

static void test_reads_end_with_the_segment(void **state)
{
	struct elf_file *elf = open_fixture("1.23");
	const struct elf_segment *s;
	uint8_t bytes[16];
	uint64_t offset, word;
	size_t n = elf_file_segments(elf, &s);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		uint64_t end = s[i].vaddr + s[i].filesz;

		assert_int_equal(elf_file_read(elf, end - 16, bytes, 16), 0);
		assert_int_equal(elf_file_read_u64(elf, end - 8, &word), 0);
		if (i + 1 < n && s[i + 1].vaddr == end)
			continue; /* its neighbour begins there; no read goes across */
		assert_int_equal(elf_file_read(elf, end - 15, bytes, 16), -EFAULT);
		assert_int_equal(elf_file_read_u64(elf, end - 7, &word), -EFAULT);
		assert_int_equal(elf_file_offset(elf, end, &offset), -EFAULT);
	}
	assert_int_equal(elf_file_read(elf, 0, bytes, 16), -EFAULT);
	assert_int_equal(elf_file_read(elf, UINT64_MAX, bytes, 16), -EFAULT);
	assert_int_equal(elf_file_read(elf, UINT64_MAX - 15, bytes, 16), -EFAULT);
	assert_int_equal(elf_file_read(elf, s[0].vaddr, bytes, SIZE_MAX), -EFAULT);
	elf_file_close(elf);
}

static void test_relocations(void **state)
{
	static const char *const pies[] = {"1.19-pie", "1.23-cgo-pie", "1.24-pie", "1.27-cgo-pie"};

	(void)state;
	for (size_t i = 0; i < sizeof(pies) / sizeof(pies[0]); i++) {
		struct elf_file *elf = open_fixture(pies[i]);
		const struct elf_relocs *relocs;
		size_t loaded = 0;

		assert_int_equal(elf_file_relocs(elf, &relocs), 0);
		assert_true(relocs->count > 1000);
		for (size_t j = 0; j < relocs->count; j++) {
			uint64_t word, offset;

			if (j)
				assert_true(relocs->items[j].vaddr > relocs->items[j - 1].vaddr);
			assert_ptr_equal(elf_relocs_find(relocs, relocs->items[j].vaddr),
					 &relocs->items[j]);
			assert_int_equal(elf_file_read_u64(elf, relocs->items[j].vaddr, &word), 0);
			assert_int_equal(word, relocs->items[j].value);
			loaded += !elf_file_offset(elf, word, &offset);
		}
		assert_true(loaded >
			    relocs->count / 2); /* most point at something the file holds */
		assert_null(elf_relocs_find(relocs, 1));
		elf_file_close(elf);
	}
}

/* In the file, not only in the relocation: what stands there is zeroed and the word still read. */
static void test_relocation_wins_over_contents(void **state)
{
	struct elf_file *elf = open_fixture("1.24-pie");
	const struct elf_relocs *relocs;
	uint64_t offset, vaddr, value, word;
	struct err err = {.text = ""};
	struct memfile m;
	uint8_t *data;
	size_t size;

	(void)state;
	assert_int_equal(elf_file_relocs(elf, &relocs), 0);
	vaddr = relocs->items[relocs->count / 2].vaddr;
	value = relocs->items[relocs->count / 2].value;
	assert_int_not_equal(value, 0);
	assert_int_equal(elf_file_offset(elf, vaddr, &offset), 0);
	elf_file_close(elf);
	data = fixture_read("prog-1.24-pie", &size);
	memset(data + offset, 0, 8);
	m = memfile_make(data, size);
	free(data);
	assert_int_equal(elf_file_open(&elf, m.path, &err), 0);
	assert_int_equal(elf_file_read_u64(elf, vaddr, &word), 0);
	assert_int_equal(word, value);
	elf_file_close(elf);
	memfile_close(&m);
}

static void expect_refusal(const char *path, int code, const char *word)
{
	struct err err = {.text = ""};
	struct elf_file *elf = (void *)1;

	assert_int_equal(elf_file_open(&elf, path, &err), code);
	assert_null(elf);
	if (!strstr(err.text, word) || !strstr(err.text, path) || strchr(err.text, '\n'))
		fail_msg("\"%s\" should name %s and say \"%s\"", err.text, path, word);
}

static void refuse_bytes(const void *data, size_t size, const char *word)
{
	struct memfile m = memfile_make(data, size);

	expect_refusal(m.path, -ENOEXEC, word);
	memfile_close(&m);
}

static void test_not_a_file(void **state)
{
	char dir[] = "/tmp/maprace-test-XXXXXX", fifo[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	expect_refusal(dir, -ENOEXEC, "directory");
	expect_refusal(fifo, -ENOEXEC, "not a regular file");
	expect_refusal("/dev/null", -ENOEXEC, "not a regular file");
	expect_refusal("/nonexistent/x", -ENOENT, "No such file or directory");
	unlink(fifo);
	rmdir(dir);
}

static void test_not_an_executable(void **state)
{
	static const char script[] =
		"#!/bin/sh\necho this is long enough to hold an ELF header, but it is none\n";

	(void)state;
	refuse_bytes("", 0, "is empty");
	refuse_bytes("x", 1, "not an ELF executable");
	refuse_bytes(script, sizeof(script), "not an ELF executable");
	refuse_bytes("\177ELF\2\1\1", 7, "truncated");
}

struct patch {
	size_t at;
	unsigned int width;
	uint64_t value;
	const char *word;
};

static void test_damaged_headers(void **state)
{
	static const struct patch patches[] = {
		{0, 1, 'X', "not an ELF executable"},
		{EI_CLASS, 1, ELFCLASS32, "32-bit"},
		{EI_CLASS, 1, 7, "neither 32 nor 64"},
		{EI_DATA, 1, ELFDATA2MSB, "big-endian"},
		{16, 2, ET_REL, "object file"},
		{16, 2, ET_CORE, "core dump"},
		{16, 2, 99, "not an executable"},
		{18, 2, EM_RISCV, "another machine"},
		{54, 2, 55, "make no sense"},			/* e_phentsize */
		{56, 2, 0, "no program headers"},		/* e_phnum */
		{56, 2, 0xffff, "make no sense"},		/* PN_XNUM */
		{32, 8, UINT64_MAX - 8, "truncated"},		/* e_phoff */
		{40, 8, UINT64_MAX - 8, "truncated"},		/* e_shoff */
		{58, 2, 63, "make no sense"},			/* e_shentsize */
		{60, 2, 0xfff0, "make no sense"},		/* e_shnum */
		{62, 2, 0xfff0, "section names"},		/* e_shstrndx */
		{64 + 56 * 2 + 8, 8, 1ull << 40, "truncated"},	/* p_offset of the third segment */
		{64 + 56 * 2 + 32, 8, 1ull << 40, "truncated"}, /* p_filesz */
		{64 + 56 * 2 + 32, 8, UINT64_MAX, "truncated"},
		{64 + 56 * 2 + 40, 8, 1, "contradicts itself"},		     /* p_memsz */
		{64 + 56 * 2 + 16, 8, UINT64_MAX - 9, "contradicts itself"}, /* p_vaddr */
	};
	size_t size;
	uint8_t *data = fixture_read("prog-1.24", &size);

	(void)state;
	/* the third program header is a segment with contents: the patches above count on it */
	assert_int_equal(((Elf64_Phdr *)(data + 64 + 56 * 2))->p_type, PT_LOAD);
	for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
		uint8_t saved[8];

		memcpy(saved, data + patches[i].at, 8);
		for (unsigned int j = 0; j < patches[i].width; j++)
			data[patches[i].at + j] = (uint8_t)(patches[i].value >> (8 * j));
		refuse_bytes(data, size, patches[i].word);
		memcpy(data + patches[i].at, saved, 8);
	}
	free(data);
}

/* Segments in the same place: which one an address means would depend on who looks. */
static void test_overlapping_segments(void **state)
{
	size_t size;
	uint8_t *data = fixture_read("prog-1.24", &size);
	Elf64_Phdr *ph = (Elf64_Phdr *)(data + 64);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)data;
	uint64_t first = 0;

	(void)state;
	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (first)
			ph[i].p_vaddr = first + 0x1000;
		else
			first = ph[i].p_vaddr;
	}
	refuse_bytes(data, size, "overlap");
	free(data);
}

/* However short a file is cut, it is refused in one sentence: nothing of it is trusted that is not
 * there. */
static void test_truncated(void **state)
{
	size_t size;
	uint8_t *data = fixture_read("prog-1.24-stripped", &size);

	(void)state;
	for (size_t cut = 8; cut < size; cut += cut < 2000 ? 41 : 50021)
		refuse_bytes(data, cut, "truncated");
	refuse_bytes(data, size - 1, "truncated");
	free(data);
}

/* What upx makes: no sections, and its mark behind the program headers. */
static void test_packed(void **state)
{
	size_t size;
	uint8_t *data = fixture_read("prog-1.24-stripped", &size);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)data;
	struct err err = {.text = ""};
	struct elf_file *elf;
	struct memfile m;

	(void)state;
	eh->e_shoff = 0;
	eh->e_shnum = 0;
	memcpy(data + 64 + 56 * eh->e_phnum + 4, "UPX!", 4);
	m = memfile_make(data, size);
	assert_int_equal(elf_file_open(&elf, m.path, &err), -ENOEXEC);
	assert_non_null(strstr(err.text, "UPX"));
	assert_non_null(strstr(err.hint, "upx -d"));
	memfile_close(&m);
	/* the same words elsewhere mean nothing */
	memset(data + 64 + 56 * eh->e_phnum + 4, 0, 4);
	memcpy(data + size - 8, "UPX!", 4);
	m = memfile_make(data, size);
	memset(&err, 0, sizeof(err));
	assert_int_equal(elf_file_open(&elf, m.path, &err), 0);
	elf_file_close(elf);
	memfile_close(&m);
	free(data);
}

/* Someone writes a new program over the old one while we read it. */
static void test_shrinks_while_open(void **state)
{
	size_t size;
	uint8_t *data = fixture_read("prog-1.24", &size);
	struct memfile m = memfile_make(data, size);
	struct err err = {.text = ""};
	const struct elf_segment *s;
	struct elf_file *elf;
	uint8_t bytes[16];

	(void)state;
	assert_int_equal(elf_file_open(&elf, m.path, &err), 0);
	elf_file_segments(elf, &s);
	assert_int_equal(elf_file_read(elf, s[1].vaddr, bytes, 16), 0);
	assert_int_equal(ftruncate(m.fd, 4096), 0);
	assert_true(elf_file_read(elf, s[1].vaddr, bytes, 16) < 0);
	elf_file_close(elf);
	memfile_close(&m);
	free(data);
}

struct copy { /* of a program, in a directory of its own, with a time of its own */
	char dir[32], path[64], other[64];
	struct timespec times[2];
	int fd;
	struct elf_file *elf;
	const struct elf_segment *segments;
};

static void copy_make(struct copy *c)
{
	struct err err = {.text = ""};
	size_t size;
	uint8_t *data = fixture_read("prog-1.24", &size);

	strcpy(c->dir, "/tmp/maprace-elf.XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	snprintf(c->path, sizeof(c->path), "%s/program", c->dir);
	snprintf(c->other, sizeof(c->other), "%s/other", c->dir);
	c->fd = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC, 0700);
	assert_true(c->fd >= 0);
	assert_int_equal(write(c->fd, data, size), size);
	free(data);
	c->times[0].tv_sec = c->times[1].tv_sec = 1000000000; /* long ago */
	c->times[0].tv_nsec = c->times[1].tv_nsec = 5;
	assert_int_equal(futimens(c->fd, c->times), 0);
	assert_int_equal(elf_file_open(&c->elf, c->path, &err), 0);
	elf_file_segments(c->elf, &c->segments);
}

static int copy_read(const struct copy *c)
{
	uint8_t bytes[16];

	return elf_file_read(c->elf, c->segments[1].vaddr, bytes, sizeof(bytes));
}

static void copy_remove(struct copy *c)
{
	elf_file_close(c->elf);
	close(c->fd);
	unlink(c->path);
	unlink(c->other);
	rmdir(c->dir);
}

/* Its contents are what they were. */
static void test_other_names_and_rights(void **state)
{
	struct copy c = {.fd = -1};

	(void)state;
	copy_make(&c);
	usleep(20000); /* times are told apart from then on */
	assert_int_equal(link(c.path, c.other), 0);
	assert_int_equal(copy_read(&c), 0);
	assert_int_equal(unlink(c.path), 0);
	assert_int_equal(copy_read(&c), 0);
	assert_int_equal(fchmod(c.fd, 0500), 0);
	assert_int_equal(copy_read(&c), 0);
	assert_int_equal(rename(c.other, c.path), 0);
	assert_int_equal(copy_read(&c), 0);
	assert_true(elf_file_is_unwritten(c.elf));
	assert_false(elf_file_has_refused(c.elf));
	copy_remove(&c);
}

/* touch(1): what was read of it once tells that it is the same, not for ever. */
static void test_other_time(void **state)
{
	struct copy c = {.fd = -1};
	uint8_t bytes[40000];
	int i;

	(void)state;
	copy_make(&c);
	assert_int_equal(elf_file_read(c.elf, c.segments[1].vaddr, bytes, sizeof(bytes)), 0);
	elf_file_vouch(c.elf, c.segments[1].vaddr, bytes, sizeof(bytes));
	usleep(20000);
	for (i = 0; i < 3; i++) {
		c.times[1].tv_nsec++;
		assert_int_equal(futimens(c.fd, c.times), 0);
		assert_int_equal(copy_read(&c), 0);
	}
	assert_int_equal(pwrite(c.fd, "", 1, (off_t)(c.segments[1].offset + sizeof(bytes) - 1)), 1);
	bytes[sizeof(bytes) - 1] = 1; /* whatever it was: it is another one there */
	assert_int_equal(copy_read(&c), -ESTALE);
	copy_remove(&c);
	copy_make(&c);
	assert_int_equal(elf_file_read(c.elf, c.segments[1].vaddr, bytes, sizeof(bytes)), 0);
	elf_file_vouch(c.elf, c.segments[1].vaddr, bytes, sizeof(bytes));
	usleep(20000);
	for (i = 0; i < 8; i++) {
		c.times[1].tv_nsec++;
		assert_int_equal(futimens(c.fd, c.times), 0);
		assert_int_equal(copy_read(&c), 0);
	}
	c.times[1].tv_nsec++;
	assert_int_equal(futimens(c.fd, c.times), 0);
	assert_int_equal(copy_read(&c), -ESTALE);
	copy_remove(&c);
}

/* Another program of the same size, where it was: what is read would be that one's. */
static void test_written_over(void **state)
{
	struct copy c = {.fd = -1};

	(void)state;
	copy_make(&c);
	usleep(20000);
	assert_int_equal(copy_read(&c), 0);
	assert_int_equal(pwrite(c.fd, "x", 1, (off_t)c.segments[1].offset), 1);
	assert_false(elf_file_is_unwritten(c.elf));
	assert_false(elf_file_has_refused(c.elf));
	assert_int_equal(copy_read(&c), -ESTALE);
	assert_true(elf_file_has_refused(c.elf));
	assert_int_equal(futimens(c.fd, c.times), 0); /* too late */
	assert_int_equal(copy_read(&c), -ESTALE);
	copy_remove(&c);
}

/* By one with the same time, as where all files have one: another build id tells. */
static void test_written_over_with_its_time(void **state)
{
	struct copy c = {.fd = -1};
	const char *id;
	uint8_t head[4096], *at;

	(void)state;
	copy_make(&c);
	usleep(20000);
	id = elf_file_build_id(c.elf);
	assert_int_equal(pread(c.fd, head, sizeof(head), 0), sizeof(head));
	at = memmem(head, sizeof(head), id, strlen(id));
	assert_non_null(at);
	assert_int_equal(pwrite(c.fd, "-", 1, at - head), 1);
	assert_int_equal(futimens(c.fd, c.times), 0);
	assert_int_equal(copy_read(&c), -ESTALE);
	copy_remove(&c);
}

/* Believed only up to what a program can have. */
static void test_sparse_relocations(void **state)
{
	const uint64_t one = sizeof(Elf64_Rela);
	const struct {
		uint64_t size;
		int code;
	} cases[] = {
		{SPARSE_SIZE - 4096, -E2BIG},
		{(ELF_RELOCS_MAX + 1) * one, -E2BIG},
		{1000 * one, 0},
		{SPARSE_SIZE + one, -EBADMSG}, /* more than the file */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct memfile m = sparse_make(cases[i].size);
		const struct elf_relocs *relocs;
		struct err err = {.text = ""};
		struct elf_file *elf;

		assert_int_equal(elf_file_open(&elf, m.path, &err), 0);
		assert_int_equal(elf_file_relocs(elf, &relocs), cases[i].code);
		assert_int_equal(relocs->count, 0);
		elf_file_close(elf);
		memfile_close(&m);
	}
}

static void test_scan_has_an_end(void **state)
{
	struct memfile m = sparse_make(0);
	struct err err = {.text = ""};
	struct elf_file *elf;
	uint64_t done = 0;

	(void)state;
	assert_int_equal(elf_file_open(&elf, m.path, &err), 0);
	while (elf_file_scan_more(elf, 1 << 20))
		done += 1 << 20;
	assert_int_equal(done, ELF_SCAN_MAX);
	assert_false(elf_file_scan_more(elf, 1));
	elf_file_close(elf);
	memfile_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_build_ids),
		cmocka_unit_test(test_sections_and_segments),
		cmocka_unit_test(test_reads_end_with_the_segment),
		cmocka_unit_test(test_relocations),
		cmocka_unit_test(test_relocation_wins_over_contents),
		cmocka_unit_test(test_not_a_file),
		cmocka_unit_test(test_not_an_executable),
		cmocka_unit_test(test_damaged_headers),
		cmocka_unit_test(test_overlapping_segments),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_shrinks_while_open),
		cmocka_unit_test(test_other_names_and_rights),
		cmocka_unit_test(test_other_time),
		cmocka_unit_test(test_written_over),
		cmocka_unit_test(test_written_over_with_its_time),
		cmocka_unit_test(test_sparse_relocations),
		cmocka_unit_test(test_scan_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
