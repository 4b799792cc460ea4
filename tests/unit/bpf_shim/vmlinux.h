/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SHIM_VMLINUX_H
#define MAPRACE_SHIM_VMLINUX_H

/* What the BPF programs need of the kernel when they are compiled as ordinary C for the unit tests.
 */
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_RINGBUF = 27
};
enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST, BPF_F_LOCK = 4 };
enum { BPF_F_MMAPABLE = 1024 };

struct pt_regs {
	unsigned long r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, flags, sp, ip;
};

struct bpf_map {
	__u32 id, map_type, key_size, value_size;
};

struct bpf_pidns_info {
	__u32 pid, tgid;
};

#endif
