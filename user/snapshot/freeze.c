/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/freeze.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define MAX_THREADS 100000u /* the kernel's own default limit is lower */
#define NAP_NS 50000

/* -1 where it is gone, else the letter of its state in /proc. */
static int state_of(pid_t pid, pid_t tid)
{
	char path[64], line[512], *at;
	int state = -1;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = '\0';
	at = strrchr(line, ')');
	if (at && at[1] && at[2])
		state = at[2];
	return state;
}

static bool is_dead(int state)
{
	return state < 0 || state == 'Z' || state == 'X';
}

static struct frozen_thread *find(struct freeze *f, pid_t tid)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->threads[i].tid == tid)
			return &f->threads[i];
	return NULL;
}

const struct frozen_thread *freeze_thread(const struct freeze *f, pid_t own)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->threads[i].own == own)
			return &f->threads[i];
	return NULL;
}

/* Its id in its own PID namespace, the last one of the line; tid where the kernel does not tell. */
static pid_t own_id(pid_t pid, pid_t tid)
{
	char path[64], line[512], *last;
	pid_t own = tid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		last = strrchr(line, '\t');
		if (strncmp(line, "NSpid:", 6) != 0 || !last)
			continue;
		own = (pid_t)strtol(last + 1, NULL, 10);
		break;
	}
	if (f)
		fclose(f);
	return own > 0 ? own : tid;
}

static struct frozen_thread *add(struct freeze *f, pid_t tid)
{
	struct frozen_thread *grown;

	if (f->n == f->room) {
		size_t room = f->room ? 2 * f->room : 64;

		grown = reallocarray(f->threads, room, sizeof(*grown));
		if (!grown)
			return NULL;
		f->threads = grown;
		f->room = room;
	}
	f->threads[f->n] = (struct frozen_thread){.tid = tid, .own = tid};
	return &f->threads[f->n++];
}

static pid_t tracer_of(pid_t pid, pid_t tid)
{
	char path[64], line[256];
	int tracer = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (f)
		fclose(f);
	return tracer;
}

static int refused(const struct freeze *f, pid_t tid, int code, struct err *err)
{
	pid_t tracer = tracer_of(f->pid, tid);

	if (tracer && tracer != getpid()) {
		err_hint(err, "end the debugger or strace that does it first");
		return err_set(err, -EPERM,
			       "process %d cannot be frozen: process %d traces it already",
			       (int)f->pid, (int)tracer);
	}
	err_hint(err, "run maprace as root, or with CAP_SYS_PTRACE, where ptrace is allowed "
		      "(kernel.yama.ptrace_scope below 3)");
	return err_set(err, code, "process %d cannot be frozen: ptrace is not allowed (%s)",
		       (int)f->pid, err_name(code));
}

/* Seizes and interrupts a thread. 0 also where it has ended meanwhile. */
static int seize(struct freeze *f, pid_t tid, struct err *err)
{
	struct frozen_thread *t;
	int code;

	if (!ptrace(PTRACE_SEIZE, tid, NULL, NULL)) {
		t = add(f, tid);
		if (!t) {
			ptrace(PTRACE_DETACH, tid, NULL, NULL);
			return -ENOMEM;
		}
		if (!f->began_ns)
			f->began_ns = clock_ns(CLOCK_MONOTONIC);
		if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
			t->gone = true;
		return 0;
	}
	code = -errno;
	if (is_dead(state_of(f->pid, tid)))
		return 0;
	return refused(f, tid, code, err);
}

/* Threads that were not known; negative errno. */
static int look_for_threads(struct freeze *f, struct err *err)
{
	struct dirent *d;
	char path[64];
	int found = 0, r = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)f->pid);
	dir = opendir(path);
	if (!dir)
		return err_set(err, -ESRCH, "process %d has ended", (int)f->pid);
	while (!r && (d = readdir(dir))) {
		pid_t tid = (pid_t)strtol(d->d_name, NULL, 10);

		if (tid <= 0 || find(f, tid))
			continue;
		if (f->n >= MAX_THREADS)
			r = err_set(err, -E2BIG, "process %d has more than %u threads", (int)f->pid,
				    MAX_THREADS);
		else if (!is_dead(state_of(f->pid, tid)))
			r = seize(f, tid, err);
		found++;
	}
	closedir(dir);
	return r ? r : found;
}

/* One that stopped, and why: for us, or with a signal that is still to be delivered. */
static void stopped(struct frozen_thread *t, int status)
{
	t->stopped = true;
	t->by_event = status >> 16 == PTRACE_EVENT_STOP;
	t->signal = t->by_event ? 0 : WSTOPSIG(status);
	t->known = !ptrace(PTRACE_GETREGS, t->tid, NULL, &t->regs);
}

/* How many do not stand still yet. */
static size_t collect(struct freeze *f)
{
	size_t i, left = 0;

	for (i = 0; i < f->n; i++) {
		struct frozen_thread *t = &f->threads[i];
		int status;
		pid_t r;

		if (t->stopped || t->gone)
			continue;
		r = waitpid(t->tid, &status, __WALL | WNOHANG);
		if (r == t->tid && WIFSTOPPED(status))
			stopped(t, status);
		else if (r == t->tid || (r < 0 && errno == ECHILD))
			t->gone = true;
		else
			left++;
	}
	return left;
}

static int too_late(const struct freeze *f, struct err *err)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		const struct frozen_thread *t = &f->threads[i];

		if (t->stopped || t->gone)
			continue;
		if (state_of(f->pid, t->tid) == 'D') {
			err_hint(err, "it waits for a disk, a network file system or a child it "
				      "starts: try again when that answers");
			return err_set(err, -ETIME,
				       "process %d cannot be frozen: its thread %d is in "
				       "uninterruptible sleep",
				       (int)f->pid, (int)t->tid);
		}
		err_hint(err, "give it more time with --max-freeze");
		return err_set(
			err, -ETIME,
			"process %d cannot be frozen: its thread %d did not stop in the time "
			"given",
			(int)f->pid, (int)t->tid);
	}
	return err_set(err, -ETIME,
		       "process %d cannot be frozen in the time given: it starts threads "
		       "faster than they can be stopped",
		       (int)f->pid);
}

static int stop_all(struct freeze *f, uint64_t until_ns, struct err *err)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	int found = look_for_threads(f, err);

	while (found > 0) {
		while (collect(f)) {
			if (clock_ns(CLOCK_MONOTONIC) >= until_ns)
				return too_late(f, err);
			nanosleep(&nap, NULL);
		}
		if (clock_ns(CLOCK_MONOTONIC) >= until_ns)
			return too_late(f, err);
		/* what stands still starts no thread: the last look finds none */
		found = look_for_threads(f, err);
	}
	if (!found && !f->n)
		return err_set(err, -ESRCH, "process %d has ended", (int)f->pid);
	return found;
}

int freeze_begin(struct freeze *f, pid_t pid, uint64_t until_ns, struct err *err)
{
	size_t i;
	int r;

	memset(f, 0, sizeof(*f));
	f->pid = pid;
	/* on a busy machine it would stand still for as long as others keep us from working */
	errno = 0;
	f->priority = getpriority(PRIO_PROCESS, 0);
	f->hurried = !errno && !setpriority(PRIO_PROCESS, 0, -20);
	r = stop_all(f, until_ns, err);
	if (r)
		freeze_end(f);
	else if (own_id(pid, pid) != pid) /* in a container */
		for (i = 0; i < f->n; i++)
			f->threads[i].own = own_id(pid, f->threads[i].tid);
	return r;
}

/* Without a time limit it is the same call once more; with one it would be longer. */
static bool waits_for_ever(const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
		return (int)regs->r10 < 0;
	case SYS_epoll_pwait2:
		return !regs->r10;
	}
	return false;
}

/* The kernel ends some calls with EINTR because of us, which it begins anew otherwise. */
static void begin_anew(const struct frozen_thread *t)
{
	struct user_regs_struct regs = t->regs;

	if (!t->by_event || !t->known || (int64_t)regs.rax != -EINTR || !waits_for_ever(&regs))
		return;
	regs.rax = regs.orig_rax;
	regs.rip -= 2; /* syscall */
	ptrace(PTRACE_SETREGS, t->tid, NULL, &regs);
}

void freeze_end(struct freeze *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		struct frozen_thread *t = &f->threads[i];

		if (!t->stopped || t->gone)
			continue;
		begin_anew(t);
		ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(intptr_t)t->signal);
		t->stopped = false;
	}
	f->ended_ns = clock_ns(CLOCK_MONOTONIC);
	if (f->hurried)
		setpriority(PRIO_PROCESS, 0, f->priority);
	f->hurried = false;
}

void freeze_free(struct freeze *f)
{
	free(f->threads);
	f->threads = NULL;
	f->n = f->room = 0;
}
