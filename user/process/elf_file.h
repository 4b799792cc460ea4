/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_ELF_FILE_H
#define MAPRACE_PROCESS_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/open_file.h"

/*
 * Bounds-checked access to an untrusted ELF file by link-time virtual address. The file is read
 * with pread, never mapped: a file that is truncated while we read it gives an error, not SIGBUS.
 * Only 64-bit little-endian ELF executables (ET_EXEC, ET_DYN) are accepted; each refusal says why
 * in err (32-bit, not ELF, wrong machine, no PT_LOAD, truncated, UPX-packed, …).
 * For one thread at a time: relocations are loaded at the first question that needs them.
 *
 * All that is read is of one file: of one that nobody runs any more, or of a library, another
 * program may be written where it is (cp(1), scp(1)). From then on each read is -ESTALE, and what
 * it would have told is not known.
 */
struct elf_file;
struct elf_relocs; /* process/elf_reloc.h */

struct elf_segment { /* one PT_LOAD */
	uint64_t vaddr, offset, filesz, memsz;
	uint32_t flags; /* PF_X | PF_W | PF_R */
};

struct elf_section {
	const char *name; /* owned by the elf_file */
	uint64_t addr, offset, size;
	uint32_t type;
};

/* 0, or -ENOENT -EACCES -ENOEXEC (not an ELF we take; err says which) -ETXTBSY (it is being
 * written) -ENOMEM … */
int elf_file_open(struct elf_file **out, const char *path, struct err *err);
void elf_file_close(struct elf_file *elf);

uint16_t elf_file_machine(const struct elf_file *elf); /* EM_X86_64, EM_AARCH64 */
bool elf_file_is_pie(const struct elf_file *elf);      /* ET_DYN */
bool elf_file_has_symtab(const struct elf_file *elf);
/* Whether it still is what it was when it was opened; once it is not, it never is again. */
bool elf_file_is_unwritten(const struct elf_file *elf);
/* What was read there, is much of what the file has, and stays until elf_file_close(): as long as
 * it is the same in the file it does not matter that somebody has changed the file's time. */
void elf_file_vouch(struct elf_file *elf, uint64_t vaddr, const void *data, size_t len);
/* Whether anything was asked for that is not known, as it is not. */
bool elf_file_has_refused(const struct elf_file *elf);
/* That instead of what else may have come of it: -ETXTBSY. */
int elf_file_refuse_written(const char *path, struct err *err);
/* What it was when it was opened. Owned by elf. */
const struct file_identity *elf_file_identity(const struct elf_file *elf);
uint64_t elf_file_size(const struct elf_file *elf);
/* The file itself, open for reading, whatever has become of its name. Owned by elf. */
int elf_file_fd(const struct elf_file *elf);
/* The GNU build id, or Go's when there is none, as printable text; "" when neither. Owned by elf. */
const char *elf_file_build_id(const struct elf_file *elf);

size_t elf_file_segments(const struct elf_file *elf, const struct elf_segment **out);
const struct elf_section *elf_file_section(const struct elf_file *elf,
					   const char *name); /* NULL when absent */

/* The dynamic section as the loader finds it; size 0 when there is none. */
void elf_file_dynamic(const struct elf_file *elf, uint64_t *vaddr, uint64_t *size);
/* The RELATIVE relocations, read at the first call; empty unless the file is PIE. Owned by elf. 0,
 * -ENOMEM, -EBADMSG or -E2BIG (more than any program has: ELF_RELOCS_MAX). */
int elf_file_relocs(const struct elf_file *elf, const struct elf_relocs **out);

/* Copies len bytes at vaddr; -EFAULT unless all of them are file-backed inside one PT_LOAD. */
int elf_file_read(const struct elf_file *elf, uint64_t vaddr, void *buf, size_t len);
/* Reads a little-endian word; where the file is PIE, an R_*_RELATIVE relocation at vaddr takes
 * precedence over the contents. */
int elf_file_read_u64(const struct elf_file *elf, uint64_t vaddr, uint64_t *out);
/* Bytes of a section as it is in the file. -ENOENT -EFAULT. */
int elf_file_read_section(const struct elf_file *elf, const struct elf_section *section,
			  uint64_t offset, void *buf, size_t len);

/*
 * Who looks through a file for what no header names asks before each piece that it reads: false
 * once ELF_SCAN_MAX bytes of the file have been looked through, by all who asked. A size costs
 * whoever made the file nothing (it may be sparse), and us an hour for each terabyte.
 */
#define ELF_SCAN_MAX (512ull << 20)
bool elf_file_scan_more(const struct elf_file *elf, size_t len);

/* File offset of vaddr (what a uprobe wants); -EFAULT when it is not file-backed. */
int elf_file_offset(const struct elf_file *elf, uint64_t vaddr, uint64_t *offset);

#endif
