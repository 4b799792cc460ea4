/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_LAYOUT_CHECK_H
#define MAPRACE_GO_LAYOUT_CHECK_H

#include <stddef.h>

#include "go/go_layout.h"
#include "go/moduledata.h"
#include "go/pclntab.h"
#include "process/elf_file.h"

/*
 * A version is a text that anybody can change, and that a development version of Go shares with the
 * release that it is to become. So the layout that it leads to is compared with what else the
 * program tells about its runtime:
 *
 * - functions that only some versions have, among them those of one design of maps;
 * - the descriptors of the types that the runtime allocates (type g, type m, the map's header),
 *   which are in every program, with the names and offsets of their fields.
 *
 * 0: all of that agrees. 1: nothing contradicts, but there are no descriptors (a file that a tool
 * has rewritten). -EBADMSG with the contradiction in why. -ENOMEM.
 */
int layout_check(const struct go_layout *layout, const struct pclntab *tab,
		 const struct moduledata *md, const struct elf_file *elf, char *why, size_t len);

#endif
