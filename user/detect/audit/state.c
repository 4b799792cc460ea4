/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/audit/state.h"

#include <stdlib.h>
#include <string.h>

#include "detect/audit/flow.h"

#define NFACTS (sizeof(((struct audit_facts *)0)->f) / sizeof(((struct audit_facts *)0)->f[0]))
#define ID_BITS 24

uint32_t *audit_state_pack(const struct audit_state *state, size_t *bytes)
{
	uint32_t words[STATE_WORDS + 1], n = 0, i, *packed;

	for (i = 0; i < STATE_WORDS; i++)
		if (state->x[i])
			words[++n] = i << ID_BITS | state->x[i];
	words[0] = n;
	*bytes = (n + 1) * sizeof(*packed);
	packed = malloc(*bytes);
	if (packed)
		memcpy(packed, words, *bytes);
	return packed;
}

void audit_state_unpack(struct audit_state *state, const uint32_t *packed)
{
	uint32_t i;

	memset(state, 0, sizeof(*state));
	for (i = 1; i <= packed[0]; i++)
		state->x[packed[i] >> ID_BITS] = packed[i] & ((1u << ID_BITS) - 1);
}

size_t audit_state_packed_bytes(const uint32_t *packed)
{
	return (packed[0] + 1) * sizeof(*packed);
}

bool audit_state_join(struct audit_state *state, const struct audit_state *from,
		      struct audit_pool *values, struct audit_pool *facts, uint32_t where)
{
	bool changed = false;
	uint32_t i, x;

	for (i = 0; i < STATE_WORDS; i++) {
		if (state->x[i] == from->x[i])
			continue;
		if (i == STATE_LOCK)
			x = 0;
		else if (i == STATE_FACTS)
			x = audit_facts_join(facts, state->x[i], from->x[i]);
		else
			x = value_join(values, state->x[i], from->x[i], where);
		changed |= x != state->x[i];
		state->x[i] = x;
	}
	return changed;
}

uint32_t audit_facts_join(struct audit_pool *facts, uint32_t a, uint32_t b)
{
	const struct audit_facts *x = audit_pool_get(facts, a), *y = audit_pool_get(facts, b);
	struct audit_facts both = {};
	size_t i, k, n = 0;

	for (i = 0; i < NFACTS && x->f[i].edge; i++)
		for (k = 0; k < NFACTS; k++)
			if (x->f[i].edge == y->f[k].edge && x->f[i].value == y->f[k].value) {
				both.f[n++] = x->f[i];
				break;
			}
	return audit_pool_put(facts, &both);
}

uint32_t audit_facts_add(struct audit_pool *facts, uint32_t to, uint32_t edge, uint32_t value)
{
	struct audit_facts f = *(const struct audit_facts *)audit_pool_get(facts, to);
	size_t i, n = 0;

	/* the same branch again, in a loop: what was known of its last time is known no more */
	for (i = 0; i < NFACTS && f.f[i].edge; i++)
		if (f.f[i].edge >> 1 != edge >> 1)
			f.f[n++] = f.f[i];
	for (i = n; i < NFACTS; i++)
		memset(&f.f[i], 0, sizeof(f.f[i]));
	if (n == NFACTS) {
		memmove(&f.f[0], &f.f[1], (NFACTS - 1) * sizeof(f.f[0]));
		n--;
	}
	f.f[n].edge = edge;
	f.f[n].value = value;
	return audit_pool_put(facts, &f);
}
