/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/elf_object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifndef EM_BPF
#define EM_BPF 247
#endif
#define MAX_SECTIONS 65535

bool elf_object_is_bpf(const uint8_t *data, size_t size)
{
	Elf64_Ehdr h;

	if (size < sizeof(h) || memcmp(data, ELFMAG, SELFMAG) != 0)
		return false;
	memcpy(&h, data, sizeof(h));
	return h.e_ident[EI_CLASS] == ELFCLASS64 && h.e_ident[EI_DATA] == ELFDATA2LSB &&
	       h.e_type == ET_REL && h.e_machine == EM_BPF;
}

static const char *string_at(const struct elf_piece *strings, uint64_t off)
{
	if (off >= strings->size || !memchr(strings->data + off, 0, strings->size - off))
		return "";
	return (const char *)strings->data + off;
}

static struct elf_piece piece_of(const struct elf_object *elf, const Elf64_Shdr *s)
{
	struct elf_piece p = {.name = "",
			      .data = elf->data,
			      .type = s->sh_type,
			      .link = s->sh_link,
			      .info = s->sh_info,
			      .flags = s->sh_flags};

	if (s->sh_type == SHT_NOBITS) {
		p.size = s->sh_size;
		return p;
	}
	if (s->sh_offset > elf->size || s->sh_size > elf->size - s->sh_offset)
		return p;
	p.data = elf->data + s->sh_offset;
	p.size = s->sh_size;
	return p;
}

static int read_sections(struct elf_object *elf, const Elf64_Ehdr *h, struct err *err)
{
	uint64_t room;
	uint32_t i;
	Elf64_Shdr s;

	if (h->e_shentsize != sizeof(s) || !h->e_shnum)
		return err_set(err, -ENOEXEC, "it has no table of sections");
	room = h->e_shoff > elf->size ? 0 : (elf->size - h->e_shoff) / sizeof(s);
	if (h->e_shnum > room)
		return err_set(err, -ENOEXEC, "its table of sections is cut off");
	elf->sections = calloc(h->e_shnum, sizeof(*elf->sections));
	if (!elf->sections)
		return -ENOMEM;
	elf->nsections = h->e_shnum;
	for (i = 0; i < h->e_shnum; i++) {
		memcpy(&s, elf->data + h->e_shoff + i * sizeof(s), sizeof(s));
		elf->sections[i] = piece_of(elf, &s);
	}
	for (i = 0; i < h->e_shnum; i++) {
		memcpy(&s, elf->data + h->e_shoff + i * sizeof(s), sizeof(s));
		if (h->e_shstrndx < h->e_shnum && elf->sections[h->e_shstrndx].type == SHT_STRTAB)
			elf->sections[i].name = string_at(&elf->sections[h->e_shstrndx], s.sh_name);
	}
	return 0;
}

int elf_object_open(struct elf_object *elf, const uint8_t *data, size_t size, struct err *err)
{
	const struct elf_piece *p;
	Elf64_Ehdr h;
	uint32_t i;
	int r;

	memset(elf, 0, sizeof(*elf));
	elf->data = data;
	elf->size = size;
	if (!elf_object_is_bpf(data, size))
		return err_set(err, -ENOEXEC, "it is no object file of BPF code");
	memcpy(&h, data, sizeof(h));
	r = read_sections(elf, &h, err);
	for (i = 0; !r && i < elf->nsections; i++) {
		p = &elf->sections[i];
		if (p->type != SHT_SYMTAB || p->link >= elf->nsections)
			continue;
		elf->symbols = p->data;
		elf->nsymbols = (uint32_t)(p->size / sizeof(Elf64_Sym));
		if (elf->sections[p->link].type == SHT_STRTAB)
			elf->names = elf->sections[p->link];
		break;
	}
	return r;
}

void elf_object_close(struct elf_object *elf)
{
	free(elf->sections);
	memset(elf, 0, sizeof(*elf));
}

bool elf_object_symbol(const struct elf_object *elf, uint32_t i, Elf64_Sym *symbol)
{
	if (i >= elf->nsymbols)
		return false;
	memcpy(symbol, elf->symbols + (size_t)i * sizeof(*symbol), sizeof(*symbol));
	return true;
}

const char *elf_object_symbol_name(const struct elf_object *elf, const Elf64_Sym *symbol)
{
	return elf->names.data ? string_at(&elf->names, symbol->st_name) : "";
}

const struct elf_piece *elf_object_section(const struct elf_object *elf, const char *name)
{
	uint32_t i;

	for (i = 0; i < elf->nsections; i++)
		if (!strcmp(elf->sections[i].name, name))
			return &elf->sections[i];
	return NULL;
}
