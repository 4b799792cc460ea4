/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/exec_stop.h"

#include <errno.h>
#include <pthread.h>
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

#include "base/clock.h"

#define PATIENCE_NS 2000000000u /* an execve that waits for its file longer is let alone */
#define SEIZED_NS 20000000u	/* not seized by then: the kernel wants it to be let go first */
#define THREAD_STACK (64u << 10)

struct exec_stop {
	atomic_uint users; /* the tracer, and who began it */
	pid_t tid, pid;
	uint64_t dev, ino;
	uint64_t since_ns;    /* CLOCK_MONOTONIC */
	atomic_bool begun;    /* the tracer is about to seize it */
	atomic_bool seized;   /* or could not */
	atomic_bool let_go;   /* it goes on in its execve */
	atomic_bool given_up; /* nobody wants it stopped any more */
	bool interrupted;     /* the tracer's */
	_Atomic enum exec_stop_state state;
	int status;
	sem_t end;
};

/* What the first one has found out about this kernel. */
static atomic_bool kernel_keeps_tracers_waiting;

static void drop(struct exec_stop *s)
{
	if (atomic_fetch_sub(&s->users, 1) > 1)
		return;
	sem_destroy(&s->end);
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

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)s->pid);
	return !stat(path, &st) && st.st_dev == s->dev && st.st_ino == s->ino;
}

static void interrupt(struct exec_stop *s)
{
	s->interrupted = true;
	ptrace(PTRACE_INTERRUPT, s->tid, NULL, NULL);
}

/* It was stopped by something else than its execve; that goes on as it would have. */
static enum exec_stop_state pass_on(struct exec_stop *s, pid_t tid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && s->interrupted) {
		if (runs_the_file(s) && !atomic_load(&s->given_up))
			return EXEC_STOP_STOPPED;
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
		return EXEC_STOP_FREE;
	}
	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		ptrace(PTRACE_LISTEN, tid, NULL, NULL); /* SIGSTOP and its like: it stays so */
	else
		ptrace(PTRACE_CONT, tid, NULL, (void *)(intptr_t)(event ? 0 : sig));
	return EXEC_STOP_WAIT;
}

/* A thread that was not the first one of its process is the first one behind its execve: it is the
 * only one that this thread of ours traces. */
static enum exec_stop_state look(struct exec_stop *s)
{
	pid_t tid = waitpid(-1, &s->status, __WALL | __WNOTHREAD | WNOHANG);
	uint64_t waited_ns = clock_ns(CLOCK_MONOTONIC) - s->since_ns;

	if (tid < 0)
		return errno == EINTR ? EXEC_STOP_WAIT : EXEC_STOP_FREE;
	if (!tid) {
		if (!s->interrupted && (waited_ns > PATIENCE_NS || atomic_load(&s->given_up)))
			interrupt(s);
		return EXEC_STOP_WAIT;
	}
	if (!WIFSTOPPED(s->status))
		return tid == s->pid ? EXEC_STOP_ENDED : EXEC_STOP_FREE;
	if (s->status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		return EXEC_STOP_STOPPED;
	return pass_on(s, tid, s->status);
}

static enum exec_stop_state wait_for_stop(struct exec_stop *s)
{
	enum exec_stop_state state;
	unsigned int looks = 0;

	while ((state = look(s)) == EXEC_STOP_WAIT)
		nap(looks++ < 100 ? 50000 : 1000000);
	return state;
}

static void *trace(void *arg)
{
	struct exec_stop *s = arg;
	enum exec_stop_state state;

	atomic_store(&s->begun, true);
	if (ptrace(PTRACE_SEIZE, s->tid, NULL, (void *)(intptr_t)PTRACE_O_TRACEEXEC)) {
		atomic_store(&s->state, errno == EPERM ? EXEC_STOP_TRACED : EXEC_STOP_FREE);
		atomic_store(&s->seized, true);
		drop(s);
		return NULL;
	}
	if (atomic_load(&s->let_go)) /* how far is it by now? */
		interrupt(s);
	atomic_store(&s->seized, true);
	state = wait_for_stop(s);
	atomic_store(&s->state, state);
	if (state == EXEC_STOP_STOPPED) {
		while (sem_wait(&s->end) && errno == EINTR)
			;
		ptrace(PTRACE_DETACH, s->pid, NULL, NULL);
	}
	drop(s);
	return NULL;
}

static int start(struct exec_stop *s)
{
	sigset_t all, saved;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved); /* signals are the loop's */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, trace, s);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return -r;
}

/* Until it is seized, or cannot be as long as it is kept. */
static void wait_for_seizure(struct exec_stop *s)
{
	while (!atomic_load(&s->begun))
		nap(20000);
	if (atomic_load(&kernel_keeps_tracers_waiting)) {
		nap(500000);
		return;
	}
	while (!atomic_load(&s->seized)) {
		if (clock_ns(CLOCK_MONOTONIC) - s->since_ns > SEIZED_NS) {
			atomic_store(&kernel_keeps_tracers_waiting, true);
			return;
		}
		nap(20000);
	}
}

int exec_stop_begin(struct exec_stop **out, pid_t tid, pid_t pid, uint64_t dev, uint64_t ino)
{
	struct exec_stop *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->tid = tid;
	s->pid = pid;
	s->dev = dev;
	s->ino = ino;
	s->since_ns = clock_ns(CLOCK_MONOTONIC);
	sem_init(&s->end, 0, 0);
	atomic_store(&s->users, 2);
	r = start(s);
	if (r) {
		sem_destroy(&s->end);
		free(s);
		return r;
	}
	wait_for_seizure(s);
	atomic_store(&s->let_go, true);
	*out = s;
	return 0;
}

enum exec_stop_state exec_stop_look(const struct exec_stop *s, int *status)
{
	enum exec_stop_state state = atomic_load(&s->state);

	if (state == EXEC_STOP_ENDED)
		*status = s->status;
	return state;
}

void exec_stop_end(struct exec_stop *s)
{
	if (!s)
		return;
	atomic_store(&s->given_up, true);
	sem_post(&s->end);
	drop(s);
}
