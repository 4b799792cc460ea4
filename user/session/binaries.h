/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_BINARIES_H
#define MAPRACE_SESSION_BINARIES_H

#include "base/err.h"
#include "go/go_binary.h"
#include "go/runtime_vars.h"
#include "probe/attach.h"
#include "probe/hooks.h"
#include "process/process.h"
#include "snapshot/snapshot.h"

/* Programs that are watched, each read once whoever runs it: its tables, and what is probed of it. */
struct binary {
	struct go_binary *bin;
	struct hook_set hooks; /* empty until binary_hooks() */
	bool chosen;
	unsigned int users;
	struct snapshot_program program; /* for when it dies */
	struct runtime_vars vars;	 /* that were found in one process of it */
	pid_t mended; /* the attacher whose probes were taken out once more, see watched_mend() */
	size_t in_place; /* whose probes are, at the last look (watch_budget.c) */
	struct binary *next;
};

/* That of the process, to be given back with binary_put(). */
int binary_get(struct binary **out, const struct process *p, struct err *err);
/* What is probed of it, with these options. */
int binary_choose(struct hook_set *set, const struct go_binary *bin, const struct attach_opts *opts,
		  struct err *err);
/* Chooses what is probed, for the first user; in the same way for all. */
int binary_hooks(struct binary *b, const struct attach_opts *opts, struct err *err);
void binary_put(struct binary *b);

#endif
