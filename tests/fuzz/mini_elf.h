/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_MINI_ELF_H
#define MAPRACE_TESTS_MINI_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 * A Go program of a few KiB that is right in all that maprace reads, made of the pieces that a
 * fuzzer hands in or of our own samples. Everything is in one segment at BASE, at the same distance
 * from it as in the file.
 */
#define MINI_BASE 0x400000u
#define MINI_TEXT 0x401000u
#define MINI_MAX 65536u

enum { MINI_NOTE = 0x100, MINI_DYNAMIC = 0x140, MINI_RELA = 0x180, MINI_BUILDINFO = 0x200 };

struct mini_piece {
	const uint8_t *data;
	size_t size;
};

struct mini_elf {
	uint8_t data[MINI_MAX];
	size_t size;
	uint64_t types, gofunc; /* addresses */
};

static inline void mini_put(uint8_t *at, uint64_t value, unsigned int width)
{
	for (unsigned int i = 0; i < width; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t mini_get(const uint8_t *at)
{
	uint64_t value = 0;

	for (unsigned int i = 8; i--;)
		value = value << 8 | at[i];
	return value;
}

/* Header and two strings of the format from Go 1.18 on; returns the size. */
static inline size_t mini_buildinfo(uint8_t *out, int minor)
{
	static const char lines[] = "path\tx\nmod\tx/y\t(devel)\t\nbuild\t-race=true\n";
	size_t n = 32;

	memset(out, 0, n);
	memcpy(out, "\xff Go buildinf:\x08\x02", 16);
	out[n] = 8;
	sprintf((char *)out + n + 1, "go1.%02d.1", minor);
	n += 9;
	out[n++] = (uint8_t)(sizeof(lines) - 1 + 32);
	memset(out + n, 's', 16);
	memcpy(out + n + 16, lines, sizeof(lines) - 1);
	memset(out + n + 16 + sizeof(lines) - 1, 's', 16);
	return n + sizeof(lines) - 1 + 32;
}

/*
 * Three functions of 64 bytes; the second has an inlined call in its middle. The header's offsets
 * are those of Go 1.18 and later; with v118 the records are those of 1.18 and 1.19.
 */
static inline size_t mini_pclntab(uint8_t *out, bool v118)
{
	static const char names[] = "\0main.main\0runtime.mapassign\0main.inlined\0runtime.fatal";
	static const uint32_t name_at[] = {1, 11, 42};
	static const char files[] = "a.go\0b.go";
	static const uint8_t pcs[] = {0,			  /* offset 0: none */
				      2,  8,  16, 48, 15, 8,  0,  /* 1: SP delta 0, 8, 0 */
				      2,  64, 0,		  /* 8: file 0 */
				      20, 16, 4,  32, 3,  16, 0,  /* 11: line 9, 11, 9 */
				      0,  16, 2,  32, 1,  16, 0}; /* 18: inline index -1, 0, -1 */
	size_t record = v118 ? 40 : 44;
	size_t names_at = 72, cus = names_at + sizeof(names), filetab = cus + 8;
	size_t pctab = filetab + sizeof(files), functab = (pctab + sizeof(pcs) + 7) & ~(size_t)7;
	size_t stride = record + 3 * 4 + 4 * 4;
	size_t size = functab + 3 * 8 + 4 + 4 + 3 * stride;

	memset(out, 0, size);
	mini_put(out, v118 ? 0xfffffff0 : 0xfffffff1, 4);
	out[6] = 1;
	out[7] = 8;
	mini_put(out + 8, 3, 8);
	mini_put(out + 16, 2, 8);
	mini_put(out + 32, names_at, 8);
	mini_put(out + 40, cus, 8);
	mini_put(out + 48, filetab, 8);
	mini_put(out + 56, pctab, 8);
	mini_put(out + 64, functab, 8);
	memcpy(out + names_at, names, sizeof(names));
	mini_put(out + cus + 4, 5, 4); /* the second file */
	memcpy(out + filetab, files, sizeof(files));
	memcpy(out + pctab, pcs, sizeof(pcs));
	for (unsigned int i = 0; i < 3; i++) {
		size_t at = 3 * 8 + 8 + i * stride;
		uint8_t *f = out + functab + at;

		mini_put(out + functab + 8 * i, 64 * i, 4);
		mini_put(out + functab + 8 * i + 4, at, 4);
		mini_put(f, 64 * i, 4);
		mini_put(f + 4, name_at[i], 4);
		mini_put(f + 16, 1, 4);	 /* pcsp */
		mini_put(f + 20, 8, 4);	 /* pcfile */
		mini_put(f + 24, 11, 4); /* pcln */
		mini_put(f + 28, 3, 4);	 /* npcdata */
		if (!v118)
			mini_put(f + 36, 7, 4); /* startLine */
		f[record - 1] = 4;		/* nfuncdata */
		mini_put(f + record + 8, i == 1 ? 18 : 0, 4);
		memset(f + record + 12, 0xff, 12);
		mini_put(f + record + 24, i == 1 ? 0 : 0xffffffff, 4);
	}
	mini_put(out + functab + 24, 192, 4);
	return size;
}

/* Names, then map[string]int, string and int at 32, 128 and 224. */
static inline size_t mini_types(uint8_t *out)
{
	static const char *const names[] = {"*map[string]int", "*string", "int"};
	size_t at = 300;

	memset(out, 0, 400);
	for (unsigned int i = 0; i < 3; i++) {
		uint8_t *t = out + 32 + 96 * i;

		t[20] = names[i][0] == '*' ? 2 : 0;
		t[23] = i == 0 ? 21 : 2;
		mini_put(t + 40, at, 4);
		out[at + 1] = (uint8_t)strlen(names[i]);
		memcpy(out + at + 2, names[i], strlen(names[i]));
		at += 2 + strlen(names[i]);
	}
	return 400;
}

static inline size_t mini_align(size_t n)
{
	return (n + 31) & ~(size_t)31;
}

/* Words of runtime.moduledata that say where the other pieces are. */
static inline void mini_moduledata(struct mini_elf *e, size_t at, int minor, uint64_t pclntab,
				   size_t pcln_size, size_t types_size)
{
	uint8_t *md = e->data + at;
	const uint8_t *h = e->data + (pclntab - MINI_BASE);
	uint64_t functab = mini_get(h + 64);
	uint32_t types = minor == 19 ? 280 : 296, etypes = minor == 19	 ? 288
							   : minor == 27 ? 312
									 : 304;
	uint32_t gofunc = minor == 19 ? 304 : minor == 27 ? 344 : 320;
	uint64_t first = 0, last = 192;

	if (functab < pcln_size && pcln_size - functab >= 4)
		first = (uint32_t)mini_get(h + functab);
	if (functab < pcln_size && mini_get(h + 8) < pcln_size &&
	    pcln_size - functab >= 8 * mini_get(h + 8) + 4)
		last = (uint32_t)mini_get(h + functab + 8 * mini_get(h + 8));
	mini_put(md, pclntab, 8);
	mini_put(md + 8, pclntab + mini_get(h + 32), 8);
	mini_put(md + 80, pclntab + mini_get(h + 56), 8);
	mini_put(md + 104, pclntab + functab, 8);
	mini_put(md + 112, pcln_size - functab, 8);
	mini_put(md + 128, pclntab + functab, 8);
	mini_put(md + 136, mini_get(h + 8) + 1, 8);
	mini_put(md + 160, MINI_TEXT + first, 8);
	mini_put(md + 168, MINI_TEXT + last, 8);
	mini_put(md + 176, MINI_TEXT, 8);
	mini_put(md + types, e->types, 8);
	mini_put(md + etypes, e->types + types_size, 8);
	mini_put(md + gofunc, e->gofunc, 8);
}

static inline void mini_section(uint8_t *sh, uint32_t name, uint32_t type, uint64_t at,
				uint64_t size)
{
	Elf64_Shdr s = {.sh_name = name,
			.sh_type = type,
			.sh_addr = MINI_BASE + at,
			.sh_offset = at,
			.sh_size = size};

	memcpy(sh, &s, sizeof(s));
}

static inline void mini_headers(struct mini_elf *e, bool pie, size_t shoff)
{
	Elf64_Ehdr eh = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = pie ? ET_DYN : ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = 64,
		.e_shoff = shoff,
		.e_ehsize = 64,
		.e_phentsize = 56,
		.e_phnum = 3,
		.e_shentsize = 64,
		.e_shnum = 4,
		.e_shstrndx = 1,
	};
	Elf64_Phdr ph[3] = {
		{.p_type = PT_LOAD,
		 .p_flags = PF_R | PF_W,
		 .p_vaddr = MINI_BASE,
		 .p_filesz = e->size,
		 .p_memsz = e->size},
		{.p_type = PT_NOTE,
		 .p_offset = MINI_NOTE,
		 .p_vaddr = MINI_BASE + MINI_NOTE,
		 .p_filesz = 36,
		 .p_memsz = 36},
		{.p_type = PT_DYNAMIC,
		 .p_offset = MINI_DYNAMIC,
		 .p_vaddr = MINI_BASE + MINI_DYNAMIC,
		 .p_filesz = 64,
		 .p_memsz = 64},
	};
	Elf64_Nhdr note = {.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID};
	Elf64_Dyn dyn[4] = {
		{.d_tag = DT_RELA, .d_un.d_ptr = MINI_BASE + MINI_RELA},
		{.d_tag = DT_RELASZ, .d_un.d_val = 48},
		{.d_tag = DT_RELAENT, .d_un.d_val = 24},
	};
	Elf64_Rela rela[2] = {
		{.r_offset = MINI_BASE + 0x1f8, .r_info = R_X86_64_RELATIVE, .r_addend = 7},
		{.r_offset = MINI_BASE + 0x1f0, .r_info = R_X86_64_RELATIVE, .r_addend = 8},
	};

	memcpy(e->data, &eh, sizeof(eh));
	memcpy(e->data + 64, ph, sizeof(ph));
	memcpy(e->data + MINI_NOTE, &note, sizeof(note));
	memcpy(e->data + MINI_NOTE + 12, "GNU", 4);
	memcpy(e->data + MINI_DYNAMIC, dyn, sizeof(dyn));
	memcpy(e->data + MINI_RELA, rela, sizeof(rela));
}

/* A piece with no data is replaced by its sample. Pieces of more than 16 KiB are cut. */
static inline void mini_make(struct mini_elf *e, int minor, bool pie, struct mini_piece buildinfo,
			     struct mini_piece pclntab, struct mini_piece types)
{
	static const char strtab[] = "\0.shstrtab\0.go.buildinfo\0.gopclntab";
	struct mini_piece *pieces[] = {&buildinfo, &pclntab, &types};
	size_t at[3], md, pos = MINI_BUILDINFO, str;

	memset(e, 0, sizeof(*e));
	for (unsigned int i = 0; i < 3; i++) {
		at[i] = pos;
		if (pieces[i]->data) {
			if (pieces[i]->size > MINI_MAX / 4)
				pieces[i]->size = MINI_MAX / 4;
			if (pieces[i]->size)
				memcpy(e->data + pos, pieces[i]->data, pieces[i]->size);
		} else {
			pieces[i]->size = i == 0   ? mini_buildinfo(e->data + pos, minor)
					  : i == 1 ? mini_pclntab(e->data + pos, minor == 19)
						   : mini_types(e->data + pos);
		}
		pos = mini_align(pos + pieces[i]->size +
				 80); /* a header that is cut off ends in zeros */
	}
	/* inline tree: 1.20's {funcID, nameOff, parentPc, startLine}, which 1.18 reads as something
	 * else */
	e->gofunc = MINI_BASE + pos;
	mini_put(e->data + pos + 4, 29, 4);
	pos += 64;
	e->types = MINI_BASE + at[2];
	md = pos;
	mini_moduledata(e, md, minor, MINI_BASE + at[1], pclntab.size, types.size);
	str = mini_align(md + 400);
	memcpy(e->data + str, strtab, sizeof(strtab));
	pos = mini_align(str + sizeof(strtab));
	mini_section(e->data + pos + 64, 1, SHT_STRTAB, str, sizeof(strtab));
	mini_section(e->data + pos + 128, 11, SHT_PROGBITS, at[0], buildinfo.size);
	mini_section(e->data + pos + 192, 25, SHT_PROGBITS, at[1], pclntab.size);
	e->size = pos + 256;
	mini_headers(e, pie, pos);
}

#endif
