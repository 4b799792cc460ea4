/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_OVERLAP_H
#define MAPRACE_OVERLAP_H

/*
 * What bpf/audit/overlap.bpf.c and user space share: which runs of the BPF programs looked at are
 * under way on which CPU, and which values of which maps they have looked up. Only whole words,
 * written by the CPU that they belong to; read by all.
 */
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define MR_RUN_CPUS 128	   /* more: their runs are not seen, and counted */
#define MR_RUN_DEPTH 2	   /* runs on one CPU, one in the other */
#define MR_RUN_VALUES 4	   /* looked up in one run */
#define MR_RUN_PROGRAMS 32 /* looked at */
#define MR_RUN_MAPS 32	   /* looked at */
#define MR_RUN_RANGES 64   /* functions of the programs, as compiled */

struct mr_run {
	__u64 turn;    /* odd: under way. Changed with every beginning and end */
	__u64 frame;   /* of the trampoline: the same at the beginning and at the end of one run */
	__u64 program; /* number */
	__u64 epoch;   /* when it began */
	__u64 nvalues;
	__u64 values[MR_RUN_VALUES]; /* addresses of elements */
};

/*
 * Of an end that went unseen something is left that looks like a run under way. User space asks the
 * kernel whether there was one, and then begins a new epoch: what is of an older one counts no more.
 */
struct mr_run_control {
	__u64 epoch;
};

enum mr_run_loss {
	MR_RUN_LOSS_DEPTH,     /* a run in a run in a run */
	MR_RUN_LOSS_UNMATCHED, /* ends of runs whose beginning was not seen */
	MR_RUN_LOSS_VALUES,    /* look-ups beyond the first few of a run */
	MR_RUN_LOSS_STACK,     /* look-ups by nobody knows whom */
	MR_RUN_LOSS_CPU,       /* on CPUs beyond the last */
	MR_RUN_LOSSES
};

struct mr_run_cpu {
	struct mr_run runs[MR_RUN_DEPTH];
	__u64 began[MR_RUN_PROGRAMS];
	__u64 overlaps[MR_RUN_PROGRAMS]; /* began while another run was under way elsewhere */
	__u64 lost[MR_RUN_LOSSES];
	__u64 met[MR_RUN_PROGRAMS][MR_RUN_MAPS]; /* and had looked up what is looked up now */
};

struct mr_run_config {
	__u32 ncpus;   /* possible ones */
	__u32 program; /* whose beginnings and ends these are */
	__u32 nmaps, nranges;
	__u32 maps[MR_RUN_MAPS]; /* ids */
	__u64 text_lo, text_hi;	 /* the kernel's own code */
	__u64 lookup;		 /* __htab_map_lookup_elem() */
	struct {
		__u64 lo, hi;
		__u64 program;
	} ranges[MR_RUN_RANGES];
};

#endif
