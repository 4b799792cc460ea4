/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_DETECT_BPFMAP_ACTORS_H
#define MAPRACE_DETECT_BPFMAP_ACTORS_H

#include <maprace/bpfmap.h>

#include "detect/bpfmap/programs.h"
#include "model/model.h"

/* Names an actor: a process by what /proc says of it while it lives (nothing where that has not the
 * kernel's numbers: foreign), a program by what the kernel says. 0 or -ENOMEM. */
int actor_name(struct report_actor *out, const struct mr_bpf_actor *actor,
	       const struct programs *programs, bool foreign);
/*
 * Whether a read and a write by one thread of this actor may be two goroutines' that share it. Only
 * a file that was seen to have nothing of Go in it leaves no doubt.
 */
enum report_doubt actor_doubt(const struct report_actor *actor);
/* The same for a report's id: the program's name, or the process's. Not the number, which changes
 * with every start. */
const char *actor_label(const struct report_actor *actor);

#endif
