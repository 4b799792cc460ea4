/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_GOMAP_GROWTH_SIZES_H
#define MAPRACE_DETECT_GOMAP_GROWTH_SIZES_H

#include <stdint.h>

#include <maprace/growth.h>

#include "go/go_layout.h"
#include "model/model.h"

/* What a growth makes of a map: buckets (classic) or slots (Swiss); 0: not known. */
struct growth_sizes {
	enum report_growth_kind kind;
	uint64_t from, to;
};

void growth_sizes_read(struct growth_sizes *g, const struct mr_event_growth *e,
		       const struct go_layout *layout);

#endif
