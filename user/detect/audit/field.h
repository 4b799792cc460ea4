/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_FIELD_H
#define MAPRACE_DETECT_AUDIT_FIELD_H

#include "detect/audit/unit.h"

/* The name of what lies off bytes into a map's value, size bytes long, by its type information:
 * "count", "a.b[3]", "slots[?]" (variable: some element). "bytes 8 to 15" where there is none.
 * malloc'ed; NULL: no memory. */
char *audit_field_name(const struct audit_unit *unit, uint32_t map, uint32_t off, uint32_t size,
		       bool variable);

/* Whether a lock of the kernel's is a member of the value. */
bool audit_field_has_lock(const struct audit_map *map);

#endif
