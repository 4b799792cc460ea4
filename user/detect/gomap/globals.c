/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/globals.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA_MAX (32u << 20)
#define PIECE (64u << 10)
#define SYMBOLS_MAX 2000000
#define NAME_MAX_LEN 256

/* Where in a section of the process the pointer stands, as the file counts; 0: nowhere. */
static uint64_t find_pointer(struct resolver *r, const struct elf_section *section, uint64_t map)
{
	uint64_t at = section->addr, end = section->addr + section->size, found = 0, word;
	uint8_t *piece = malloc(PIECE);
	size_t n, i;

	for (; piece && !found && at < end; at += n) {
		n = end - at < PIECE ? (size_t)(end - at) : PIECE;
		if (process_read(r->process, at + r->bias, piece, n))
			break;
		for (i = 0; i + sizeof(word) <= n && !found; i += sizeof(word)) {
			memcpy(&word, piece + i, sizeof(word));
			if (word == map)
				found = at + i;
		}
	}
	free(piece);
	return found;
}

static char *symbol_name(const struct elf_file *elf, const Elf64_Sym *symbol, uint64_t at)
{
	const struct elf_section *strings = elf_file_section(elf, ".strtab");
	char name[NAME_MAX_LEN], *out = NULL;
	size_t n;

	if (!strings || symbol->st_name >= strings->size)
		return NULL;
	n = strings->size - symbol->st_name;
	if (n > sizeof(name))
		n = sizeof(name);
	if (elf_file_read_section(elf, strings, symbol->st_name, name, n))
		return NULL;
	name[n - 1] = '\0';
	if (!name[0])
		return NULL;
	if (at == symbol->st_value)
		return strdup(name);
	return asprintf(&out, "%s+%" PRIu64, name, at - symbol->st_value) < 0 ? NULL : out;
}

/* The symbol that at lies in. */
static char *find_symbol(const struct elf_file *elf, uint64_t at)
{
	const struct elf_section *table = elf_file_section(elf, ".symtab");
	uint64_t left = table ? table->size / sizeof(Elf64_Sym) : 0, first = 0, n, i;
	Elf64_Sym *symbols = malloc(PIECE);
	char *name = NULL;

	if (left > SYMBOLS_MAX)
		left = SYMBOLS_MAX;
	for (; symbols && left && !name; left -= n, first += n) {
		n = left < PIECE / sizeof(*symbols) ? left : PIECE / sizeof(*symbols);
		if (elf_file_read_section(elf, table, first * sizeof(*symbols), symbols,
					  n * sizeof(*symbols)))
			break;
		for (i = 0; i < n && !name; i++)
			if (ELF64_ST_TYPE(symbols[i].st_info) == STT_OBJECT &&
			    at >= symbols[i].st_value &&
			    at - symbols[i].st_value < symbols[i].st_size)
				name = symbol_name(elf, &symbols[i], at);
	}
	free(symbols);
	return name;
}

/* What a variable points to is not collected, so that it is the same map from when it was seen to
 * now if it still has its seed now. */
static bool is_still_there(struct resolver *r, uint64_t map, uint64_t seed)
{
	const struct go_layout *l = go_binary_layout(r->bin);
	uint64_t now = 0;

	return !process_read(r->process, map + l->map_seed, &now, l->map_seed_size) && now == seed;
}

char *globals_name(struct resolver *r, uint64_t map, uint64_t seed)
{
	static const char *const names[] = {".data", ".bss"}; /* what holds pointers */
	const struct elf_file *elf = go_binary_elf(r->bin);
	const struct elf_section *section;
	uint64_t at = 0;
	size_t i;

	if (!map || !elf_file_has_symtab(elf))
		return NULL;
	for (i = 0; i < 2 && !at; i++) {
		section = elf_file_section(elf, names[i]);
		if (section && section->size <= DATA_MAX)
			at = find_pointer(r, section, map);
	}
	return at && is_still_there(r, map, seed) ? find_symbol(elf, at) : NULL;
}
