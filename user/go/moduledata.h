/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_MODULEDATA_H
#define MAPRACE_GO_MODULEDATA_H

#include <stdint.h>

#include "base/err.h"
#include "go/go_layout.h"
#include "go/pclntab.h"
#include "process/elf_file.h"

/*
 * runtime.firstmoduledata (src/runtime/symtab.go: type moduledata): the linker's record of where
 * everything is. No symbol is needed to find it: it starts with the address of the function table
 * and repeats that table's parts as slices.
 */
struct moduledata {
	uint64_t addr;
	uint64_t text; /* runtime.text: entries and _func records count from it; not .text's start
			  with cgo */
	uint64_t minpc, maxpc;	/* the range of the function table */
	uint64_t types, etypes; /* type descriptors and their names */
	uint64_t gofunc;	/* funcdata offsets count from it */
	uint64_t pclntab;	/* the function table's header */
	uint64_t pclntab_size;
};

/*
 * Finds the function table's header: 0 and its address; -ENOENT when there is none; -EBADMSG when
 * one contradicts itself; -EFBIG when the file has been looked through as far as it may be
 * (ELF_SCAN_MAX).
 */
int moduledata_find_pclntab(const struct elf_file *elf, uint64_t *vaddr, struct pclntab_header *h);

/* The part that is the same in every version: all but types, etypes and gofunc, which are 0. 0;
 * -EBADMSG when no record agrees with the function table, with the reason in err; -EFBIG. */
int moduledata_locate(struct moduledata *md, const struct elf_file *elf, uint64_t pclntab,
		      const struct pclntab_header *h, struct err *err);
/* The rest of what moduledata_locate() has found. */
int moduledata_read_types(struct moduledata *md, const struct elf_file *elf,
			  const struct go_layout *layout, struct err *err);
/* Both. */
int moduledata_read(struct moduledata *md, const struct elf_file *elf,
		    const struct go_layout *layout, uint64_t pclntab,
		    const struct pclntab_header *h, struct err *err);

#endif
