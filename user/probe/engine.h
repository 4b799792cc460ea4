/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_ENGINE_H
#define MAPRACE_PROBE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <maprace/growth.h>
#include <maprace/panics.h>

#include "base/err.h"
#include "probe/attach.h"
#include "probe/attacher.h"

#include "gomap.skel.h" /* behind the types that its variables have */

/*
 * The BPF programs in the kernel with their tables and the process that places their probes: one
 * for all targets that are watched in the same way, as far as it has room. What is per target is
 * found by its slot; a slot is used again by a later target, its tag never (wire.h): when an engine
 * has no tag left it takes no more targets, and a new one is made for those.
 */
struct engine {
	struct engine *next;
	struct attach_opts opts;
	uint64_t pidns_dev, pidns_ino; /* in which processes are known by number */
	struct gomap_bpf *skel;
	struct bpf_program *op; /* which of the two that see operations */
	struct links base;	/* what the links of all targets begin with */
	struct attacher attacher, mender;
	uint64_t mend_until_ns; /* 0: nobody has begun */
	uint32_t nslots, cpu_shift, cloned_shift;
	uint32_t crowd; /* tables that targets share are 1 << this as large */
	struct engine_slot {
		struct attachment *owner; /* NULL: free */
		uint32_t generation;
		uint64_t foreign; /* its part of the hits of processes that nobody watches */
		bool silent;	  /* it tells nothing that is not its own */
	} slots[MR_TARGETS];
	uint32_t used;
	bool full;	  /* no room was found for some target's sites, since one left last */
	uint64_t foreign; /* shared out so far */
	struct mr_map *maps;
	size_t maps_len;
	uint32_t map_records;
	struct mr_trial *trials;
	size_t trials_len;
	struct mr_grower *growers;
	size_t growers_len;
};

/* An engine with a slot for this target, which is its owner's from now on, and wiped. It is loaded
 * where there is none yet. */
int engine_join(struct engine **out, uint16_t *tag, struct attachment *owner,
		const struct attach_opts *opts, uint64_t pidns_dev, uint64_t pidns_ino,
		struct err *err);
/* The probes of the target must be gone, or going. The engine goes with its last target. */
void engine_leave(struct engine *e, uint16_t tag);
/* What the tables have of this target, which has ended, is room for others. */
void engine_forget(struct engine *e, uint16_t tag);
/* Starts the attacher, unless it is there. */
int engine_start_attacher(struct engine *e, struct err *err);
/* Likewise one that takes away what was left behind by the first one's death. */
int engine_start_mender(struct engine *e, struct err *err);
/* Shares out what has come since the last time among those that use it now. */
void engine_share_foreign(struct engine *e);
/* What is counted once for all targets is told by this one. */
bool engine_is_told_by(const struct engine *e, const struct attachment *a);

static inline uint32_t engine_slot(const struct engine *e, uint16_t tag)
{
	return tag & (e->nslots - 1);
}

static inline struct mr_target *engine_target(const struct engine *e, uint16_t tag)
{
	/* NOLINTNEXTLINE: who has a tag has it of an engine */
	return &e->skel->bss->targets[engine_slot(e, tag)];
}

/* Of a slot: 1 << cpu_shift of them. There are more than the skeleton's type says. */
static inline struct mr_cpu *engine_counters(const struct engine *e, uint32_t slot)
{
	struct mr_cpu *all = e->skel->data_cpus->cpus;

	return all + ((size_t)slot << e->cpu_shift);
}

/* In the table of all sites: the one at this address of a process, NULL: there is none; and a place
 * for it, NULL: none is left that is near enough. */
struct mr_site *engine_find_site(const struct engine *e, uint32_t tgid, uint64_t ip, uint16_t tag);
struct mr_site *engine_free_site(const struct engine *e, uint32_t tgid, uint64_t ip);

#endif
