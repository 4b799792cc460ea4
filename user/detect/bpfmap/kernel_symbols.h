/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_KERNEL_SYMBOLS_H
#define MAPRACE_DETECT_BPFMAP_KERNEL_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What /proc/kallsyms tells of the kernel's own code; all zero where addresses are hidden. */
struct kernel_range {
	uint64_t lo, hi;
};

#define KERNEL_HELPERS 3
#define KERNEL_FUNCTIONS 16

struct kernel_symbols {
	struct kernel_range text; /* _stext to _etext */
	/* bpf_map_lookup_elem, bpf_map_update_elem, bpf_map_delete_elem */
	struct kernel_range helper[KERNEL_HELPERS];
	uint64_t function[KERNEL_FUNCTIONS]; /* of map_functions[] */
	uint64_t per_cpu_offset;	     /* __per_cpu_offset; 0 where data are not told
						(CONFIG_KALLSYMS_ALL) */
};

/* 0, -ENOENT (a symbol is missing), -EACCES (addresses are hidden), or why it cannot be read. */
int kernel_symbols_read(struct kernel_symbols *symbols);
/* The same from any file of that form (tests). */
int kernel_symbols_parse(struct kernel_symbols *symbols, FILE *file);

#endif
