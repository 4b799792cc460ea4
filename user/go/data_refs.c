/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/data_refs.h"

#include <elf.h>

#include "base/bits.h"

#define MAX_CODE 4096

bool data_has(const struct go_binary *bin, uint64_t vaddr)
{
	const struct elf_segment *segments;
	size_t i, n = elf_file_segments(go_binary_elf(bin), &segments);

	for (i = 0; i < n; i++)
		if (segments[i].flags & PF_W && vaddr >= segments[i].vaddr &&
		    range_fits(vaddr - segments[i].vaddr, 8, segments[i].memsz))
			return true;
	return false;
}

static bool has(const uint64_t *list, size_t n, uint64_t addr)
{
	while (n--)
		if (list[n] == addr)
			return true;
	return false;
}

size_t data_refs(const struct go_binary *bin, const char *function, uint64_t *out, size_t max)
{
	const char *const names[] = {function};
	struct go_func f = {};
	uint8_t code[MAX_CODE];
	size_t len, i, n = 0;

	if (go_binary_find_funcs(bin, names, 1, &f) || !f.name || f.end <= f.entry)
		return 0;
	len = f.end - f.entry < MAX_CODE ? (size_t)(f.end - f.entry) : MAX_CODE;
	if (elf_file_read(go_binary_elf(bin), f.entry, code, len))
		return 0;
	for (i = 0; i + 4 <= len && n < max; i++) {
		uint64_t at = f.entry + i + 4 + (uint64_t)(int64_t)(int32_t)get_le32(code + i);

		if (!(at & 7) && data_has(bin, at) && !has(out, n, at))
			out[n++] = at;
	}
	return n;
}
