/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/go_glance.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTIONS_MAX 1024     /* Go has some thirty */
#define NAMES_MAX (64u << 10) /* bytes of their names */

struct sections {
	uint64_t offset;
	uint32_t size, count, names; /* of a header; how many; which one has the names */
	bool wide;		     /* 64 bits */
};

static bool read_at(int fd, void *buf, size_t len, uint64_t offset)
{
	return offset < INT64_MAX && pread(fd, buf, len, (off_t)offset) == (ssize_t)len;
}

/* False: no ELF file that any machine here may run. */
static bool read_header(int fd, struct sections *s)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr narrow;
		Elf64_Ehdr wide;
	} h;

	memset(&h, 0, sizeof(h));
	if (pread(fd, &h, sizeof(h), 0) < (ssize_t)sizeof(h.narrow) ||
	    memcmp(h.ident, ELFMAG, SELFMAG) != 0 || h.ident[EI_DATA] != ELFDATA2LSB)
		return false;
	s->wide = h.ident[EI_CLASS] == ELFCLASS64;
	s->offset = s->wide ? h.wide.e_shoff : h.narrow.e_shoff;
	s->size = s->wide ? h.wide.e_shentsize : h.narrow.e_shentsize;
	s->count = s->wide ? h.wide.e_shnum : h.narrow.e_shnum;
	s->names = s->wide ? h.wide.e_shstrndx : h.narrow.e_shstrndx;
	return true;
}

/* Where its contents are; returns where its name is among the names. */
static uint32_t section(const struct sections *s, const unsigned char *headers, uint32_t i,
			uint64_t *offset, uint64_t *size)
{
	Elf64_Shdr wide;
	Elf32_Shdr narrow;

	if (s->wide) {
		memcpy(&wide, headers + (size_t)i * s->size, sizeof(wide));
		*offset = wide.sh_offset;
		*size = wide.sh_size;
		return wide.sh_name;
	}
	memcpy(&narrow, headers + (size_t)i * s->size, sizeof(narrow));
	*offset = narrow.sh_offset;
	*size = narrow.sh_size;
	return narrow.sh_name;
}

static bool is_gos(const char *name)
{
	return !strcmp(name, ".go.buildinfo") || !strcmp(name, ".gopclntab") ||
	       !strcmp(name, ".note.go.buildid") || !strcmp(name, ".data.rel.ro.gopclntab");
}

/* The names end with a zero, whatever the file has there. */
static enum go_glance look_for(const struct sections *s, const unsigned char *headers,
			       const char *names, uint64_t len)
{
	uint64_t offset, size;
	uint32_t i, name;

	for (i = 0; i < s->count; i++) {
		name = section(s, headers, i, &offset, &size);
		if (name < len && is_gos(names + name))
			return GO_GLANCE_YES;
	}
	return GO_GLANCE_NO;
}

enum go_glance go_glance(int fd)
{
	unsigned char *headers = NULL;
	uint64_t offset, len;
	enum go_glance r = GO_GLANCE_PERHAPS;
	char *names = NULL;
	struct sections s;

	if (!read_header(fd, &s))
		return GO_GLANCE_NO;
	if (!s.offset || !s.count || s.count > SECTIONS_MAX || s.names >= s.count ||
	    s.size < (s.wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)) || s.size > 256)
		return GO_GLANCE_PERHAPS;
	headers = malloc((size_t)s.count * s.size);
	if (!headers || !read_at(fd, headers, (size_t)s.count * s.size, s.offset))
		goto out;
	section(&s, headers, s.names, &offset, &len);
	if (!len || len > NAMES_MAX)
		goto out;
	names = calloc(len + 1, 1);
	if (names && read_at(fd, names, len, offset))
		r = look_for(&s, headers, names, len);
out:
	free(names);
	free(headers);
	return r;
}
