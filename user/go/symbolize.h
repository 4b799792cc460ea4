/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_SYMBOLIZE_H
#define MAPRACE_GO_SYMBOLIZE_H

#include "go/go_binary.h"
#include "go/pclntab.h"
#include "process/elf_file.h"

/*
 * File, line and inlined calls of an instruction (src/runtime/symtab.go: pcvalue, funcline1;
 * symtabinl.go: inlineUnwinder). gofunc is moduledata.gofunc, where the inline trees are. Malformed
 * tables shorten the answer, they never fail it: a frame without a line is still worth printing.
 * Returns the number of frames stored, at least 1; 0 only if max is 0.
 */
int symbolize(const struct pclntab *tab, const struct elf_file *elf, uint64_t gofunc, uint64_t pc,
	      bool is_return, struct go_frame *out, size_t max);

#endif
