/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the three parts of `visibility`: from where can operations on a kernel BPF map be seen?
 */
#ifndef VISIBILITY_H
#define VISIBILITY_H

/* Words of the array `control`. */
enum control { CONTROL_MAP_ID, CONTROL_SOURCE, CONTROL_WORDS };

/* Who operates on the map. Order is that of the table. */
enum source {
	SOURCE_SYSCALL,
	SOURCE_BATCH,
	SOURCE_SOCKET,
	SOURCE_XDP,
	SOURCE_TC,
	SOURCE_RAW_TP,
	SOURCE_FENTRY,
	SOURCE_KPROBE,
	SOURCE_TRACEPOINT,
	SOURCE_PERF_EVENT,
	SOURCE_UPROBE,
	SOURCES
};

#define MAX_OBSERVERS 96

#endif
