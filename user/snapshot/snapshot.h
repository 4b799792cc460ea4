/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_SNAPSHOT_H
#define MAPRACE_SNAPSHOT_SNAPSHOT_H

#include "base/err.h"
#include "go/go_binary.h"
#include "model/snapshot.h"
#include "process/process.h"

/* A process frozen for a moment, looked at, and let go. */
struct snapshot_map { /* that was asked for */
	uint64_t addr;
	const char *type; /* "map[string]int"; NULL: whichever its contents agree with */
};

struct snapshot_options {
	uint64_t max_freeze_ns;
	const struct snapshot_map *maps;
	size_t nmaps;
	bool values; /* decode keys and values */
};

/*
 * 0, and what is missing is in the snapshot's notes. -ESRCH -EPERM -ETIME it could not be frozen,
 * -ENOENT -EEXIST its goroutines could not be found, each with the reason in err. *out is to be
 * freed in any case but -ECANCELED: see freeze_look().
 */
int snapshot_take(struct report_snapshot *out, const struct process *p, const struct go_binary *bin,
		  const struct snapshot_options *options, struct err *err);

/* What the goroutines of *s say of a map: its verdict may change. 0 or -ENOMEM. */
int snapshot_ask_goroutines(const struct report_snapshot *s, struct report_map_dump *m);

#endif
