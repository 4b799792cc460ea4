/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_MODEL_MEMORY_H
#define MAPRACE_MODEL_MEMORY_H

#include "model/snapshot.h"

/* Memory that comes to an end: thresholds that a process has passed, what its heap was then, and
 * those that the kernel has killed for it. Rules as in model.h. */
enum report_limit {
	REPORT_LIMIT_CGROUP2,
	REPORT_LIMIT_CGROUP1,
	REPORT_LIMIT_ADDRESS_SPACE,
	REPORT_LIMIT_DATA,
	REPORT_LIMIT_GO,
	REPORT_LIMIT_GIVEN,
	REPORT_LIMITS
};

/* Allocations with the same stack and of the same size, as the runtime's own profile has them:
 * scaled up from those that it has sampled. */
struct report_heap_use {
	int64_t alloc_objects, alloc_bytes, inuse_objects, inuse_bytes;
};

struct report_heap_sample {
	struct report_heap_use use;
	uint64_t size; /* of one */
	size_t at, n;  /* its stack: places in frames, innermost first */
};

/* All of a profile, while it is written. Names are lent. */
struct report_heap {
	struct report_heap_sample *samples;
	size_t nsamples;
	uint32_t *stacks;
	size_t nstacks;
	struct report_heap_frame {
		uint64_t pc;
		const char *function, *file;
		int line, start_line;
		bool runtime;
	} * frames;
	size_t nframes;
	uint64_t rate; /* one sample in so many bytes */
	int64_t unix_ns;
	bool with_recent; /* with what was allocated since the last collection, garbage too */
};

#define REPORT_HEAP_SITES 10

struct report_heap_site { /* the first function outside the runtime */
	struct report_frame at;
	struct report_heap_use use;
};

struct report_memory {
	uint32_t pid;
	char *exe;
	double at_s;	/* since the start of the report */
	double percent; /* the threshold; 0: it has died, killed by the kernel's OOM killer */
	bool jumped;	/* a higher one was passed as well when this one was seen to be */
	bool alone;	/* of a death: it follows from that nobody else was in its group */
	enum report_limit kind;
	uint64_t limit, used;
	char *where; /* the control group; "" */
	/* What was looked at then. */
	bool heap_asked;
	bool heap_known;
	bool heap_with_recent; /* as report_heap has it */
	char *heap_missing;    /* why it is not known; "" */
	char *heap_file;       /* "": it was not written */
	struct report_heap_use heap;
	struct report_heap_site sites[REPORT_HEAP_SITES]; /* the largest first */
	size_t nsites;
	bool has_snapshot;
	struct report_snapshot seen;
};

const char *report_limit_name(enum report_limit kind); /* "cgroup-v2" … */
void report_memory_free(struct report_memory *m);      /* what it owns */
void report_heap_free(struct report_heap *h);	       /* likewise */

#endif
