/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_OPERATION_BPF_H
#define MAPRACE_OPERATION_BPF_H

#include "mapstate.bpf.h"

struct operation { /* one entry into a map function */
	__u64 map, g, now;
	volatile struct mr_target *target;
	__u64 quiet_ns; /* since the one before in its map's record */
	__u32 tid, cpu, index;
	__u8 op, type_arg;
	__u8 site;	/* number of its call site on this map; MR_MAP_SITES: none */
	bool by_helper; /* a constant: this program may use bpf_loop() */
	bool at_call;	/* a constant: this is the call instruction, not the function called */
	bool leaves;	/* the stack check fails: it comes again, perhaps much later */
	bool inside;	/* another goroutine's write is under way */
	__u64 ip, ret;	/* at_call: of the function's site, and the return address to be */
	struct mr_map *record;
	struct mr_cpu *c;
};

#endif
