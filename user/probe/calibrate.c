/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/calibrate.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "probe/arch_x86.h"
#include "probe/feature.h"

#define BATCH 500
#define BATCHES 12
#define ENOUGH_NS 10000000u /* no further batch after this, on machines where a hit takes long */
#define PATIENCE_MS 2000
/* What the engine does at an operation that is not held comes on top of the trap that is measured
 * here: tests/bench, no-holds against empty. */
#define ENGINE_FACTOR 1.2

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The quickest batch: what it costs where nothing comes between. */
static double run_batches(void)
{
	uint64_t begin = now_ns(), best = UINT64_MAX;
	int i, k;

	for (i = 0; i < BATCHES && (!i || now_ns() - begin < ENOUGH_NS); i++) {
		uint64_t before = now_ns(), took;

		for (k = 0; k < BATCH; k++)
			arch_calibration_target();
		took = now_ns() - before;
		if (took < best)
			best = took;
	}
	return (double)best / BATCH;
}

static _Noreturn void child(int go, int out)
{
	double cost[2];
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cost[0] = run_batches();
	if (write(out, &cost[0], sizeof(cost[0])) != (ssize_t)sizeof(cost[0]) ||
	    read(go, &byte, 1) != 1)
		_exit(1);
	cost[1] = run_batches();
	_exit(write(out, &cost[1], sizeof(cost[1])) != (ssize_t)sizeof(cost[1]));
}

static int take(int fd, double *value)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (poll(&p, 1, PATIENCE_MS) != 1)
		return -ETIMEDOUT;
	return read(fd, value, sizeof(*value)) == (ssize_t)sizeof(*value) ? 0 : -EIO;
}

static int measure(pid_t pid, int go, int in, double *ns)
{
	struct feature_probe *probe = NULL;
	double bare, probed;
	int r;

	r = take(in, &bare);
	if (!r)
		r = feature_probe_place(&probe, pid, (uintptr_t)&arch_calibration_site);
	if (!r)
		r = write(go, "", 1) == 1 ? take(in, &probed) : -EIO;
	feature_probe_remove(probe);
	if (!r)
		*ns = probed - bare;
	return r;
}

double calibrate_hit_ns(void)
{
	int go[2] = {-1, -1}, out[2] = {-1, -1}, r, i;
	double ns = 0;
	pid_t pid = -1;

	if (pipe(go) || pipe(out)) {
		r = -errno;
		goto done;
	}
	pid = fork();
	if (!pid)
		child(go[0], out[1]);
	r = pid < 0 ? -errno : measure(pid, go[1], out[0], &ns);
	if (!r && (ns < 10 || ns > 1e6))
		r = -ERANGE;
done:
	for (i = 0; i < 2; i++) {
		if (go[i] >= 0)
			close(go[i]);
		if (out[i] >= 0)
			close(out[i]);
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	if (r) {
		log_verbose("cannot measure what a hit costs (%s): taking it for %.0f ns",
			    err_name(r), CALIBRATE_GUESS_NS);
		return CALIBRATE_GUESS_NS;
	}
	log_verbose("a hit costs %.0f ns here, %.0f ns with the engine", ns, ns * ENGINE_FACTOR);
	return ns * ENGINE_FACTOR;
}
