/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_VALUE_H
#define MAPRACE_DETECT_AUDIT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a register or a stack slot may hold, as little of it as the rules need. Values are kept once
 * each and named by number, so that states are small and comparing is cheap. Number 0 is OTHER.
 */
enum audit_value_kind {
	VALUE_OTHER, /* of no interest: made of nothing that was loaded from a map */
	VALUE_MANY,  /* different things, depending on the way here; u[0]: a map's pointer is one */
	VALUE_CONST, /* u[0], u[1]: low and high half */
	VALUE_STACK, /* u[0]: the frame's instance, u[1]: offset from its frame pointer */
	VALUE_MAP,   /* map */
	VALUE_BASE,  /* inside an array, before the element is chosen: map */
	VALUE_ELEM,  /* a hash's element: map, u[OBJ] */
	VALUE_PTR,   /* into a map's value: map, u[OBJ], u[VAR], u[OFF] */
	VALUE_DERIVED, /* made of what was loaded at u[0..], ascending, 0 the end; ops */
	VALUE_THREAD,  /* the current thread's number or address; u[0]: shifted up by 32 */
	VALUE_CPU,     /* made of this CPU's number */
	VALUE_FUNC,    /* u[0]: function */
};

/* Of VALUE_PTR: which look-up it came of, the instruction that added what is not known, offset. */
enum { OBJ, VAR, OFF };

/* Of VALUE_PTR: nobody else has this value, because its key is the current thread's or CPU's. */
enum audit_private { PRIVATE_NOT, PRIVATE_THREAD, PRIVATE_CPU };

/* Of VALUE_DERIVED: what was done to it. */
#define DERIVED_ADDED 1u
#define DERIVED_BITS 2u
#define DERIVED_MIXED 4u
#define DERIVED_JOINED 8u /* or something else, depending on the way */

#define VALUE_LOADS 6

struct audit_value {  /* no padding: compared as bytes */
	uint8_t kind; /* enum audit_value_kind */
	uint8_t more; /* PTR: enum audit_private; DERIVED: ops */
	uint16_t map;
	uint32_t u[VALUE_LOADS];
};
_Static_assert(sizeof(struct audit_value) == 28, "no padding");

/* Records of one size, each kept once. */
struct audit_pool {
	unsigned char *items;
	uint32_t *slots; /* item + 1, 0: empty */
	uint32_t n, nslots;
	size_t size;
	uint32_t max;
	bool full; /* something found no room */
};

/* The first item is all zero. 0 or -ENOMEM. */
int audit_pool_init(struct audit_pool *pool, size_t size, uint32_t max);
void audit_pool_free(struct audit_pool *pool);
/* 0, the first item, when there is no room: full is set. */
uint32_t audit_pool_put(struct audit_pool *pool, const void *item);
/* Good until the next put. */
const void *audit_pool_get(const struct audit_pool *pool, uint32_t i);

static inline const struct audit_value *value_get(const struct audit_pool *values, uint32_t i)
{
	return audit_pool_get(values, i);
}

uint32_t value_const(struct audit_pool *values, uint64_t x);
bool value_is_const(const struct audit_pool *values, uint32_t i, uint64_t *x);
uint32_t value_stack(struct audit_pool *values, uint32_t frame, int32_t off);
uint32_t value_map(struct audit_pool *values, uint32_t map);
uint32_t value_simple(struct audit_pool *values, enum audit_value_kind kind, uint32_t u0);
uint32_t value_ptr(struct audit_pool *values, uint32_t map, uint32_t obj, uint32_t off);
uint32_t value_load(struct audit_pool *values, uint32_t at); /* just loaded there */
/* The same pointer off bytes further on; OTHER when it is none. */
uint32_t value_advance(struct audit_pool *values, uint32_t i, int64_t off);
/* Whether it is of what was loaded from a map, and so worth to be followed. */
bool value_is_derived(const struct audit_pool *values, uint32_t i);
/* What arithmetic with these two makes, where none is a pointer; ops: DERIVED_*. */
uint32_t value_mix(struct audit_pool *values, uint32_t a, uint32_t b, uint32_t ops);
/* What is known where two ways meet at `where`. */
uint32_t value_join(struct audit_pool *values, uint32_t a, uint32_t b, uint32_t where);

#endif
