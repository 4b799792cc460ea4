/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_BASE_ERRAND_H
#define MAPRACE_BASE_ERRAND_H

#include <stdint.h>
#include <sys/types.h>

/*
 * What may not come back: a page that a process keeps from coming (userfaultfd), a file of a server
 * that is gone. Whoever asks for it is in the kernel, deaf to all signals but SIGKILL, and, with
 * FUSE, to that one too. So a process of ours does it (helper.h), which has nothing else that is
 * ours, and is left there when it takes too long. What is waited is bounded: a second for each one
 * on whose behalf it is done, after that one in a minute; where that has been three seconds for all
 * of them together, after that one in twenty, it is 50 ms for each that has not kept us waiting so
 * far, and nothing for who has. A process that lets all come, but late, keeps us waiting too; a
 * disk may be slow.
 *
 * For the main loop: the process that asks first. Its children do it all by themselves.
 */
#define ERRAND_ANY UINT64_MAX
#define ERRAND_ROOM (68u << 10)

/* On whose behalf: a process, a device, whatever has that name; never mixed up. */
enum errand_kind { ERRAND_PROCESS, ERRAND_DEVICE, ERRAND_NAME };
uint64_t errand_whom(enum errand_kind kind, uint64_t number);

/* Where what is to be done and what came of it are: ERRAND_ROOM bytes, of any contents. NULL: no
 * process can be made, errno says why. */
void *errand_place(void);
/*
 * do_it(place, fd), with the place that errand_place() gave, which is valid until the next
 * errand_place(). Elsewhere: what it does to other memory is lost. fd: of ours, -1: none; what it
 * gets is a copy. It returns a file descriptor that it has opened, or -1; *opened is that one here.
 * most_ns: what may be waited at the most; ERRAND_ANY: what is allowed.
 * 0; -ETIME it was given up; -errno, of what came back nothing is known.
 */
int errand_run(uint64_t whom, uint64_t most_ns, int (*do_it)(void *place, int fd), int fd,
	       int *opened);

/* How many were given up so far. */
uint64_t errands_given_up(void);

/* The process that waits for work ends; the next errand makes another one. For who gives up rights,
 * which that one would still have. */
void errand_end(void);
/* To a process that shares our memory, while we wait for it, and back: whose errands they are. One
 * that waits for work is made now, if that can be. */
void errands_lend(pid_t pid);
/* For a helper, who has forked: no errands, each does its work itself. */
void errands_by_ourselves(void);

#endif
