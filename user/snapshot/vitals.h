/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_VITALS_H
#define MAPRACE_SNAPSHOT_VITALS_H

#include "go/runtime_vars.h"
#include "model/vitals.h"
#include "process/process.h"
#include "snapshot/goroutines.h"
#include "snapshot/growing.h"

/*
 * Looks at a process that runs, again and again, from outside and without stopping it. What it does
 * meanwhile may make a goroutine be counted as what it has just been, or one that is made now be
 * missed: a look is no snapshot.
 */
struct vitals;

/* Of one that outlives it; bias: of its program. 0 or -ENOMEM. */
int vitals_open(struct vitals **out, const struct process *p, const struct go_binary *bin,
		uint64_t bias);
void vitals_close(struct vitals *v); /* NULL is fine */
/* Where its goroutines are, where that is not known yet; hint: of its program. 0, -ENOENT, -EEXIST,
 * -ETIME: later, perhaps. */
int vitals_find(struct vitals *v, struct goroutines_hint *hint, struct err *err);
/*
 * vars: those of its program. 0; -EFAULT the list of goroutines is not there, -ETIME it took too
 * long, -ESRCH, -ENOMEM; then the figures are those of the look before. *named: places that were
 * named by this look.
 */
int vitals_look(struct vitals *v, struct runtime_vars *vars, size_t *named);
/* Goroutines that the last look has read. */
uint64_t vitals_read(const struct vitals *v);
/* How many looks there were that were one. */
uint64_t vitals_looks(const struct vitals *v);
/* What is known since the last look that was one. 0, -ENODATA there was none, -ENOMEM. start_ns:
 * of the watch. */
int vitals_fill(const struct vitals *v, uint64_t start_ns, struct report_vitals *out);

#endif
