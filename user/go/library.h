/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_GO_LIBRARY_H
#define MAPRACE_GO_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"

/*
 * Which code of a program is the standard library's, and not its own or that of modules it uses.
 * The linker lays packages out one after the other, each behind those that it imports, so that it
 * is a few ranges.
 */
struct library_code { /* [lo, hi), link-time addresses */
	uint64_t lo, hi;
};

/* By the function's name: the import path of a package of the library has no dot in its first
 * element. module: the program's own, whose path need not have one either. Not reflect and maps,
 * which work on the maps of whoever calls them (fmt, encoding/json and text/template by way of
 * reflect). */
bool library_has(const char *function, const char *module);

/*
 * The largest ranges of it, in the order of addresses, at most max of them. What lies in none of
 * them may be the library's all the same. Returns how many they are, or a negative errno.
 */
int library_find(const struct go_binary *bin, struct library_code *out, size_t max);

#endif
