/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_DEATH_CORE_H
#define MAPRACE_SESSION_DEATH_CORE_H

#include <stdbool.h>

#include "base/err.h"
#include "model/snapshot.h"
#include "process/process.h"
#include "snapshot/core.h"

/* The core file of a process that dies: of the first one, or of each where its name has %p, which
 * its id takes the place of. */
struct death_core {
	struct core *core; /* to be filled while it stands still; NULL: there is none */
	char *path;
	struct err why; /* there is none, though it was asked for */
};

/* While it stands still already. pattern: NULL is none; taken: the one file is there. */
void death_core_begin(struct death_core *c, const char *pattern, const struct process *p,
		      uint64_t max_freeze_ns, bool taken);
/* When it has been let go: writes what was taken, or notes why there is nothing. True: the file is
 * there. */
bool death_core_write(struct death_core *c, struct report_snapshot *out);
void death_core_free(struct death_core *c);

#endif
