/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_HOME_H
#define MAPRACE_PROBE_HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "go/go_binary.h"

/*
 * Go's calling convention gives each argument that comes in a register a place above the return
 * address, its home: there a function keeps it, where it keeps it in memory at all. What lies there
 * before it has done so is of somebody else. Whether it has is read from the code around the
 * instruction at which the function stands, as far as that is of the plain kind.
 */
#define HOME_REGISTERS 3 /* the first ones that arguments come in */

/*
 * Whether the argument is in its home for certain at this link-time address: that of the next
 * instruction, or a return address. False: that cannot be told.
 */
bool home_is_filled(const struct go_binary *bin, uint64_t pc, bool is_return, unsigned int reg);

#endif
