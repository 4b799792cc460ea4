/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_HOOKS_H
#define MAPRACE_PROBE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "go/go_binary.h"

/*
 * Which of the runtime's functions are probed in a given binary, at which instruction, and what is
 * not seen and why. Addresses are link-time virtual addresses.
 *
 * A function that calls another hooked one on each of its ways (a wrapper) is not hooked itself:
 * not so where profile-guided optimisation has inlined the callee into it, or it may return before.
 */
enum hook_state {
	HOOK_PROBED,
	HOOK_COVERED, /* a wrapper: seen at the function that it calls */
	HOOK_ABSENT,  /* the version or the linker has no such function: never called */
	HOOK_BLIND,   /* it is there and cannot be probed */
};

enum site_kind {
	SITE_NONE,
	SITE_JUMP,   /* the stack check's conditional jump: emulated by the kernel */
	SITE_PUSH,   /* push %rbp after it: emulated */
	SITE_ENTRY,  /* the first instruction: single-stepped, dear */
	SITE_RETURN, /* likewise */
};

struct hook {
	const char *function;	   /* static storage */
	uint8_t op;		   /* enum mr_op; MR_OP_NONE for the runtime's own fatal error */
	uint8_t map_arg, type_arg; /* enum mr_arg */
	enum hook_state state;
	enum site_kind site;
	uint64_t entry;	 /* of the function, 0 when absent */
	uint64_t callee; /* likewise of the one that it is seen at, where it is a wrapper */
	uint64_t addr;	 /* of the probed instruction */
	uint64_t offset; /* of the probed instruction in the file */
	char why[96];	 /* not probed, or probed though it is a wrapper: why; "" else */
};

/* Of hooks_choose_growth(): the return instructions of one function, so many at the most. */
#define HOOK_RETURNS 4

struct hook_set {
	struct hook *hooks;
	size_t count;
	size_t probed; /* how many have the state HOOK_PROBED, those of no operation not counted */
	size_t blind;
	uint64_t runtime_lo,
		runtime_hi; /* where package runtime's code lies; both 0 when unknown */
};

/* 0, or -ENOENT when no map function could be found at all, -ENOMEM, -EBADMSG. */
int hooks_choose(struct hook_set *set, const struct go_binary *bin, struct err *err);
/*
 * Adds, to what hooks_choose() found, the functions by which maps grow and their returns. 0, or
 * -ENOMEM, -EBADMSG; what is not there or cannot be seen is a hook that says so.
 */
int hooks_choose_growth(struct hook_set *set, const struct go_binary *bin);
/* Likewise the functions by which panics begin and end. */
int hooks_choose_panics(struct hook_set *set, const struct go_binary *bin);
void hooks_free(struct hook_set *set);

const char *hook_state_name(enum hook_state state);
const char *site_kind_name(enum site_kind kind);
/* What a hit of this kind costs, in hits of an instruction that the kernel emulates. */
double site_kind_weight(enum site_kind kind);

#endif
