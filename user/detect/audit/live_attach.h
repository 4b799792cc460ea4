/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_AUDIT_LIVE_ATTACH_H
#define MAPRACE_DETECT_AUDIT_LIVE_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <maprace/overlap.h>

#include "detect/audit/symbols.h"

struct bpf_link;
struct bpf_object;

struct live_program { /* that is looked at */
	uint32_t id;
	int fd;
	/* when the watch began: by the kernel's count, and by ours */
	uint64_t runs, began[MR_RUN_CPUS];
	struct bpf_object *object;
	struct bpf_link *begins, *ends;
	int error; /* why nothing is attached to it */
	/* read so far; only what is beyond doubt is added to the sums */
	uint64_t misses, overlaps_read, met_read[MR_RUN_MAPS];
	uint64_t overlaps, met[MR_RUN_MAPS];
};

struct live {
	struct live_program programs[MR_RUN_PROGRAMS];
	size_t n;
	uint32_t maps[MR_RUN_MAPS]; /* ids */
	size_t nmaps;
	int stats_fd; /* negative: the kernel does not count */
	struct bpf_object *lookups;
	struct bpf_link *lookup;
	int lookup_error;
	struct mr_run_cpu *cpus; /* NULL: nothing is attached */
	struct mr_run_control *control;
	uint64_t lost[MR_RUN_LOSSES]; /* before the watch began: while we attached */
	uint64_t doubted;	      /* times that what was read was thrown away */
};

/* For programs and maps that are listed. What is not there has an error. */
void live_attach(struct live *live, const struct audit_symbols *symbols);
void live_detach(struct live *live);

#endif
