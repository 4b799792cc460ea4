/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/release.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENDS 4u
#define LEFT 4 /* a part so large of all numbers at the most */

static int first = -1, nothing = -1; /* of the reserved numbers; what keeps them */
static uint32_t reserved;	     /* for so many targets */

void release_reserve(uint32_t targets)
{
	struct rlimit limit;
	uint32_t i, n;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	n = limit.rlim_cur / LEFT < (rlim_t)targets * ENDS ? (uint32_t)(limit.rlim_cur / LEFT)
							   : targets * ENDS;
	nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (i = 0; i < n && nothing >= 0; i++) {
		int fd = fcntl(nothing, F_DUPFD_CLOEXEC, nothing + 1 + (int)i);

		if (fd != nothing + 1 + (int)i) { /* somebody has it: theirs end here */
			if (fd >= 0)
				close(fd);
			break;
		}
	}
	first = nothing + 1;
	reserved = i / ENDS;
}

static bool is_reserved(int fd)
{
	return fd >= first && fd - first < (int)(reserved * ENDS);
}

static void close_end(int *fd)
{
	if (is_reserved(*fd))
		(void)dup3(nothing, *fd, O_CLOEXEC);
	else if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The owner is known by what the kernel has of it, not by its number. */
static void aim(int fd, pid_t pid)
{
	if (fcntl(fd, F_SETOWN, pid) || fcntl(fd, F_SETSIG, SIGCONT) ||
	    fcntl(fd, F_SETFL, O_RDONLY | O_ASYNC | O_NONBLOCK))
		return; /* it is gone already; or we alone let it go */
}

/* The ends of the second pipe the other way round: the writing one has the lower number. */
static void make_pipes(struct release *r)
{
	int high;

	if (pipe2(&r->ends[0], O_CLOEXEC))
		r->ends[0] = r->ends[1] = -1;
	if (pipe2(&r->ends[2], O_CLOEXEC)) {
		r->ends[2] = r->ends[3] = -1;
		return;
	}
	high = fcntl(r->ends[2], F_DUPFD_CLOEXEC, r->ends[3] + 1);
	if (high >= 0) {
		close(r->ends[2]);
		r->ends[2] = high;
	}
}

/* To the numbers that are kept for the slot. */
static void move_down(struct release *r, uint32_t slot)
{
	static const int order[ENDS] = {0, 1, 3, 2};
	int i;

	for (i = 0; i < (int)ENDS; i++)
		if (r->ends[order[i]] < 0)
			return;
	for (i = 0; i < (int)ENDS; i++) {
		int to = first + (int)(slot * ENDS) + i;

		if (dup3(r->ends[order[i]], to, O_CLOEXEC) < 0)
			continue;
		close(r->ends[order[i]]);
		r->ends[order[i]] = to;
	}
}

void release_arm(struct release *r, pid_t pid, uint32_t slot)
{
	r->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	make_pipes(r);
	if (slot < reserved)
		move_down(r, slot);
	if (r->ends[0] >= 0)
		aim(r->ends[0], pid);
	if (r->ends[2] >= 0)
		aim(r->ends[2], pid);
}

void release_arm_early(struct release *r, pid_t pid)
{
	if (r->ends[0] >= 0)
		return;
	if (pipe2(&r->ends[0], O_CLOEXEC))
		r->ends[0] = r->ends[1] = -1;
	else
		aim(r->ends[0], pid);
}

void release_disarm(struct release *r)
{
	int i;

	for (i = 0; i < (int)ENDS; i += 2)
		if (r->ends[i] >= 0)
			(void)fcntl(r->ends[i], F_SETFL, O_RDONLY | O_NONBLOCK);
}

void release_free(struct release *r)
{
	int i;

	release_disarm(r);
	for (i = 0; i < (int)ENDS; i++)
		close_end(&r->ends[i]);
	if (r->pidfd >= 0)
		close(r->pidfd);
	r->pidfd = -1;
}
