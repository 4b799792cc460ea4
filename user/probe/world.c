/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/world.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>

#include "arch/arch.h"

#define BEGINNING 40 /* bytes of the function: the stack check, the frame, the look */

static bool is_variable(const struct elf_file *elf, uint64_t addr)
{
	const struct elf_segment *segments;
	size_t n = elf_file_segments(elf, &segments), i;

	for (i = 0; i < n; i++)
		if ((segments[i].flags & PF_W) && addr >= segments[i].vaddr &&
		    addr - segments[i].vaddr < segments[i].memsz)
			return true;
	return false;
}

int world_find(const struct go_binary *bin, uint64_t *addr)
{
	static const char *const name[] = {"runtime.gcstopm"};
	const struct elf_file *elf = go_binary_elf(bin);
	uint8_t code[BEGINNING];
	struct go_func f = {};
	uint64_t asked = 0;
	size_t i;

	if (go_binary_find_funcs(bin, name, 1, &f) || !f.name || f.end - f.entry < sizeof(code) ||
	    elf_file_read(elf, f.entry, code, sizeof(code)))
		return -ENOENT;
	for (i = 0; i < sizeof(code) && !asked; i++)
		asked = arch_asks_byte(code + i, sizeof(code) - i, f.entry + i);
	if (!asked || !is_variable(elf, asked))
		return -ENOENT;
	*addr = asked;
	return 0;
}
