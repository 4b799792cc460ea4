/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "detect/gomap/labels.h"

#include "go/labels.h"

static int read_live(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return process_read(ctx, addr, buf, len);
}

int labels_read(const struct resolver *r, const struct mr_access *raw, struct report_access *out)
{
	const struct go_layout *l = go_binary_layout(r->bin);
	uint64_t labels = 0, now = 0, g = mr_addr(raw->g);

	if (!g || !raw->goid || !raw->labels ||
	    process_read(r->process, g + l->g_goid, &now, sizeof(now)) || now != raw->goid ||
	    process_read(r->process, g + l->g_labels, &labels, sizeof(labels)) ||
	    labels != raw->labels)
		return 0;
	return labels_decode(l, labels, read_live, (void *)r->process, &out->labels, &out->nlabels);
}
