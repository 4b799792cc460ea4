/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Memory of a target from wherever: what is there is read, all else is an error, whatever is asked.
 */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../fixture.h"
#include "../memfile.h"
#include "base/clock.h"
#include "process/elf_reloc.h"
#include "process/memory.h"

#define AT 0xc000000000ull

static void made_up_memory_has_bounds(void **state)
{
	static const uint8_t data[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	const struct memory_part parts[] = {{AT, data, 16}, {UINT64_MAX - 7, data, 8}};
	struct memory *m = memory_parts(parts, 2);
	uint8_t buf[32];
	uint64_t v;

	(void)state;
	assert_non_null(m);
	assert_int_equal(memory_u64(m, AT, &v), 0);
	assert_int_equal(v, 0x0807060504030201ull);
	assert_int_equal(memory_u64(m, AT + 8, &v), 0);
	assert_int_equal(memory_u64(m, AT + 9, &v), -EFAULT);
	assert_int_equal(memory_u64(m, AT - 1, &v), -EFAULT);
	assert_int_equal(memory_read(m, AT, buf, 17), -EFAULT);
	assert_int_equal(memory_read(m, AT, buf, 0), 0);
	assert_int_equal(memory_u64(m, UINT64_MAX - 7, &v), 0);
	assert_int_equal(memory_u64(m, UINT64_MAX - 6, &v), -EFAULT);
	assert_int_equal(memory_u64(m, UINT64_MAX, &v), -EFAULT);
	assert_int_equal(memory_u64(m, 0, &v), -EFAULT);
	assert_int_equal(memory_taken(m), 24);
	memory_close(m);
}

static void a_live_process_is_read_across_a_hole(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), i;
	uint8_t *three =
		mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct memory *all[2] = {memory_live(getpid()), memory_frozen(memory_stopped(getpid()))};
	uint8_t buf[64];

	(void)state;
	assert_ptr_not_equal(three, MAP_FAILED);
	memset(three, 7, 3 * page);
	assert_int_equal(munmap(three + page, page), 0);
	for (i = 0; i < 2; i++) {
		uint64_t at = (uint64_t)(uintptr_t)three;

		assert_int_equal(memory_read(all[i], at + page - 64, buf, 64), 0);
		assert_int_equal(buf[63], 7);
		assert_int_equal(memory_read(all[i], at + page - 63, buf, 64), -EFAULT);
		assert_int_equal(memory_read(all[i], at + page + 8, buf, 8), -EFAULT);
		assert_int_equal(memory_read(all[i], at + 2 * page, buf, 64), 0);
		assert_int_equal(memory_read(all[i], 16, buf, 8), -EFAULT);
		assert_int_equal(memory_read(all[i], UINT64_MAX - 3, buf, 8), -EFAULT);
		assert_int_equal(memory_read(all[i], 1ull << 60, buf, 8), -EFAULT);
		memory_close(all[i]);
	}
	munmap(three, page);
	munmap(three + 2 * page, page);
}

/* What was read once stays as it was; more than it keeps is read again. */
static void frozen_memory_is_read_once(void **state)
{
	static uint8_t data[3 << 16];
	const struct memory_part part = {AT, data, sizeof(data)};
	struct memory *m = memory_frozen(memory_parts(&part, 1));
	uint8_t big[1 << 17];
	uint64_t v;

	(void)state;
	assert_non_null(m);
	data[0] = 1;
	assert_int_equal(memory_u64(m, AT, &v), 0);
	assert_int_equal(v, 1);
	data[0] = 2;
	assert_int_equal(memory_u64(m, AT, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(memory_taken(m), 1 << 16);
	assert_int_equal(memory_read(m, AT + (1 << 16) - 8, big, sizeof(big)), 0);
	assert_int_equal(memory_read(m, AT + (2 << 16) - 8, big, sizeof(big)), -EFAULT);
	memory_close(m);
	assert_null(memory_frozen(NULL));
}

struct seen {
	size_t pages, pieces;
	uint64_t from, to;
};

static void see_kept(void *arg, uint64_t addr, const void *data, size_t len)
{
	struct seen *seen = arg;
	size_t i;

	for (i = 0; i < len; i += 4096)
		assert_int_equal(((const uint8_t *)data)[i], (addr + i) / 4096 % 251);
	seen->pages += len / 4096;
	seen->pieces++;
	seen->from = !seen->from || addr < seen->from ? addr : seen->from;
	seen->to = addr + len > seen->to ? addr + len : seen->to;
}

/* A piece of 64 KiB ends where the part does. */
static void what_is_kept_is_told(void **state)
{
	static uint8_t data[(1 << 16) + 3 * 4096];
	const struct memory_part part = {AT, data, sizeof(data)};
	struct memory *m = memory_frozen(memory_parts(&part, 1));
	struct seen seen = {};
	uint64_t v;
	size_t i;

	(void)state;
	assert_non_null(m);
	for (i = 0; i < sizeof(data); i += 4096)
		data[i] = (uint8_t)((AT + i) / 4096 % 251);
	memory_each_kept(m, see_kept, &seen);
	assert_int_equal(seen.pages, 0);
	assert_int_equal(memory_u64(m, AT + 8, &v), 0);
	assert_int_equal(memory_u64(m, AT + (1 << 16), &v), 0);
	memory_each_kept(m, see_kept, &seen);
	assert_int_equal(seen.pages, 19);
	assert_int_equal(seen.pieces, 2);
	assert_int_equal(seen.from, AT);
	assert_int_equal(seen.to, AT + sizeof(data));
	memory_close(m);
}

static void nothing_is_read_when_time_is_up(void **state)
{
	static uint8_t data[2 << 16];
	const struct memory_part part = {AT, data, sizeof(data)};
	struct memory *m = memory_frozen(memory_parts(&part, 1));
	uint64_t v;

	(void)state;
	assert_false(memory_late(m));
	assert_int_equal(memory_u64(m, AT, &v), 0);
	memory_deadline(m, clock_ns(CLOCK_MONOTONIC));
	assert_true(memory_late(m));
	assert_int_equal(memory_u64(m, AT + 8, &v), 0); /* it is here already */
	assert_int_equal(memory_u64(m, AT + (1 << 16), &v), -ETIME);
	memory_close(m);
}

static struct memfile core_of(uint16_t type, uint64_t offset, uint64_t size)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph;
		uint8_t data[16];
	} file = {
		.eh = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		       .e_type = type,
		       .e_phoff = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 1},
		.ph = {.p_type = PT_LOAD, .p_vaddr = AT, .p_offset = offset, .p_filesz = size},
		.data = {1, 2, 3, 4, 5, 6, 7, 8},
	};

	return memfile_make(&file, sizeof(file));
}

/* As the loader leaves it: words that it fills in are, wherever a read begins and ends. */
static void a_file_is_read_as_it_will_be_loaded(void **state)
{
	const struct elf_relocs *relocs;
	struct err err = {.text = ""};
	uint64_t words[64], word, at;
	struct elf_file *elf;
	struct memory *m;
	size_t i, k, several = 0;

	(void)state;
	if (elf_file_open(&elf, fixture_path(fixture_name("1.24-pie")), &err))
		fail_msg("%s", err.text);
	m = memory_file(elf);
	assert_non_null(m);
	assert_int_equal(elf_file_relocs(elf, &relocs), 0);
	assert_true(relocs->count > 1000);
	for (i = 0; i < relocs->count; i += 7) {
		at = relocs->items[i].vaddr - 256;
		if (memory_read(m, at, words, sizeof(words)))
			continue; /* beside what is in the file */
		several++;
		for (k = 0; k < 64; k++) {
			assert_int_equal(elf_file_read_u64(elf, at + 8 * k, &word), 0);
			assert_int_equal(words[k], word);
		}
	}
	assert_true(several > 100);
	assert_int_equal(memory_read(m, 1ull << 60, words, 8), -EFAULT);
	memory_close(m);
	elf_file_close(elf);
}

static void a_core_file_is_not_trusted(void **state)
{
	const uint64_t at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	struct memfile f = core_of(ET_CORE, at, 16);
	struct memory *m;
	uint64_t v;

	(void)state;
	assert_int_equal(memory_core(&m, f.fd), 0);
	assert_int_equal(memory_u64(m, AT, &v), 0);
	assert_int_equal(v, 0x0807060504030201ull);
	assert_int_equal(memory_u64(m, AT + 9, &v), -EFAULT);
	memory_close(m);
	memfile_close(&f);

	f = core_of(ET_CORE, at, 1ull << 60); /* says that it has more than there is */
	assert_int_equal(memory_core(&m, f.fd), 0);
	assert_int_equal(memory_u64(m, AT + 4096, &v), -EFAULT);
	memory_close(m);
	memfile_close(&f);

	f = core_of(ET_CORE, 1ull << 63, 16);
	assert_int_equal(memory_core(&m, f.fd), 0);
	assert_int_equal(memory_u64(m, AT, &v), -EFAULT);
	memory_close(m);
	memfile_close(&f);

	f = core_of(ET_EXEC, at, 16);
	assert_int_equal(memory_core(&m, f.fd), -EBADMSG);
	assert_null(m);
	memfile_close(&f);
	f = memfile_make("core", 4);
	assert_int_equal(memory_core(&m, f.fd), -EBADMSG);
	memfile_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_up_memory_has_bounds),
		cmocka_unit_test(a_live_process_is_read_across_a_hole),
		cmocka_unit_test(frozen_memory_is_read_once),
		cmocka_unit_test(what_is_kept_is_told),
		cmocka_unit_test(nothing_is_read_when_time_is_up),
		cmocka_unit_test(a_file_is_read_as_it_will_be_loaded),
		cmocka_unit_test(a_core_file_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
