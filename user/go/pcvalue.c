/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/pcvalue.h"

#include <errno.h>
#include <stdbool.h>

#define MAX_VARINT 5	       /* bytes of 32 bits */
#define MAX_REGIONS (4u << 20) /* each has an instruction of its own at least */

static int read_varint(struct pcvalue *it, uint32_t *out)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < MAX_VARINT && it->pos < it->end; i++) {
		uint8_t byte = *it->pos++;

		value |= (uint32_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*out = value;
			return 0;
		}
	}
	return -EBADMSG;
}

void pcvalue_start(struct pcvalue *it, const uint8_t *table, const uint8_t *end, uint64_t entry,
		   uint64_t limit, uint32_t unit)
{
	*it = (struct pcvalue){
		.pos = table,
		.end = end,
		.lo = entry,
		.hi = entry,
		.limit = limit,
		.unit = unit,
		.left = MAX_REGIONS,
		.value = -1,
	};
}

int pcvalue_next(struct pcvalue *it)
{
	/* Only at the start is lo == hi: a later empty region is refused below, which also bounds
	 * the table's length. */
	bool first = it->lo == it->hi;
	uint32_t delta, units;
	uint64_t bytes;

	if (read_varint(it, &delta))
		return -EBADMSG;
	if (!delta && !first)
		return 0;
	if (!it->left-- || read_varint(it, &units))
		return -EBADMSG;
	bytes = (uint64_t)units * it->unit;
	if (!bytes || bytes > it->limit - it->hi)
		return -EBADMSG;
	it->value = (int32_t)((uint32_t)it->value + (delta & 1 ? ~(delta >> 1) : delta >> 1));
	it->lo = it->hi;
	it->hi += bytes;
	return 1;
}

int pcvalue_find(struct pcvalue *it, uint64_t pc, int32_t *value)
{
	int got;

	while ((got = pcvalue_next(it)) == 1) {
		if (pc < it->hi) {
			*value = it->value;
			return 0;
		}
	}
	return got ? got : -ENOENT;
}
