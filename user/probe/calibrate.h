/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_CALIBRATE_H
#define MAPRACE_PROBE_CALIBRATE_H

/*
 * What one hit of a probe costs the thread that hits it, in nanoseconds: measured on a child of
 * ours that runs the same kind of instruction, a conditional jump, under a probe and without. Takes
 * some 20 ms. Where it cannot be measured, a careful guess.
 */
#define CALIBRATE_GUESS_NS 1200.0

double calibrate_hit_ns(void);

#endif
