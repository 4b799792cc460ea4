/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BPFMAP_H
#define MAPRACE_BPFMAP_H

/*
 * What the programs that watch kernel BPF maps share with user space. All tables are arrays:
 * programs' look-ups in arrays are inlined, so that watching never calls a function that is
 * watched. Fixed-width, explicitly padded, numbers are never reused.
 */
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define MR_BPF_KEY_MAX 64 /* bytes of a key, or of a value, that travel with an event */
#define MR_BPF_DIGEST_MAX \
	256 /* bytes of a key or a value that count; what differs beyond is not told apart */
#define MR_BPF_CPUS 512 /* CPUs beyond share entries (power of two) */
#define MR_BPF_WAYS 4
#define MR_BPF_KEYS 8192   /* keys followed at one time, in sets of MR_BPF_WAYS (power of two) */
#define MR_BPF_READS 65536 /* reads that may yet be written back (power of two) */
#define MR_BPF_VERSIONS 8  /* of a key, the last ones that are known (power of two) */
#define MR_BPF_LINEAGES 131072 /* values of keys whose depth is remembered (power of two) */
#define MR_BPF_ROWS 4096       /* maps, by id (power of two) */
#define MR_BPF_FINDINGS 4096   /* in sets of MR_BPF_WAYS (power of two) */
#define MR_BPF_CHUNKS 65536    /* 64-byte pieces of programs' code, hashed (power of two) */
#define MR_BPF_CHUNK_PROBES 8
#define MR_BPF_STACK 12 /* kernel frames looked at to tell who calls */
#define MR_BPF_HELPERS 3
#define MR_BPF_FUNCTIONS 16
#define MR_BPF_READERS 8 /* programs of ours that see look-ups (power of two) */

/* Functions that on some kernels call another watched one, and tell of it themselves. */
enum mr_bpf_outer {
	MR_BPF_HTAB_LOOKUP = 0, /* htab_map_lookup_elem */
	MR_BPF_LRU_LOOKUP = 1,	/* htab_lru_map_lookup_elem */
};

#define MR_BPF_LISTED 8 /* maps that are told from all others by comparing numbers alone */

struct mr_bpf_config {
	__u64 text_lo, text_hi; /* the kernel's own code; what calls from beyond is a BPF program
				   (or a module) */
	struct {
		__u64 lo, hi;
	} helper[MR_BPF_HELPERS]; /* bpf_map_{lookup,update,delete}_elem: programs may be behind
				     them */
	__u64 function[MR_BPF_FUNCTIONS]; /* where the watched functions begin; the first two are
					     enum mr_bpf_outer */
	__u64 window_ns;	 /* a write this long after the read is no read-modify-write */
	__u64 program_window_ns; /* the same for BPF programs, which do not wait */
	__u64 burst_ns;		 /* most time a CPU can save up for our work */
	__u32 own_tgid;		 /* whose system calls do not count; 0: nobody's */
	__u32 only_listed;	 /* maps without a row are not watched */
	__u32 ppm; /* share of each CPU's time our work may take; 1,000,000 and more: no limit */
	__u32 nlisted;		     /* of listed; 0: look into the rows */
	__u32 listed[MR_BPF_LISTED]; /* only_listed, and few: the maps' ids */
	__u64 per_cpu_offset;	     /* where the kernel's __per_cpu_offset[] is; 0: not known */
	__u32 ncpus;		     /* of it */
	__u32 hides;		     /* this kernel does not start a program within itself, and */
	__u32 misses_offset;	     /* counts that here in struct bpf_prog_stats */
	__u32 pad;
};

enum mr_bpf_actor_kind {
	MR_BPF_NOBODY = 0,
	MR_BPF_TASK = 1,    /* a thread inside bpf(2) */
	MR_BPF_PROGRAM = 2, /* a BPF program on a CPU */
	MR_BPF_CODE = 3,    /* code outside the kernel image that no known program claims */
};

struct mr_bpf_actor {
	__u64 id;     /* who it is to the detector: a thread, or a program on a CPU */
	__u64 caller; /* return address into the program; 0 for a thread */
	__u32 kind;   /* enum mr_bpf_actor_kind */
	__u32 cpu;
	__u32 tgid, tid; /* the thread; for a program, the one it runs on top of */
	__u32 prog_id;	 /* 0: not known */
	__u32 pad;
	char comm[16];
};

/* The lineage of a value is its depth: one more than that of the value its writer had read. */
struct mr_bpf_version {
	__u64 digest;  /* of the value; MR_BPF_ABSENT, MR_BPF_VOID */
	__u64 ns;      /* when its writer entered the kernel's function ... */
	__u64 done_ns; /* ... and left it; 0: has not yet */
	__u32 seq;
	__u32 depth;
	__u32 rmw;	/* its writer had read the key before */
	__u32 in_place; /* it may have changed the element that was there (BPF_F_LOCK) */
	struct mr_bpf_actor by;
};

#define MR_BPF_ABSENT 1ull /* the key is not there */
#define MR_BPF_VOID 2ull   /* no version: the update failed */

struct mr_bpf_inside { /* writers inside the kernel's function */
	__u64 since_ns;
	__u32 n;
	__u32 pad;
};

struct mr_bpf_key {
	__u64 tag;  /* hash of map and key; 0 free, 1 changes hands */
	__u64 head; /* depth << 32 | seq: the newest version */
	__u64 created_ns, last_ns;
	__u64 settled_ns, settled_end_ns; /* of the writes that are over, the one that began last */
	__u64 inside_id, inside_ns;	  /* a writer inside the kernel's function */
	__u64 overlap_id,
		overlap_ns; /* who came while it was inside; 0 nobody, 1 is being written */
	__u64 ambiguous_ns; /* when one left of which no version was made: it came at any time */
	__u64 dropped_ns;   /* when one was over that is not among the last versions any more */
	__u32 born;	    /* tells this use of the record from all others */
	__u32 next;	    /* last sequence number given out */
	__u32 inside_op, overlap_op;
	struct mr_bpf_inside pending;	      /* will be told of at their end: no version yet */
	struct mr_bpf_inside evicted_pending; /* their versions are not among the last any more */
	struct {
		__u64 id, group;
	} recent[2]; /* the last two that wrote */
	struct mr_bpf_version version[MR_BPF_VERSIONS];
	struct mr_bpf_actor inside, overlap;
};

#define MR_BPF_MATCHED 1u  /* the version read was recognised by the value's digest */
#define MR_BPF_LATE 2u	   /* it is not the newest, although the newest was in place before */
#define MR_BPF_LATE_RMW 4u /* ... and was made of something read */
#define MR_BPF_OR_RMW 8u   /* ... or so was what the other one wrote who may have been it */

struct mr_bpf_read { /* by map, key and actor */
	__u64 tag;
	__u64 digest;
	__u64 ns; /* before the value was looked at */
	__u32 seq, depth;
	__u32 born;  /* of the key's record; 0: it had none */
	__u32 flags; /* MR_BPF_MATCHED etc. */
	__u32 head;  /* sequence number of the newest version then */
	__u32 turn;  /* a program's: how often its thread had got or lost its CPU by then */
	__u64 by_id, by_group; /* who wrote what was read; 0: not known */
	__u64 or_by_id, or_by_group;
	__u64 done_ns;	   /* when the writer of what was read had left; 0: not known, or had not */
	__u64 missed_runs; /* look-ups that the kernel had missed on this CPU by then */
};

#define MR_BPF_MANY (~0ull) /* no actor's id: more than one */

struct mr_bpf_lineage { /* a value that a key has had, by map, key and digest */
	__u64 tag;
	__u64 done_ns;	       /* when the last writer of it left */
	__u32 seq, depth;      /* of the newest version with this value */
	__u32 rmw;	       /* 1: the last writer had read; 2: the other one had */
	__u32 inflight_writes; /* writers of it that have not left */
	__u64 by_id, by_group;
	__u64 or_by_id, or_by_group; /* who wrote the same, and was inside then; MR_BPF_MANY */
};

#define MR_BPF_ROW_IGNORE 1u
#define MR_BPF_ROW_PLAIN 2u /* counted only: its values are per CPU */

struct mr_bpf_row { /* one map */
	__u32 id;
	__u32 type;
	__u32 flags;
	__u32 rewriter; /* the last process that has written a key after reading it */
	__u64 reads, writes;
	__u64 rewrites; /* such writes */
	__u64 writers;	/* one bit per thread group or program, hashed */
	__u64 conflicts;
	__u64 gap_ns; /* when something last went unseen here: reads from before count no more */
	__u64 program_gap_ns; /* ... reads by programs */
};

enum mr_bpf_finding_kind {
	MR_BPF_LOST_UPDATE = 1,
	MR_BPF_CONCURRENT_WRITE = 2,
};

struct mr_bpf_finding { /* counts of one map, key, kind and pair of process or program */
	__u64 tag;
	__u64 count; /* stale writes, or overlaps */
	__s64 lost;  /* updates lost by them */
	__u64 first_ns, last_ns;
	__u64 pad;
};

struct mr_bpf_chunk { /* which program a 64-byte piece of code belongs to; open-addressed by
			 mr_bpf_chunk_slot() */
	__u64 at;     /* address >> 6 */
	__u32 prog_id;
	__u32 pad;
};

static inline __u32 mr_bpf_chunk_slot(__u64 at)
{
	return (__u32)((at * 0x9e3779b97f4a7c15ull) >> 40) & (MR_BPF_CHUNKS - 1);
}

enum mr_bpf_op { MR_BPF_READ = 0, MR_BPF_UPDATE = 1, MR_BPF_DELETE = 2, MR_BPF_OPS = 4 };

enum mr_bpf_counter { /* names and meanings in user/detect/bpfmap/map_losses.c */
		      MR_BPF_COUNT_NESTED = 0,
		      MR_BPF_COUNT_BUDGET = 1,
		      MR_BPF_COUNT_KEY_FAULT = 2,
		      MR_BPF_COUNT_VALUE_FAULT = 3,
		      MR_BPF_COUNT_VALUE_LONG = 4,
		      MR_BPF_COUNT_KEY_REPLACED = 5,
		      MR_BPF_COUNT_KEY_BUSY = 6,
		      MR_BPF_COUNT_READ_REPLACED = 7,
		      MR_BPF_COUNT_ROW_REPLACED = 8,
		      MR_BPF_COUNT_FINDING_FULL = 9,
		      MR_BPF_COUNT_RING_FULL = 10,
		      MR_BPF_COUNT_EXIT_UNMATCHED = 11,
		      MR_BPF_COUNT_PROGRAM_UNKNOWN = 12,
		      MR_BPF_COUNT_STACK_FAULT = 13,
		      MR_BPF_COUNT_READ_OLD = 14,
		      MR_BPF_COUNT_READ_EXPIRED = 15,
		      MR_BPF_COUNT_UNDECIDED = 16,
		      MR_BPF_COUNT_UNNAMED = 17,
		      MR_BPF_COUNT_MAX = 24,
};

/* A writer between entry and exit of the kernel's function. */
struct mr_bpf_open {
	__u64 map, key, task; /* of the call: exit must find the same */
	__u64 tag;
	__u64 digest;	  /* of the value that is written */
	__u64 prev, mine; /* heads before and after */
	__u64 started_ns;
	struct mr_bpf_read read;
	__u32 record; /* index of the key's record */
	__u32 map_id;
	__u32 value_size, key_size;
	__u8 valid, rmw, deferred, stale;
	__u8 op, quiet, in_place, inside; /* inside: the other one still was when this one came */
	__s32 lost;
	__u32 other_seq; /* the version that is overwritten unread */
	__u32 pad2;
	struct mr_bpf_actor actor, other, late;
	__u64 other_digest, other_ns, other_group;
	struct mr_bpf_actor overlap;
	__u64 overlap_ns;
	struct mr_bpf_version top; /* what was the newest before: the ring goes on meanwhile */
	__u8 key_bytes[MR_BPF_KEY_MAX];
	__u8 value[MR_BPF_KEY_MAX];
};

#define MR_BPF_OPENS 4 /* of one CPU: writers are interrupted by others, and preempted */

struct mr_bpf_call { /* the arguments of the kernel's function */
	__u64 map, key, value, flags;
	__u64 gap_ns, program_gap_ns; /* of the map's row */
	__u32 map_id, slot, key_size, value_size;
	__u32 op;      /* enum mr_bpf_op */
	__u32 syscall; /* only bpf(2) comes here */
	__u32 inner;   /* on some kernels one of enum mr_bpf_outer comes here */
	__u32 pad;
};

struct mr_bpf_cpu {	       /* touched by its CPU only */
	__u64 ops[MR_BPF_OPS]; /* seen in all watched maps */
	__u64 counts[MR_BPF_COUNT_MAX];
	__u64 spent_ns; /* in our programs */
	__u64 tokens_ns, refilled_ns;
	__u64 began_ns, now_ns;
	__u32 busy; /* inside one of our programs */
	__u32 dry;  /* out of tokens until they are full again */
	__u64 stack[MR_BPF_STACK];
	__u32 inside; /* place in stack of the first frame inside the kernel's image */
	__u32 pad;
	__u64 key[MR_BPF_DIGEST_MAX / 8];
	__u64 value[MR_BPF_DIGEST_MAX / 8];
	struct mr_bpf_call call;
	__u64 copy_task, copy_ns; /* bpf(2) is copying a value out since then */
	struct mr_bpf_actor reader;
	struct mr_bpf_open open[MR_BPF_OPENS];
	__u64 misses[MR_BPF_READERS]; /* where the kernel counts what it hid of each of control's
					 readers on this CPU; from the first 0 on: no more */
} __attribute__((aligned(64)));

struct mr_bpf_control {
	__u32 gate;	    /* 0: do nothing */
	__u32 hidden_known; /* every counter of what the kernel hides has been found */
	__u64 gap_ns;	    /* when something last went unseen: reads from before count no more */
	__u64 unknown_ns;   /* when an unknown program was last told of */
	__u32 reader[MR_BPF_READERS]; /* ids of our programs that see look-ups */
};

enum mr_bpf_event_kind {
	MR_BPF_EVENT_FINDING = 1,
	MR_BPF_EVENT_UNKNOWN_PROGRAM = 2,
};

struct mr_bpf_event {
	__u32 kind; /* enum mr_bpf_event_kind */
	__u32 size;
	__u64 time_ns;
};

struct mr_bpf_event_unknown {
	struct mr_bpf_event header;
	__u64 caller;
};

/* What is lost is so only because the other one had read as well: both were inside at one time. */
#define MR_BPF_BOTH_READ 1u

struct mr_bpf_event_finding {
	struct mr_bpf_event header;
	__u64 tag;     /* of the finding */
	__u32 finding; /* enum mr_bpf_finding_kind */
	__u32 map_id;
	__u32 key_size, value_size; /* of the map */
	__u32 op;		    /* enum mr_bpf_op: what the writer did */
	__u32 flags;		    /* MR_BPF_BOTH_READ */
	__u64 read_ns, other_ns, write_ns;
	__u64 read_digest, other_digest, write_digest;
	__s64 lost;
	struct mr_bpf_actor writer; /* who wrote back what was stale, or entered */
	struct mr_bpf_actor other;  /* who wrote in between, or was inside */
	__u8 key[MR_BPF_KEY_MAX];
	__u8 value[MR_BPF_KEY_MAX]; /* what was written back */
};

_Static_assert(sizeof(struct mr_bpf_config) == 288, "wire");
_Static_assert(sizeof(struct mr_bpf_actor) == 56, "wire");
_Static_assert(sizeof(struct mr_bpf_version) == 96, "wire");
_Static_assert(sizeof(struct mr_bpf_key) == 176 + 8 * 96 + 2 * 56, "wire");
_Static_assert(sizeof(struct mr_bpf_read) == 96, "wire");
_Static_assert(sizeof(struct mr_bpf_lineage) == 64, "wire");
_Static_assert(sizeof(struct mr_bpf_row) == 72, "wire");
_Static_assert(sizeof(struct mr_bpf_finding) == 48, "wire");
_Static_assert(sizeof(struct mr_bpf_chunk) == 16, "wire");
_Static_assert(sizeof(struct mr_bpf_event_finding) == 48 + 56 + 2 * 56 + 2 * MR_BPF_KEY_MAX,
	       "wire");

#endif
