/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_ATTACHMENT_H
#define MAPRACE_PROBE_ATTACHMENT_H

#include "probe/attach.h"
#include "probe/calls.h"
#include "probe/keeper.h"

#include "gomap.skel.h" /* behind the types that its variables have */

/* What is behind probe/attach.h: how it is made is attach.c, what is read of it while it works
 * attach_read.c. */
struct attachment {
	struct attach_opts opts;
	struct gomap_bpf *skel;
	const struct process *process;
	struct image { /* the program, and plugins in the order in which they came */
		const struct go_binary *bin;
		const struct hook_set *hooks;
		uint64_t bias;
	} images[LINKS_FILES];
	size_t nimages;
	struct links links; /* what the keeper is to place; it alone has them */
	struct keeper keeper;
	struct calls calls;
	struct bpf_program *op; /* which of the two that see operations */
	bool open, whole, active;
	uint64_t beat_ns; /* the last sign of life */
	size_t ncpus;	  /* that may run programs, up to MR_CPUS */
	struct mr_map *maps;
	size_t maps_len;
	uint32_t map_records;
	struct mr_trial *trials;
	size_t trials_len;
	struct mr_grower *growers;
	size_t growers_len;
};

/* The hook whose site is in this slot, and the number of its image, which is that of its file
 * among the links. */
const struct hook *attachment_slot_hook(const struct attachment *a, uint32_t slot, uint8_t *file);

#endif
