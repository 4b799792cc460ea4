/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/release.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static void close_end(int *fd)
{
	if (*fd >= 0)
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

void release_arm(struct release *r, pid_t pid)
{
	r->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	make_pipes(r);
	if (r->ends[0] >= 0)
		aim(r->ends[0], pid);
	if (r->ends[2] >= 0)
		aim(r->ends[2], pid);
}

void release_disarm(struct release *r)
{
	int i;

	for (i = 0; i < 4; i += 2)
		if (r->ends[i] >= 0)
			(void)fcntl(r->ends[i], F_SETFL, O_RDONLY | O_NONBLOCK);
}

void release_free(struct release *r)
{
	int i;

	release_disarm(r);
	for (i = 0; i < 4; i++)
		close_end(&r->ends[i]);
	close_end(&r->pidfd);
}
