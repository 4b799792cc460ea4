/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/runtime_version.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "go/buildinfo.h"

#define MAX_CODE (64u << 10) /* of schedinit; it has 1.5 KiB */
#define MAX_FUNCTIONS 4	     /* of that name; there are two */

/* Variables are in writable segments, and those that the linker has filled are in the file. */
static bool is_variable(const struct elf_file *elf, uint64_t vaddr)
{
	const struct elf_segment *s;
	size_t i, n = elf_file_segments(elf, &s);

	for (i = 0; i < n; i++)
		if ((s[i].flags & PF_W) && vaddr >= s[i].vaddr &&
		    range_fits(vaddr - s[i].vaddr, 16, s[i].filesz))
			return true;
	return false;
}

/* Whether the variable is a string, and one that can be a version. */
static bool read_version(const struct elf_file *elf, uint64_t vaddr,
			 char version[RUNTIME_VERSION_MAX])
{
	uint64_t text, len, i;

	if ((vaddr & 7) || !is_variable(elf, vaddr) || elf_file_read_u64(elf, vaddr, &text) ||
	    elf_file_read_u64(elf, vaddr + 8, &len))
		return false;
	if (len < sizeof("go1.1") - 1 || len >= RUNTIME_VERSION_MAX ||
	    elf_file_read(elf, text, version, len))
		return false;
	version[len] = '\0';
	for (i = 0; i < len; i++)
		if (version[i] < ' ' || version[i] > '~')
			return false;
	return (!strncmp(version, "go1.", 4) || !strncmp(version, "devel ", 6)) &&
	       buildinfo_minor(version) >= 0;
}

/*
 * An address that an instruction takes relative to its end is a signed 32-bit number in it,
 * followed by nothing or by one byte (the 0 that it compares with); it leads to the variable's
 * first or second word. What else looks like that does not lead to a version.
 */
static int search_code(const struct elf_file *elf, const uint8_t *code, size_t len, uint64_t entry,
		       char version[RUNTIME_VERSION_MAX])
{
	char text[RUNTIME_VERSION_MAX];
	size_t i;
	int k;

	for (i = 0; i + 4 <= len; i++) {
		uint64_t to = entry + i + 4 + (uint64_t)(int64_t)(int32_t)get_le32(code + i);

		for (k = 0; k < 4; k++) {
			if (!read_version(elf, to + (uint64_t)(k & 1) - (k & 2 ? 8u : 0u), text))
				continue;
			if (version[0] && strcmp(version, text))
				return -EBADMSG;
			strcpy(version, text);
		}
	}
	return 0;
}

static int search_function(const struct elf_file *elf, const struct go_func *f,
			   char version[RUNTIME_VERSION_MAX])
{
	size_t len = (size_t)(f->end - f->entry);
	uint8_t *code;
	int r = 0;

	if (!len || len > MAX_CODE)
		return 0;
	code = malloc(len);
	if (!code)
		return -ENOMEM;
	if (!elf_file_read(elf, f->entry, code, len))
		r = search_code(elf, code, len, f->entry, version);
	free(code);
	return r;
}

int runtime_version_find(const struct pclntab *tab, const struct elf_file *elf,
			 char version[RUNTIME_VERSION_MAX])
{
	static const char *const name = "runtime.schedinit";
	struct go_func first;
	struct pclntab_func f;
	unsigned int searched = 0;
	size_t i;
	int r;

	version[0] = '\0';
	r = pclntab_find_funcs(tab, &name, 1, &first);
	if (r)
		return r;
	/* It and its wrapper for assembly have the same name, and are in the runtime's block both. */
	for (i = first.name ? first.index : tab->h.n_funcs; i < tab->h.n_funcs && !r; i++) {
		if (pclntab_func_at(tab, i, &f))
			continue;
		if (strncmp(f.base.name, "runtime.", 8) != 0)
			break;
		if (!strcmp(f.base.name, name) && searched++ == MAX_FUNCTIONS)
			break;
		if (!strcmp(f.base.name, name))
			r = search_function(elf, &f.base, version);
	}
	if (r)
		return r;
	return version[0] ? 0 : -ENOENT;
}
