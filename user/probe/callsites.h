/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_CALLSITES_H
#define MAPRACE_PROBE_CALLSITES_H

#include <stdint.h>

#include <maprace/wire.h>

#include "go/go_binary.h"
#include "probe/hooks.h"

/*
 * Where a file calls the functions of a hook set: each(ctx, hook, ret) for each call of one of them
 * by a plain call instruction, ret being the link-time return address. The code is not decoded:
 * bytes in the middle of an instruction that look like such a call, to the very byte, are one as
 * well. 0, a negative errno, or what each() returned that is not 0.
 */
int callsites_find(const struct go_binary *bin, const struct hook_set *set,
		   int (*each)(void *ctx, const struct hook *hook, uint64_t ret), void *ctx);

#endif
