/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/elf_reloc.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

#define RELA_SIZE sizeof(Elf64_Rela)
#define CHUNK_RELAS 4096
#define MAX_DYNAMIC 4096

struct rela_table {
	uint64_t vaddr, size;
};

/* The dynamic section and not the section header: the loader believes it too, and sstrip leaves it.
 */
static int find_table(const struct elf_file *elf, struct rela_table *out)
{
	uint64_t dyn, size;
	size_t i, n;

	out->vaddr = out->size = 0;
	elf_file_dynamic(elf, &dyn, &size);
	n = size / sizeof(Elf64_Dyn);
	if (n > MAX_DYNAMIC)
		n = MAX_DYNAMIC;
	for (i = 0; i < n; i++) {
		uint8_t raw[sizeof(Elf64_Dyn)];
		uint64_t tag, value;

		if (elf_file_read(elf, dyn + i * sizeof(raw), raw, sizeof(raw)))
			return -EBADMSG;
		tag = get_le64(raw);
		value = get_le64(raw + 8);
		if (tag == DT_NULL)
			break;
		if (tag == DT_RELA)
			out->vaddr = value;
		if (tag == DT_RELASZ)
			out->size = value;
		if (tag == DT_RELAENT && value != RELA_SIZE)
			return -EBADMSG;
	}
	if (out->size > elf_file_size(elf))
		return -EBADMSG;
	return 0;
}

static bool is_relative(uint16_t machine, uint32_t type)
{
	return machine == EM_AARCH64 ? type == R_AARCH64_RELATIVE : type == R_X86_64_RELATIVE;
}

static int compare(const void *a, const void *b)
{
	const struct elf_reloc *x = a, *y = b;

	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

/* Linkers sort them as a rule; sorting a million again would cost more than everything else here. */
static void sort_if_needed(struct elf_relocs *relocs)
{
	size_t i;

	for (i = 1; i < relocs->count; i++) {
		if (relocs->items[i - 1].vaddr > relocs->items[i].vaddr) {
			qsort(relocs->items, relocs->count, sizeof(*relocs->items), compare);
			return;
		}
	}
}

int elf_relocs_load(struct elf_relocs *relocs, const struct elf_file *elf)
{
	uint16_t machine = elf_file_machine(elf);
	struct elf_reloc *items = NULL, *smaller;
	struct rela_table table;
	size_t total, done, n = 0;
	uint8_t *chunk = NULL;
	int err;

	memset(relocs, 0, sizeof(*relocs));
	err = find_table(elf, &table);
	if (err)
		return err;
	total = table.size / RELA_SIZE;
	if (!total)
		return 0;
	if (total > ELF_RELOCS_MAX)
		return -E2BIG;
	/* Refused before memory is asked for: a size that the file does not hold. */
	err = elf_file_offset(elf, table.vaddr + total * RELA_SIZE - 1, &(uint64_t){0});
	if (err)
		return -EBADMSG;

	items = malloc(total * sizeof(*items));
	chunk = malloc(CHUNK_RELAS * RELA_SIZE);
	if (!items || !chunk) {
		err = -ENOMEM;
		goto out;
	}
	for (done = 0; done < total;) {
		size_t want = total - done < CHUNK_RELAS ? total - done : CHUNK_RELAS;
		size_t i;

		if (elf_file_read(elf, table.vaddr + done * RELA_SIZE, chunk, want * RELA_SIZE)) {
			err = -EBADMSG;
			goto out;
		}
		for (i = 0; i < want; i++) {
			const uint8_t *rela = chunk + i * RELA_SIZE;

			if (!is_relative(machine, get_le32(rela + 8)))
				continue;
			items[n].vaddr = get_le64(rela);
			items[n++].value = get_le64(rela + 16);
		}
		done += want;
	}
	smaller = n ? realloc(items, n * sizeof(*items)) : NULL;
	relocs->items = smaller ? smaller : items;
	relocs->count = n;
	items = NULL;
	sort_if_needed(relocs);
out:
	free(items);
	free(chunk);
	return err;
}

void elf_relocs_free(struct elf_relocs *relocs)
{
	free(relocs->items);
	memset(relocs, 0, sizeof(*relocs));
}

size_t elf_relocs_from(const struct elf_relocs *relocs, uint64_t vaddr)
{
	size_t lo = 0, hi = relocs->count;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (relocs->items[middle].vaddr < vaddr)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

const struct elf_reloc *elf_relocs_find(const struct elf_relocs *relocs, uint64_t vaddr)
{
	size_t i = elf_relocs_from(relocs, vaddr);

	return i < relocs->count && relocs->items[i].vaddr == vaddr ? &relocs->items[i] : NULL;
}
