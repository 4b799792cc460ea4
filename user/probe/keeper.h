/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_KEEPER_H
#define MAPRACE_PROBE_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "probe/links.h"

/*
 * A process of ours that places the probes, holds them, and takes them away when it is told to or
 * when we are gone. For the kernel gives up on taking a breakpoint out of a page of the target when
 * the process that asks for it is being killed (Linux kernel/events/uprobes.c: "failed to
 * unregister, leaking uprobe"): a maprace that changes its probes itself and is killed in that
 * millisecond leaves them behind. The keeper is not who gets killed: it has another name and a
 * session of its own, and goes last when memory runs out.
 */
struct keeper {
	pid_t pid; /* 0: none */
	int fd;
};

/* Starts it and has it place the probes. It keeps the privileges of privileges_drop(perf) only.
 * After an error there is no keeper. */
int keeper_start(struct keeper *k, struct links *links, bool perf, struct err *err);
/* See links_add(). */
int keeper_add(struct keeper *k, const struct links_addition *more, struct err *err);
int keeper_open(struct keeper *k, struct err *err);
int keeper_close(struct keeper *k, const bool *cycled, struct err *err);
/* False: it was killed, and the probes are gone. */
bool keeper_alive(const struct keeper *k);
/* When this returns the probes are gone, and so is the keeper. */
void keeper_end(struct keeper *k);

#endif
