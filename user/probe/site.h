/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_SITE_H
#define MAPRACE_PROBE_SITE_H

#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"
#include "probe/hooks.h"

/*
 * The instruction to probe in f: cheapest first, every byte checked, nothing guessed. On success
 * *addr is its link-time address. With SITE_NONE, why says what stood in the way.
 */
enum site_kind site_choose(const struct go_binary *bin, const struct go_func *f, uint64_t *addr,
			   char *why, size_t why_len);

/* The return instructions of f, as many as max: how many there are, or a negative errno. */
int site_returns(const struct go_binary *bin, const struct go_func *f, uint64_t *addrs, size_t max);

#endif
