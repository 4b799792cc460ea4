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

#define CALLS_COLD 256 /* seldom called from, and probed at all times */
#define CALLS_ASKED (LINKS_CALLS - CALLS_COLD)

/*
 * Call sites at which writers are held (bpf/gomap/stops.bpf.h): those that the engine asks for, as
 * far as a plain call of the probed function stands there, and as long as they are not so busy that
 * a second trap for each operation would cost too much.
 *
 * And those that are cold (probe/cold_calls.h): they stay when the probe of the function goes.
 */
struct calls_site {
	struct links_call link;
	uint64_t ip;
	uint32_t hits;	   /* when last looked */
	uint64_t since_ns; /* cold: it has had no hit since then */
	bool asked;	   /* cold, and the engine has asked for it as well */
	enum { CALLS_WANTED, CALLS_PROBED, CALLS_HOT, CALLS_NONE } state;
};

struct calls {
	struct mr_call *table; /* the engine's, MR_CALL_SLOTS of them, of all targets */
	uint32_t tgid;	       /* this target's */
	uint16_t tag;
	struct calls_site sites[LINKS_CALLS];
	size_t count, cold;
	uint64_t looked_ns, changed_ns;
	uint64_t bare; /* asked for and not probed */
	bool others;   /* there are more that may be cold: those that nobody came from make way */
	uint64_t hot[CALLS_COLD]; /* taken for cold, and were not: not to be tried again */
	size_t nhot;
};

/* A goroutine returns to ret, a run-time address in this file (its number among the links, its
 * bias), from the function of hook, whose site is in slot: the call is to be probed. */
void calls_want(struct calls *c, const struct go_binary *bin, const struct hook *hook,
		uint64_t bias, uint64_t ret, uint8_t file, uint8_t slot);
/* A call that is plain for certain, at ip, and may be cold. False: it is probed already, or there
 * is no room, or it was tried and is hot. */
bool calls_want_cold(struct calls *c, uint64_t ip, const struct links_call *link, uint64_t now_ns);
/* What is to be changed now. False: nothing. */
bool calls_change(struct calls *c, uint64_t now_ns, struct links_calls *change);
/* The target is watched no more. */
void calls_forget(struct calls *c);
/* It has been done, or could not be. */
void calls_changed(struct calls *c, const struct links_calls *change, bool done);

#endif
