/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_CALLS_H
#define MAPRACE_PROBE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <maprace/wire.h>

#include "go/go_binary.h"
#include "probe/hooks.h"
#include "probe/links.h"

/*
 * Call sites at which writers are held (bpf/gomap/stops.bpf.h): those that the engine asks for, as
 * far as a plain call of the probed function stands there, and as long as they are not so busy that
 * a second trap for each operation would cost too much.
 */
struct calls_site {
	struct links_call link;
	uint64_t ip;
	uint32_t hits; /* when last looked */
	enum { CALLS_WANTED, CALLS_PROBED, CALLS_HOT } state;
};

struct calls {
	struct mr_call *table; /* the engine's, MR_CALL_SLOTS of them, of all targets */
	uint32_t tgid;	       /* this target's */
	uint16_t tag;
	struct calls_site sites[LINKS_CALLS];
	size_t count;
	uint64_t looked_ns, changed_ns;
	uint64_t bare; /* asked for and not probed */
};

/* A goroutine returns to ret, a run-time address in this file (its number among the links, its
 * bias), from the function of hook, whose site is in slot: the call is to be probed. */
void calls_want(struct calls *c, const struct go_binary *bin, const struct hook *hook,
		uint64_t bias, uint64_t ret, uint8_t file, uint8_t slot);
/* What is to be changed now. False: nothing. */
bool calls_change(struct calls *c, uint64_t now_ns, struct links_calls *change);
/* The target is watched no more. */
void calls_forget(struct calls *c);
/* It has been done, or could not be. */
void calls_changed(struct calls *c, const struct links_calls *change, bool done);

#endif
