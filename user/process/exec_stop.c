/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/exec_stop.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/kernel.h"
#include "base/thread.h"
#include "process/process.h"

#define PATIENCE_NS 2000000000u /* an execve that waits for its file longer is let alone */
#define SEIZED_NS 20000000u	/* not seized by then: the kernel wants it to be let go first */
#define DETACH_NS 100000000	/* a thread of ours has it done in microseconds when it runs */

struct exec_stop {
	atomic_uint users; /* the tracer, and who began it */
	struct exec_request who;
	atomic_bool begun;    /* the tracer is about to seize it */
	atomic_bool seized;   /* or could not */
	atomic_bool let_go;   /* it goes on in its execve */
	atomic_bool given_up; /* nobody wants it stopped any more */
	bool interrupted;     /* the tracer's */
	_Atomic enum exec_stop_state state;
	sem_t end, gone;
};

/* Execve opens its file with the lock held that a tracer needs. */
bool exec_stop_is_late(void)
{
	return kernel_is_older(6, 8);
}

static void drop(struct exec_stop *s)
{
	if (atomic_fetch_sub(&s->users, 1) > 1)
		return;
	sem_destroy(&s->end);
	sem_destroy(&s->gone);
	free(s);
}

static void nap(long ns)
{
	struct timespec ts = {.tv_nsec = ns};

	nanosleep(&ts, NULL);
}

static bool runs_the_file(const struct exec_stop *s)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)s->who.pid);
	return !stat(path, &st) && st.st_dev == s->who.file.dev && st.st_ino == s->who.file.ino;
}

static void interrupt(struct exec_stop *s)
{
	s->interrupted = true;
	ptrace(PTRACE_INTERRUPT, s->who.tid, NULL, NULL);
}

/* Stopped: is it where we want it? */
static enum exec_stop_state judge(struct exec_stop *s, pid_t tid)
{
	if (runs_the_file(s) && !atomic_load(&s->given_up))
		return EXEC_STOP_STOPPED;
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	return EXEC_STOP_FREE;
}

/* It was stopped by something else than its execve; that goes on as it would have. */
static enum exec_stop_state pass_on(struct exec_stop *s, pid_t tid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && s->interrupted)
		return judge(s, tid);
	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		ptrace(PTRACE_LISTEN, tid, NULL, NULL); /* SIGSTOP and its like: it stays so */
	else
		ptrace(PTRACE_CONT, tid, NULL, (void *)(intptr_t)(event ? 0 : sig));
	return EXEC_STOP_WAIT;
}

/*
 * A thread that was not the first one of its process is the first one behind its execve: it is the
 * only one that this thread of ours traces. Its end is for its parent to be told of, who may be us:
 * it is looked at, not taken.
 */
static enum exec_stop_state look(struct exec_stop *s)
{
	uint64_t waited_ns = clock_ns(CLOCK_MONOTONIC) - s->who.since_ns;
	siginfo_t si = {};
	int status;

	if (waitid(P_ALL, 0, &si, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL | __WNOTHREAD))
		return errno == EINTR ? EXEC_STOP_WAIT : EXEC_STOP_ENDED;
	if (!si.si_pid) {
		if (!s->interrupted && (waited_ns > PATIENCE_NS || atomic_load(&s->given_up)))
			interrupt(s);
		return EXEC_STOP_WAIT;
	}
	if (si.si_code == CLD_EXITED || si.si_code == CLD_KILLED || si.si_code == CLD_DUMPED)
		return EXEC_STOP_ENDED;
	if (waitpid(si.si_pid, &status, __WALL | __WNOTHREAD | WNOHANG) != si.si_pid ||
	    !WIFSTOPPED(status))
		return EXEC_STOP_WAIT;
	if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		return judge(s, si.si_pid);
	return pass_on(s, si.si_pid, status);
}

static enum exec_stop_state wait_for_stop(struct exec_stop *s)
{
	enum exec_stop_state state;
	unsigned int looks = 0;

	while ((state = look(s)) == EXEC_STOP_WAIT)
		nap(looks++ < 100 ? 50000 : 1000000);
	if (state == EXEC_STOP_FREE && s->interrupted && !atomic_load(&s->given_up) &&
	    clock_ns(CLOCK_MONOTONIC) - s->who.since_ns > PATIENCE_NS)
		return EXEC_STOP_SLOW;
	return state;
}

static enum exec_stop_state refusal(const struct exec_stop *s, int error)
{
	struct process p = {.pid = s->who.tid};

	if (error != EPERM)
		return EXEC_STOP_ENDED;
	return process_tracer(&p) ? EXEC_STOP_TRACED : EXEC_STOP_REFUSED;
}

static void *trace(void *arg)
{
	struct exec_stop *s = arg;
	enum exec_stop_state state;
	bool in_time;

	atomic_store(&s->begun, true);
	if (ptrace(PTRACE_SEIZE, s->who.tid, NULL, (void *)(intptr_t)PTRACE_O_TRACEEXEC)) {
		atomic_store(&s->state, refusal(s, errno));
	} else {
		in_time = !atomic_load(&s->let_go);
		if (!in_time) /* how far is it by now? */
			interrupt(s);
		atomic_store(&s->seized, true);
		state = wait_for_stop(s);
		/* seized in time we would have been told of its execve */
		if (state == EXEC_STOP_ENDED && in_time)
			state = EXEC_STOP_FREE;
		atomic_store(&s->state, state);
		if (state == EXEC_STOP_STOPPED) {
			while (sem_wait(&s->end) && errno == EINTR)
				;
			ptrace(PTRACE_DETACH, s->who.pid, NULL, NULL);
		}
	}
	atomic_store(&s->seized, true);
	sem_post(&s->gone);
	drop(s);
	return NULL;
}

/* Until it is seized, or cannot be as long as it is kept: an interpreter of a script is opened with
 * the lock held on all kernels. */
static void wait_for_seizure(struct exec_stop *s)
{
	uint64_t begun_ns;

	while (!atomic_load(&s->begun))
		nap(20000);
	if (exec_stop_is_late()) {
		nap(500000);
		return;
	}
	begun_ns = clock_ns(CLOCK_MONOTONIC);
	while (!atomic_load(&s->seized) && clock_ns(CLOCK_MONOTONIC) - begun_ns < SEIZED_NS)
		nap(20000);
}

int exec_stop_try(void)
{
	char byte;
	int ends[2], r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) { /* until it is ended, or we are */
		close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		_exit(0);
	}
	close(ends[0]);
	r = pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACEEXEC) ? -errno : 0;
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(ends[1]);
	return r;
}

int exec_stop_begin(struct exec_stop **out, const struct exec_request *q)
{
	struct exec_stop *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->who = *q;
	sem_init(&s->end, 0, 0);
	sem_init(&s->gone, 0, 0);
	atomic_store(&s->users, 2);
	r = thread_start(trace, s);
	if (r) {
		atomic_store(&s->users, 1);
		drop(s);
		return r;
	}
	wait_for_seizure(s);
	atomic_store(&s->let_go, true);
	*out = s;
	return 0;
}

enum exec_stop_state exec_stop_look(const struct exec_stop *s)
{
	return atomic_load(&s->state);
}

void exec_stop_end(struct exec_stop *s)
{
	struct timespec until;

	if (!s)
		return;
	atomic_store(&s->given_up, true);
	sem_post(&s->end);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += DETACH_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (exec_stop_look(s) == EXEC_STOP_STOPPED && sem_timedwait(&s->gone, &until) &&
	       errno == EINTR)
		;
	drop(s);
}
