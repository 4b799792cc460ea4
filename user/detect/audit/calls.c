/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What calls of the kernel do to what is known. */
#include <string.h>

#include "detect/audit/flow.h"

static uint32_t arg(const struct audit_flow *f, unsigned int n)
{
	return f->state.x[n];
}

/* The map in the first argument; -1: not known. */
static int64_t map_arg(const struct audit_flow *f)
{
	const struct audit_value *v = value_get(&f->values, arg(f, BPF_REG_1));

	return v->kind == VALUE_MAP ? v->map : -1;
}

/*
 * A value whose key holds the current thread's number is used by that thread alone, and one whose
 * key holds this CPU's by that CPU alone.
 */
static enum audit_private private_by_key(struct audit_flow *f, uint32_t key, uint32_t size)
{
	struct audit_value at = *value_get(&f->values, key);
	const struct audit_value *v;
	uint32_t i;

	if (at.kind != VALUE_STACK)
		return PRIVATE_NOT;
	if (!size || size > 4 * STATE_SLOTS)
		size = 4;
	for (i = 0; i < size; i += 4) {
		v = value_get(&f->values, audit_stack_load(f, &at, 4));
		if (v->kind == VALUE_THREAD)
			return PRIVATE_THREAD;
		if (v->kind == VALUE_CPU)
			return PRIVATE_CPU;
		at.u[1] += 4;
	}
	return PRIVATE_NOT;
}

static uint32_t found_value(struct audit_flow *f, enum audit_value_kind kind, uint32_t map,
			    enum audit_private whose)
{
	struct audit_value v = {.kind = (uint8_t)kind,
				.more = (uint8_t)whose,
				.map = (uint16_t)map,
				.u = {[OBJ] = f->at}};

	return audit_pool_put(&f->values, &v);
}

/*
 * A look-up in a map of maps gives a map; but one that was translated to __htab_map_lookup_elem the
 * element, out of which that map's address is loaded then.
 */
static uint32_t lookup(struct audit_flow *f, enum audit_value_kind kind)
{
	int64_t map = map_arg(f);
	const struct audit_map *m;

	if (map < 0)
		return 0;
	m = &f->unit->maps[map];
	if (audit_map_of_maps(m->type) && kind == VALUE_PTR)
		return m->inner < 0 ? 0 : value_map(&f->values, (uint32_t)m->inner);
	if (!audit_map_has_values(m->type) && !audit_map_per_cpu(m->type))
		return 0;
	f->through[f->at] = arg(f, BPF_REG_2);
	return found_value(f, kind, (uint32_t)map,
			   private_by_key(f, arg(f, BPF_REG_2), m->key_size));
}

static uint32_t storage(struct audit_flow *f, bool of_owner)
{
	int64_t map = map_arg(f);
	const struct audit_value *owner = value_get(&f->values, arg(f, BPF_REG_2));

	if (map < 0)
		return 0;
	return found_value(f, VALUE_PTR, (uint32_t)map,
			   of_owner && owner->kind == VALUE_THREAD ? PRIVATE_THREAD : PRIVATE_NOT);
}

/* The lock's number tells this taking of it from any other. */
static void lock(struct audit_flow *f)
{
	struct audit_value v = *value_get(&f->values, arg(f, BPF_REG_1));

	if (v.kind != VALUE_PTR)
		memset(&v, 0, sizeof(v));
	v.kind = VALUE_PTR;
	v.u[VALUE_LOADS - 1] = f->at;
	f->state.x[STATE_LOCK] = audit_pool_put(&f->values, &v);
}

/* --- functions of ours that the kernel calls --- */

static void callback(struct audit_flow *f, unsigned int function, const uint32_t *args, bool later)
{
	const struct audit_value *v = value_get(&f->values, arg(f, function));

	if (v->kind == VALUE_FUNC)
		audit_enter(f, v->u[0], args, later);
}

static void for_each(struct audit_flow *f)
{
	int64_t map = map_arg(f);
	uint32_t args[6] = {};

	if (map >= 0) {
		args[1] = arg(f, BPF_REG_1);
		args[3] = found_value(f, VALUE_PTR, (uint32_t)map, PRIVATE_NOT);
	}
	args[4] = arg(f, BPF_REG_3);
	callback(f, BPF_REG_2, args, false);
}

static void timer(struct audit_flow *f)
{
	const struct audit_value *v = value_get(&f->values, arg(f, BPF_REG_1));
	uint32_t args[6] = {}, map = v->map;

	if (v->kind == VALUE_PTR) {
		args[1] = value_map(&f->values, map);
		args[3] = found_value(f, VALUE_PTR, map, PRIVATE_NOT);
	}
	callback(f, BPF_REG_2, args, true);
}

static void context_only(struct audit_flow *f, unsigned int function, unsigned int context,
			 unsigned int to)
{
	uint32_t args[6] = {};

	args[to] = arg(f, context);
	callback(f, function, args, false);
}

/* --- all others --- */

/* What it may have written: behind each pointer to the stack as much as the next argument says. */
static void clobber(struct audit_flow *f)
{
	unsigned int i;
	uint64_t n;

	for (i = BPF_REG_1; i <= BPF_REG_5; i++) {
		struct audit_value v = *value_get(&f->values, arg(f, i));

		if (v.kind != VALUE_STACK)
			continue;
		n = 8;
		if (i < BPF_REG_5 && value_is_const(&f->values, arg(f, i + 1), &n) && n < 512)
			audit_stack_clobber(f, &v, (uint32_t)n);
		else
			audit_stack_clobber(f, &v, 8);
		/* bpf_probe_read(to, size, from) */
		if (i == BPF_REG_1)
			break;
	}
}

static uint32_t run(struct audit_flow *f, enum audit_helper helper)
{
	int64_t map;

	switch (helper) {
	case AUDIT_CALL_LOOKUP:
		return lookup(f, VALUE_PTR);
	case AUDIT_CALL_ELEM:
		return lookup(f, VALUE_ELEM);
	case AUDIT_CALL_UPDATE:
		map = map_arg(f);
		if (map >= 0 && f->record)
			audit_judge_update(f, (uint32_t)map, arg(f, BPF_REG_2), arg(f, BPF_REG_3),
					   arg(f, BPF_REG_4));
		return 0;
	case AUDIT_CALL_STORAGE:
		return storage(f, true);
	case AUDIT_CALL_CGROUP:
		return storage(f, false);
	case AUDIT_CALL_LOCK:
		lock(f);
		return 0;
	case AUDIT_CALL_UNLOCK:
		f->state.x[STATE_LOCK] = 0;
		return 0;
	case AUDIT_CALL_THREAD:
	case AUDIT_CALL_TASK:
		return value_simple(&f->values, VALUE_THREAD, 0);
	case AUDIT_CALL_CPU:
		return value_simple(&f->values, VALUE_CPU, 0);
	case AUDIT_CALL_LOOP:
		context_only(f, BPF_REG_2, BPF_REG_3, BPF_REG_2);
		return 0;
	case AUDIT_CALL_FOR_EACH:
		for_each(f);
		return 0;
	case AUDIT_CALL_TIMER:
		timer(f);
		return 0;
	case AUDIT_CALL_DRAIN:
		context_only(f, BPF_REG_2, BPF_REG_3, BPF_REG_2);
		return 0;
	case AUDIT_CALL_FIND_VMA:
		context_only(f, BPF_REG_3, BPF_REG_4, BPF_REG_3);
		return 0;
	case AUDIT_CALL_UNKNOWN:
		f->counters[AUDIT_UNKNOWN_CALLS] += f->record;
		clobber(f);
		return 0;
	case AUDIT_CALL_WRITES:
		clobber(f);
		return 0;
	case AUDIT_CALL_PLAIN:
	case AUDIT_CALL_DELETE:
	case AUDIT_CALLS:
		break;
	}
	return 0;
}

void audit_call_helper(struct audit_flow *f, uint32_t helper)
{
	uint32_t result = run(f, (enum audit_helper)helper);
	unsigned int i;

	f->state.x[BPF_REG_0] = result;
	for (i = BPF_REG_1; i <= BPF_REG_5; i++)
		f->state.x[i] = 0;
}
