/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/procs.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "arch/arch.h"

#define BEGINNING 96   /* bytes of the function in which the first load of a global is looked for */
#define LONGEST 16384u /* it has some 3,000 bytes */

/* Data that is written to: the file need not hold it (.noptrbss). */
static bool is_variable(const struct elf_file *elf, uint64_t addr)
{
	const struct elf_segment *segments;
	size_t n = elf_file_segments(elf, &segments), i;

	if (addr % sizeof(int32_t))
		return false;
	for (i = 0; i < n; i++)
		if ((segments[i].flags & PF_W) && addr >= segments[i].vaddr &&
		    addr - segments[i].vaddr + sizeof(int32_t) <= segments[i].memsz)
			return true;
	return false;
}

static int look_in(const struct elf_file *elf, const struct go_func *f, const uint8_t *code,
		   size_t len, uint64_t *addr)
{
	uint64_t loaded = 0;
	size_t i;

	for (i = 0; i < len && i < BEGINNING && !loaded; i++)
		loaded = arch_loads(code + i, len - i, f->entry + i);
	if (!loaded || !is_variable(elf, loaded))
		return -ENOENT;
	for (; i < len; i++)
		if (arch_takes_address(code + i, len - i, f->entry + i) == loaded) {
			*addr = loaded;
			return 0;
		}
	return -ENOENT;
}

int procs_find(const struct go_binary *bin, uint64_t *addr)
{
	static const char *const name[] = {"runtime.procresize"};
	const struct elf_file *elf = go_binary_elf(bin);
	struct go_func f = {};
	uint8_t *code;
	size_t len;
	int r = -ENOENT;

	if (go_binary_find_funcs(bin, name, 1, &f) || !f.name || f.end - f.entry > LONGEST)
		return -ENOENT;
	len = f.end - f.entry;
	code = malloc(len + 1);
	if (!code)
		return -ENOENT;
	if (!elf_file_read(elf, f.entry, code, len))
		r = look_in(elf, &f, code, len, addr);
	free(code);
	return r;
}
