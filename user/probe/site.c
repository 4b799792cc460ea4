/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/site.h"

#include <errno.h>
#include <stdio.h>

#include "arch/arch.h"

#define MAX_REGIONS 64

/* First address at which the stack pointer has moved: the end of the prologue's frame instruction.
 * 0 for a function without a frame. */
static uint64_t frame_begins(const struct go_binary *bin, const struct go_func *f)
{
	struct go_sp_region regions[MAX_REGIONS];
	int n = go_binary_sp_regions(bin, f, regions, MAX_REGIONS);
	int i;

	if (n > MAX_REGIONS)
		n = MAX_REGIONS;
	for (i = 0; i < n; i++)
		if (regions[i].delta)
			return regions[i].lo;
	return 0;
}

static enum site_kind try_jump(const struct elf_file *elf, const struct go_func *f, uint64_t post,
			       uint64_t *addr)
{
	uint8_t before[ARCH_CHECK_LEN];
	int64_t target = 0;
	int len;

	if (post < f->entry + ARCH_CHECK_LEN - 4 ||
	    elf_file_read(elf, post - ARCH_CHECK_LEN, before, sizeof(before)))
		return SITE_NONE;
	len = arch_check_jump(before, &target);
	if (!len || post - (uint64_t)len < f->entry + 4)
		return SITE_NONE;
	/* The jump goes to the block that calls morestack, inside the same function. */
	if (post + (uint64_t)target <= post || post + (uint64_t)target >= f->end)
		return SITE_NONE;
	*addr = post - (uint64_t)len;
	return SITE_JUMP;
}

enum site_kind site_choose(const struct go_binary *bin, const struct go_func *f, uint64_t *addr,
			   char *why, size_t why_len)
{
	const struct elf_file *elf = go_binary_elf(bin);
	uint8_t bytes[7], first;
	uint64_t moved, post = 0;

	why[0] = '\0';
	if (elf_file_read(elf, f->entry, &first, 1)) {
		snprintf(why, why_len, "its code is not in the file");
		return SITE_NONE;
	}
	moved = frame_begins(bin, f);
	if (moved && moved >= f->entry + sizeof(bytes) &&
	    !elf_file_read(elf, moved - sizeof(bytes), bytes, sizeof(bytes))) {
		int len = arch_frame_insn_len(bytes);

		if (len)
			post = moved - (uint64_t)len;
	}
	if (post && try_jump(elf, f, post, addr) == SITE_JUMP)
		return SITE_JUMP;
	if (post && post >= f->entry && arch_is_push_fp(bytes[6]) && moved - post == 1) {
		*addr = post;
		return SITE_PUSH;
	}
	if (arch_unprobeable(first)) {
		snprintf(why, why_len, "its first instruction (0x%02x) cannot be probed", first);
		return SITE_NONE;
	}
	*addr = f->entry;
	return SITE_ENTRY;
}

/* The return that a region begins with, 0 without one. */
static uint64_t return_in(const struct elf_file *elf, const struct go_sp_region *region)
{
	uint64_t size = region->hi - region->lo;
	uint8_t code[ARCH_NOPS_MAX];
	int len = size < sizeof(code) ? (int)size : (int)sizeof(code), at;

	if (len < 1 || elf_file_read(elf, region->lo, code, (size_t)len))
		return 0;
	at = arch_return_at(code, len);
	return at < 0 ? 0 : region->lo + (uint64_t)at;
}

/* Where the stack pointer is back at its place a return stands, but for the last such place: it may
 * be the block that calls morestack. */
int site_returns(const struct go_binary *bin, const struct go_func *f, uint64_t *addrs, size_t max)
{
	struct go_sp_region regions[MAX_REGIONS];
	int n = go_binary_sp_regions(bin, f, regions, MAX_REGIONS), i, found = 0;
	uint64_t addr;

	if (n < 0 || n > MAX_REGIONS)
		return n < 0 ? n : -E2BIG;
	for (i = 1; i < n; i++) {
		if (regions[i].delta || !regions[i - 1].delta)
			continue;
		addr = return_in(go_binary_elf(bin), &regions[i]);
		if (!addr && i == n - 1)
			break;
		if (!addr)
			return 0; /* not what was expected: better none than half */
		if ((size_t)found < max)
			addrs[found] = addr;
		found++;
	}
	return found;
}
