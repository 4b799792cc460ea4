/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "model/memory.h"

#include <stdlib.h>
#include <string.h>

const char *report_limit_name(enum report_limit kind)
{
	static const char *const names[REPORT_LIMITS] = {
		[REPORT_LIMIT_CGROUP2] = "cgroup-v2",
		[REPORT_LIMIT_CGROUP1] = "cgroup-v1",
		[REPORT_LIMIT_ADDRESS_SPACE] = "address-space",
		[REPORT_LIMIT_DATA] = "data",
		[REPORT_LIMIT_GO] = "GOMEMLIMIT",
		[REPORT_LIMIT_GIVEN] = "given",
	};

	return kind < REPORT_LIMITS ? names[kind] : "given";
}

void report_memory_free(struct report_memory *m)
{
	size_t i;

	free(m->exe);
	free(m->where);
	free(m->heap_missing);
	free(m->heap_file);
	for (i = 0; i < m->nsites; i++) {
		free(m->sites[i].at.function);
		free(m->sites[i].at.file);
	}
	if (m->has_snapshot)
		report_snapshot_free(&m->seen);
	memset(m, 0, sizeof(*m));
}

void report_heap_free(struct report_heap *h)
{
	free(h->samples);
	free(h->stacks);
	free(h->frames);
	memset(h, 0, sizeof(*h));
}
