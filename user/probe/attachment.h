/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_ATTACHMENT_H
#define MAPRACE_PROBE_ATTACHMENT_H

#include "probe/attach.h"
#include "probe/calls.h"
#include "probe/cold_calls.h"
#include "probe/engine.h"

/* What is behind probe/attach.h: how it is made and lives is attach.c, what it has in the engine's
 * tables attach_place.c, what is read of it while it works attach_read.c. */
struct attachment {
	struct attach_opts opts;
	uint64_t pidns_dev, pidns_ino;
	struct mr_target config; /* until it is loaded */
	struct engine *engine;	 /* NULL: not loaded */
	uint16_t tag;
	struct mr_target *target; /* the engine's */
	bool in_tables;		  /* its process and its sites are in the engine's */
	const struct process *process;
	struct image { /* the program, and plugins in the order in which they came */
		const struct go_binary *bin;
		const struct hook_set *hooks;
		uint64_t bias;
	} images[LINKS_FILES];
	size_t nimages;
	struct calls calls;
	struct cold_calls cold;
	uint64_t cold_ns;	     /* when more were tried last */
	size_t cold_step, cold_hot;  /* how many then; those that were hot until then */
	uint64_t opened_ns, open_ns; /* 0: it is not open; and for how long it was in all */
	bool open, whole, active, placed;
	bool never_whole; /* some probes are not there */
	uint64_t beat_ns; /* the last sign of life */
	bool late;	  /* it was too late: the probes may be gone */
	bool mended;	  /* the engine's mender has, or had, its slot */
	/* A request that nobody has waited for any longer, and what it was about. */
	enum { MOVE_NONE, MOVE_PROBES, MOVE_CALLS, MOVE_FILE } move;
	int moved; /* what became of it, until somebody asks */
	struct links_calls change;
};

static inline uint32_t attachment_engine_slot(const struct attachment *a)
{
	return engine_slot(a->engine, a->tag);
}

/* The hook whose site is in this slot, and the number of its image, which is that of its file
 * among the links. */
const struct hook *attachment_slot_hook(const struct attachment *a, uint32_t slot, uint8_t *file);

/* The lasting probes of an image, as the links want them; deaths: those too that tell of no race. */
void attachment_lasting_offsets(const struct hook_set *set, bool deaths,
				unsigned long offsets[LINKS_LASTING]);

/* The sites of one image into the tables, with the numbers that are free: offsets, by number, tells
 * which those are. Out of the table of all, where the target's own keeps them for what is read of
 * it later; and the numbers of an image that came to nothing, which are free again. */
int attachment_add_sites(struct attachment *a, const struct hook_set *set, uint64_t bias,
			 unsigned long *offsets);
void attachment_remove_sites(const struct attachment *a, const struct hook_set *set, uint64_t bias);
void attachment_free_numbers(const struct attachment *a, const struct hook_set *set, uint64_t bias);

/* More call sites that may be cold are to be probed (attach_cold.c). */
void attachment_try_cold(struct attachment *a, uint64_t now_ns);

/* Late hits, of a process that has gone on, are none of its any more. */
void attachment_leave_engine(struct attachment *a);

#endif
