/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_DATA_REFS_H
#define MAPRACE_GO_DATA_REFS_H

#include "go/go_binary.h"

/* Whether the word at this link-time address is in the program's own data. */
bool data_has(const struct go_binary *bin, uint64_t vaddr);
/* Where in the program's data a function may refer to: what any four bytes of its code lead to,
 * when they are taken for an address relative to the instruction's end. So some are by chance.
 * Link-time, each once, at most max; their number. */
size_t data_refs(const struct go_binary *bin, const char *function, uint64_t *out, size_t max);

#endif
