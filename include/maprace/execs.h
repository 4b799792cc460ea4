/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_EXECS_H
#define MAPRACE_EXECS_H

/* What the BPF program that sees who executes what shares with user space. Both sides have __u64
 * and its kin: from vmlinux.h, and from linux/types.h. */
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define EXECS_RING_BYTES (256u << 10) /* some 4,000 events */

struct execs_file { /* as the kernel has it, not as stat(2) tells it */
	__u64 ino;
	__s64 size;
	__u32 dev, generation;
};

struct execs_event {   /* a process runs this file from now on */
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct execs_file file;
	__u32 pid, unused; /* in the namespace of whoever asks */
};

#endif
