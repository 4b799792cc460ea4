/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_ELF_OBJECT_H
#define MAPRACE_DETECT_AUDIT_ELF_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <elf.h>

#include "base/err.h"

/* An untrusted relocatable ELF file of BPF code, in memory. Every piece that is given out lies
 * within it. */
struct elf_piece {
	const char *name; /* "" when it has none */
	const uint8_t *data;
	uint64_t size;
	uint32_t type, link, info;
	uint64_t flags;
};

struct elf_object {
	const uint8_t *data;
	size_t size;
	struct elf_piece *sections; /* by index; a broken one is empty */
	uint32_t nsections;
	const uint8_t *symbols; /* Elf64_Sym, not aligned */
	uint32_t nsymbols;
	struct elf_piece names; /* of symbols */
};

#define ELF_OBJECT_MAX (64u << 20)

/* Whether a relocatable file of BPF code, little-endian, seems to begin here. */
bool elf_object_is_bpf(const uint8_t *data, size_t size);
/* data must outlive it. 0, -ENOMEM or -ENOEXEC with err set; free it in either case. */
int elf_object_open(struct elf_object *elf, const uint8_t *data, size_t size, struct err *err);
void elf_object_close(struct elf_object *elf);
bool elf_object_symbol(const struct elf_object *elf, uint32_t i, Elf64_Sym *symbol);
const char *elf_object_symbol_name(const struct elf_object *elf, const Elf64_Sym *symbol);
/* The first section of this name; NULL: none. */
const struct elf_piece *elf_object_section(const struct elf_object *elf, const char *name);

#endif
