/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which stores are findings. Asked once for each store, when what is known there is final. */
#include <stdlib.h>
#include <string.h>

#include "detect/audit/flow.h"

static void hit(struct audit_flow *f, const struct audit_hit *h)
{
	struct audit_hit *grown;
	size_t i;

	/* only a function that is called can come here twice */
	for (i = f->instance ? 0 : f->nhits; i < f->nhits; i++)
		if (f->hits[i].write == h->write && f->hits[i].read == h->read &&
		    f->hits[i].kind == h->kind && f->hits[i].map == h->map)
			return; /* in another instance */
	if (f->nhits >= AUDIT_MAX_HITS) {
		f->counters[AUDIT_TOO_MANY]++;
		return;
	}
	grown = reallocarray(f->hits, f->nhits + 1, sizeof(*grown));
	if (!grown) {
		f->nomem = true;
		return;
	}
	f->hits = grown;
	grown[f->nhits++] = *h;
}

static uint32_t load_size(const struct audit_flow *f, uint32_t at)
{
	static const uint8_t sizes[] = {4, 2, 1, 8}; /* BPF_W, BPF_H, BPF_B, BPF_DW */
	uint8_t code = f->unit->insns[audit_insn_at(f, at)].code;

	return sizes[BPF_SIZE(code) >> 3];
}

/* Whether what was loaded there is a part of these bytes. */
static bool same_field(const struct audit_flow *f, uint32_t at, const struct audit_value *ptr,
		       uint32_t size)
{
	const struct audit_value *from = value_get(&f->values, f->through[at]);

	if (from->kind != VALUE_PTR || from->map != ptr->map || from->u[OBJ] != ptr->u[OBJ] ||
	    from->u[VAR] != ptr->u[VAR])
		return false;
	return from->u[OFF] - ptr->u[OFF] < size || ptr->u[OFF] - from->u[OFF] < load_size(f, at);
}

/* The lock of this very value, or one in global data, which is the same for all. */
static bool lock_covers(const struct audit_flow *f, const struct audit_value *lock,
			const struct audit_value *ptr)
{
	if (lock->map == ptr->map && lock->u[OBJ] == ptr->u[OBJ])
		return true;
	return lock->u[VALUE_LOADS - 1] && !lock->u[OBJ] &&
	       f->unit->maps[lock->map].type == BPF_MAP_TYPE_ARRAY;
}

static bool is_locked(struct audit_flow *f, uint32_t at, const struct audit_value *ptr)
{
	uint32_t now = f->state.x[STATE_LOCK];

	if (!now || f->lock[at] != now || !lock_covers(f, value_get(&f->values, now), ptr))
		return false;
	f->counters[AUDIT_LOCKED]++;
	return true;
}

static bool tell(struct audit_flow *f, enum audit_kind kind, const struct audit_value *ptr,
		 uint32_t size, uint32_t read_at, uint32_t stored)
{
	const struct audit_value *v = value_get(&f->values, stored);
	struct audit_hit h = {
		.kind = kind,
		.map = ptr->map,
		.off = ptr->u[OFF],
		.size = size,
		.variable = ptr->u[VAR] != 0,
		.constant = v->kind == VALUE_CONST,
		.direct = !ptr->u[OBJ],
		.ops = v->kind == VALUE_DERIVED ? v->more : 0,
		.read = audit_insn_at(f, read_at),
		.write = f->insn,
	};

	hit(f, &h);
	return true;
}

/* What is stored was made of what the field was. */
static bool judge_modify(struct audit_flow *f, const struct audit_value *ptr, uint32_t size,
			 uint32_t stored)
{
	struct audit_value v = *value_get(&f->values, stored);
	size_t i;

	if (v.kind != VALUE_DERIVED)
		return false;
	for (i = 0; i < VALUE_LOADS && v.u[i]; i++) {
		if (!same_field(f, v.u[i], ptr, size))
			continue;
		return is_locked(f, v.u[i], ptr) ||
		       tell(f, AUDIT_READ_MODIFY_WRITE, ptr, size, v.u[i], stored);
	}
	return false;
}

#define NFACTS (sizeof(((struct audit_facts *)0)->f) / sizeof(((struct audit_facts *)0)->f[0]))

/* That it is stored at all was decided by what the field was: the last such decision. */
static bool judge_check(struct audit_flow *f, const struct audit_value *ptr, uint32_t size,
			uint32_t stored)
{
	const struct audit_facts *facts = audit_pool_get(&f->facts, f->state.x[STATE_FACTS]);
	const struct audit_value *v;
	size_t i, k;

	for (i = NFACTS; i-- > 0;) {
		v = value_get(&f->values, facts->f[i].value);
		if (!facts->f[i].edge || v->kind != VALUE_DERIVED)
			continue;
		for (k = 0; k < VALUE_LOADS && v->u[k]; k++) {
			if (!same_field(f, v->u[k], ptr, size))
				continue;
			if (!is_locked(f, v->u[k], ptr))
				tell(f, AUDIT_CHECK_THEN_ACT, ptr, size, v->u[k], stored);
			return true;
		}
	}
	return false;
}

/*
 * The second of two fields of one value, one after the other without a branch in between, and not
 * both under the lock that the value has: who reads it under the lock may see one new and the other
 * old.
 */
static void judge_partial(struct audit_flow *f, const struct audit_value *ptr, uint32_t size,
			  uint32_t stored)
{
	uint32_t now = f->state.x[STATE_LOCK], obj = ptr->u[OBJ], off = ptr->u[OFF];
	bool locked = now && lock_covers(f, value_get(&f->values, now), ptr), another;

	if (!f->unit->maps[ptr->map].has_lock || ptr->u[VAR] || !obj)
		return;
	another = f->before.at && f->before.block == f->block && f->before.map == ptr->map &&
		  f->before.obj == obj &&
		  (off >= f->before.off + f->before.size || f->before.off >= off + size);
	if (another && !(locked && f->before.locked))
		tell(f, AUDIT_PARTIAL_UPDATE, ptr, size, f->before.at, stored);
	f->before.block = f->block;
	f->before.at = f->at;
	f->before.map = ptr->map;
	f->before.obj = obj;
	f->before.off = off;
	f->before.size = size;
	f->before.locked = locked;
}

void audit_judge_store(struct audit_flow *f, const struct audit_value *ptr, uint32_t size,
		       uint32_t stored)
{
	if (!audit_map_has_values(f->unit->maps[ptr->map].type))
		return;
	f->counters[AUDIT_STORES]++;
	if (!judge_modify(f, ptr, size, stored) && !judge_check(f, ptr, size, stored))
		judge_partial(f, ptr, size, stored);
}

/* --- updates by the helper --- */

/* Whether a look-up was of the key that is updated, as far as can be told. */
static bool same_key(const struct audit_flow *f, uint32_t obj, uint32_t key)
{
	const struct audit_value *v = value_get(&f->values, key);

	if (obj & 0x80000000u) /* where ways met */
		return false;
	return v->kind == VALUE_STACK && f->through[obj] == key;
}

/* The load that the value handed over was made of. */
static uint32_t made_of(struct audit_flow *f, const struct audit_value *buffer, uint32_t size,
			uint32_t map, uint32_t key, struct audit_value *made)
{
	struct audit_value at = *buffer;
	const struct audit_value *from;
	uint32_t i, k;

	for (i = 0; i < size; i += 4, at.u[1] += 4) {
		*made = *value_get(&f->values, audit_stack_load(f, &at, 4));
		if (made->kind != VALUE_DERIVED)
			continue;
		for (k = 0; k < VALUE_LOADS && made->u[k]; k++) {
			from = value_get(&f->values, f->through[made->u[k]]);
			if (from->kind == VALUE_PTR && from->map == map &&
			    same_key(f, from->u[OBJ], key))
				return made->u[k];
		}
	}
	return 0;
}

/* The look-up that has found nothing under this key, on the way here. */
static uint32_t found_nothing(const struct audit_flow *f, uint32_t map, uint32_t key)
{
	const struct audit_facts *facts = audit_pool_get(&f->facts, f->state.x[STATE_FACTS]);
	const struct audit_value *v;
	size_t i;

	for (i = NFACTS; i-- > 0;) {
		v = value_get(&f->values, facts->f[i].value);
		if (facts->f[i].edge && (v->kind == VALUE_PTR || v->kind == VALUE_ELEM) &&
		    v->map == map && !v->more && same_key(f, v->u[OBJ], key))
			return v->u[OBJ];
	}
	return 0;
}

void audit_judge_update(struct audit_flow *f, uint32_t map, uint32_t key, uint32_t value,
			uint32_t flags)
{
	const struct audit_map *m = &f->unit->maps[map];
	struct audit_value buffer = *value_get(&f->values, value), made = {};
	struct audit_hit h = {.map = map, .size = m->value_size, .write = f->insn};
	uint32_t at = 0;
	uint64_t how;

	if (!audit_map_has_values(m->type) || audit_map_per_cpu(m->type) ||
	    !value_is_const(&f->values, flags, &how) || (how & BPF_NOEXIST))
		return;
	if (buffer.kind == VALUE_STACK && m->value_size <= 4 * STATE_SLOTS)
		at = made_of(f, &buffer, m->value_size, map, key, &made);
	if (at) {
		h.kind = AUDIT_LOOKUP_UPDATE;
		h.ops = made.more;
		h.off = value_get(&f->values, f->through[at])->u[OFF];
		h.size = load_size(f, at);
		h.variable = value_get(&f->values, f->through[at])->u[VAR] != 0;
	} else if (!(how & BPF_EXIST)) {
		h.kind = AUDIT_LOOKUP_INSERT;
		at = found_nothing(f, map, key);
	}
	if (!at)
		return;
	h.read = audit_insn_at(f, at);
	hit(f, &h);
}
