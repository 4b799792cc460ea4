/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_WIRE_H
#define MAPRACE_WIRE_H

/*
 * What the BPF programs and user space share, and nothing else: configuration, tables, events,
 * counters. Fixed-width, explicitly padded, numbers are never reused. The BPF side has these types
 * from vmlinux.h, user space from <linux/types.h>.
 *
 * One BPF object serves many targets: Go runtimes, each in a process. Addresses of two of them may
 * be equal, so each address that a table is keyed by, or that is compared with another one, carries
 * its target's tag in its top 16 bits: maps, goroutines, iterators. A tag is used for one target
 * only, and never again: nothing that is left of an earlier one can be taken for a later one's. Its
 * low bits are the target's slot in the tables by target, which do come to be used again.
 */
#include <maprace/site.h>

#define MR_FRAMES 64	     /* program counters kept of a stack */
#define MR_FASTPATH_SLOTS 64 /* of each CPU (power of two) */
#define MR_CPUS 512	     /* per-CPU state; CPUs beyond share entries (power of two) */
#define MR_TARGETS 256	     /* slots of targets; that with number 0 is nobody's (power of two) */
#ifndef MR_CPU_ENTRIES	     /* the unit tests, which do not size it later, need more */
#define MR_CPU_ENTRIES 8     /* struct mr_cpu by slot and CPU, where user space asks for no more */
#endif
#define MR_HOLD_SLOTS 1024    /* holds at one time, by map record (power of two) */
#define MR_CLAIM_SLOTS 4096   /* of holds, and of stacks with --suspects (power of two) */
#define MR_MAP_RECORDS 65536  /* default number of map records (power of two) */
#define MR_CALLER_SLOTS 16384 /* default number of call-site records (power of two) */
#define MR_PAIRS 4096	      /* different pairs of stacks that are told apart, of all targets */
#define MR_PAIRS_OWN 64	      /* and of each, whatever the others have */
#define MR_TRIAL_SLOTS 16384  /* maps whose verdict is worked on, by map record (power of two) */
#define MR_TRIAL_ODDS 4	      /* one of so many that are due for a hold is a control */
#define MR_DELAY_CPUS 8	      /* CPUs that are told apart on a racy map (power of two) */
#define MR_SUSPECT_SLOTS 1024 /* maps whose last stacks are kept, with --suspects (power of two) */
#define MR_SUSPECTS 1024      /* likewise of suspects */
#define MR_SUSPECTS_OWN 16
#define MR_NEARS 4096	 /* maps whose last call sites are known, by map record (power of two) */
#define MR_DISTANCES 40	 /* how far apart they were: powers of two of nanoseconds */
#define MR_MAP_SITES 32	 /* call sites of a map that are told apart (power of two) */
#define MR_HEADER_MAX 64 /* bytes of a map header that travel with an event */

/* What a clone has of the map that it was made from. */
enum mr_clone {
	MR_CLONE_NOTHING = 0,
	MR_CLONE_SEED = 1,
	MR_CLONE_FLAGS = 2, /* and its seed */
};

/* Of the engine: the same for all targets, and constants for the verifier. */
struct mr_config {
	__u64 pidns_dev; /* with pidns_ino: the pid namespace in which tgid counts, and all thread
			    ids: the targets' own; 0: the initial one */
	__u64 pidns_ino;
	__u64 max_hold_ns;
	__u64 min_hold_ns;
	__u64 bare_hold_ns; /* longest hold of a writer behind its stack check */
	__u64 grace_ns;	 /* how long a hold goes on after its collision, so that the other operation
			    gets done */
	__u64 burst_ns;	 /* most hold time a CPU can save up */
	__u64 window_ns; /* two accesses so close are suspects; 0: nobody asked for them */
	__u32 map_mask;	 /* records - 1 */
	__u32 caller_mask;   /* call-site records - 1 */
	__u32 holds_enabled; /* 0: count and look only */
	__u32 growth;	     /* 0: nobody asked how maps grow */
	__u32 target_mask;   /* slots of targets - 1 */
	/* 1 << shift: entries of each slot in the table by slot and CPU; mask: that - 1 */
	__u32 cpu_shift, cpu_mask;
	__u32 cloned_shift, cloned_mask; /* likewise, in the table of cloned seeds */
	__u32 cpus_shared;		 /* several CPUs have one struct mr_cpu */
	__u32 ring_half_shift;		 /* half a ring's size is 1 << this */
	__u32 long_holds;		 /* of tests, at one time: the other CPUs are free */
	__u32 panics;			 /* 0: nobody asked where programs panic */
	__u32 panic_values;		 /* and what they say */
};

#define MR_EMPTIED 256u

#define MR_RANKS 4u   /* of call sites in a test (bpf/gomap/slowdown.bpf.h): a power of two */
#define MR_LIBRARY 8u /* ranges of the standard library's code that are known */

struct mr_code { /* [lo, hi) */
	__u64 lo, hi;
};

/*
 * Of one target. Constants, written before its first probe is there; what user space changes while
 * the programs run; and what they keep for themselves.
 */
struct mr_target {
	__u32 tag;
	/* The tag while it is open, else 0: opened by user space when everything is in place,
	 * closed before anything is taken away. */
	__u32 gate;
	/* What holds may take at present of each CPU's time, in millionths: user space keeps the
	 * account. */
	__u32 hold_ppm;
	/* User space counts it up before probes are taken away or put back, and once more when that
	 * is done: odd means that they are being moved. */
	__u32 epoch;
	/* How many collections have marked all that lives, and may give the rest back from now on.
	 * User space counts it up where some may have gone unseen. */
	__u32 collections;
	__u32 tgid;
	/* Since when each function that writes to maps has had its probe, and the process has run
	 * without being stopped; 0: not all of them have. */
	__u64 whole_ns;
	/* When user space looked last whether it runs at all: when it did not, whole_ns is of then.
	 */
	__u64 looked_ns;
	__u64 runtime_lo; /* return addresses in here are a wrapper's: the caller that counts is one
			     frame up */
	__u64 runtime_hi;
	__u64 parent_goid_mask; /* 0: the version has no parent_goid */
	__u32 g_stack_lo, g_stack_hi, g_goid, g_gopc, g_parent_goid, g_labels, g_m; /* offsets in
									runtime.g */
	__u32 m_p, m_locks, m_preemptoff; /* in runtime.m */
	__u32 map_size;			  /* bytes of header to copy, <= MR_HEADER_MAX */
	__u32 map_flags;		  /* offset of the byte with the writing flag */
	__u32 map_writing_mask;		  /* bits of that byte that say "a writer is inside" */
	__u32 map_seed, map_seed_size;	  /* offset in the map's header; 4 or 8 bytes */
	__u32 map_old;		   /* classic: offset of the old buckets' address; Swiss: 0 */
	__u32 iter_map, iter_type; /* offsets in the iterator */
	__u32 collections_unseen;  /* not 0: nobody sees whether there was a collection */
	__u32 clone_copies;	   /* enum mr_clone */
	/* Entries of the tables of pairs and of suspects: the programs count. */
	__u32 pairs, suspects;
	/* When the runtime's own check ends it, all of it is stopped (SIGSTOP), for user space to
	 * look at it and to let it go on, after so many milliseconds at the latest; 0: it is not.
	 * Who lets it go sets this to 0 first. And when it was stopped last; 0: never. */
	__u32 stop_at_fatal_ms;
	/* Where runtime.recovery() is told to go on, in runtime._panic, or in runtime.g itself
	 * where recover_in_g is set; and where that one has its innermost _panic. */
	__u16 recover_pc, recover_sp;
	__u64 stopped_ns;
	/*
	 * A command that we have started is a test (bpf/gomap/slowdown.bpf.h): what it waits for us
	 * is paid from one account of the whole process. Since when it runs, 0: it is none; what it
	 * may take longer, in thousandths of the time alone; what it may take longer whatever that
	 * is; and what it waited for anything but holds, as user space knows it.
	 */
	__u64 test_began_ns, test_permille, test_credit_ns, test_other_ns;
	__u64 held_ns;	    /* by holds; of those under way, how long they are to be */
	__u64 long_hold_ns; /* of a test's call sites that are cold */
	__u64 bold_hold_ns; /* writers behind their stack check are held for so long all the same */
	/* Where runtime.sched.gcwaiting is: whoever is asked to stop while it is not set is to let
	 * others run, and need not hurry. 0: he always does. */
	__u64 stop_world;
	__u16 g_panic;
	__u8 recover_in_g;
	__u8 flag_stays; /* a map's writing flag may be set with nobody inside */
	__u32 panics;	 /* entries of the table of panics' sites, as pairs */
	struct mr_probe_site sites[MR_SITE_SLOTS];
	/* Maps of several goroutines that become empty now and then, by record: known by the seed
	 * that they have when a collection ends. Index of the record + 1. */
	__u32 emptied[MR_EMPTIED];
	/* Of a test: its holds under way, by rank; the long ones among them, of the program and of
	 * what is armed, 16 bits each; and where the standard library's code is, at addresses of
	 * the process. */
	__u32 ranks_held[MR_RANKS];
	__u32 long_holds;
	__u32 pad;
	struct mr_code library[MR_LIBRARY];
	/* By site: not 0 while its probe is away, between windows. What is probed of the call
	 * instructions that lead there stands in for it. */
	__u8 away[MR_SITE_SLOTS];
} __attribute__((aligned(128)));

/* One access with everything that a report says of it. */
struct mr_access {
	__u64 g; /* address of the runtime.g, tagged */
	__u64 goid;
	__u64 parent_goid;	/* 0: unknown */
	__u64 gopc;		/* return address of the go statement */
	__u64 time_ns;		/* CLOCK_MONOTONIC */
	__u64 type;		/* the map's type, run-time address, or 0 */
	__u64 labels;		/* address of its profiler labels then; 0: none, or not known */
	__u32 collections, pad; /* mr_target.collections then */
	__u32 tid, cpu;
	__u32 op; /* enum mr_op */
	__u32 nframes;
	__u32 flags; /* MR_ACCESS_* */
	__u32 stack_hash;
	__u64 pcs[MR_FRAMES]; /* [0] the probed instruction, then return addresses, innermost first */
};

#define MR_ACCESS_TRUNCATED 1u /* more frames than MR_FRAMES */
#define MR_ACCESS_BROKEN 2u    /* the frame pointer chain could not be followed to its end */
#define MR_ACCESS_PARTIAL 4u   /* from the map record: function and caller only */
#define MR_ACCESS_UNKNOWN 8u   /* it happened, but whose it was is not known: only op is valid */
#define MR_ACCESS_UNBORNE 16u  /* true only if a look at the dying process bears it out */

/* A hold: written by its owner only, read by everybody. seq is odd while it changes; a snapshot is
 * good when seq was even and the same before and after. */
struct mr_hold {
	__u64 seq;
	__u64 map;     /* the held map while the hold lasts, tagged, else 0 */
	__u64 hit_seq; /* set to seq by an operation that collided */
	__u32 rank;    /* of its call site, in a test (bpf/gomap/slowdown.bpf.h) */
	__u32 way_for; /* the ranks that it makes way for: a mask of mr_target.long_holds */
	struct mr_access access;
};

#define MR_MARKS 16u /* of writers, in a map's record: two words of eight bytes */

struct mr_map_access { /* last access of one class to a map */
	__u64 g;
	__u64 ns;
	__u32 tid;
	__u16 cpu;
	__u8 op;   /* enum mr_op, and MR_LAST_ONCE */
	__u8 slot; /* index of the probe site */
};

#define MR_LAST_ONCE 0x80u /* it has passed its stack check: the same call comes no second time */

#define MR_MAP_SHARED 1u    /* two goroutines have been seen */
#define MR_MAP_RACY 2u	    /* two have collided on it */
#define MR_MAP_WRITTEN 4u   /* at least one write since the record began */
#define MR_MAP_STACK 8u	    /* lies on a goroutine's stack */
#define MR_MAP_WRITERS 16u  /* more goroutines have written than writer and writer_before name */
#define MR_MAP_MET 32u	    /* two met, reported or not: whatever else is seen, it is not ordered */
#define MR_MAP_EMPTIED 64u  /* by a delete or a clear, perhaps: each gives it a new seed */
#define MR_MAP_CROWDED 128u /* used from more call sites than it has numbers for */

/*
 * Direct-mapped by tagged address; a newcomer takes the record over, be it that another map lies at
 * the same address since a collection (bpf/gomap/identity.bpf.h).
 */
struct mr_map {
	__u64 addr;
	union {
		struct {
			__u8 hold;  /* not 0: a map of this record is held, look at the hold */
			__u8 trial; /* not 0: a control is open, see mr_trial */
		};
		__u16 busy; /* either: one look on the hot path */
	};
	__u16 flags;
	__u32 seed;	/* of its header, folded; 0: not known */
	__u64 first_ns; /* when the record began to be this map's */
	__u64 next_look_ns;
	__u64 seen;	     /* one bit per goroutine, hashed */
	__u64 reads, writes; /* millions a second, for months */
	__u32 collected;     /* collections until it was known to be this map last */
	__u32 assigned;	     /* mr_assigned_mark() once it is certain that something was put in */
	__u64 looked;	     /* one bit per function that was looked at lately */
	struct mr_map_access reader;
	struct mr_map_access writer;
	struct mr_map_access
		writer_before; /* the last writer that was another goroutine than writer */
	__u64 type;
	__u64 hold_ns; /* time held */
	__u32 holds, collisions;
	/* One mark for each goroutine that has come to write, by its g (mr_mark()): stores
	 * only, so that of two that come at once none is forgotten. */
	__u8 marks[MR_MARKS];
	__u64 proved; /* the map whose collisions these are, else they are another's */
	/* The call sites that have used it since two goroutines were seen, by number: of each a
	 * mark (mr_site_mark()), from its home on where there was room; 0: none. Stores only, as
	 * above. */
	__u16 sites[MR_MAP_SITES];
};

/* Of a call site, by what it is hashed to (bpf/gomap/mapstate.bpf.h): never 0. */
static inline __u16 mr_site_mark(__u64 key)
{
	return (__u16)(key >> 48) + !(key >> 48);
}

/* Where its mark is looked for first. */
static inline __u32 mr_site_home(__u64 key)
{
	return (__u32)(key >> 43) & (MR_MAP_SITES - 1);
}

/* The place of a goroutine's mark, and the mark: never 0. */
static inline __u32 mr_mark_place(__u64 g)
{
	return (__u32)((g * 0x9e3779b97f4a7c15ull) >> 60) & (MR_MARKS - 1);
}

static inline __u8 mr_mark(__u64 g)
{
	return (__u8)((g * 0x9e3779b97f4a7c15ull) >> 52) | 1;
}

/*
 * What one CPU has seen a moment ago: this goroutine through this function with this argument used
 * the map of this record. So many operations of the same kind may pass with a look at nothing but
 * the record's busy: no cache line is written that another CPU reads.
 */
struct mr_fastpath {
	__u64 arg, g;	 /* a map, or an iterator */
	__u64 map, born; /* whose record: address and first_ns */
	__u32 index;	 /* of the record */
	__u32 passed;	 /* operations that the record has not counted yet */
	__u32 skip;	 /* that may still pass */
	__u32 step;	 /* how many next time */
	__u8 slot, op;
	__u8 pad[14];
};

/* The operation that a goroutine entered last, by goroutine (bpf/gomap/lastop.bpf.h). */
struct mr_last_op {
	__u64 arg;   /* a map, or an iterator */
	__u64 what;  /* epoch << 8 | slot of the site */
	__u64 sp;    /* where the return address was */
	__u64 check; /* arg ^ g ^ what ^ sp */
	/* Where it was looked at, else 0: who called, and when it was entered. */
	__u64 caller;
	__u64 time_ns;
	__u64 seal; /* caller ^ time_ns ^ check */
	/* The goroutine that lives at this g, and since when at the least. Its id has the target's
	 * tag: each target counts its own. */
	__u64 goid;
	__u64 since_ns;
	__u64 pad[7];
} __attribute__((aligned(128)));

#define MR_LAST_OPS 4096u

/* Of the key by which a slot is owned; written by its owner alone. */
struct mr_claim {
	__u32 generation;
	__u32 oldest; /* of one that could not be deleted yet, or the same */
};

#define MR_CLONED_BITS 17
/* Seeds of maps that were cloned, by hash; each slot of a target has its part of the table. */
#define MR_CLONED (1u << MR_CLONED_BITS)

/*
 * The experiment behind a map's verdict (docs/verdicts.md): of the operations that are due for a
 * hold, a coin makes some a control instead, which notes the moment and goes on. Who enters a held
 * map has collided; who enters within the same time after a control would have. Direct-mapped by
 * map record; written without atomics: a count may be lost, which makes for a weaker verdict.
 */
struct mr_trial {
	__u64 map, born; /* whose it is: address and first_ns of the map's record */
	/* the control that is open while mr_map.trial is set */
	__u64 g, processor; /* whose, and on which runtime.p */
	__u64 end_ns;
	__u32 tid;
	__u16 cpu;
	__u8 op;	       /* enum mr_op */
	__u8 site;	       /* number of its call site */
	__u32 holds, controls; /* how the coin fell */
	__u32 met;	       /* controls during which another goroutine came, sum of all sites */
	__u32 pad;
	__u8 by_site[MR_MAP_SITES]; /* the same by the control's site, at most 255 */
	__u8 pad2[32];
};

/* Who left for an operation on a racy map last, by CPU, and when (the lowest bit: a write); one for
 * all maps that share a slot. */
struct mr_delay {
	__u64 g[MR_DELAY_CPUS];
	__u64 when[MR_DELAY_CPUS];
};

/* With --suspects: the stack of a map's last looked-at reader or writer. seq as in mr_hold. */
struct mr_stack {
	__u64 seq;
	__u64 map;
	struct mr_access access;
};

struct mr_suspect { /* the key is the pair's hash */
	__u64 count;
	__u64 first_ns, last_ns;
	__u64 tag;		      /* of the target */
	__u32 distance[MR_DISTANCES]; /* [i]: 2^i ns and more; the last: and all beyond */
};

/* Whether a call site is armed: 0, it is not; up to MR_CALLER_ARMED, one more than the holds that
 * it had since and that met nobody. */
#define MR_CALLER_ARMED 8u
#define MR_CALLER_SPENT 9u    /* it was: it has met somebody, or nobody in all of its holds */
#define MR_CALLER_ORDERED 10u /* it was: the trials say that something keeps others out */

struct mr_caller { /* a call site: which return address into which function */
	__u64 key;
	__u64 next_ns;	     /* not held again before */
	__u64 call_ns;	     /* when it last passed a probed call instruction */
	__u64 ret;	     /* that return address */
	__u64 held_until_ns; /* a hold that is under way */
	__u32 holds;
	__u32 gap_us;
	__u32 partner;	 /* armed: the record of the other side */
	__u32 held_long; /* of its holds in a test, those on maps of several goroutines */
	__u8 asked;	 /* for a probe at the call instruction */
	__u8 armed;
	__u8 tried; /* holds while it was armed that met nobody, at most 255 */
	__u8 pad;
	__u32 looks; /* operations from here that were looked at */
};

/* Its key; ip: of the function's site, tagged, which what the target has on its stack leaves as it
 * is. */
static inline __u64 mr_caller_key(__u64 ip, __u64 ret)
{
	return (ip ^ mr_addr(ret << 1)) * 0x9e3779b97f4a7c15ull;
}

struct mr_near_access { /* who was looked at last, and from which call site */
	__u64 key, g, ns;
};

/* The call sites that used a map last (bpf/gomap/near.bpf.h). Direct-mapped by map record. */
struct mr_near {
	__u64 map, born; /* whose it is: address and first_ns of the map's record */
	struct mr_near_access reader, writer;
};

enum mr_counter { /* every early return that loses something has a number here; names and meanings
		  in user/detect/gomap/losses.c */
		  MR_COUNT_FOREIGN =
			  0, /* hit by a process that is not watched: filtered, nothing lost */
		  MR_COUNT_UNKNOWN_SITE = 1,
		  MR_COUNT_ITER_FAULT = 2,
		  MR_COUNT_CALLER_FAULT = 3,
		  MR_COUNT_G_FAULT = 4,
		  MR_COUNT_NO_GOID = 5,
		  MR_COUNT_HEADER_FAULT = 6,
		  MR_COUNT_SLOT_BUSY = 7,
		  MR_COUNT_SNAPSHOT_TORN = 8,
		  MR_COUNT_RING_FULL = 9,
		  MR_COUNT_PAIRS_FULL = 10,
		  MR_COUNT_MAP_EVICTED = 11,
		  MR_COUNT_CALLER_EVICTED = 12,
		  MR_COUNT_STACK_TRUNCATED = 13,
		  MR_COUNT_STACK_BROKEN = 14,
		  MR_COUNT_NO_TOKENS = 15,
		  MR_COUNT_RECORD_MISSING = 16,
		  MR_COUNT_IN_FLIGHT_UNATTRIBUTED = 17,
		  MR_COUNT_HOLD_SHORT = 18,
		  MR_COUNT_TRIAL_EVICTED = 19,
		  MR_COUNT_SUSPECTS_FULL = 20,
		  MR_COUNT_GROWTH_RING = 21,
		  MR_COUNT_GROWTH_UNPAIRED = 22,
		  MR_COUNT_GROWN_EVICTED = 23,
		  MR_COUNT_ITERATOR_EVICTED = 24,
		  MR_COUNT_KEPT_APART = 25, /* no loss: what we did to the target */
		  MR_COUNT_CLAIM_STUCK = 26,
		  MR_COUNT_HOLD_CUT = 27,
		  MR_COUNT_CALL_UNASKED = 28,
		  MR_COUNT_FATAL_UNATTRIBUTED = 29,
		  MR_COUNT_MAP_REBORN = 30,
		  MR_COUNT_HOLD_LOCKED = 31,
		  MR_COUNT_PANIC_SITES = 32,
		  MR_COUNT_PANIC_OUTCOME = 33,
		  MR_COUNT_PANIC_STACK = 34,
		  MR_COUNT_NEAR_EVICTED = 35,
		  MR_COUNT_NEAR_UNTOLD = 36,
		  MR_COUNT_MAX = 64, /* size of the table (power of two) */
};

/* Counters of one target on one CPU; plain adds, no shared cache line. Those of slot 0: of what is
 * no target's. */
struct mr_cpu {
	__u64 hits[MR_SITE_SLOTS];  /* operations, by probe site */
	__u64 calls[MR_SITE_SLOTS]; /* hits at call instructions, by the site that they lead to */
	__u64 nil_maps;
	__u64 stack_maps;
	__u64 looks; /* operations that took the slow path */
	__u64 holds;
	__u64 hold_ns;
	__u64 collisions; /* counting repeated ones */
	__u64 read_meets_read;
	__u64 tokens_ns;
	__u64 refilled_ns;
	__u64 racy; /* operations on maps proved racy; added to atomically, see delay_racy_op() */
	__u64 suspect_next_ns; /* when the next stack may be taken */
	__u64 pad[5];
	__u64 counts[MR_COUNT_MAX];
} __attribute__((aligned(128)));

struct mr_pair { /* value of the table of pairs; the key is the pair's hash */
	__u64 count;
	__u64 first_ns, last_ns;
	__u64 tag; /* of the target */
};

enum mr_event_kind {
	MR_EVENT_RACE = 1,
	MR_EVENT_FATAL = 2,
	MR_EVENT_GROWTH = 3,
	MR_EVENT_CALL = 4,
	MR_EVENT_DEATH = 5, /* maprace/death.h: for another reason than the runtime's check */
	MR_EVENT_PANIC = 6, /* maprace/panics.h */
	MR_EVENT_NEAR = 7,
};

enum mr_evidence {
	MR_EVIDENCE_COLLISION = 1,
	MR_EVIDENCE_IN_FLIGHT = 2,
	MR_EVIDENCE_WINDOW = 3, /* no proof: held_ns is how far apart the two were */
};

struct mr_event_header {
	__u16 kind;
	__u16 tag; /* of the target */
	__u32 size;
	__u64 time_ns;
};

struct mr_event_race {
	struct mr_event_header header;
	__u64 pair;
	__u64 map;
	__u64 held_ns;
	__u32 evidence;	       /* enum mr_evidence */
	__u32 map_header_size; /* 0: could not be read */
	__u32 growing;	       /* with --growth: one of its Swiss tables was growing */
	__u32 pad;
	__u8 map_header[MR_HEADER_MAX];
	struct mr_access
		access[2]; /* [0] entered, [1] was held (or, in flight, was the last writer) */
};

/* A call site whose goroutines are to be held at the call instruction from now on. */
struct mr_event_call {
	struct mr_event_header header;
	__u64 ret;  /* its return address */
	__u32 slot; /* of the site of the function that it calls */
	__u32 pad;
};

/* Two call sites were armed, or the first one is found to be ordered with others. */
struct mr_event_near {
	struct mr_event_header header;
	__u64 key[2], ret[2]; /* of their records; 0: not known any more */
	__u32 ordered;
	__u32 pad;
};

/*
 * The place of a product with that odd number. Of two keys that differ in the top 16 bits alone,
 * the tag's, the low 16 bits here do, and if the low n bits of the tags do, then the low n here:
 * the targets that are watched at one time, whose slots differ, meet nowhere because their
 * addresses are the same.
 */
static inline __u32 mr_place(__u64 product, __u32 mask)
{
	__u32 high = (__u32)(product >> 32);

	return (high ^ high >> 16) & mask;
}

/* Where a map's record is, given the mask of the table, or what else a tagged address leads to; and
 * a goroutine's bit in mr_map.seen. */
static inline __u32 mr_map_index(__u64 addr, __u32 mask)
{
	return mr_place(addr * 0x9e3779b97f4a7c15ull, mask);
}

/* Whether the collisions that its record tells of are this map's. */
static inline int mr_map_proved(const struct mr_map *m, __u64 addr)
{
	return m->proved == addr;
}

/* Says that of this map alone and since its record began: whoever takes the record over meanwhile
 * does not take over a mark that is set late. Never 0. */
static inline __u32 mr_assigned_mark(__u64 addr, __u64 first_ns)
{
	return (__u32)((addr ^ first_ns * 0x9e3779b97f4a7c15ull) * 0x9e3779b97f4a7c15ull >> 32) | 1;
}

static inline __u64 mr_goroutine_bit(__u64 g)
{
	return 1ull << ((g * 0x9e3779b97f4a7c15ull) >> 58);
}

_Static_assert(sizeof(struct mr_config) == 120, "wire");
_Static_assert(sizeof(struct mr_target) == 512 + 17 * MR_SITE_SLOTS + 4 * MR_EMPTIED, "wire");
_Static_assert(sizeof(struct mr_access) == 88 + 8 * MR_FRAMES, "wire");
_Static_assert(sizeof(struct mr_hold) == 32 + sizeof(struct mr_access), "wire");
_Static_assert(sizeof(struct mr_claim) == 8, "wire");
_Static_assert(sizeof(struct mr_map_access) == 24, "wire");
_Static_assert(sizeof(struct mr_map) == 256, "wire");
_Static_assert(sizeof(struct mr_fastpath) == 64, "wire");
_Static_assert(sizeof(struct mr_last_op) == 128, "wire");
_Static_assert(sizeof(struct mr_delay) == 128, "wire");
_Static_assert(sizeof(struct mr_trial) == 128, "wire");
_Static_assert(sizeof(struct mr_stack) == 16 + sizeof(struct mr_access), "wire");
_Static_assert(sizeof(struct mr_suspect) == 32 + 4 * MR_DISTANCES, "wire");
_Static_assert(sizeof(struct mr_caller) == 64, "wire");
_Static_assert(sizeof(struct mr_near) == 64, "wire");
_Static_assert(sizeof(struct mr_event_near) == 56, "wire");
_Static_assert(sizeof(struct mr_cpu) == 2688, "wire");
_Static_assert(sizeof(struct mr_pair) == 32, "wire");
_Static_assert(sizeof(struct mr_event_race) == 56 + MR_HEADER_MAX + 2 * sizeof(struct mr_access),
	       "wire");

#endif
