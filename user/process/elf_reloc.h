/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_ELF_RELOC_H
#define MAPRACE_PROCESS_ELF_RELOC_H

#include <stddef.h>
#include <stdint.h>

#include "process/elf_file.h"

/*
 * The R_*_RELATIVE relocations of a position independent executable, sorted by address. Words that
 * the dynamic loader fills in (pointers between Go's tables) are only certain here: a linker may
 * leave the place itself zero.
 */
struct elf_reloc {
	uint64_t vaddr; /* the word that is relocated */
	uint64_t value; /* what it holds, as a link-time address */
};

struct elf_relocs {
	struct elf_reloc *items;
	size_t count;
};

/* All of Kubernetes in one PIE file has less than a million. The file's size is no bound: it may be
 * sparse. */
#define ELF_RELOCS_MAX (16u << 20)

/* 0 (also when the file has none), -ENOMEM, -EBADMSG when the tables lead outside the file, -E2BIG
 * when it has more than ELF_RELOCS_MAX of whatever type. */
int elf_relocs_load(struct elf_relocs *relocs, const struct elf_file *elf);
void elf_relocs_free(struct elf_relocs *relocs);
/* NULL when no relocation stands at vaddr. */
const struct elf_reloc *elf_relocs_find(const struct elf_relocs *relocs, uint64_t vaddr);

/* The first one at vaddr or after it; count: none. */
size_t elf_relocs_from(const struct elf_relocs *relocs, uint64_t vaddr);

#endif
