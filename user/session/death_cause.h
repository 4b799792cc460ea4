/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_DEATH_CAUSE_H
#define MAPRACE_SESSION_DEATH_CAUSE_H

#include <stdbool.h>

#include <maprace/death.h>

#include "detect/gomap/resolve.h"
#include "model/snapshot.h"
#include "process/memory.h"

#define DEATH_MESSAGE 256

/* What a process dies of, and in which words; "": not known, or not for everybody. */
struct death_cause {
	enum report_death_cause cause;
	char message[DEATH_MESSAGE + 1];
	uint64_t type; /* of a panic's value, until it is named */
};

/* As its file tells, before its memory is read. */
void death_cause_find(struct death_cause *c, struct resolver *r, const struct mr_event_fatal *e);

/* What only its memory tells, as it stands still; no file is read. values: what the program itself
 * says too, which may be private. */
void death_cause_read(struct death_cause *c, struct resolver *r, const struct mr_event_fatal *e,
		      struct memory *memory, bool values);

/* When it has been let go: of a value that is no text the type. */
void death_cause_name(struct death_cause *c, struct resolver *r);

#endif
