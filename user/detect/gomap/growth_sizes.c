/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/growth_sizes.h"

#include <stdbool.h>
#include <string.h>

static uint64_t power(uint8_t exponent)
{
	return exponent < 64 ? 1ull << exponent : 0;
}

/* hmap (src/runtime/map.go): flags u8 at 8, of which 8 is sameSizeGrow; B u8 at 9. */
static void classic_sizes(struct growth_sizes *g, const struct mr_event_growth *e)
{
	const struct mr_grower *who = &e->who;
	bool late = who->flags & MR_GROWTH_LATE;

	if (who->header_size < 48)
		return;
	g->to = power(who->header[9]);
	if (late) { /* the new buckets are there already */
		g->from = who->header[8] & 8 ? g->to : g->to / 2;
	} else {
		g->from = g->to;
		g->to = e->header_size >= 48 ? power(e->after[9]) : 0;
	}
	g->kind = g->from == g->to ? REPORT_GROWTH_SAME_SIZE : REPORT_GROWTH_DOUBLE;
}

/* A table doubles up to 1024 slots, and is split in two of that size then (maxTableCapacity in
 * src/internal/runtime/maps/table.go); growToTable() begins with 16. */
static void swiss_sizes(struct growth_sizes *g, const struct mr_event_growth *e,
			const struct go_layout *layout)
{
	uint16_t capacity = 0;

	if (e->who.op == MR_OP_TABLE) {
		g->kind = REPORT_GROWTH_TABLE;
		g->from = 8;
		g->to = 16;
		return;
	}
	if (layout->table_capacity + sizeof(capacity) <= MR_TABLE_MAX)
		memcpy(&capacity, e->who.table + layout->table_capacity, sizeof(capacity));
	g->kind = capacity >= 1024 ? REPORT_GROWTH_SPLIT : REPORT_GROWTH_DOUBLE;
	g->from = capacity;
	g->to = 2 * (uint64_t)capacity;
}

void growth_sizes_read(struct growth_sizes *g, const struct mr_event_growth *e,
		       const struct go_layout *layout)
{
	if (layout->map_impl == GO_MAP_SWISS)
		swiss_sizes(g, e, layout);
	else
		classic_sizes(g, e);
}
