/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_OBJECT_H
#define MAPRACE_DETECT_AUDIT_OBJECT_H

#include "detect/audit/elf_object.h"
#include "detect/audit/unit.h"

/* The code of an object file, its calls and maps resolved as a loader would. 0, -ENOMEM or -ENOEXEC
 * with err set; free the unit in either case. name: what the object is called. */
int audit_object_read(struct audit_unit *unit, const char *name, const uint8_t *data, size_t size,
		      struct err *err);
/* A whole file, at most ELF_OBJECT_MAX bytes of it, malloc'ed. 0 or negative errno with err set. */
int audit_file_read(const char *path, uint8_t **data, size_t *size, struct err *err);
/* Where the next object begins in a file that is one, or holds some (a program with skeletons);
 * false: none from *at on. */
bool audit_file_next(const uint8_t *data, size_t size, size_t *at);

/* object_maps.c: the map that a variable of this type (0: not known) declares; what is not
 * understood of them is left 0. */
int audit_object_map(struct audit_unit *unit, const char *name, uint32_t type, uint32_t *map);
/* Of the old section "maps": definition is the bytes there. */
int audit_object_old_map(struct audit_unit *unit, const char *name, const uint8_t *definition,
			 size_t size, uint32_t *map);

#endif
