/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/elf_note.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"

#define MAX_NOTES 4096
#define NOTE_HEADER 12
#define NT_GO_BUILD_ID 4 /* cmd/link/internal/ld/elf.go: ELF_NOTE_GOBUILDID_TAG */

static uint64_t align4(uint64_t n)
{
	return (n + 3) & ~UINT64_C(3);
}

static void put_hex(char *id, const uint8_t *desc, size_t len)
{
	size_t i;

	if (len > ELF_BUILD_ID_MAX / 2 - 1)
		len = ELF_BUILD_ID_MAX / 2 - 1;
	for (i = 0; i < len; i++)
		snprintf(id + 2 * i, 3, "%02x", desc[i]);
}

static void put_text(char *id, const uint8_t *desc, size_t len)
{
	size_t i;

	if (len > ELF_BUILD_ID_MAX - 1)
		len = ELF_BUILD_ID_MAX - 1;
	for (i = 0; i < len && desc[i] > ' ' && desc[i] < 0x7f; i++)
		id[i] = (char)desc[i];
	id[i] = '\0';
}

void elf_note_build_id(const struct elf_file *elf, uint64_t vaddr, uint64_t size,
		       char id[ELF_BUILD_ID_MAX])
{
	uint8_t notes[MAX_NOTES];
	uint64_t pos = 0;

	if (size > sizeof(notes))
		size = sizeof(notes);
	if (elf_file_read(elf, vaddr, notes, size))
		return;
	while (range_fits(pos, NOTE_HEADER, size)) {
		const uint8_t *note = notes + pos;
		uint64_t namesz = get_le32(note), descsz = get_le32(note + 4);
		uint64_t desc = pos + NOTE_HEADER + align4(namesz);
		uint32_t type = get_le32(note + 8);

		if (!range_fits(desc, descsz, size))
			return;
		if (type == NT_GNU_BUILD_ID && namesz == 4 && descsz &&
		    !memcmp(note + NOTE_HEADER, "GNU", 4))
			put_hex(id, notes + desc, descsz);
		if (type == NT_GO_BUILD_ID && namesz == 4 && !id[0] &&
		    !memcmp(note + NOTE_HEADER, "Go\0", 4))
			put_text(id, notes + desc, descsz);
		pos = desc + align4(descsz);
	}
}
