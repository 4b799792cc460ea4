/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The way through a program: blocks, branches, instances of functions, until nothing changes. */
#include "detect/audit/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 16
#define MAX_AT (4u << 20) /* instructions of all instances */
#define MAX_INSTANCES 32768
#define MAX_VALUES (1u << 20) /* fits the 24 bits of a packed state */
#define MAX_FACTS (1u << 18)
#define MAX_PACKED (96ull << 20) /* bytes of states */
#define MAX_VISITS 60		 /* of a block */
#define STEPS_EACH 40		 /* times an instruction may be done, all in all */
#define STEPS_LEAST 1000000
#define STEPS_MOST 40000000

#ifndef BPF_JCOND
#define BPF_JCOND 0xe0
#endif

static void forget_run(struct audit_flow *f)
{
	uint32_t i;

	for (i = 0; i < f->nin; i++)
		free(f->in[i]);
	free(f->in);
	free(f->visits);
	free(f->waiting);
	free(f->instances);
	free(f->calls);
	free(f->through);
	free(f->lock);
	free(f->hits);
	f->in = NULL;
	f->visits = NULL;
	f->waiting = NULL;
	f->instances = NULL;
	f->calls = NULL;
	f->through = f->lock = NULL;
	f->hits = NULL;
	f->nin = f->ninstances = f->ncalls = 0;
	f->nhits = 0;
	f->packed = 0;
	audit_pool_free(&f->values);
	audit_pool_free(&f->facts);
}

void audit_flow_free(struct audit_flow *f)
{
	forget_run(f);
	free(f->block_of);
	free(f->block_insn);
	free(f->first_block);
	f->block_of = f->block_insn = f->first_block = NULL;
}

/* --- instances --- */

static uint32_t *call_slot(struct audit_flow *f, uint32_t at)
{
	uint32_t slot = (at * 2654435761u) & (f->ncalls - 1);

	while (f->calls[slot] && f->instances[f->calls[slot] - 1].call_at != at)
		slot = (slot + 1) & (f->ncalls - 1);
	return &f->calls[slot];
}

static bool resize(void *array, size_t old, size_t new, size_t size)
{
	void **p = array;
	unsigned char *grown = reallocarray(*p, new, size);

	if (!grown)
		return false;
	memset(grown + old * size, 0, (new - old) * size);
	*p = grown;
	return true;
}

static bool make_room(struct audit_flow *f, uint32_t blocks, uint32_t insns)
{
	uint32_t nin = f->nin + blocks, i;

	if (!resize(&f->in, f->nin, nin, sizeof(*f->in)) ||
	    !resize(&f->visits, f->nin, nin, sizeof(*f->visits)) ||
	    !resize(&f->waiting, (f->nin + 63) / 64, (nin + 63) / 64, sizeof(*f->waiting)) ||
	    !resize(&f->through, f->nat, f->nat + insns, sizeof(*f->through)) ||
	    !resize(&f->lock, f->nat, f->nat + insns, sizeof(*f->lock)) ||
	    !resize(&f->instances, f->ninstances, f->ninstances + 1, sizeof(*f->instances)))
		return false;
	if (f->ninstances * 2 < f->ncalls)
		return true;
	free(f->calls);
	f->ncalls = f->ncalls ? f->ncalls * 2 : 64;
	f->calls = calloc(f->ncalls, sizeof(*f->calls));
	for (i = 0; f->calls && i < f->ninstances; i++)
		*call_slot(f, f->instances[i].call_at) = i + 1;
	return f->calls != NULL;
}

/* A new one, called by the current one from here; NULL: it would be too many. */
static struct audit_instance *add_instance(struct audit_flow *f, uint32_t function, bool entry)
{
	const struct audit_function *fn = &f->unit->functions[function];
	uint32_t blocks = f->first_block[function + 1] - f->first_block[function];
	uint32_t depth = entry ? 0 : f->instances[f->instance].depth + 1;
	struct audit_instance *in;

	if (depth > MAX_DEPTH || f->ninstances >= MAX_INSTANCES ||
	    f->nat + (fn->end - fn->start) > MAX_AT)
		return NULL;
	if (!make_room(f, blocks, fn->end - fn->start)) {
		f->nomem = true;
		return NULL;
	}
	in = &f->instances[f->ninstances];
	in->function = function;
	in->parent = entry ? 0 : f->instance;
	in->caller_block = f->block;
	in->call_at = entry ? 0 : f->at;
	in->at_base = f->nat;
	in->block_base = f->nin;
	in->depth = depth;
	*call_slot(f, in->call_at) = ++f->ninstances;
	f->nat += fn->end - fn->start;
	f->nin += blocks;
	return in;
}

static uint32_t instance_of_block(const struct audit_flow *f, uint32_t block)
{
	uint32_t lo = 0, hi = f->ninstances, mid;

	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (f->instances[mid].block_base <= block)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

uint32_t audit_insn_at(const struct audit_flow *f, uint32_t at)
{
	uint32_t lo = 0, hi = f->ninstances, mid;

	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (f->instances[mid].at_base <= at)
			lo = mid;
		else
			hi = mid;
	}
	return at - f->instances[lo].at_base + f->unit->functions[f->instances[lo].function].start;
}

struct audit_state *audit_frame(struct audit_flow *f, uint32_t instance,
				struct audit_instance **owner)
{
	uint32_t i = f->instance;

	if (i == instance)
		return &f->state;
	while (f->instances[i].depth) {
		if (f->instances[i].parent == instance) {
			if (owner)
				*owner = &f->instances[i];
			return &f->instances[i].call;
		}
		i = f->instances[i].parent;
	}
	return NULL;
}

/* --- the work --- */

static void wait_for(struct audit_flow *f, uint32_t block)
{
	f->waiting[block / 64] |= 1ull << (block % 64);
	if (block < f->lowest)
		f->lowest = block;
}

static bool next_block(struct audit_flow *f, uint32_t *block)
{
	uint32_t word = f->lowest / 64, words = (f->nin + 63) / 64;

	while (word < words && !f->waiting[word])
		word++;
	if (word == words)
		return false;
	*block = word * 64 + (uint32_t)__builtin_ctzll(f->waiting[word]);
	f->waiting[word] &= ~(1ull << (*block % 64));
	f->lowest = *block;
	return true;
}

/* A state that reaches a block, joined with what has reached it before. */
static void reach(struct audit_flow *f, uint32_t block, uint32_t where,
		  const struct audit_state *from)
{
	struct audit_state state = *from;
	uint32_t *packed;
	size_t bytes;

	if (f->record)
		return;
	if (f->in[block]) {
		audit_state_unpack(&state, f->in[block]);
		if (!audit_state_join(&state, from, &f->values, &f->facts, where))
			return;
		f->packed -= audit_state_packed_bytes(f->in[block]);
	}
	packed = f->packed < MAX_PACKED ? audit_state_pack(&state, &bytes) : NULL;
	if (!packed) { /* what is known there is forgotten: it is not gone into again */
		f->counters[AUDIT_UNFINISHED]++;
		if (f->in[block])
			f->packed += audit_state_packed_bytes(f->in[block]);
		return;
	}
	free(f->in[block]);
	f->in[block] = packed;
	f->packed += bytes;
	if (++f->visits[block] > MAX_VISITS) {
		f->visits[block] = MAX_VISITS;
		f->counters[AUDIT_UNFINISHED]++;
		return;
	}
	wait_for(f, block);
}

static void reach_insn(struct audit_flow *f, uint32_t insn, const struct audit_state *from)
{
	const struct audit_instance *in = &f->instances[f->instance];
	uint32_t block = in->block_base + f->block_of[insn] - 1 - f->first_block[in->function];

	reach(f, block, in->at_base + insn - f->unit->functions[in->function].start, from);
}

void audit_wrote(struct audit_flow *f, struct audit_instance *in)
{
	in->wrote = true;
	if (!f->record)
		wait_for(f, in->caller_block);
}

/* What frames hold has changed under a function's feet: it is looked at again. */
static void revisit(struct audit_flow *f, uint32_t instance)
{
	uint32_t i, end;

	end = instance + 1 < f->ninstances ? f->instances[instance + 1].block_base : f->nin;
	for (i = f->instances[instance].block_base; i < end; i++)
		if (f->in[i])
			wait_for(f, i);
}

static void enter_state(struct audit_flow *f, struct audit_state *state, const uint32_t *args,
			bool later)
{
	unsigned int i;

	memset(state, 0, sizeof(*state));
	for (i = BPF_REG_1; i <= BPF_REG_5; i++)
		state->x[i] = args[i];
	if (!later) {
		state->x[STATE_LOCK] = f->state.x[STATE_LOCK];
		state->x[STATE_FACTS] = f->state.x[STATE_FACTS];
	}
}

bool audit_enter(struct audit_flow *f, uint32_t function, const uint32_t *args, bool later)
{
	uint32_t found = f->ninstances ? *call_slot(f, f->at) : 0, which;
	struct audit_state state;
	struct audit_instance *in;

	in = found ? &f->instances[found - 1] : NULL;
	if (in && in->function != function)
		in = NULL; /* another one by the way taken: only the first is followed */
	else if (!in && !f->record) {
		in = add_instance(f, function, false);
		if (in)
			in->call = f->state;
	} else if (in && !f->record &&
		   audit_state_join(&in->call, &f->state, &f->values, &f->facts, f->at)) {
		revisit(f, found - 1);
	}
	if (!in) {
		f->counters[AUDIT_NOT_FOLLOWED] += f->record;
		return false;
	}
	if (!f->record) {
		in->later = later;
		enter_state(f, &state, args, later);
		which = (uint32_t)(in - f->instances);
		state.x[BPF_REG_10] = value_stack(&f->values, which, 0);
		reach(f, in->block_base, in->at_base, &state);
	}
	if (in->wrote && !later)
		memcpy(&f->state.x[STATE_STACK], &in->call.x[STATE_STACK],
		       STATE_SLOTS * sizeof(f->state.x[0]));
	return true;
}

/* The state after a call of ours; false: it does not come back, as far as is known yet. */
static bool call_function(struct audit_flow *f, uint32_t function)
{
	uint32_t args[6] = {}, i, found;
	const struct audit_instance *in;

	memcpy(args, f->state.x, sizeof(args));
	if (!audit_enter(f, function, args, false)) {
		for (i = BPF_REG_0; i <= BPF_REG_5; i++)
			f->state.x[i] = 0;
		return true;
	}
	found = *call_slot(f, f->at);
	in = &f->instances[found - 1];
	if (!in->returned)
		return false;
	memset(f->state.x, 0, 6 * sizeof(f->state.x[0]));
	f->state.x[BPF_REG_0] = in->exit.x[BPF_REG_0];
	f->state.x[STATE_LOCK] = in->exit.x[STATE_LOCK];
	f->state.x[STATE_FACTS] = in->exit.x[STATE_FACTS];
	return true;
}

static void do_exit(struct audit_flow *f)
{
	struct audit_instance *in = &f->instances[f->instance];
	struct audit_state out = {};

	if (f->record || !in->depth)
		return;
	out.x[BPF_REG_0] = f->state.x[BPF_REG_0];
	out.x[STATE_LOCK] = f->state.x[STATE_LOCK];
	out.x[STATE_FACTS] = f->state.x[STATE_FACTS];
	if (in->returned && !audit_state_join(&in->exit, &out, &f->values, &f->facts, in->call_at))
		return;
	if (!in->returned)
		in->exit = out;
	in->returned = true;
	wait_for(f, in->caller_block);
}

/* --- branches --- */

static void replace(struct audit_state *state, uint32_t old, uint32_t new)
{
	uint32_t i;

	for (i = 0; i < STATE_STACK + STATE_SLOTS; i++)
		if (state->x[i] == old)
			state->x[i] = new;
}

static void add_fact(struct audit_flow *f, struct audit_state *state, bool taken, uint32_t value)
{
	state->x[STATE_FACTS] =
		audit_facts_add(&f->facts, state->x[STATE_FACTS], f->at << 1 | taken, value);
}

/* A pointer that is compared with 0 is known on either way. */
static bool branch_on_null(struct audit_flow *f, const struct bpf_insn *insn,
			   struct audit_state *ways)
{
	uint32_t value = insn->dst_reg < STATE_REGS ? f->state.x[insn->dst_reg] : 0;
	const struct audit_value *v = value_get(&f->values, value);
	bool null_way, fixed = BPF_SRC(insn->code) == BPF_K && !insn->imm;
	uint8_t op = BPF_OP(insn->code);
	uint64_t n;

	if (BPF_SRC(insn->code) == BPF_X && insn->src_reg < STATE_REGS)
		fixed = value_is_const(&f->values, f->state.x[insn->src_reg], &n) && !n;
	if (!fixed || (op != BPF_JEQ && op != BPF_JNE) ||
	    (v->kind != VALUE_PTR && v->kind != VALUE_ELEM))
		return false;
	null_way = op == BPF_JEQ;
	add_fact(f, &ways[null_way], null_way, value);
	replace(&ways[null_way], value, value_const(&f->values, 0));
	return true;
}

static void branch(struct audit_flow *f, const struct bpf_insn *insn, struct audit_state *ways)
{
	uint32_t a, b;

	ways[0] = ways[1] = f->state;
	if (BPF_OP(insn->code) == BPF_JCOND || branch_on_null(f, insn, ways))
		return;
	a = insn->dst_reg < STATE_REGS ? f->state.x[insn->dst_reg] : 0;
	b = BPF_SRC(insn->code) == BPF_X && insn->src_reg < STATE_REGS ? f->state.x[insn->src_reg]
								       : 0;
	a = value_mix(&f->values, a, b, 0);
	if (!value_is_derived(&f->values, a))
		return;
	add_fact(f, &ways[0], false, a);
	add_fact(f, &ways[1], true, a);
}

/* --- a block --- */

static void jump(struct audit_flow *f, const struct audit_function *fn, const struct bpf_insn *insn)
{
	bool always = BPF_OP(insn->code) == BPF_JA;
	struct audit_state ways[2];
	uint32_t target;

	if (always)
		ways[1] = f->state;
	else
		branch(f, insn, ways);
	if (!audit_jump_target(fn, f->unit->insns, f->insn, &target))
		f->counters[AUDIT_BAD_JUMPS] += f->record;
	else
		reach_insn(f, target, &ways[1]);
	if (!always && f->insn + 1 < fn->end)
		reach_insn(f, f->insn + 1, &ways[0]);
}

/* One instruction; false: the way ends, or goes on elsewhere. */
static bool step(struct audit_flow *f, const struct audit_function *fn, const struct bpf_insn *insn)
{
	const struct audit_ref *ref = &f->unit->refs[f->insn];

	f->steps++;
	f->counters[AUDIT_INSNS] += f->record;
	if (audit_is_jump(insn)) {
		jump(f, fn, insn);
		return false;
	}
	if (BPF_CLASS(insn->code) != BPF_JMP) {
		audit_step(f, insn);
		return true;
	}
	if (BPF_OP(insn->code) == BPF_EXIT) {
		do_exit(f);
		return false;
	}
	if (ref->kind == AUDIT_REF_FUNC)
		return call_function(f, ref->which);
	audit_call_helper(f, ref->kind == AUDIT_REF_HELPER ? ref->which : AUDIT_CALL_UNKNOWN);
	return true;
}

static void run_block(struct audit_flow *f, uint32_t block)
{
	const struct audit_function *fn;
	const struct bpf_insn *insns = f->unit->insns;
	uint32_t i, function, base;

	f->instance = instance_of_block(f, block);
	f->block = block;
	function = f->instances[f->instance].function;
	base = f->instances[f->instance].at_base;
	fn = &f->unit->functions[function];
	audit_state_unpack(&f->state, f->in[block]);
	i = f->block_insn[block - f->instances[f->instance].block_base + f->first_block[function]];
	for (;;) {
		f->insn = i;
		f->at = base + i - fn->start;
		if (audit_is_wide(&insns[i]) && i + 1 >= fn->end)
			return;
		if (!step(f, fn, &insns[i]))
			return;
		i += 1 + audit_is_wide(&insns[i]);
		if (i >= fn->end)
			return;
		if (f->block_of[i]) {
			reach_insn(f, i, &f->state);
			return;
		}
	}
}

static int start(struct audit_flow *f, uint32_t function)
{
	struct audit_state state = {};

	forget_run(f);
	memset(f->counters, 0, sizeof(f->counters));
	f->nomem = f->record = false;
	memset(&f->before, 0, sizeof(f->before));
	f->nat = 1; /* 0 is nowhere */
	f->lowest = 0;
	f->steps = 0;
	f->max_steps = (uint64_t)STEPS_EACH * f->unit->n;
	if (f->max_steps < STEPS_LEAST)
		f->max_steps = STEPS_LEAST;
	if (f->max_steps > STEPS_MOST)
		f->max_steps = STEPS_MOST;
	if (audit_pool_init(&f->values, sizeof(struct audit_value), MAX_VALUES) ||
	    audit_pool_init(&f->facts, sizeof(struct audit_facts), MAX_FACTS) ||
	    !resize(&f->through, 0, 1, sizeof(*f->through)) ||
	    !resize(&f->lock, 0, 1, sizeof(*f->lock)))
		return -ENOMEM;
	if (!add_instance(f, function, true))
		return f->nomem ? -ENOMEM : -E2BIG;
	state.x[BPF_REG_10] = value_stack(&f->values, 0, 0);
	reach(f, 0, 1, &state);
	return 0;
}

int audit_flow_run(struct audit_flow *f, uint32_t function)
{
	int r = start(f, function);
	uint32_t block, i;

	if (r)
		return r;
	while (!f->nomem && next_block(f, &block)) {
		if (f->steps > f->max_steps) {
			f->counters[AUDIT_UNFINISHED]++;
			continue;
		}
		run_block(f, block);
	}
	f->record = true;
	for (i = 0; i < f->nin && !f->nomem; i++)
		if (f->in[i])
			run_block(f, i);
	f->counters[AUDIT_UNFINISHED] += f->values.full + f->facts.full;
	return f->nomem ? -ENOMEM : 0;
}
