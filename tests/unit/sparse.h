/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_SPARSE_H
#define MAPRACE_TESTS_SPARSE_H

#include <elf.h>

#include "memfile.h"

/*
 * An ELF file as big as its maker likes, of which hardly anything is on the disk: one segment, and
 * relocations of so many bytes behind the first page.
 */
#define SPARSE_SIZE (1ull << 40)

static inline struct memfile sparse_make(uint64_t relasz)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph[2];
		Elf64_Dyn dyn[4];
	} f = {
		.eh = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		       .e_type = ET_DYN,
		       .e_machine = EM_X86_64,
		       .e_version = EV_CURRENT,
		       .e_phoff = sizeof(Elf64_Ehdr),
		       .e_ehsize = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 2},
		.ph = {{.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W,
			.p_filesz = SPARSE_SIZE,
			.p_memsz = SPARSE_SIZE},
		       {.p_type = PT_DYNAMIC,
			.p_offset = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr),
			.p_vaddr = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr),
			.p_filesz = sizeof(Elf64_Dyn) * 4,
			.p_memsz = sizeof(Elf64_Dyn) * 4}},
		.dyn = {{.d_tag = DT_RELA, .d_un.d_val = 4096},
			{.d_tag = DT_RELASZ, .d_un.d_val = relasz},
			{.d_tag = DT_RELAENT, .d_un.d_val = sizeof(Elf64_Rela)},
			{.d_tag = DT_NULL}},
	};
	struct memfile m = memfile_make(&f, sizeof(f));

	if (ftruncate(m.fd, (off_t)SPARSE_SIZE))
		abort();
	return m;
}

#endif
