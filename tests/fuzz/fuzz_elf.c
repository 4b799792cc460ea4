/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The input is a file: opened as an ELF file and, where that succeeds, asked for everything. */
#include <stdint.h>
#include <stdlib.h>

#include "../unit/memfile.h"
#include "mini_elf.h"
#include "process/elf_file.h"
#include "process/elf_reloc.h"

static void ask(const struct elf_file *elf)
{
	const struct elf_relocs *relocs;
	const struct elf_segment *s;
	size_t i, n = elf_file_segments(elf, &s);
	uint64_t word;
	uint8_t buf[64];

	for (i = 0; i < n; i++) {
		elf_file_offset(elf, s[i].vaddr + s[i].memsz, &word);
		elf_file_read(elf, s[i].vaddr, buf, sizeof(buf));
		elf_file_read(elf, s[i].vaddr + s[i].filesz - 3, buf, sizeof(buf));
		elf_file_read_u64(elf, s[i].vaddr + 8, &word);
	}
	if (!elf_file_relocs(elf, &relocs)) {
		for (i = 0; i < relocs->count && i < 100; i++)
			elf_file_read_u64(elf, relocs->items[i].vaddr, &word);
	}
	elf_file_section(elf, ".text");
	elf_file_build_id(elf);
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* Starts from a small program that is right. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	static struct mini_elf mini;
	struct mini_piece sample = {NULL, 0};

	if (size < 64) {
		mini_make(&mini, 24, seed & 1, sample, sample, sample);
		if (mini.size <= max) {
			memcpy(data, mini.data, mini.size);
			return mini.size;
		}
	}
	return LLVMFuzzerMutate(data, size, max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memfile m = memfile_make(data, size);
	struct err err = {.text = ""};
	struct elf_file *elf;

	if (!elf_file_open(&elf, m.path, &err)) {
		ask(elf);
		elf_file_close(elf);
	} else if (!err.text[0]) {
		abort(); /* every refusal says why */
	}
	memfile_close(&m);
	return 0;
}
