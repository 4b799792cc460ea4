/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_LABELS_H
#define MAPRACE_DETECT_GOMAP_LABELS_H

#include "detect/gomap/resolve.h"

/*
 * The profiler labels of a goroutine (runtime/pprof.Do, SetGoroutineLabels), which say what it
 * works for. They are read from the live process: a goroutine that has ended meanwhile, that works
 * for something else by now, or whose memory cannot be read, has none. Fills out->labels and sorts
 * them by key. 0 or -ENOMEM.
 */
int labels_read(const struct resolver *r, const struct mr_access *raw, struct report_access *out);

#endif
