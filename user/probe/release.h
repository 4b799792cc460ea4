/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_PROBE_RELEASE_H
#define MAPRACE_PROBE_RELEASE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * What lets a process go that we have stopped when nobody of us is left to do it: the kernel. A
 * pipe whose last writer goes sends its reader's owner the signal that was asked for (fcntl(2),
 * F_SETOWN, F_SETSIG), and the owner of ours is the process, the signal SIGCONT. When its files are
 * closed because it was killed, the writing end goes, and the process gets its signal; a process
 * that does not stand still takes no notice of it, unless it has asked for SIGCONT.
 *
 * The reading end must be there still. Which of the files of a process that is killed goes first is
 * not laid down, so there are two pipes, with their ends in either order. As it is, the highest go
 * first; and the links of the probes must: a probe that is there when the signal has come stops the
 * process again. So the pipes have the lowest numbers, which are kept free for them.
 */
struct release {
	int pidfd;   /* -1: none */
	int ends[4]; /* -1: none */
};

#define RELEASE_NONE ((struct release){-1, {-1, -1, -1, -1}})

/* Before there is any link: numbers for so many targets, as far as that leaves enough. */
void release_reserve(uint32_t targets);
/* slot: of whoever has it until release_free(). */
void release_arm(struct release *r, pid_t pid, uint32_t slot);
/*
 * By a process that has no links: one pipe. It is gone at once when that process is killed, while
 * the links of another one that is killed with it take the kernel its time, seconds on a busy
 * machine.
 */
void release_arm_early(struct release *r, pid_t pid);
/* From now on nothing happens when we end. */
void release_disarm(struct release *r);
void release_free(struct release *r);

#endif
