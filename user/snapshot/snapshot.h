/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_SNAPSHOT_H
#define MAPRACE_SNAPSHOT_SNAPSHOT_H

#include "base/err.h"
#include "go/go_binary.h"
#include "go/gomap.h"
#include "model/snapshot.h"
#include "process/process.h"
#include "snapshot/core.h"
#include "snapshot/goroutines.h"

/* A process frozen for a moment, looked at, and let go. */
struct snapshot_map { /* that was asked for */
	uint64_t addr;
	const char *type; /* "map[string]int"; NULL: whichever its contents agree with */
};

/* What is the same in all processes of a program. All zero at first. */
struct snapshot_program {
	struct goroutines_hint goroutines;
	bool read;
	struct gomap_types types;
};

/* What does not move as long as a process lives, found while it runs: of one that is going to be
 * frozen when there is no time to be lost. */
struct snapshot_ready {
	bool known;
	uint64_t bias, allgs;
	struct gomap_keys keys;
	bool keys_known;
};

/* What there is to see while all stands still, but for maps. */
struct snapshot_sight {
	const struct goroutines *goroutines;
	const struct freeze *freeze; /* threads with their registers */
	const struct go_binary *bin;
	struct memory *memory;
	uint64_t bias, now_ns;
};

struct snapshot_options {
	uint64_t max_freeze_ns;
	const struct snapshot_map *maps;
	size_t nmaps;
	struct core *core;	/* that is filled; NULL: none */
	uint64_t first;		/* the address of a goroutine that is read before others; 0 */
	bool values;		/* decode keys and values */
	double goroutines_part; /* of the time, where there is more to be read; 0: half of it */
	const struct snapshot_ready *ready; /* NULL: found out first */
	struct snapshot_program *program;
	/*
	 * frozen() is called while all stands still, told() after it has been let go, when memory
	 * cannot be read any more. let_go(): between the two, as soon as may be, whatever came of
	 * it. NULL: nobody is. 0 or -ENOMEM.
	 */
	int (*frozen)(void *arg, const struct snapshot_sight *sight);
	void (*let_go)(void *arg);
	int (*told)(void *arg, const struct snapshot_sight *sight);
	void *arg;
};

/* Fills *ready in that time at the most. 0, or as snapshot_take(). */
int snapshot_prepare(struct snapshot_ready *ready, const struct process *p,
		     const struct go_binary *bin, struct snapshot_program *program, uint64_t max_ns,
		     struct err *err);
void snapshot_program_free(struct snapshot_program *program);

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
