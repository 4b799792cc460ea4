/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_RELEASE_H
#define MAPRACE_PROBE_RELEASE_H

#include <sys/types.h>

/*
 * What lets a process go that we have stopped when nobody of us is left to do it: the kernel. A
 * pipe whose last writer goes sends its reader's owner the signal that was asked for (fcntl(2),
 * F_SETOWN, F_SETSIG), and the owner of ours is the process, the signal SIGCONT. When its files are
 * closed because it was killed, the writing end goes, and the process gets its signal; a process
 * that does not stand still takes no notice of it, unless it has asked for SIGCONT.
 *
 * The reading end must be there still. Which of the files of a process that is killed goes first is
 * not laid down, so there are two pipes, with their ends in either order.
 */
struct release {
	int pidfd;   /* -1: none */
	int ends[4]; /* -1: none */
};

void release_arm(struct release *r, pid_t pid);
/* From now on nothing happens when we end. */
void release_disarm(struct release *r);
void release_free(struct release *r);

#endif
