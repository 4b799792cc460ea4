/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_TYPENAME_H
#define MAPRACE_GO_TYPENAME_H

#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"
#include "go/moduledata.h"
#include "process/elf_file.h"

/*
 * Names of types (src/internal/abi/type.go: Type, MapType, Name): a descriptor holds the offset of
 * its name from moduledata.types; a name is a flag byte, its length as a varint, and the bytes. A
 * name that does not fit is cut and ends in "...". Both return 0, -ENOENT (not a type of this
 * binary), -EBADMSG or -EINVAL (no room at all).
 */
int typename_static(const struct elf_file *elf, const struct moduledata *md, uint64_t type,
		    char *buf, size_t len);
/* The same for a type that reflection made: read_mem reads the process's memory, bias is its load
 * bias. */
int typename_live(const struct elf_file *elf, const struct moduledata *md, uint64_t bias,
		  uint64_t type, go_read_mem read_mem, void *ctx, char *buf, size_t len);

#endif
