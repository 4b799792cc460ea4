/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_SESSION_ROSTER_H
#define MAPRACE_SESSION_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/model.h"

/*
 * Which Go processes there were, what of them is watched and why the others are not: counts that
 * are exact, and a row for each of the last ones. Of more rows than that the oldest ones go first,
 * of such as are not watched now.
 */
struct roster;

/* rows: at most so many. NULL: no memory. */
struct roster *roster_new(size_t rows);
void roster_free(struct roster *r); /* NULL is fine */

/* A process that runs this file (as people call it): its names are read while it lives. why: NULL,
 * it is watched. */
void roster_note(struct roster *r, pid_t pid, const char *exe, const char *why, uint64_t now_ns);
/* One that gets no row. */
void roster_count(struct roster *r, const char *why);
/* Whether this one was found at all is not known to matter: counts as no caveat. */
void roster_count_tool(struct roster *r);
void roster_note_end(struct roster *r, pid_t pid, uint64_t now_ns);
/* As report_process_find(); NULL: it has no row. Until the next one is noted. */
const struct report_process *roster_find(const struct roster *r, uint32_t pid, double at_s);
uint64_t roster_found(const struct roster *r);
uint64_t roster_watched(const struct roster *r);
/* Fills followed (but for its count of all processes) and processes with copies, and the caveats.
 * 0 or -ENOMEM. */
int roster_fill(const struct roster *r, struct report *report);

#endif
