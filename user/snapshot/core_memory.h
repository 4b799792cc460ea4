/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_CORE_MEMORY_H
#define MAPRACE_SNAPSHOT_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "process/mappings.h"
#include "process/memory.h"
#include "snapshot/freeze.h"

/*
 * What of a process's memory goes into a core file, read while it stands still into room that was
 * made before. Until time is up, in this order: what was read of it already (goroutines and their
 * stacks, maps), the stacks of threads, the beginnings of program files, the data of programs and
 * libraries, then anonymous memory, the smallest mappings first, so that the heap is last; what is
 * shared without a file; what is swapped out. Not: what is in files and was not changed, files that
 * are mapped shared, what may not be read (PROT_NONE).
 */
struct core_piece {
	uint64_t addr, len;
	const uint8_t *data; /* NULL: zeros, never touched */
};

struct core_area;

struct core_memory {
	pid_t pid;
	struct mappings mappings;
	struct core_area *areas; /* one for each mapping */
	struct core_piece *pieces;
	size_t npieces, room_pieces;
	uint8_t *room;
	size_t size, used;
	uint64_t until_ns;
	int pagemap;	  /* -1: it cannot be read */
	uint64_t of;	  /* bytes that there are to be taken */
	uint64_t taken;	  /* of them */
	uint64_t refused; /* that the kernel gives to nobody */
	size_t huge;	  /* mappings that are left out, but for stacks, for their size */
	/* why not all was: no more time, no more room, a page did not come */
	bool late, full, absent;
	int failed; /* -ESRCH it is gone, -ENOMEM … */
};

/* Makes room for what the process has in memory now, as far as we can afford that, and as can be
 * read in the time given; touched: that is there by then. 0 or -ENOMEM; free it either way. */
int core_memory_init(struct core_memory *m, pid_t pid, uint64_t max_ns, bool touched);
/* While it is frozen. What is in kept must stay there. 0, or why there is nothing. */
int core_memory_take(struct core_memory *m, const struct freeze *freeze, const struct memory *kept,
		     uint64_t until_ns);
/* Sorts the pieces by address. */
void core_memory_finish(struct core_memory *m);
void core_memory_free(struct core_memory *m);

#endif
