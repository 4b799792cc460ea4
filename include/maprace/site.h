/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SITE_H
#define MAPRACE_SITE_H

/* Operations, and the instructions that tell of them: a part of maprace/wire.h. */
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define MR_SITE_SLOTS 128  /* probe sites of one target, by number (power of two) */
#define MR_SITES 32768	   /* hash table of those of all targets (power of two), see below */
#define MR_SITE_STEPS 16   /* so far from its place a site may be */
#define MR_PROCESSES 1024  /* hash table of targets by process (power of two) */
#define MR_CALL_SLOTS 8192 /* hash table of probed call instructions (power of two) */
#define MR_CALL_STEPS 8	   /* so far from its slot one may be */

/* MR_SITES: with all else that is in .bss less than 4 MiB, the most that kernels before 6.0 map. */

enum mr_op {
	MR_OP_NONE = 0,
	MR_OP_READ = 1,
	MR_OP_WRITE = 2,
	MR_OP_DELETE = 3,
	MR_OP_ITERATE = 4,
	MR_OP_CLEAR = 5,
	MR_OP_CLONE = 6,
	MR_OP_MAX = 8, /* size of tables by operation */
	/* With --growth: no operations, but what the runtime does inside some of them. */
	MR_OP_GROW = 8,	  /* a map, or a Swiss table, begins to grow */
	MR_OP_TABLE = 9,  /* a Swiss map of one group gets a table */
	MR_OP_MOVE = 10,  /* classic: an old bucket is emptied into the new ones */
	MR_OP_GROWN = 11, /* the return from any of these */
	/* Neither: the collector has marked all that lives, and gives nothing back before. */
	MR_OP_COLLECTED = 12,
	MR_OP_THROW = 13, /* the runtime has found a fault of its own */
	MR_OP_PANIC = 14, /* a panic that nobody has recovered from ends the process */
	/* With --panics: no operations either. */
	MR_OP_GOPANIC = 15,  /* a panic begins */
	MR_OP_RECOVERY = 16, /* one was recovered */
	MR_OP_GOEXIT = 17,   /* runtime.Goexit */
};

static inline int mr_op_writes(__u32 op)
{
	return op == MR_OP_WRITE || op == MR_OP_DELETE || op == MR_OP_CLEAR;
}

/* Whether it asks for the writing flag of an empty Swiss map too: reads and deletes return before
 * (Go src/internal/runtime/maps/map.go); a clear does where something was deleted, an iteration
 * that was begun before the map was emptied. No branch: BPF. */
static inline __u32 mr_op_asks_if_empty(__u32 op)
{
	return (1u << MR_OP_WRITE | 1u << MR_OP_CLONE | 1u << MR_OP_CLEAR | 1u << MR_OP_ITERATE) >>
		       (op & (MR_OP_MAX - 1)) &
	       1;
}

/* Whether the probe has the program of panics. */
static inline int mr_op_is_panics(__u32 op)
{
	return op >= MR_OP_GOPANIC && op <= MR_OP_GOEXIT;
}

/* Of a probe that has a place in the table of sites: not those where a process dies, nor the
 * collector's. */
static inline int mr_op_has_site(__u32 op)
{
	return (op != MR_OP_NONE && op < MR_OP_COLLECTED) || mr_op_is_panics(op);
}

/* Where a probed function has its map, or its map's type. */
enum mr_arg {
	MR_ARG_NONE = 0,
	MR_ARG_0 = 1,	 /* first integer register (RAX) */
	MR_ARG_1 = 2,	 /* RBX */
	MR_ARG_2 = 3,	 /* RCX */
	MR_ARG_ITER = 4, /* in the iterator that the first register points to */
};

/* The integer register that comes with it: the first one is 0. Not of MR_ARG_NONE. */
static inline __u32 mr_arg_register(__u8 arg)
{
	return arg == MR_ARG_ITER ? 0 : arg - MR_ARG_0;
}

/* Go's calling convention: where an argument that came in this register is kept, where it is kept
 * in memory at all: so many bytes above its function's return address. */
static inline __u64 mr_home_offset(__u32 reg)
{
	return 8 + 8 * (__u64)reg;
}

/* The address without its target's tag, and the tag. */
#define MR_TAG_SHIFT 48

static inline __u64 mr_addr(__u64 tagged)
{
	return tagged << (64 - MR_TAG_SHIFT) >> (64 - MR_TAG_SHIFT);
}

static inline __u16 mr_tag(__u64 tagged)
{
	return (__u16)(tagged >> MR_TAG_SHIFT);
}

static inline __u64 mr_tagged(__u64 addr, __u16 tag)
{
	return mr_addr(addr) | (__u64)tag << MR_TAG_SHIFT;
}

/* A probed instruction. ip is its run-time address, op 0 or MR_OP_COLLECTED for a probe that sees
 * no operation. */
struct mr_probe_site {
	__u64 ip;
	__u8 op;       /* enum mr_op */
	__u8 map_arg;  /* enum mr_arg */
	__u8 type_arg; /* enum mr_arg */
	__u8 jump;     /* the stack check's: taken, the function begins anew afterwards */
	__u16 depth;   /* ip is so many bytes behind its function's entry */
	__u8 pad[2];
};

/* In the table of all: open-addressed by mr_site_place(). Of one process with several runtimes the
 * instruction tells which it is. */
struct mr_site {
	struct mr_probe_site site;
	__u32 tgid;
	__u16 tag;
	__u8 number; /* among its target's sites; no operation's: MR_SITE_SLOTS */
	__u8 pad[9];
};

static inline __u32 mr_site_place(__u32 tgid, __u64 ip)
{
	return (__u32)(((ip ^ (__u64)tgid << 24) * 0x9e3779b97f4a7c15ull) >> 40) & (MR_SITES - 1);
}

/* Open-addressed by mr_process_place(). */
struct mr_process {
	__u32 tgid; /* 0: none */
	__u32 tag;
};

/* Spread: processes that were started together have numbers that lie close together. */
static inline __u32 mr_process_place(__u32 tgid)
{
	return tgid * 0x9e3779b1u >> 16 & (MR_PROCESSES - 1);
}

/*
 * A call instruction in front of such a function that is probed as well, so that a goroutine can be
 * held before its stack check (bpf/gomap/stops.bpf.h). Open-addressed by mr_call_slot().
 */
struct mr_call {
	__u64 ip; /* 0: none */
	__u32 tgid;
	__u16 tag;
	__u8 slot; /* number of the site of the function that it calls */
	__u8 pad;
	__u32 hits; /* plain adds: some may be lost */
	__u32 pad2;
};

static inline __u32 mr_call_slot(__u32 tgid, __u64 ip)
{
	return (__u32)(((ip ^ (__u64)tgid << 24) * 0x9e3779b97f4a7c15ull) >> 40) &
	       (MR_CALL_SLOTS - 1);
}

_Static_assert(sizeof(struct mr_probe_site) == 16, "wire");
_Static_assert(sizeof(struct mr_site) == 32, "wire");
_Static_assert(sizeof(struct mr_call) == 24, "wire");

#endif
