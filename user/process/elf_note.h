/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROCESS_ELF_NOTE_H
#define MAPRACE_PROCESS_ELF_NOTE_H

#include <stdint.h>

#include "process/elf_file.h"

/* Go's is 83 characters, a GNU one 40. */
#define ELF_BUILD_ID_MAX 160

/*
 * Looks for a build id in the note segment of size bytes at vaddr and writes it as printable text.
 * The GNU one wins over Go's, which is only written where id is still empty; id stays as it is when
 * the segment holds none or is malformed.
 */
void elf_note_build_id(const struct elf_file *elf, uint64_t vaddr, uint64_t size,
		       char id[ELF_BUILD_ID_MAX]);

#endif
