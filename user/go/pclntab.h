/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_PCLNTAB_H
#define MAPRACE_GO_PCLNTAB_H

#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"
#include "go/pcvalue.h"

/*
 * .gopclntab, the function table that Go's own tracebacks use (src/runtime/symtab.go: pcHeader,
 *functab, _func; cmd/link pcln.go). In the formats of Go 1.18 and 1.20 it is one header and five
 *tables, found by offsets from the header:
 *
 *	funcnametab	names, each ending in NUL
 *	cutab		u32 offsets into filetab, indexed by a function's compilation unit plus its
 *file number filetab		file names, each ending in NUL pctab		pc-value tables
 *(pcvalue.h)
 *	functab		n_funcs pairs of u32 {entry - text, offset of the _func from functab}, the
 *end of the last function, then the _func records
 *
 * It is read into memory whole, and every offset is checked where it is followed.
 */
enum {
	PCLNTAB_MAGIC_12 = 0xfffffffb,
	PCLNTAB_MAGIC_116 = 0xfffffffa,
	PCLNTAB_MAGIC_118 = 0xfffffff0,
	PCLNTAB_MAGIC_120 = 0xfffffff1
};

#define PCLNTAB_HEADER_SIZE 72
#define PCLNTAB_MAX_NAME 65536

struct pclntab_header {
	uint32_t magic;
	uint8_t unit; /* bytes of an instruction unit: 1 on amd64, 4 on arm64 */
	uint64_t n_funcs, n_files;
	/* offsets of the tables from the header; 0 in the formats before 1.18 */
	uint64_t names, cus, files, pcs, functab;
};

struct pclntab {
	uint8_t *data; /* owned; a NUL stands behind its end */
	size_t size;
	uint64_t text; /* the link-time address that entries count from: runtime.text */
	struct pclntab_header h;
};

struct pclntab_func { /* a _func record */
	struct go_func base;
	uint32_t pcsp, pcfile, pcln; /* offsets into pctab; 0: no such table */
	uint32_t cu;
	int32_t start_line; /* 0 before Go 1.20 */
	uint32_t n_pcdata, n_funcdata;
	size_t pcdata, funcdata; /* places of the u32 arrays in data */
};

/* 0; -ENOENT when no such header stands there; -EBADMSG when it does but contradicts itself. */
int pclntab_parse_header(struct pclntab_header *h, const uint8_t raw[PCLNTAB_HEADER_SIZE]);

/*
 * Takes over data (size bytes, with room for one more), also when it fails: 0, -EBADMSG. Checks
 * that the entries ascend.
 */
int pclntab_init(struct pclntab *tab, uint8_t *data, size_t size, uint64_t text);
void pclntab_free(struct pclntab *tab);

int pclntab_func_at(const struct pclntab *tab, size_t i, struct pclntab_func *out);
int pclntab_func_by_pc(const struct pclntab *tab, uint64_t pc, struct pclntab_func *out);
int pclntab_find_funcs(const struct pclntab *tab, const char *const *names, size_t n,
		       struct go_func *out);

/* [first entry, end of the last function) as link-time addresses. */
void pclntab_range(const struct pclntab *tab, uint64_t *lo, uint64_t *hi);
/* NULL when the name leads outside the table or never ends. */
const char *pclntab_name(const struct pclntab *tab, uint32_t offset);
/* The name of file number file in compilation unit cu; "" when there is none. */
const char *pclntab_file(const struct pclntab *tab, uint32_t cu, int32_t file);
/* Starts reading the pc-value table of f at offset (pcsp, pcfile, …). -ENOENT when offset is 0,
 * -EBADMSG. */
int pclntab_values(const struct pclntab *tab, const struct pclntab_func *f, uint32_t offset,
		   struct pcvalue *it);
/* Element i of the pcdata or funcdata array: -ENOENT when it is shorter. */
int pclntab_pcdata(const struct pclntab *tab, const struct pclntab_func *f, uint32_t i,
		   uint32_t *out);
int pclntab_funcdata(const struct pclntab *tab, const struct pclntab_func *f, uint32_t i,
		     uint32_t *out);

#endif
