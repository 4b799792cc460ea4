/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_CMD_WATCH_RUN_H
#define MAPRACE_CMD_WATCH_RUN_H

#include "session/watch.h"

/* A watch from beginning to end, for the commands that are one. */
void watch_run_begin(const struct watch *w); /* what is said from now on, and how */
int watch_run(struct watch *w);		     /* the exit status */
void watch_run_end(struct watch *w);

#endif
