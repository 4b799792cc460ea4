/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_STATE_H
#define MAPRACE_DETECT_AUDIT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/audit/value.h"

/* What is known at one place: numbers of values; of the lock held, and of facts. */
#define STATE_REGS 11
#define STATE_SLOTS 128 /* of 4 bytes, of the frame, from its lowest address */
enum { STATE_STACK = STATE_REGS, STATE_LOCK = STATE_STACK + STATE_SLOTS, STATE_FACTS, STATE_WORDS };

struct audit_state {
	uint32_t x[STATE_WORDS];
};

/* A state in as few words as it needs; NULL: no memory. *bytes: what it takes. */
uint32_t *audit_state_pack(const struct audit_state *state, size_t *bytes);
void audit_state_unpack(struct audit_state *state, const uint32_t *packed);
size_t audit_state_packed_bytes(const uint32_t *packed);
/* Joins from into state, where ways meet; whether state has changed. */
bool audit_state_join(struct audit_state *state, const struct audit_state *from,
		      struct audit_pool *values, struct audit_pool *facts, uint32_t where);
/* The facts of both ways. */
uint32_t audit_facts_join(struct audit_pool *facts, uint32_t a, uint32_t b);
/* One more; the oldest makes room. */
uint32_t audit_facts_add(struct audit_pool *facts, uint32_t to, uint32_t edge, uint32_t value);

#endif
