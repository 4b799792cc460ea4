/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/fault.h"

bool fault_recovers(const struct go_binary *bin)
{
	/* The first calls the second, and is inlined most often. */
	static const char *const names[] = {"runtime/debug.SetPanicOnFault",
					    "runtime/debug.setPanicOnFault"};
	struct go_func found[2] = {};

	return !go_binary_find_funcs(bin, names, 2, found) && (found[0].name || found[1].name);
}
