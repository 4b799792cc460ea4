/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_RUNTIME_VERSION_H
#define MAPRACE_GO_RUNTIME_VERSION_H

#include <stddef.h>

#include "go/pclntab.h"
#include "process/elf_file.h"

#define RUNTIME_VERSION_MAX 256

/*
 * The version that runtime.Version() returns: the linker writes it into the variable
 * runtime.buildVersion, the same text that the build info has. runtime.schedinit, which runs in
 * every program, compares its length with 0 (src/runtime/proc.go, so that the variable is kept):
 * the address stands in its code.
 *
 * 0; -ENOENT: no such text is referred to; -EBADMSG: different ones are.
 */
int runtime_version_find(const struct pclntab *tab, const struct elf_file *elf,
			 char version[RUNTIME_VERSION_MAX]);

#endif
