/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/symbolize.h"

#include <string.h>

#include "base/bits.h"

/* src/internal/abi/symtab.go (1.19: src/runtime/funcdata.h) */
#define PCDATA_INL_TREE_INDEX 2
#define FUNCDATA_INL_TREE 3
#define NO_FUNCDATA 0xffffffffu

/* type inlinedCall (src/runtime/symtabinl.go): 1.20 dropped parent, file and line, and added
 * startLine. */
#define INLINED_SIZE_118 20
#define INLINED_SIZE_120 16
#define MAX_INLINED 64
/* Of all tables that are walked for one address: a target can make each of them megabytes long,
 * while a function of 100 KiB has some ten thousand. */
#define MAX_REGIONS (1u << 20)

struct inlined {
	int32_t parent;	 /* 1.18: index of the caller's entry, -1 for the function itself */
	int32_t cu_file; /* 1.18: file of the call */
	int32_t line;	 /* 1.18: line of the call */
	uint32_t name;
	uint32_t parent_pc; /* offset from the entry of an instruction that belongs to the caller */
	int32_t start_line;
};

struct lookup {
	const struct pclntab *tab;
	const struct elf_file *elf;
	struct pclntab_func f;
	uint64_t tree; /* address of the inline tree; 0: nothing is inlined here */
	uint32_t left; /* regions that may still be walked */
};

static int32_t value_at(struct lookup *l, uint32_t table, uint64_t pc, int32_t otherwise)
{
	struct pcvalue it;
	int32_t value;

	if (pclntab_values(l->tab, &l->f, table, &it))
		return otherwise;
	it.left = l->left < it.left ? l->left : it.left;
	l->left -= it.left;
	if (pcvalue_find(&it, pc, &value))
		value = otherwise;
	l->left += it.left > MAX_REGIONS ? 0 : it.left;
	return value;
}

static int32_t inline_index(struct lookup *l, uint64_t pc)
{
	uint32_t table;

	if (!l->tree || pclntab_pcdata(l->tab, &l->f, PCDATA_INL_TREE_INDEX, &table))
		return -1;
	return value_at(l, table, pc, -1);
}

static void set_position(struct lookup *l, uint64_t pc, const char **file, int *line)
{
	*file = pclntab_file(l->tab, l->f.cu, value_at(l, l->f.pcfile, pc, -1));
	*line = value_at(l, l->f.pcln, pc, 0);
	if (*line < 0)
		*line = 0;
}

static int read_inlined(const struct lookup *l, int32_t index, struct inlined *out)
{
	bool v120 = l->tab->h.magic == PCLNTAB_MAGIC_120;
	size_t size = v120 ? INLINED_SIZE_120 : INLINED_SIZE_118;
	uint8_t raw[INLINED_SIZE_118];
	int err;

	err = elf_file_read(l->elf, l->tree + (uint64_t)(uint32_t)index * size, raw, size);
	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	if (v120) {
		out->name = get_le32(raw + 4);
		out->parent_pc = get_le32(raw + 8);
		out->start_line = (int32_t)get_le32(raw + 12);
		return 0;
	}
	out->parent = (int16_t)get_le16(raw);
	out->cu_file = (int32_t)get_le32(raw + 4);
	out->line = (int32_t)get_le32(raw + 8);
	out->name = get_le32(raw + 12);
	out->parent_pc = get_le32(raw + 16);
	return 0;
}

static struct go_frame unknown_frame(void)
{
	return (struct go_frame){.function = "?", .file = ""};
}

/* Which functions are inlined here is not known: then of the function itself not the line. */
static void put_unknown(struct lookup *l, const char **file, int *line, struct go_frame *out)
{
	*out = unknown_frame();
	out->file = *file;
	out->line = *line;
	out->inlined = true;
	set_position(l, l->f.base.entry, file, line);
	*line = 0;
}

/*
 * From the innermost inlined call outwards: each frame's own position is known from the step
 * before, the next one's is that of the call. Returns how many frames were stored; file and line
 * are then the physical function's.
 */
static size_t put_inlined(struct lookup *l, uint64_t pc, const char **file, int *line,
			  struct go_frame *out, size_t max)
{
	bool v120 = l->tab->h.magic == PCLNTAB_MAGIC_120;
	int32_t index = inline_index(l, pc);
	size_t n;

	for (n = 0; index >= 0 && n < max && n < MAX_INLINED; n++) {
		struct inlined call;
		const char *name;

		if (read_inlined(l, index, &call)) {
			put_unknown(l, file, line, &out[n]);
			return n + 1;
		}
		name = pclntab_name(l->tab, call.name);
		out[n] = (struct go_frame){
			.function = name ? name : "?",
			.file = *file,
			.line = *line,
			.start_line = call.start_line > 0 ? call.start_line : 0,
			.inlined = true,
		};
		if (v120) {
			uint64_t at = l->f.base.entry + call.parent_pc;

			set_position(l, at, file, line);
			index = inline_index(l, at);
		} else {
			*file = pclntab_file(l->tab, l->f.cu, call.cu_file);
			*line = call.line > 0 ? call.line : 0;
			index = call.parent;
		}
	}
	return n;
}

int symbolize(const struct pclntab *tab, const struct elf_file *elf, uint64_t gofunc, uint64_t pc,
	      bool is_return, struct go_frame *out, size_t max)
{
	struct lookup l = {.tab = tab, .elf = elf, .left = MAX_REGIONS};
	uint32_t tree;
	const char *file;
	size_t n;
	int line;

	if (!max)
		return 0;
	out[0] = unknown_frame();
	if (is_return && pc)
		pc--; /* the address behind a call may belong to another line, inlined function or
			 even function */
	if (pclntab_func_by_pc(tab, pc, &l.f))
		return 1;
	if (!pclntab_funcdata(tab, &l.f, FUNCDATA_INL_TREE, &tree) && tree != NO_FUNCDATA)
		l.tree = gofunc + tree;
	set_position(&l, pc, &file, &line);
	n = put_inlined(&l, pc, &file, &line, out, max);
	if (n == max)
		return (int)n;
	out[n] = (struct go_frame){
		.function = l.f.base.name,
		.file = file,
		.line = line,
		.start_line = l.f.start_line > 0 ? l.f.start_line : 0,
	};
	return (int)n + 1;
}
