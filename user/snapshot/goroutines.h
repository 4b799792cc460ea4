/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_GOROUTINES_H
#define MAPRACE_SNAPSHOT_GOROUTINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "go/go_binary.h"
#include "model/model.h"
#include "process/memory.h"
#include "snapshot/freeze.h"
#include "snapshot/unwind.h"

enum goroutine_status { /* src/runtime/runtime2.go: _Gidle and so on */
			GOROUTINE_IDLE,
			GOROUTINE_RUNNABLE,
			GOROUTINE_RUNNING,
			GOROUTINE_SYSCALL,
			GOROUTINE_WAITING,
			GOROUTINE_DEAD = 6,
			GOROUTINE_COPYSTACK = 8,
			GOROUTINE_PREEMPTED,
			GOROUTINE_LEAKED,
			GOROUTINE_DEADEXTRA,
			GOROUTINE_STATUSES
};

struct goroutine {
	uint64_t addr, id, parent;
	uint64_t gopc, startpc;
	uint64_t waitsince; /* of the target's CLOCK_MONOTONIC; 0: not known */
	uint64_t stack_lo, stack_hi;
	uint64_t labels; /* of the profiler, where they are; 0: none */
	uint32_t status, reason;
	pid_t tid;    /* that it runs on; 0: none */
	size_t at, n; /* in goroutines.pcs */
	bool walked;  /* its stack was, as far as there was time */
	bool truncated, approximate;
};

/* Labels that goroutines have; most of a service's share a few. */
struct goroutine_labels {
	uint64_t addr;
	struct report_label *labels;
	size_t n; /* 0: they could not be read, or there was no time */
};

struct goroutines {
	struct goroutine *list; /* without the dead */
	size_t n, list_room;
	uint64_t *pcs, *slots; /* of each frame, as struct unwound has them */
	size_t npcs, room;
	struct goroutine_labels *labels; /* by address */
	size_t nlabels;
	uint64_t total;	     /* entries of runtime.allgs */
	uint64_t dead;	     /* of them are not used now */
	uint64_t unreadable; /* of them look like no goroutine */
	uint64_t unread;     /* entries that there was no time for, dead ones among them */
	uint64_t no_stack;   /* of those in list: no time for their stacks */
};

/* Of a program, at link-time addresses: what was found in one process of it. Another one that is
 * not so is looked through as if there were no hint. All zero at first. */
struct goroutines_hint {
	bool looked;
	uint64_t main, allgs; /* runtime.main; 0: not found */
};

/*
 * Where runtime.allgs is. No symbol says so in a stripped program: it is the one slice in the
 * program's own data whose elements are all goroutines, the first of them that of main(). 0 and its
 * address; hint: NULL, or of its program; -ENOENT none is, -EEXIST several are, -ETIME it took
 * longer than the memory's deadline.
 */
int goroutines_find(const struct go_binary *bin, uint64_t bias, struct memory *memory,
		    struct goroutines_hint *hint, uint64_t *allgs, struct err *err);

/* The same of one that stands still, or of memory that is read once, where looking once more is of
 * no use. */
int goroutines_find_frozen(const struct go_binary *bin, uint64_t bias, struct memory *memory,
			   struct goroutines_hint *hint, uint64_t *allgs, struct err *err);

/* Reads all: the one at the address first (0: none), those that its threads run, with their stacks,
 * then the list, which has half of the time that is left, then stacks, and so on. freeze: the
 * threads, with their registers; NULL: there are none. 0, -EFAULT the list is not there, -ETIME
 * there was no time at all, -ENOMEM. When time is up later it says what is missing. */
int goroutines_read(struct goroutines *gs, const struct go_layout *layout, uint64_t allgs,
		    uint64_t first, struct memory *memory, const struct freeze *freeze,
		    struct unwinder *u);
void goroutines_free(struct goroutines *gs);

/* Those at this address; NULL: not known. */
const struct goroutine_labels *goroutines_labels(const struct goroutines *gs, uint64_t addr);

const char *goroutine_status_name(uint32_t status);

#endif
