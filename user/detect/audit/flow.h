/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_FLOW_H
#define MAPRACE_DETECT_AUDIT_FLOW_H

#include "detect/audit/state.h"
#include "detect/audit/unit.h"
#include "detect/audit/value.h"

/*
 * One program, from its entry through all the functions that it calls. Each call has an instance of
 * the function to itself, as if it were inlined, so that what is known of arguments is not mixed
 * between callers. An instruction of an instance has a place of its own, its `at`.
 */
struct audit_instance {
	uint32_t function;
	uint32_t parent;	 /* the caller's instance; of the entry: itself */
	uint32_t caller_block;	 /* the block that the call is in */
	uint32_t call_at;	 /* the call */
	uint32_t at_base;	 /* at = at_base + instruction - function's start */
	uint32_t block_base;	 /* of its blocks */
	uint32_t depth;		 /* of the entry: 0 */
	bool later;		 /* a timer's function: the caller goes on at once */
	bool returned;		 /* its end can be reached */
	bool wrote;		 /* to its callers' stacks */
	struct audit_state exit; /* r0, lock and facts at its end */
	struct audit_state call; /* the caller's, when it called: what frames hold */
};

/* What was analysed, and what was not, by name. */
#define AUDIT_COUNTERS(X)                                                                          \
	X(INSNS, "audit_instructions",                                                             \
	  "instructions analysed, those of a function once for each call of it")                   \
	X(LOADS, "audit_loads", "loads from values of shared maps")                                \
	X(STORES, "audit_stores", "plain stores to values of shared maps")                         \
	X(ATOMICS, "audit_atomic", "silent: atomic operations on values of shared maps")           \
	X(LOCKED, "audit_locked", "silent: stores under a spin lock that was held since the load") \
	X(PER_CPU, "audit_per_cpu",                                                                \
	  "silent: loads and stores in maps that each CPU has its own value of")                   \
	X(THREAD, "audit_by_thread",                                                               \
	  "silent: loads and stores in values whose key is the current thread's number or task, "  \
	  "which is on one CPU at a time")                                                         \
	X(CPU, "audit_by_cpu",                                                                     \
	  "silent: loads and stores in values that this CPU's number chooses")                     \
	X(UNKNOWN_INSNS, "audit_unknown_instructions", "instructions that are not understood")     \
	X(UNKNOWN_CALLS, "audit_unknown_calls",                                                    \
	  "calls of the kernel that are not known: what they return is not followed")              \
	X(NOT_FOLLOWED, "audit_calls_not_followed",                                                \
	  "calls of functions that go too deep, or would take too long")                           \
	X(LOST, "audit_pointers_lost",                                                             \
	  "loads and stores through what is one map's value or something else, by the way taken")  \
	X(UNFINISHED, "audit_unfinished",                                                          \
	  "blocks left when the bound on time or memory was reached")                              \
	X(BAD_JUMPS, "audit_bad_jumps", "jumps out of their function")                             \
	X(TOO_MANY, "audit_findings_dropped", "findings beyond the first thousand of a program")

#define AUDIT_COUNTER_ENUM(name, json, meaning) AUDIT_##name,
enum audit_counter { AUDIT_COUNTERS(AUDIT_COUNTER_ENUM) AUDIT_NCOUNTERS };
#undef AUDIT_COUNTER_ENUM

struct audit_facts { /* what is known by the way that was taken, oldest first */
	struct {
		uint32_t edge;	/* at of the branch << 1 | whether it was taken */
		uint32_t value; /* DERIVED: decided it; PTR or ELEM: is null */
	} f[6];
};

enum audit_kind {
	AUDIT_READ_MODIFY_WRITE, /* of one field */
	AUDIT_LOOKUP_UPDATE,	 /* the same, written back by the helper */
	AUDIT_LOOKUP_INSERT,	 /* not there, so it is put in, whoever was faster */
	AUDIT_CHECK_THEN_ACT,	 /* a field is stored to because of what it was */
	AUDIT_PARTIAL_UPDATE,	 /* two fields of a value that has a lock, without it */
};

#define AUDIT_MAX_HITS 1000 /* of one program */

struct audit_hit { /* one finding, places as instructions of the unit */
	enum audit_kind kind;
	uint32_t map, off, size;
	bool variable; /* off is not all of the offset */
	bool constant; /* what is stored is always the same */
	bool direct;   /* global data, whose address the code holds: no look-up comes before it */
	uint32_t ops;  /* DERIVED_*: what was done to it */
	uint32_t read, write;
};

struct audit_flow {
	const struct audit_unit *unit;
	struct audit_pool values, facts;
	/* of the unit */
	uint32_t *block_of;   /* instruction: its block + 1 where it begins one, else 0 */
	uint32_t *block_insn; /* block: its first instruction */
	uint32_t nblocks;
	uint32_t *first_block; /* of each function */
	/* instances */
	struct audit_instance *instances;
	uint32_t ninstances, nat, nin;
	uint32_t **in;	   /* packed states of blocks, by block_base + block; NULL: not reached */
	uint8_t *visits;   /* of them */
	uint64_t *waiting; /* bits */
	uint32_t lowest;   /* none waits below */
	uint64_t packed;   /* bytes in in[] */
	uint32_t *calls;   /* hash of instances by call_at: instance + 1 */
	uint32_t ncalls;
	/* by at: what a load or a look-up went through, and under which lock */
	uint32_t *through, *lock;
	/* where we are */
	struct audit_state state;
	uint32_t instance, block, at, insn;
	uint64_t steps, max_steps;
	bool record; /* the states are final: findings are told */
	/* the last store of this block to a value that has a lock; at 0: none */
	struct {
		uint32_t block, at, map, obj, off, size;
		bool locked; /* under that lock */
	} before;
	bool nomem;
	struct audit_hit *hits;
	size_t nhits;
	uint64_t counters[AUDIT_NCOUNTERS];
};

/* Prepares for the programs of a unit, which must outlive it. 0 or -ENOMEM; free it in either case.
 */
int audit_flow_init(struct audit_flow *flow, const struct audit_unit *unit);
void audit_flow_free(struct audit_flow *flow);
/* Analyses one entry; hits and counters are its own, until the next one. 0 or -ENOMEM. */
int audit_flow_run(struct audit_flow *flow, uint32_t function);

/* --- between the parts of it --- */

/* interp.c: does one instruction that does not jump. */
void audit_step(struct audit_flow *flow, const struct bpf_insn *insn);
void audit_call_helper(struct audit_flow *flow, uint32_t helper);
/* The kernel wrote n bytes there, not known what. */
void audit_stack_clobber(struct audit_flow *flow, const struct audit_value *stack, uint32_t n);
/* The value in n bytes of a frame. */
uint32_t audit_stack_load(struct audit_flow *flow, const struct audit_value *stack, uint32_t n);

/* flow.c: enters a function of ours from here with these registers; false: it was not followed. */
bool audit_enter(struct audit_flow *flow, uint32_t function, const uint32_t *args, bool later);
/* The state that holds a frame's stack: the current one, or what a caller left; NULL: none. */
struct audit_state *audit_frame(struct audit_flow *flow, uint32_t instance,
				struct audit_instance **owner);

/* A function has written to the stack of one of its callers: that one goes on with it. */
void audit_wrote(struct audit_flow *flow, struct audit_instance *instance);

/* blocks.c */
bool audit_is_wide(const struct bpf_insn *insn);
bool audit_is_jump(const struct bpf_insn *insn);
/* Where a jump goes; false: out of its function. */
bool audit_jump_target(const struct audit_function *function, const struct bpf_insn *insns,
		       uint32_t at, uint32_t *target);

/* always.c: whether no way from a program's beginning to its end avoids an instruction of its own
 * function (not of those that it calls). Takes from *steps, one for each instruction looked at;
 * with none left the answer is no. */
bool audit_always(const struct audit_unit *unit, const struct audit_function *entry, uint32_t insn,
		  uint64_t *steps);

/* judge.c: what is told while states are final. */
void audit_judge_store(struct audit_flow *flow, const struct audit_value *ptr, uint32_t size,
		       uint32_t stored);
void audit_judge_update(struct audit_flow *flow, uint32_t map, uint32_t key, uint32_t value,
			uint32_t flags);
/* By at: the instruction. */
uint32_t audit_insn_at(const struct audit_flow *flow, uint32_t at);

#endif
