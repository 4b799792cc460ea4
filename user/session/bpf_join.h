/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_BPF_JOIN_H
#define MAPRACE_SESSION_BPF_JOIN_H

#include "model/model.h"

struct bpf_watch;

/*
 * Both sides of a map: a process that was seen to write keys back which it had read, and a program
 * whose instructions change a value of that map in place. What the program adds between the two is
 * lost, and nobody sees it.
 */
#define BPF_JOIN_MAPS 32 /* maps in which processes write back, of which the programs are read */

#define BPF_JOIN_NAME 16

struct bpf_joined { /* a map */
	uint32_t id, pid;
	char process[BPF_JOIN_NAME]; /* pid's name when it was first seen to write back */
	struct report found;	     /* by an audit of the programs that use the map */
};

struct bpf_join {
	struct bpf_joined maps[BPF_JOIN_MAPS];
	size_t n;
};

/* Reads the programs of maps in which a process has written back since the last look, once each:
 * they may be gone at the end. 0 or -ENOMEM. */
int bpf_join_look(struct bpf_watch *w);
/* A caveat for each map that has both. 0 or -ENOMEM. */
int bpf_join_tell(struct bpf_watch *w, struct report_stats *stats);
void bpf_join_free(struct bpf_join *join);

#endif
