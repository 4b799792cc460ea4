/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_LOADED_H
#define MAPRACE_DETECT_AUDIT_LOADED_H

#include "detect/audit/symbols.h"
#include "detect/audit/unit.h"

/*
 * The code of a program that is loaded, as the kernel's verifier has left it. 0, -ENOENT (gone
 * meanwhile), -EACCES (the kernel does not show it), other negative errno, with err set; free the
 * unit in either case.
 */
int audit_loaded_read(struct audit_unit *unit, uint32_t id, const struct audit_symbols *symbols,
		      struct err *err);

/* What the kernel gives, as it is given; of which unit's insns, n, btf, maps are set. Makes
 * functions, references and lines of it. */
struct audit_loaded {
	const uint8_t *functions, *lines; /* records of these sizes */
	uint32_t nfunctions, function_size, nlines, line_size;
	const uint32_t *map_ids; /* of unit->maps, in order */
};
int audit_loaded_resolve(struct audit_unit *unit, const struct audit_loaded *loaded,
			 const struct audit_symbols *symbols, uint32_t prog_type);

#endif
