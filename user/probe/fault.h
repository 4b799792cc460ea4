/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_FAULT_H
#define MAPRACE_PROBE_FAULT_H

#include <stdbool.h>

#include "go/go_binary.h"

/*
 * Whether a program can recover from a fault inside a map function (debug.SetPanicOnFault): the
 * map's writing flag then stays set, with nobody inside. The linker leaves out what nobody calls,
 * so that a program which has that function means to use it, or what it has linked does.
 */
bool fault_recovers(const struct go_binary *bin);

#endif
