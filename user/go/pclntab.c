/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/pclntab.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

#define FUNCTAB_ENTRY 8
/* Kubernetes has a hundred thousand in a program. They are gone through one by one, more than once.
 */
#define MAX_FUNCS (16u << 20)
#define FUNC_SIZE_118 40
#define FUNC_SIZE_120 44 /* startLine was added */
#define NO_FILE 0xffffffffu

static uint32_t u32_at(const struct pclntab *tab, uint64_t pos)
{
	return get_le32(tab->data + pos);
}

int pclntab_parse_header(struct pclntab_header *h, const uint8_t raw[PCLNTAB_HEADER_SIZE])
{
	memset(h, 0, sizeof(*h));
	h->magic = get_le32(raw);
	h->unit = raw[6];
	if (h->magic != PCLNTAB_MAGIC_12 && h->magic != PCLNTAB_MAGIC_116 &&
	    h->magic != PCLNTAB_MAGIC_118 && h->magic != PCLNTAB_MAGIC_120)
		return -ENOENT;
	if (raw[4] || raw[5] || (h->unit != 1 && h->unit != 2 && h->unit != 4) || raw[7] != 8)
		return -ENOENT;
	h->n_funcs = get_le64(raw + 8);
	if (!h->n_funcs || h->n_funcs > MAX_FUNCS)
		return -EBADMSG;
	if (h->magic == PCLNTAB_MAGIC_12 || h->magic == PCLNTAB_MAGIC_116)
		return 0;
	/* The word at 24 is text up to Go 1.25 and 0 later: moduledata has it always, so it is not
	 * read here. */
	h->n_files = get_le64(raw + 16);
	h->names = get_le64(raw + 32);
	h->cus = get_le64(raw + 40);
	h->files = get_le64(raw + 48);
	h->pcs = get_le64(raw + 56);
	h->functab = get_le64(raw + 64);
	if (h->names < PCLNTAB_HEADER_SIZE || h->cus < h->names || h->files < h->cus ||
	    h->pcs < h->files || h->functab < h->pcs || h->functab > UINT32_MAX)
		return -EBADMSG;
	return 0;
}

static uint32_t entry_offset(const struct pclntab *tab, size_t i)
{
	return u32_at(tab, tab->h.functab + i * FUNCTAB_ENTRY);
}

int pclntab_init(struct pclntab *tab, uint8_t *data, size_t size, uint64_t text)
{
	uint32_t last = 0;
	size_t i;
	int err;

	memset(tab, 0, sizeof(*tab));
	tab->data = data;
	tab->size = size;
	tab->text = text;
	data[size] = '\0';
	err = size < PCLNTAB_HEADER_SIZE ? -EBADMSG : pclntab_parse_header(&tab->h, data);
	if (err)
		return -EBADMSG;
	/* The offset of the end stands behind the last pair. */
	if (!tab->h.functab ||
	    !range_fits(tab->h.functab, tab->h.n_funcs * FUNCTAB_ENTRY + 4, size))
		return -EBADMSG;
	for (i = 0; i <= tab->h.n_funcs; i++) {
		uint32_t entry = entry_offset(tab, i);

		if (entry < last)
			return -EBADMSG;
		last = entry;
	}
	if (text > UINT64_MAX - last)
		return -EBADMSG;
	return 0;
}

void pclntab_free(struct pclntab *tab)
{
	free(tab->data);
	memset(tab, 0, sizeof(*tab));
}

void pclntab_range(const struct pclntab *tab, uint64_t *lo, uint64_t *hi)
{
	*lo = tab->text + entry_offset(tab, 0);
	*hi = tab->text + entry_offset(tab, tab->h.n_funcs);
}

const char *pclntab_name(const struct pclntab *tab, uint32_t offset)
{
	uint64_t pos = tab->h.names + offset;

	/* The NUL that pclntab_init set ends a name that the table itself does not. */
	if (pos >= tab->h.cus || pos >= tab->size)
		return NULL;
	if (strnlen((char *)tab->data + pos, PCLNTAB_MAX_NAME) == PCLNTAB_MAX_NAME)
		return NULL;
	return (char *)tab->data + pos;
}

const char *pclntab_file(const struct pclntab *tab, uint32_t cu, int32_t file)
{
	uint64_t pos, name;

	if (file < 0)
		return "";
	pos = tab->h.cus + ((uint64_t)cu + (uint32_t)file) * 4;
	if (pos >= tab->h.files || !range_fits(pos, 4, tab->size))
		return "";
	name = u32_at(tab, pos);
	if (name == NO_FILE)
		return "";
	name += tab->h.files;
	if (name >= tab->h.pcs || name >= tab->size ||
	    strnlen((char *)tab->data + name, PCLNTAB_MAX_NAME) == PCLNTAB_MAX_NAME)
		return "";
	return (char *)tab->data + name;
}

/* Where the _func record of function i stands; 0 when it is not inside the table. */
static uint64_t func_place(const struct pclntab *tab, size_t i)
{
	uint64_t pos = tab->h.functab + u32_at(tab, tab->h.functab + i * FUNCTAB_ENTRY + 4);

	return range_fits(pos, FUNC_SIZE_120, tab->size) ? pos : 0;
}

int pclntab_func_at(const struct pclntab *tab, size_t i, struct pclntab_func *out)
{
	bool v120 = tab->h.magic == PCLNTAB_MAGIC_120;
	size_t size = v120 ? FUNC_SIZE_120 : FUNC_SIZE_118;
	const uint8_t *raw;
	uint64_t pos;

	if (i >= tab->h.n_funcs)
		return -ENOENT;
	pos = func_place(tab, i);
	if (!pos)
		return -EBADMSG;
	raw = tab->data + pos;
	if (get_le32(raw) != entry_offset(tab, i))
		return -EBADMSG;
	out->base.index = (uint32_t)i;
	out->base.entry = tab->text + entry_offset(tab, i);
	out->base.end = tab->text + entry_offset(tab, i + 1);
	out->base.name = pclntab_name(tab, get_le32(raw + 4));
	if (!out->base.name)
		return -EBADMSG;
	out->pcsp = get_le32(raw + 16);
	out->pcfile = get_le32(raw + 20);
	out->pcln = get_le32(raw + 24);
	out->n_pcdata = get_le32(raw + 28);
	out->cu = get_le32(raw + 32);
	out->start_line = v120 ? (int32_t)get_le32(raw + 36) : 0;
	out->n_funcdata = raw[size - 1];
	out->pcdata = pos + size;
	if (!range_fits(out->pcdata, (uint64_t)out->n_pcdata * 4, tab->size))
		return -EBADMSG;
	out->funcdata = out->pcdata + (size_t)out->n_pcdata * 4;
	if (!range_fits(out->funcdata, (uint64_t)out->n_funcdata * 4, tab->size))
		return -EBADMSG;
	return 0;
}

int pclntab_func_by_pc(const struct pclntab *tab, uint64_t pc, struct pclntab_func *out)
{
	size_t lo = 0, hi = tab->h.n_funcs;
	uint64_t offset = pc - tab->text;

	if (pc < tab->text || offset < entry_offset(tab, 0) || offset >= entry_offset(tab, hi))
		return -ENOENT;
	/* The last function whose entry is not behind pc: entry[lo] <= offset < entry[hi]. */
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (entry_offset(tab, mid) <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return pclntab_func_at(tab, lo, out);
}

int pclntab_find_funcs(const struct pclntab *tab, const char *const *names, size_t n,
		       struct go_func *out)
{
	bool first[256] = {false};
	size_t longest = 0, left = n;
	size_t *lens;
	size_t i, j;

	memset(out, 0, n * sizeof(*out));
	lens = calloc(n ? n : 1, sizeof(*lens));
	if (!lens)
		return -ENOMEM;
	for (j = 0; j < n; j++) {
		lens[j] = strlen(names[j]);
		longest = lens[j] > longest ? lens[j] : longest;
		first[(uint8_t)names[j][0]] = true;
	}
	/* Most names go by their first letter; of the others only as much is read as the longest
	 * wanted name has. */
	for (i = 0; i < tab->h.n_funcs && left; i++) {
		uint64_t pos = func_place(tab, i);
		const char *name;
		size_t len;

		if (!pos)
			continue;
		pos = tab->h.names + u32_at(tab, pos + 4);
		if (pos >= tab->size || !first[tab->data[pos]])
			continue;
		name = (char *)tab->data + pos;
		len = strnlen(name, longest + 1);
		for (j = 0; j < n; j++) {
			struct pclntab_func f;

			if (len != lens[j] || out[j].name || memcmp(name, names[j], len) != 0)
				continue;
			if (!pclntab_func_at(tab, i, &f)) {
				out[j] = f.base;
				left--;
			}
		}
	}
	free(lens);
	return 0;
}

int pclntab_values(const struct pclntab *tab, const struct pclntab_func *f, uint32_t offset,
		   struct pcvalue *it)
{
	uint64_t pos = tab->h.pcs + offset;

	if (!offset)
		return -ENOENT;
	if (pos >= tab->h.functab)
		return -EBADMSG;
	pcvalue_start(it, tab->data + pos, tab->data + tab->h.functab, f->base.entry, f->base.end,
		      tab->h.unit);
	return 0;
}

int pclntab_pcdata(const struct pclntab *tab, const struct pclntab_func *f, uint32_t i,
		   uint32_t *out)
{
	if (i >= f->n_pcdata)
		return -ENOENT;
	*out = u32_at(tab, f->pcdata + (size_t)i * 4);
	return 0;
}

int pclntab_funcdata(const struct pclntab *tab, const struct pclntab_func *f, uint32_t i,
		     uint32_t *out)
{
	if (i >= f->n_funcdata)
		return -ENOENT;
	*out = u32_at(tab, f->funcdata + (size_t)i * 4);
	return 0;
}
