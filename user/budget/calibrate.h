/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BUDGET_CALIBRATE_H
#define MAPRACE_BUDGET_CALIBRATE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * What one hit of a probe costs the thread that hits it, in nanoseconds: measured on a child of
 * ours that runs the same kind of instruction, a conditional jump, under a probe and without. That
 * takes 100 ms, most of it waiting for the kernel to take the probe away again, so that it is done
 * beside the watch, in a process of its own, which may load and attach like us when it is started.
 */
#define CALIBRATE_GUESS_NS 1200.0 /* until it is known, and where it cannot be measured */

struct calibration {
	pid_t pid; /* 0: none */
	int fd;	   /* readable when the answer is there, -1 when there is nothing to wait for */
};

void calibration_start(struct calibration *c);
/* Takes the answer, or the guess; waits for it if need be, but not long. */
double calibration_take(struct calibration *c);
/*
 * The same where n other targets run the same file: the kernel asks the probe of each whether it is
 * meant (a chain of consumers, by file and offset). Measured with 9 and 19 of them, docs/cost.md.
 */
double calibration_among(double hit_ns, size_t n);
/* Before we go: leaves no process behind. Twice is fine. */
void calibration_end(struct calibration *c);

#define CALIBRATE_BATCH 100 /* calls */
/* What one call takes of our CPU time, in nanoseconds: in the quickest of several batches, which is
 * what it takes where nothing comes between. */
double calibrate_call_ns(void (*hit)(void));

#endif
