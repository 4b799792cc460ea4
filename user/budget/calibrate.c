/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "budget/calibrate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/log.h"
#include "probe/feature.h"
#include "base/helper.h"

#define BATCHES 60
#define ENOUGH_NS 10000000u /* no further batch after this, on machines where a hit takes long, */
#define FEWEST 5 /* but so many in any case: a hypervisor takes the CPU away for longer than that */
#define PATIENCE_MS 2000
/* What the engine does at an operation that is not held comes on top of the trap that is measured
 * here: tests/bench, no-holds against empty. */
#define ENGINE_FACTOR 1.1
#define NEIGHBOUR 0.035 /* in hits, for each other target that runs the same file */

/* Our own CPU time: on a busy machine the clock on the wall tells of others. */
static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

double calibrate_call_ns(void (*hit)(void))
{
	uint64_t begin = now_ns(), best = UINT64_MAX;
	int i, k;

	for (i = 0; i < BATCHES && (i < FEWEST || now_ns() - begin < ENOUGH_NS); i++) {
		uint64_t before = now_ns(), took;

		for (k = 0; k < CALIBRATE_BATCH; k++)
			hit();
		took = now_ns() - before;
		if (took < best)
			best = took;
	}
	return (double)best / CALIBRATE_BATCH;
}

static _Noreturn void child(int go, int out)
{
	double cost[2];
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cost[0] = calibrate_call_ns(arch_calibration_target);
	if (write(out, &cost[0], sizeof(cost[0])) != (ssize_t)sizeof(cost[0]) ||
	    read(go, &byte, 1) != 1)
		_exit(1);
	cost[1] = calibrate_call_ns(arch_calibration_target);
	_exit(write(out, &cost[1], sizeof(cost[1])) != (ssize_t)sizeof(cost[1]));
}

/* reader: the one who waits for our answer, who may go; -1: nobody. */
static int take(int fd, int reader, double *value)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = reader}};

	if (poll(p, 2, PATIENCE_MS) < 1)
		return -ETIMEDOUT;
	if (p[1].revents)
		return -EPIPE;
	return read(fd, value, sizeof(*value)) == (ssize_t)sizeof(*value) ? 0 : -EIO;
}

static int measure(pid_t pid, int go, int in, int answer, double *ns)
{
	double bare, probed;
	int r;

	r = take(in, answer, &bare);
	if (!r)
		r = feature_probe_place(pid, (uintptr_t)&arch_calibration_site);
	if (!r)
		r = write(go, "", 1) == 1 ? take(in, answer, &probed) : -EIO;
	/* the probe goes with this process */
	if (!r)
		*ns = probed - bare;
	return r;
}

/*
 * Nobody kills this one while it has a probe: the kernel gives up on taking a probe away when the
 * process that asks for it is being killed (attacher.h). It ends when nobody waits for it any more.
 * And it keeps nothing open of what maprace has: the attacher is to see at once that maprace is
 * gone.
 */
static void become(int answer)
{
	sigset_t all;

	prctl(PR_SET_NAME, "mr-measurer");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (answer > 3)
		close_range(3, (unsigned int)answer - 1, 0);
	close_range((unsigned int)answer + 1, ~0u, 0);
}

/* The process that measures: its answer, or nothing. */
static _Noreturn void measurer(int answer)
{
	int go[2], out[2], r;
	double ns = 0;
	pid_t pid;

	become(answer);
	if (pipe(go) || pipe(out))
		_exit(1);
	pid = fork();
	if (!pid)
		child(go[0], out[1]);
	r = pid < 0 ? -errno : measure(pid, go[1], out[0], answer, &ns);
	if (pid > 0)
		kill(pid, SIGKILL);
	_exit(r || write(answer, &ns, sizeof(ns)) != (ssize_t)sizeof(ns));
}

void calibration_start(struct calibration *c)
{
	int fds[2];

	c->pid = 0;
	c->fd = -1;
	if (pipe2(fds, O_CLOEXEC))
		return;
	c->pid = fork();
	if (!c->pid)
		measurer(fds[1]);
	helper_note(c->pid, true);
	close(fds[1]);
	if (c->pid > 0) {
		c->fd = fds[0];
		return;
	}
	c->pid = 0;
	close(fds[0]);
}

double calibration_take(struct calibration *c)
{
	double ns = 0;

	if (c->fd >= 0) {
		if (take(c->fd, -1, &ns) || ns < 10 || ns > 1e6)
			ns = 0;
		close(c->fd);
	}
	c->fd = -1;
	if (!ns) {
		log_verbose("cannot measure what a hit costs: taking it for %.0f ns",
			    CALIBRATE_GUESS_NS);
		return CALIBRATE_GUESS_NS;
	}
	log_verbose("a hit costs %.0f ns here, %.0f ns with the engine", ns, ns * ENGINE_FACTOR);
	return ns * ENGINE_FACTOR;
}

double calibration_among(double hit_ns, size_t n)
{
	return hit_ns * (1 + NEIGHBOUR * (double)n);
}

void calibration_end(struct calibration *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (!c->pid)
		return;
	waitpid(c->pid, NULL, 0);
	helper_note(c->pid, false);
	c->pid = 0;
}
