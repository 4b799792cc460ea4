/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/moduledata.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "process/elf_reloc.h"

/* type moduledata, the part that is the same from Go 1.16 to 1.27; a slice is pointer, length,
 * capacity. */
#define MD_PCHEADER 0
#define MD_FUNCNAMETAB 8
#define MD_PCTAB 80
#define MD_PCLNTABLE 104 /* from functab to the end of the whole table */
#define MD_FTAB 128
#define MD_MINPC 160
#define MD_MAXPC 168
#define MD_TEXT 176

#define SCAN_CHUNK (64u << 10)
#define HEADER_COST 4096 /* of ELF_SCAN_MAX: what a system call takes, in bytes */
/* Places that look right at first sight but are not; a real file has one or two. */
#define MAX_CANDIDATES 256
#define MAX_HEADERS 16
#define MAX_PCLNTAB (1ull << 30) /* all of it, which is kept in memory */

static int parse_at(const struct elf_file *elf, uint64_t vaddr, struct pclntab_header *h)
{
	uint8_t raw[PCLNTAB_HEADER_SIZE];

	if (elf_file_read(elf, vaddr, raw, sizeof(raw)))
		return -ENOENT;
	return pclntab_parse_header(h, raw);
}

/*
 * Calls visit for every aligned word of the segment until it returns something else than -ENOENT.
 * The chunk goes with it, so that visit can look at a word without a system call.
 */
typedef int (*visit_word)(void *ctx, uint64_t vaddr, const uint8_t *word);

static int scan_words(const struct elf_file *elf, const struct elf_segment *s, visit_word visit,
		      void *ctx)
{
	uint64_t pos = -s->vaddr & 7;
	uint8_t *chunk = malloc(SCAN_CHUNK);
	int code = -ENOENT;

	if (!chunk)
		return -ENOMEM;
	for (; pos < s->filesz && code == -ENOENT; pos += SCAN_CHUNK) {
		size_t i, len = s->filesz - pos < SCAN_CHUNK ? s->filesz - pos : SCAN_CHUNK;

		if (!elf_file_scan_more(elf, len)) {
			code = -EFBIG;
			break;
		}
		if (elf_file_read(elf, s->vaddr + pos, chunk, len))
			break;
		for (i = 0; i + 8 <= len && code == -ENOENT; i += 8)
			code = visit(ctx, s->vaddr + pos + i, chunk + i);
	}
	free(chunk);
	return code;
}

struct md_search {
	const struct elf_file *elf;
	const struct pclntab_header *h;
	uint64_t pclntab;
	uint64_t found;
	int candidates;
};

static bool word_is(const struct elf_file *elf, uint64_t vaddr, uint64_t want)
{
	uint64_t got;

	return !elf_file_read_u64(elf, vaddr, &got) && got == want;
}

/* Five of its words repeat what the table's header says; nothing else in a file does. */
static int check_candidate(struct md_search *s, uint64_t at)
{
	const struct elf_file *elf = s->elf;

	if (s->candidates++ >= MAX_CANDIDATES)
		return -EBADMSG;
	if (!word_is(elf, at + MD_PCHEADER, s->pclntab) ||
	    !word_is(elf, at + MD_FUNCNAMETAB, s->pclntab + s->h->names) ||
	    !word_is(elf, at + MD_PCTAB, s->pclntab + s->h->pcs) ||
	    !word_is(elf, at + MD_FTAB, s->pclntab + s->h->functab) ||
	    !word_is(elf, at + MD_FTAB + 8, s->h->n_funcs + 1))
		return -ENOENT;
	s->found = at;
	return 0;
}

static int visit_pointer(void *ctx, uint64_t vaddr, const uint8_t *word)
{
	struct md_search *s = ctx;

	return get_le64(word) == s->pclntab ? check_candidate(s, vaddr) : -ENOENT;
}

static int find_by_reloc(struct md_search *s)
{
	const struct elf_relocs *relocs;
	int code = elf_file_relocs(s->elf, &relocs);
	size_t i;

	if (code)
		return code;
	for (i = 0; i < relocs->count; i++) {
		if (relocs->items[i].value != s->pclntab)
			continue;
		code = check_candidate(s, relocs->items[i].vaddr);
		if (code != -ENOENT)
			return code;
	}
	return -ENOENT;
}

static int find_moduledata(struct md_search *s)
{
	const struct elf_section *section = elf_file_section(s->elf, ".go.module"); /* Go 1.26 */
	const struct elf_segment *segments;
	size_t i, n = elf_file_segments(s->elf, &segments);
	int code;

	if (section && !check_candidate(s, section->addr))
		return 0;
	code = find_by_reloc(s);
	for (i = 0; code == -ENOENT && i < n; i++) {
		if (segments[i].flags & PF_W)
			code = scan_words(s->elf, &segments[i], visit_pointer, s);
	}
	return code;
}

struct header_search {
	const struct elf_file *elf;
	struct pclntab_header *h;
	uint64_t found;
	int candidates;
};

static int visit_header(void *ctx, uint64_t vaddr, const uint8_t *word)
{
	struct header_search *search = ctx;
	uint32_t magic = get_le32(word);
	struct md_search md;
	int code;

	/* Most words end here: behind the magic are two zeros, the instruction unit and the pointer
	 * size. */
	if (magic < PCLNTAB_MAGIC_118 || word[4] || word[5] || word[7] != 8)
		return -ENOENT;
	if (!elf_file_scan_more(search->elf, HEADER_COST))
		return -EFBIG;
	if (parse_at(search->elf, vaddr, search->h))
		return -ENOENT;
	/* A program may carry another Go program as data; only its own table has module data. */
	md = (struct md_search){.elf = search->elf, .h = search->h, .pclntab = vaddr};
	if (search->candidates++ >= MAX_HEADERS)
		return -ENOENT;
	code = find_moduledata(&md);
	if (code)
		return code == -EFBIG ? code : -ENOENT;
	search->found = vaddr;
	return 0;
}

int moduledata_find_pclntab(const struct elf_file *elf, uint64_t *vaddr, struct pclntab_header *h)
{
	static const char *const sections[] = {".gopclntab", ".data.rel.ro.gopclntab"};
	struct header_search search = {.elf = elf, .h = h};
	const struct elf_segment *segments;
	size_t i, n;

	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct elf_section *s = elf_file_section(elf, sections[i]);
		int code = s ? parse_at(elf, s->addr, h) : -ENOENT;

		if (code == -ENOENT)
			continue;
		*vaddr = s->addr;
		return code;
	}
	/* Externally linked PIE files up to Go 1.25 have it inside .data.rel.ro; others lose their
	 * section headers. */
	n = elf_file_segments(elf, &segments);
	for (i = 0; i < n; i++) {
		int code;

		if (segments[i].flags & PF_X)
			continue;
		code = scan_words(elf, &segments[i], visit_header, &search);
		*vaddr = search.found;
		if (code != -ENOENT)
			return code;
	}
	return -ENOENT;
}

struct md_word {
	uint32_t offset;
	uint64_t *to;
};

static int read_words(const struct moduledata *md, const struct elf_file *elf,
		      const struct md_word *words, size_t n, struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (elf_file_read_u64(elf, md->addr + words[i].offset, words[i].to))
			return err_set(err, -EBADMSG, "the module data at %#llx is cut off",
				       (unsigned long long)md->addr);
	}
	return 0;
}

int moduledata_locate(struct moduledata *md, const struct elf_file *elf, uint64_t pclntab,
		      const struct pclntab_header *h, struct err *err)
{
	struct md_search search = {.elf = elf, .h = h, .pclntab = pclntab};
	uint64_t pclntable = 0, len = 0;
	const struct md_word words[] = {
		{MD_PCLNTABLE, &pclntable}, {MD_PCLNTABLE + 8, &len}, {MD_MINPC, &md->minpc},
		{MD_MAXPC, &md->maxpc},	    {MD_TEXT, &md->text},
	};
	int code;

	memset(md, 0, sizeof(*md));
	code = find_moduledata(&search);
	if (code == -ENOMEM || code == -EFBIG)
		return code;
	if (code)
		return err_set(err, -EBADMSG, "no module data agrees with the function table");
	md->addr = search.found;
	md->pclntab = pclntab;
	code = read_words(md, elf, words, sizeof(words) / sizeof(words[0]), err);
	if (code)
		return code;
	if (pclntable != pclntab + h->functab || !range_fits(h->functab, len, MAX_PCLNTAB))
		return err_set(err, -EBADMSG,
			       "the module data disagrees with the function table's size");
	md->pclntab_size = h->functab + len;
	if (md->minpc < md->text || md->maxpc <= md->minpc)
		return err_set(err, -EBADMSG,
			       "the module data has functions outside the program's text");
	return 0;
}

int moduledata_read_types(struct moduledata *md, const struct elf_file *elf,
			  const struct go_layout *layout, struct err *err)
{
	const struct md_word words[] = {
		{layout->md_types, &md->types},
		{layout->md_etypes, &md->etypes},
		{layout->md_gofunc, &md->gofunc},
	};
	int code = read_words(md, elf, words, sizeof(words) / sizeof(words[0]), err);

	if (code)
		return code;
	if (md->types > md->etypes || elf_file_offset(elf, md->types, &(uint64_t){0}))
		return err_set(err, -EBADMSG, "the module data has types outside the file");
	return 0;
}

int moduledata_read(struct moduledata *md, const struct elf_file *elf,
		    const struct go_layout *layout, uint64_t pclntab,
		    const struct pclntab_header *h, struct err *err)
{
	int code = moduledata_locate(md, elf, pclntab, h, err);

	return code ? code : moduledata_read_types(md, elf, layout, err);
}
