/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/labels.h"

#include <stddef.h>

#include "base/clock.h"
#include "go/labels.h"

static int read_live(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return process_read(ctx, addr, buf, len);
}

/* Longer ago than that the attacher may have taken the collector's probe away (attacher_process.c).
 */
#define LATE_NS 5000000000ull

/* Whether other labels may lie there by now. */
static bool may_be_others(const struct resolver *r, const struct mr_access *raw)
{
	return !r->attachment || attachment_collected(r->attachment, raw->collections) ||
	       clock_ns(CLOCK_MONOTONIC) - raw->time_ns > LATE_NS;
}

int labels_read(const struct resolver *r, const struct mr_access *raw, struct report_access *out)
{
	const struct go_layout *l = go_binary_layout(r->bin);
	uint64_t labels = 0, now = 0, g = mr_addr(raw->g);
	int ret;

	if (!g || !raw->goid || !raw->labels ||
	    process_read(r->process, g + l->g_goid, &now, sizeof(now)) || now != raw->goid ||
	    process_read(r->process, g + l->g_labels, &labels, sizeof(labels)) ||
	    labels != raw->labels)
		return 0;
	ret = labels_decode(l, labels, read_live, (void *)r->process, &out->labels, &out->nlabels);
	/* behind it: until then they were not given back */
	if (may_be_others(r, raw)) {
		report_labels_free(out->labels, out->nlabels);
		out->labels = NULL;
		out->nlabels = 0;
	}
	return ret;
}
