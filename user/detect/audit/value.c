/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the pool --- */

int audit_pool_init(struct audit_pool *pool, size_t size, uint32_t max)
{
	memset(pool, 0, sizeof(*pool));
	pool->size = size;
	pool->max = max;
	pool->nslots = 1024;
	pool->slots = calloc(pool->nslots, sizeof(*pool->slots));
	pool->items = calloc(pool->nslots / 2, size);
	if (!pool->slots || !pool->items) {
		audit_pool_free(pool);
		return -ENOMEM;
	}
	pool->n = 0;
	audit_pool_put(pool, pool->items);
	return 0;
}

void audit_pool_free(struct audit_pool *pool)
{
	free(pool->items);
	free(pool->slots);
	memset(pool, 0, sizeof(*pool));
}

static uint32_t hash_bytes(const unsigned char *p, size_t n)
{
	uint64_t h = 0x9e3779b97f4a7c15ull;
	uint32_t word;

	for (; n >= 4; p += 4, n -= 4) {
		memcpy(&word, p, 4);
		h = (h ^ word) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static bool grow(struct audit_pool *pool)
{
	uint32_t nslots = pool->nslots * 2, i, at;
	unsigned char *items = realloc(pool->items, (size_t)nslots / 2 * pool->size);
	uint32_t *slots;

	if (!items)
		return false;
	pool->items = items;
	slots = calloc(nslots, sizeof(*slots));
	if (!slots)
		return false;
	for (i = 0; i < pool->n; i++) {
		at = hash_bytes(&items[i * pool->size], pool->size) & (nslots - 1);
		while (slots[at])
			at = (at + 1) & (nslots - 1);
		slots[at] = i + 1;
	}
	free(pool->slots);
	pool->slots = slots;
	pool->nslots = nslots;
	return true;
}

uint32_t audit_pool_put(struct audit_pool *pool, const void *item)
{
	uint32_t at = hash_bytes(item, pool->size) & (pool->nslots - 1);

	for (; pool->slots[at]; at = (at + 1) & (pool->nslots - 1))
		if (!memcmp(&pool->items[(pool->slots[at] - 1) * pool->size], item, pool->size))
			return pool->slots[at] - 1;
	if (pool->n >= pool->max) {
		pool->full = true;
		return 0;
	}
	if (pool->items != item) /* the first one */
		memcpy(&pool->items[pool->n * pool->size], item, pool->size);
	pool->slots[at] = ++pool->n;
	at = pool->n - 1;
	if (pool->n >= pool->nslots / 2 && !grow(pool)) {
		pool->n--; /* no room for the next: this one is given back */
		pool->max = pool->n;
		pool->full = true;
		return 0;
	}
	return at;
}

const void *audit_pool_get(const struct audit_pool *pool, uint32_t i)
{
	return &pool->items[i * pool->size];
}

/* --- values --- */

uint32_t value_const(struct audit_pool *values, uint64_t x)
{
	struct audit_value v = {.kind = VALUE_CONST, .u = {(uint32_t)x, (uint32_t)(x >> 32)}};

	return audit_pool_put(values, &v);
}

bool value_is_const(const struct audit_pool *values, uint32_t i, uint64_t *x)
{
	const struct audit_value *v = value_get(values, i);

	*x = (uint64_t)v->u[1] << 32 | v->u[0];
	return v->kind == VALUE_CONST;
}

uint32_t value_stack(struct audit_pool *values, uint32_t frame, int32_t off)
{
	struct audit_value v = {.kind = VALUE_STACK, .u = {frame, (uint32_t)off}};

	return audit_pool_put(values, &v);
}

uint32_t value_map(struct audit_pool *values, uint32_t map)
{
	struct audit_value v = {.kind = VALUE_MAP, .map = (uint16_t)map};

	return audit_pool_put(values, &v);
}

uint32_t value_simple(struct audit_pool *values, enum audit_value_kind kind, uint32_t u0)
{
	struct audit_value v = {.kind = (uint8_t)kind, .u = {u0}};

	return audit_pool_put(values, &v);
}

uint32_t value_ptr(struct audit_pool *values, uint32_t map, uint32_t obj, uint32_t off)
{
	struct audit_value v = {
		.kind = VALUE_PTR, .map = (uint16_t)map, .u = {[OBJ] = obj, [OFF] = off}};

	return audit_pool_put(values, &v);
}

uint32_t value_load(struct audit_pool *values, uint32_t at)
{
	return value_simple(values, VALUE_DERIVED, at);
}

uint32_t value_advance(struct audit_pool *values, uint32_t i, int64_t off)
{
	struct audit_value v = *value_get(values, i);

	switch (v.kind) {
	case VALUE_STACK:
		if (off < -4096 || off > 4096)
			return 0;
		v.u[1] += (uint32_t)off;
		return (int32_t)v.u[1] < -4096 || (int32_t)v.u[1] > 0 ? 0
								      : audit_pool_put(values, &v);
	case VALUE_MAP:
		v.kind = VALUE_BASE;
		return audit_pool_put(values, &v);
	case VALUE_BASE:
		return i;
	case VALUE_ELEM: /* the kernel's own fields come before the value */
		v.kind = VALUE_PTR;
		return audit_pool_put(values, &v);
	case VALUE_PTR:
		v.u[OFF] += (uint32_t)off;
		return audit_pool_put(values, &v);
	default:
		return 0;
	}
}

bool value_is_derived(const struct audit_pool *values, uint32_t i)
{
	return value_get(values, i)->kind == VALUE_DERIVED;
}

/* Both sets of loads; false: more than a value can tell of. */
static bool unite(struct audit_value *out, const struct audit_value *a, const struct audit_value *b)
{
	size_t i = 0, k = 0, n = 0;
	uint32_t x, y;

	for (;;) {
		x = i < VALUE_LOADS ? a->u[i] : 0;
		y = k < VALUE_LOADS ? b->u[k] : 0;
		if (!x && !y)
			return true;
		if (n == VALUE_LOADS)
			return false;
		if (x && (!y || x <= y)) {
			out->u[n++] = x;
			i++;
			k += x == y;
		} else {
			out->u[n++] = y;
			k++;
		}
	}
}

static uint32_t unite_values(struct audit_pool *values, const struct audit_value *a,
			     const struct audit_value *b, uint32_t ops)
{
	static const struct audit_value none;
	struct audit_value v = {.kind = VALUE_DERIVED};

	if (a->kind != VALUE_DERIVED)
		a = &none;
	if (b->kind != VALUE_DERIVED)
		b = &none;
	v.more = (uint8_t)(a->more | b->more | ops);
	return unite(&v, a, b) ? audit_pool_put(values, &v) : value_simple(values, VALUE_MANY, 0);
}

uint32_t value_mix(struct audit_pool *values, uint32_t a, uint32_t b, uint32_t ops)
{
	const struct audit_value *x = value_get(values, a), *y = value_get(values, b);

	/* an index like row * cpus + cpu */
	if (x->kind == VALUE_CPU || y->kind == VALUE_CPU)
		return value_simple(values, VALUE_CPU, 0);
	if (x->kind == VALUE_DERIVED || y->kind == VALUE_DERIVED)
		return unite_values(values, x, y, ops);
	return 0;
}

static bool is_pointer(const struct audit_value *v)
{
	return v->kind == VALUE_PTR || v->kind == VALUE_ELEM || v->kind == VALUE_MAP;
}

static bool is_null(const struct audit_value *v)
{
	return v->kind == VALUE_CONST && !v->u[0] && !v->u[1];
}

static bool is_scalar(const struct audit_value *v)
{
	return v->kind == VALUE_OTHER || v->kind == VALUE_CONST || v->kind == VALUE_DERIVED;
}

/* A look-up is told from another one by its instruction; where two meet, by the place: that keeps
 * what was made of them before, so that a loop comes to an end. */
static uint32_t meet(uint32_t a, uint32_t b, uint32_t where)
{
	return a == b ? a : where | 0x80000000u;
}

static uint32_t join_pointers(struct audit_pool *values, const struct audit_value *x,
			      const struct audit_value *y, uint32_t where)
{
	struct audit_value v = *x;

	v.u[OBJ] = meet(x->u[OBJ], y->u[OBJ], where);
	v.u[VAR] = meet(x->u[VAR], y->u[VAR], where);
	if (x->u[OFF] != y->u[OFF]) {
		v.u[VAR] = where | 0x80000000u;
		v.u[OFF] = x->u[OFF] < y->u[OFF] ? x->u[OFF] : y->u[OFF];
	}
	if (x->more != y->more)
		v.more = PRIVATE_NOT;
	return audit_pool_put(values, &v);
}

static uint32_t join_scalars(struct audit_pool *values, const struct audit_value *x,
			     const struct audit_value *y)
{
	if (x->kind == VALUE_DERIVED && y->kind == VALUE_DERIVED)
		return unite_values(values, x, y, x->more == y->more ? 0 : DERIVED_JOINED);
	if (x->kind == VALUE_DERIVED || y->kind == VALUE_DERIVED)
		return unite_values(values, x, y, DERIVED_JOINED);
	return 0;
}

uint32_t value_join(struct audit_pool *values, uint32_t a, uint32_t b, uint32_t where)
{
	const struct audit_value *x = value_get(values, a), *y = value_get(values, b);
	bool lost;

	if (a == b)
		return a;
	/* an index is kept in bounds, or this CPU's only when asked for: if (cpu >= N) cpu = 0 */
	if (x->kind == VALUE_CPU && is_scalar(y))
		return a;
	if (y->kind == VALUE_CPU && is_scalar(x))
		return b;
	if (is_pointer(x) && is_null(y))
		return a;
	if (is_pointer(y) && is_null(x))
		return b;
	if (x->kind == y->kind && x->map == y->map &&
	    (x->kind == VALUE_PTR || x->kind == VALUE_ELEM)) {
		struct audit_value p = *x, q = *y; /* the pool may move */

		return join_pointers(values, &p, &q, where);
	}
	if (is_scalar(x) && is_scalar(y)) {
		struct audit_value p = *x, q = *y;

		return join_scalars(values, &p, &q);
	}
	lost = is_pointer(x) || is_pointer(y) || (x->kind == VALUE_MANY && x->u[0]) ||
	       (y->kind == VALUE_MANY && y->u[0]);
	return value_simple(values, VALUE_MANY, lost);
}
