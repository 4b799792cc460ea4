/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What each instruction does to what is known. */
#include <string.h>

#include "detect/audit/flow.h"

/* Newer than the headers of the oldest Debian we build on. */
#ifndef BPF_MEMSX
#define BPF_MEMSX 0x80
#endif
#ifndef BPF_LOAD_ACQ
#define BPF_LOAD_ACQ 0x100
#define BPF_STORE_REL 0x110
#endif

#define ADDR_PERCPU (-1) /* what MOV64 says in off: makes a per-CPU address of an offset */
/* Of VALUE_CPU: not its number, but the address of some of the kernel's own data of this CPU. */
#define OWN_DATA 1

#define NREGS STATE_REGS

static void set_reg(struct audit_flow *f, unsigned int reg, uint32_t value)
{
	if (reg < NREGS)
		f->state.x[reg] = value;
}

static uint32_t reg(const struct audit_flow *f, unsigned int n)
{
	return n < NREGS ? f->state.x[n] : 0;
}

static unsigned int size_of(uint8_t code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	default:
		return 8;
	}
}

/* --- the stack --- */

/* Slot of a frame's offset; false when it is outside. */
static bool slot_of(const struct audit_value *stack, uint32_t *slot)
{
	int32_t off = (int32_t)stack->u[1];

	if (off < -4 * STATE_SLOTS || off >= 0)
		return false;
	*slot = (uint32_t)(off + 4 * STATE_SLOTS) / 4;
	return true;
}

static uint32_t load_half(struct audit_flow *f, uint32_t value, bool high)
{
	const struct audit_value *v = value_get(&f->values, value);

	switch (v->kind) {
	case VALUE_CONST:
		return value_const(&f->values, v->u[high]);
	case VALUE_DERIVED:
	case VALUE_CPU:
		return value;
	case VALUE_THREAD:
		return high ? 0 : value;
	default:
		return 0;
	}
}

/* The thread's number, in the lower half of what it is. */
static bool is_thread(const struct audit_flow *f, uint32_t value)
{
	const struct audit_value *v = value_get(&f->values, value);

	return v->kind == VALUE_THREAD && !v->u[0];
}

/*
 * A slot holds the value that was stored over it: one of 8 bytes stands in two. What was stored in
 * parts is of interest only as far as it was made of loads.
 */
uint32_t audit_stack_load(struct audit_flow *f, const struct audit_value *stack, uint32_t n)
{
	struct audit_state *frame = audit_frame(f, stack->u[0], NULL);
	uint32_t slot, i, value;

	if (!frame || !slot_of(stack, &slot))
		return 0;
	value = frame->x[STATE_STACK + slot];
	if (n <= 4) /* in the upper half of both is the process's */
		return load_half(f, value,
				 (slot & 1) && is_thread(f, value) &&
					 frame->x[STATE_STACK + slot - 1] == value);
	if (!(slot & 1) && is_thread(f, value))
		return value; /* whatever is in the upper half */
	for (i = slot + 1; i < slot + (n + 3) / 4 && i < STATE_SLOTS; i++)
		if (frame->x[STATE_STACK + i] != value)
			value = value_mix(&f->values, value, frame->x[STATE_STACK + i],
					  DERIVED_MIXED);
	return value;
}

static void stack_put(struct audit_flow *f, const struct audit_value *stack, uint32_t n,
		      uint32_t value, bool weak)
{
	struct audit_instance *owner = NULL;
	struct audit_state *frame = audit_frame(f, stack->u[0], &owner);
	uint32_t slot, i, old, *x;

	if (!frame || !slot_of(stack, &slot))
		return;
	if (((int32_t)stack->u[1] & 3) || n < 4)
		weak = true;
	for (i = slot; i < slot + (n + 3) / 4 && i < STATE_SLOTS; i++) {
		x = &frame->x[STATE_STACK + i];
		old = *x;
		*x = owner  ? value_join(&f->values, old, value, f->at)
		     : weak ? value_mix(&f->values, old, value, DERIVED_MIXED)
			    : value;
		if (owner && *x != old)
			audit_wrote(f, owner);
	}
}

void audit_stack_clobber(struct audit_flow *f, const struct audit_value *stack, uint32_t n)
{
	struct audit_value v = *stack;

	if (n > 4 * STATE_SLOTS)
		n = 4 * STATE_SLOTS;
	stack_put(f, &v, n, 0, false);
}

/* --- loads and stores --- */

static bool is_silent(struct audit_flow *f, const struct audit_value *ptr)
{
	enum audit_counter counter;

	if (audit_map_per_cpu(f->unit->maps[ptr->map].type))
		counter = AUDIT_PER_CPU;
	else if (ptr->more == PRIVATE_THREAD)
		counter = AUDIT_THREAD;
	else if (ptr->more == PRIVATE_CPU)
		counter = AUDIT_CPU;
	else
		return false;
	f->counters[counter] += f->record;
	return true;
}

/* Translated code reads the inner map's address out of the outer one's value. */
static uint32_t load_inner(struct audit_flow *f, const struct audit_value *ptr)
{
	int32_t inner = f->unit->maps[ptr->map].inner;

	return inner < 0 ? 0 : value_map(&f->values, (uint32_t)inner);
}

static uint32_t load_value(struct audit_flow *f, uint32_t ptr)
{
	const struct audit_value *v = value_get(&f->values, ptr);

	if (audit_map_of_maps(f->unit->maps[v->map].type))
		return load_inner(f, v);
	if (is_silent(f, v) || (f->unit->maps[v->map].flags & BPF_F_RDONLY_PROG))
		return 0;
	f->counters[AUDIT_LOADS] += f->record;
	f->through[f->at] = ptr;
	f->lock[f->at] = f->state.x[STATE_LOCK];
	return value_load(&f->values, f->at);
}

/* Newer kernels read this CPU's number and the current thread in place of calling the helpers. */
static uint32_t load_own_data(struct audit_flow *f, const struct audit_value *v, unsigned int size)
{
	if (v->u[0] != OWN_DATA)
		return 0;
	return value_simple(&f->values, size == 8 ? VALUE_THREAD : VALUE_CPU, 0);
}

static uint32_t load(struct audit_flow *f, uint32_t base, int32_t off, unsigned int size)
{
	const struct audit_value *v = value_get(&f->values, base);
	uint32_t ptr;

	switch (v->kind) {
	case VALUE_MANY:
		f->counters[AUDIT_LOST] += f->record && v->u[0];
		return 0;
	case VALUE_CPU:
		return load_own_data(f, v, size);
	case VALUE_STACK:
		ptr = value_advance(&f->values, base, off);
		v = value_get(&f->values, ptr);
		if (v->kind != VALUE_STACK)
			return 0;
		else {
			struct audit_value stack = *v;

			return audit_stack_load(f, &stack, size);
		}
	case VALUE_PTR:
		return load_value(f, value_advance(&f->values, base, off));
	default:
		return 0;
	}
}

static void store(struct audit_flow *f, uint32_t base, int32_t off, unsigned int size,
		  uint32_t value)
{
	const struct audit_value *v = value_get(&f->values, base);
	struct audit_value to;

	if (v->kind == VALUE_MANY) {
		f->counters[AUDIT_LOST] += f->record && v->u[0];
		return;
	}
	if (v->kind != VALUE_STACK && v->kind != VALUE_PTR)
		return;
	to = *value_get(&f->values, value_advance(&f->values, base, off));
	if (to.kind == VALUE_STACK)
		stack_put(f, &to, size, value, false);
	else if (to.kind == VALUE_PTR && !is_silent(f, &to) && f->record)
		audit_judge_store(f, &to, size, value);
}

static void atomic(struct audit_flow *f, const struct bpf_insn *insn)
{
	uint32_t base = reg(f, insn->dst_reg);
	unsigned int size = size_of(insn->code);

	if (insn->imm == BPF_LOAD_ACQ) {
		set_reg(f, insn->dst_reg, load(f, reg(f, insn->src_reg), insn->off, size));
		return;
	}
	if (insn->imm == BPF_STORE_REL) {
		store(f, base, insn->off, size, reg(f, insn->src_reg));
		return;
	}
	if (value_get(&f->values, base)->kind == VALUE_PTR)
		f->counters[AUDIT_ATOMICS] += f->record;
	else if (value_get(&f->values, base)->kind == VALUE_STACK)
		store(f, base, insn->off, size, 0);
	if (insn->imm == BPF_CMPXCHG)
		set_reg(f, BPF_REG_0, 0);
	else if (insn->imm & BPF_FETCH)
		set_reg(f, insn->src_reg, 0);
}

/* --- arithmetic --- */

static bool fold(uint8_t op, uint64_t a, uint64_t b, uint64_t *out)
{
	switch (op) {
	case BPF_ADD:
		*out = a + b;
		return true;
	case BPF_SUB:
		*out = a - b;
		return true;
	case BPF_AND:
		*out = a & b;
		return true;
	case BPF_OR:
		*out = a | b;
		return true;
	case BPF_XOR:
		*out = a ^ b;
		return true;
	case BPF_MUL:
		*out = a * b;
		return true;
	case BPF_LSH:
		*out = a << (b & 63);
		return true;
	case BPF_RSH:
		*out = a >> (b & 63);
		return true;
	default:
		return false;
	}
}

static uint32_t ops_of(uint8_t op)
{
	switch (op) {
	case BPF_ADD:
	case BPF_SUB:
		return DERIVED_ADDED;
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		return DERIVED_BITS;
	default:
		return DERIVED_MIXED;
	}
}

/* The process's number is in the upper half of what tells the thread's: all its threads have that. */
static uint32_t shift_thread(struct audit_flow *f, const struct audit_value *v, uint8_t op,
			     uint32_t self, uint32_t by)
{
	uint64_t n;

	if (!value_is_const(&f->values, by, &n))
		return 0;
	if (op == BPF_LSH)
		return value_simple(&f->values, VALUE_THREAD, n >= 32);
	if (op == BPF_RSH || op == BPF_ARSH)
		return v->u[0] ? value_simple(&f->values, VALUE_THREAD, 0) : 0;
	return op == BPF_AND || op == BPF_ADD || op == BPF_XOR ? self : 0;
}

/* A pointer, and what is added to it. */
static uint32_t add_unknown(struct audit_flow *f, uint32_t ptr, uint32_t n)
{
	struct audit_value v = *value_get(&f->values, ptr);
	bool by_cpu = value_get(&f->values, n)->kind == VALUE_CPU;

	switch (v.kind) {
	case VALUE_BASE:
		v.kind = VALUE_PTR;
		v.u[OBJ] = f->at;
		f->through[f->at] = reg(f, BPF_REG_2); /* where the key is, as in a call */
		break;
	case VALUE_PTR:
		v.u[VAR] = f->at;
		break;
	default:
		return 0;
	}
	if (by_cpu)
		v.more = PRIVATE_CPU;
	return audit_pool_put(&f->values, &v);
}

static bool is_address(const struct audit_value *v)
{
	return v->kind == VALUE_STACK || v->kind == VALUE_MAP || v->kind == VALUE_BASE ||
	       v->kind == VALUE_ELEM || v->kind == VALUE_PTR;
}

/* Whether several CPUs' numbers become one; shifts by 32, up and down, cut off the upper half. */
static bool mixes_cpus(uint8_t op, bool fixed, uint64_t n)
{
	return op == BPF_DIV || op == BPF_MOD ||
	       ((op == BPF_RSH || op == BPF_ARSH) && !(fixed && n == 32));
}

static uint32_t alu64(struct audit_flow *f, uint8_t op, uint32_t a, uint32_t b)
{
	const struct audit_value *x = value_get(&f->values, a), *y = value_get(&f->values, b);
	uint64_t m, n;
	bool fixed = value_is_const(&f->values, b, &n);

	if (op == BPF_ADD && is_address(y) && !is_address(x))
		return alu64(f, op, b, a);
	if (is_address(x)) {
		if (is_address(y) || (op != BPF_ADD && op != BPF_SUB))
			return 0;
		if (!fixed || x->kind == VALUE_BASE) /* a known element of an array is one too */
			return add_unknown(f, a, b);
		return value_advance(&f->values, a, op == BPF_ADD ? (int64_t)n : -(int64_t)n);
	}
	if (fixed && value_is_const(&f->values, a, &m))
		return fold(op, m, n, &m) ? value_const(&f->values, m) : 0;
	if (x->kind == VALUE_THREAD)
		return shift_thread(f, x, op, a, b);
	if ((x->kind == VALUE_CPU || y->kind == VALUE_CPU) && mixes_cpus(op, fixed, n))
		return 0;
	if (x->kind == VALUE_MANY || y->kind == VALUE_MANY)
		return value_simple(&f->values, VALUE_MANY, 0);
	return value_mix(&f->values, a, b, ops_of(op));
}

/* The low half of it. */
static uint32_t narrow(struct audit_flow *f, uint32_t value)
{
	const struct audit_value *v = value_get(&f->values, value);

	if (v->kind == VALUE_THREAD && v->u[0])
		return 0;
	return load_half(f, value, false);
}

static void alu(struct audit_flow *f, const struct bpf_insn *insn)
{
	bool wide = BPF_CLASS(insn->code) == BPF_ALU64;
	uint8_t op = BPF_OP(insn->code);
	uint32_t a = reg(f, insn->dst_reg), b;

	if (BPF_SRC(insn->code) == BPF_X)
		b = reg(f, insn->src_reg);
	else
		b = value_const(&f->values, (uint64_t)(int64_t)insn->imm);
	if (op == BPF_NEG || op == BPF_END) {
		set_reg(f, insn->dst_reg, value_mix(&f->values, a, 0, DERIVED_MIXED));
		return;
	}
	if (op > BPF_ARSH && op != BPF_NEG) {
		f->counters[AUDIT_UNKNOWN_INSNS] += f->record;
		set_reg(f, insn->dst_reg, 0);
		return;
	}
	if (!wide) {
		a = narrow(f, a);
		b = narrow(f, b);
	}
	if (op != BPF_MOV)
		a = alu64(f, op, a, b);
	else if (insn->off == ADDR_PERCPU)
		a = value_get(&f->values, b)->kind == VALUE_CONST
			    ? value_simple(&f->values, VALUE_CPU, OWN_DATA)
			    : 0;
	else if (insn->off) /* sign extension; an arena's address */
		a = insn->off == 8 || insn->off == 16 || insn->off == 32 ? narrow(f, b) : 0;
	else
		a = b;
	set_reg(f, insn->dst_reg, wide ? a : narrow(f, a));
}

/* --- what 16 bytes load --- */

static void load_wide(struct audit_flow *f, const struct bpf_insn *insn)
{
	const struct audit_ref *ref = &f->unit->refs[f->insn];
	uint32_t value;

	switch (ref->kind) {
	case AUDIT_REF_MAP:
		value = value_map(&f->values, ref->which);
		break;
	case AUDIT_REF_VALUE:
		value = value_ptr(&f->values, ref->which, 0, ref->off);
		break;
	case AUDIT_REF_FUNC:
		value = value_simple(&f->values, VALUE_FUNC, ref->which);
		break;
	default:
		value = insn->src_reg
				? 0
				: value_const(&f->values, (uint64_t)(uint32_t)insn[1].imm << 32 |
								  (uint32_t)insn->imm);
	}
	set_reg(f, insn->dst_reg, value);
}

void audit_step(struct audit_flow *f, const struct bpf_insn *insn)
{
	unsigned int size = size_of(insn->code), mode = BPF_MODE(insn->code), i;

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		alu(f, insn);
		break;
	case BPF_LD:
		if (insn->code == (BPF_LD | BPF_IMM | BPF_DW)) {
			load_wide(f, insn);
			break;
		}
		for (i = 0; i <= 5; i++) /* bytes of the packet: as a call */
			set_reg(f, i, 0);
		break;
	case BPF_LDX:
		if (mode == BPF_MEM || mode == BPF_MEMSX)
			set_reg(f, insn->dst_reg, load(f, reg(f, insn->src_reg), insn->off, size));
		else
			set_reg(f, insn->dst_reg, 0);
		break;
	case BPF_STX:
		if (mode == BPF_ATOMIC)
			atomic(f, insn);
		else if (mode == BPF_MEM)
			store(f, reg(f, insn->dst_reg), insn->off, size, reg(f, insn->src_reg));
		break;
	case BPF_ST:
		if (mode == BPF_MEM)
			store(f, reg(f, insn->dst_reg), insn->off, size,
			      value_const(&f->values, (uint64_t)(int64_t)insn->imm));
		break;
	default:
		break;
	}
}
