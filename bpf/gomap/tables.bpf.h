/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPRACE_TABLES_BPF_H
#define MAPRACE_TABLES_BPF_H

/*
 * Configuration and tables, shared by all targets. Everything that every operation touches is an
 * array: the JIT inlines look-ups in arrays, and a global variable needs none.
 */
#include <maprace/growth.h>
#include <maprace/death.h>
#include <maprace/panics.h>

#ifndef MR_FROZEN
#define MR_FROZEN \
	const volatile /* the unit tests, which compile this as ordinary C, want to write it */
#endif

/* Set before loading and frozen then, so that the verifier folds it in. The defaults load alone. */
MR_FROZEN struct mr_config cfg = {
	.map_mask = MR_MAP_RECORDS - 1,
	.caller_mask = MR_CALLER_SLOTS - 1,
	.target_mask = MR_CPU_ENTRIES / 2 - 1,
	.cpu_shift = 1,
	.cpu_mask = 1,
	.cloned_shift = MR_CLONED_BITS - 2,
	.cloned_mask = MR_CLONED / 4 - 1,
	.ring_half_shift = 19,
};

#define MR_RING_HALVES(bytes) ((bytes) >> cfg.ring_half_shift)
#include "common/ring.bpf.h"

_Static_assert(MR_RING_SIZE == 1u << 20, "the default above");

/* By slot. Each has its constants from user space before its sites are in the table of those. */
struct mr_target targets[MR_TARGETS] = {};

/* When whoever lets processes go that stand still was seen alive last, by itself. */
volatile __u64 keeper_ns = 0;
#define KEEPER_HOLDS_NS 10000000000ull /* without it nobody is held any more */

static __always_inline bool may_hold(__u64 now)
{
	__u64 seen = keeper_ns;

	return cfg.holds_enabled && (!seen || (__s64)(now - seen) < (__s64)KEEPER_HOLDS_NS);
}

/* Written by user space alone, while we run. */
struct mr_site sites[MR_SITES] = {};
struct mr_process processes[MR_PROCESSES] = {};
struct mr_call call_sites[MR_CALL_SLOTS] = {};

/* By slot and CPU. In a section of its own: user space makes it as large as is needed. */
struct mr_cpu cpus[MR_CPU_ENTRIES] SEC(".data.cpus") = {};

struct mr_last_op latest[MR_LAST_OPS] = {};
struct mr_claim claim_states[MR_CLAIM_SLOTS] = {};
__u32 cloned[MR_CLONED] =
	{}; /* by slot and seed: collections when one with it was cloned last, + 1 */
/* Entries of pairs, of suspects and of panics' sites beyond each target's own. */
__u32 pairs_common = 0, suspects_common = 0, panics_common = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MR_MAP_RECORDS);
	__type(key, __u32);
	__type(value, struct mr_map);
} maps SEC(".maps");

/* By CPU and argument. User space makes it as large as there are CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MR_CPUS *MR_FASTPATH_SLOTS);
	__type(key, __u32);
	__type(value, struct mr_fastpath);
} fastpath SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MR_CALLER_SLOTS);
	__type(key, __u32);
	__type(value, struct mr_caller);
} callers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MR_NEARS);
	__type(key, __u32);
	__type(value, struct mr_near);
} nears SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MR_HOLD_SLOTS);
	__type(key, __u32);
	__type(value, struct mr_hold);
} holds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MR_TRIAL_SLOTS);
	__type(key, __u32);
	__type(value, struct mr_trial);
} trials SEC(".maps");

/* Who owns a slot (claim.bpf.h). A hash map because inserting with BPF_NOEXIST is the one atomic
 * claim that every kernel since 5.10 has. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MR_HOLD_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} claims SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MR_PAIRS);
	__type(key, __u64);
	__type(value, struct mr_pair);
} pairs SEC(".maps");

/* Of maps, a reader's and a writer's. User space makes both tables tiny where nobody asks for
 * suspects. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * MR_SUSPECT_SLOTS);
	__type(key, __u32);
	__type(value, struct mr_stack);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MR_SUSPECTS);
	__type(key, __u64);
	__type(value, struct mr_suspect);
} suspects SEC(".maps");

/* --growth; tiny where nobody asks for it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MR_GROWERS);
	__type(key, __u32);
	__type(value, struct mr_grower);
} growers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MR_GROWERS);
	__type(key, __u32);
	__type(value, struct mr_inside);
} insides SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MR_GROWN);
	__type(key, __u32);
	__type(value, struct mr_grown);
} grown SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MR_ITERATORS);
	__type(key, __u32);
	__type(value, struct mr_iterator);
} iterators SEC(".maps");

/* --panics; tiny where nobody asks for it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MR_PANIC_SITES);
	__type(key, __u64);
	__type(value, struct mr_panic_site);
} panic_sites SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MR_PANICKING);
	__type(key, __u64);
	__type(value, struct mr_panicking);
} panicking SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, MR_RING_SIZE);
} events SEC(".maps");

/* Maps may grow by the thousand in a second: no race is to be lost for that. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, MR_RING_SIZE);
} growth_events SEC(".maps");

#endif
