/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_SYMBOLS_H
#define MAPRACE_DETECT_AUDIT_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Which function of the kernel begins at an address: translated programs call by it. */
struct audit_symbols {
	struct audit_symbol_at {
		uint64_t address;
		uint32_t name; /* in names */
	} * list;	       /* by address, ascending */
	size_t n, room;
	char *names;
	size_t size, names_room;
	uint64_t call_base; /* what calls are relative to; 0: not shown */
};

/* Reads a table like /proc/kallsyms. 0, -ENOMEM, or -EACCES when addresses are not shown. Free it
 * in either case. */
int audit_symbols_parse(struct audit_symbols *symbols, FILE *file);
int audit_symbols_read(struct audit_symbols *symbols); /* of this kernel; -errno too */
void audit_symbols_free(struct audit_symbols *symbols);
/* NULL: none begins there. */
const char *audit_symbols_name(const struct audit_symbols *symbols, uint64_t address);
/* 0: none of that name. */
uint64_t audit_symbols_address(const struct audit_symbols *symbols, const char *name);

#endif
