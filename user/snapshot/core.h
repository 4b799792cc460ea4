/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SNAPSHOT_CORE_H
#define MAPRACE_SNAPSHOT_CORE_H

#include "base/err.h"
#include "model/snapshot.h"
#include "process/memory.h"
#include "process/process.h"
#include "snapshot/freeze.h"
#include "snapshot/goroutines.h"

/*
 * An ELF core file of a process that lives, or is about to die: taken into our memory while it
 * stands still, written when it goes on. Debuggers that open those of the kernel open this one
 * (gdb, Delve). What there was no time for is in no segment: a debugger says that it is not there,
 * and shows nothing that is not so.
 */
struct core;

/* When the room in our memory is made: before, which takes its time, and makes the freeze shorter;
 * or as it is filled, of a process that stands still already. */
enum core_room { CORE_ROOM_NOW, CORE_ROOM_LATER };

/* Before it is frozen by ourselves. 0 or negative errno. */
int core_prepare(struct core **out, const struct process *p, uint64_t max_freeze_ns,
		 enum core_room room, struct err *err);
/* The thread that debuggers begin with, by the id that the process knows; else one is chosen. */
void core_begin_with(struct core *c, pid_t tid);
/* Last of all that is done while it is frozen. kept: what was read of it; goroutines: NULL or those
 * of it. What goes wrong core_write() tells. */
void core_take(struct core *c, const struct freeze *f, const struct memory *kept,
	       const struct goroutines *goroutines, uint64_t until_ns);
/* The memory that was kept, to be closed with it. */
void core_own(struct core *c, struct memory *kept);
/*
 * Afterwards. The file is readable for us alone, whatever was there before: it has all of the
 * process's secrets. Fills out->core, with notes of what is missing. 0, or negative errno with the
 * reason; nothing is left behind then.
 */
int core_write(struct core *c, const char *path, struct report_snapshot *out, struct err *err);
void core_free(struct core *c);

#endif
