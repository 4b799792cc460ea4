/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "snapshot/freeze.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errand.h"

#define MAX_THREADS 100000u /* the kernel's own default limit is lower */
#define MAX_TID (1u << 22)  /* PID_MAX_LIMIT */
#define NAP_NS 50000
#define MAX_SLEEPERS 256
#define GRACE_NS 100000000ull /* for look() to notice that time is up, and to let all go on */
#define STACK_SIZE (1u << 20)
/* What the kernel has in rax of a call that it is about to begin anew (include/linux/errno.h). */
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

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

static bool is_seen(const struct freeze *f, pid_t tid)
{
	return f->seen[tid / 8] & 1u << tid % 8;
}

const struct frozen_thread *freeze_thread(const struct freeze *f, pid_t own)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->threads[i].own == own)
			return &f->threads[i];
	return NULL;
}

ssize_t freeze_registers(const struct frozen_thread *t, int set, void *buf, size_t size)
{
	struct iovec io = {.iov_base = buf, .iov_len = size};

	if (ptrace(PTRACE_GETREGSET, t->tid, (void *)(intptr_t)set, &io))
		return -errno;
	return (ssize_t)io.iov_len;
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
	f->seen[tid / 8] |= (uint8_t)(1u << tid % 8);
	f->threads[f->n] = (struct frozen_thread){.tid = tid, .own = tid};
	return &f->threads[f->n++];
}

/* A number of its status in /proc; 0 where that is not there. */
static int status_of(pid_t pid, pid_t tid, const char *fmt)
{
	char path[64], line[256];
	int number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, fmt, &number) == 1)
			break;
	if (f)
		fclose(f);
	return number;
}

static bool has_filter(pid_t pid, pid_t tid)
{
	return status_of(pid, tid, "Seccomp: %d") != 0;
}

static int refused(const struct freeze *f, pid_t tid, int code, struct err *err)
{
	pid_t tracer = status_of(f->process->pid, tid, "TracerPid: %d");

	if (tracer && tracer != getpid()) {
		err_hint(err, "end the debugger or strace that does it first");
		return err_set(err, -EPERM,
			       "process %d cannot be frozen: process %d traces it already",
			       (int)f->process->pid, (int)tracer);
	}
	err_hint(err, "run maprace as root, or with CAP_SYS_PTRACE, where ptrace is allowed "
		      "(kernel.yama.ptrace_scope below 3)");
	return err_set(err, code, "process %d cannot be frozen: ptrace is not allowed (%s)",
		       (int)f->process->pid, err_name(code));
}

/* Seizes and interrupts a thread. 1; 0 where it has ended meanwhile. */
static int seize(struct freeze *f, pid_t tid, struct err *err)
{
	struct frozen_thread *t;
	int code;

	if (!ptrace(PTRACE_SEIZE, tid, NULL, NULL)) {
		if (!f->began_ns)
			f->began_ns = clock_ns(CLOCK_MONOTONIC);
		t = add(f, tid);
		if (!t)
			return -ENOMEM;
		if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
			t->gone = true;
		return 1;
	}
	code = -errno;
	if (is_dead(state_of(f->process->pid, tid)))
		return 0;
	return refused(f, tid, code, err);
}

static DIR *open_threads(const struct freeze *f)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)f->process->pid);
	return opendir(path);
}

static int has_ended(const struct freeze *f, struct err *err)
{
	return err_set(err, -ESRCH, "process %d has ended", (int)f->process->pid);
}

static bool is_late(const struct freeze *f)
{
	return clock_ns(CLOCK_MONOTONIC) >= f->until_ns;
}

static int in_deep_sleep(const struct freeze *f, pid_t tid, struct err *err)
{
	err_hint(err, "it waits for a disk, a network file system or a child it starts: try again "
		      "when that answers");
	return err_set(err, -ETIME,
		       "process %d cannot be frozen: its thread %d is in uninterruptible sleep",
		       (int)f->process->pid, (int)tid);
}

static int too_late(const struct freeze *f, struct err *err)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		const struct frozen_thread *t = &f->threads[i];

		if (t->stopped || t->gone)
			continue;
		if (state_of(f->process->pid, t->tid) == 'D')
			return in_deep_sleep(f, t->tid, err);
		err_hint(err, "give it more time with --max-freeze");
		return err_set(err, -ETIME,
			       "process %d cannot be frozen: its thread %d did not stop in the "
			       "time given",
			       (int)f->process->pid, (int)t->tid);
	}
	err_hint(err, "give it more time with --max-freeze");
	return err_set(err, -ETIME,
		       "process %d cannot be frozen in the time given: it has too many threads, or "
		       "starts them faster than they can be stopped",
		       (int)f->process->pid);
}

/* How many threads there were that were not known; negative errno. */
static int look_for_threads(struct freeze *f, struct err *err)
{
	struct dirent *d;
	int found = 0, r = 0;
	DIR *dir = open_threads(f);

	if (!dir)
		return has_ended(f, err);
	while (r >= 0 && (d = readdir(dir))) {
		long tid = strtol(d->d_name, NULL, 10);

		if (tid <= 0 || tid >= (long)MAX_TID || is_seen(f, (pid_t)tid))
			continue;
		if (f->n >= MAX_THREADS)
			r = err_set(err, -E2BIG, "process %d has more than %u threads",
				    (int)f->process->pid, MAX_THREADS);
		else if (is_late(f))
			r = too_late(f, err);
		else
			r = seize(f, (pid_t)tid, err);
		found += r > 0;
	}
	closedir(dir);
	return r < 0 ? r : found;
}

/* Without a time limit it is the same call once more; with one it would be longer. */
static bool waits_for_ever(const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
		return (int)regs->r10 < 0;
	case SYS_epoll_pwait2:
	case SYS_semtimedop:
		return !regs->r10;
	case SYS_rt_sigtimedwait:
		return !regs->rdx;
	case SYS_io_getevents:
		return !regs->r8;
	case SYS_semop:
		return true;
	}
	return false;
}

/*
 * A call that waits and was broken off because of us. Done as soon as the thread has stopped, so
 * that it holds also where we are killed in the next moment.
 *
 * Those that the kernel ends with EINTR it begins anew if it is told to, unless a handler is called
 * (as without us, that ends them). Those with a time limit it goes on with by restart_syscall(2),
 * which a filter of system calls may not know: death for a process that has only waited. It gets
 * EINTR then.
 *
 * So too where it stopped on its way to a signal: that may be one that is ignored, which wakes
 * nobody who is not traced.
 */
static void mend_call(const struct freeze *f, const struct frozen_thread *t)
{
	struct user_regs_struct regs = t->regs;
	int64_t result = (int64_t)regs.rax;

	if (!t->known || (int64_t)regs.orig_rax < 0)
		return;
	if (result == -EINTR && waits_for_ever(&regs))
		regs.rax = (uint64_t)-ERESTARTNOHAND;
	else if (result == -ERESTART_RESTARTBLOCK && has_filter(f->process->pid, t->tid))
		regs.rax = (uint64_t)-EINTR;
	else
		return;
	ptrace(PTRACE_SETREGS, t->tid, NULL, &regs);
}

/* One that stopped, and why: for us, or with a signal that is still to be delivered. */
static void stopped(const struct freeze *f, struct frozen_thread *t, int status)
{
	t->stopped = true;
	/* for us; else on its way to a signal */
	t->signal = status >> 8 == PTRACE_EVENT_STOP ? 0 : status & 0x7f;
	t->known = !ptrace(PTRACE_GETREGS, t->tid, NULL, &t->regs);
	mend_call(f, t);
}

/* How many do not stand still yet. */
static size_t collect(struct freeze *f)
{
	size_t i, left = 0;

	for (i = 0; i < f->n; i++) {
		struct frozen_thread *t = &f->threads[i];
		siginfo_t info = {};

		if (t->stopped || t->gone)
			continue;
		/* only looked at: a signal that has been collected would be lost if we died now */
		if (waitid(P_PID, (id_t)t->tid, &info,
			   WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL)) {
			t->gone = true;
		} else if (!info.si_pid) {
			left++;
		} else if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED) {
			stopped(f, t, info.si_status);
		} else {
			t->gone = true;
			waitpid(t->tid, NULL, __WALL | WNOHANG);
		}
	}
	return left;
}

/* Threads that nothing can stop now; of more than there is room for the others are found later. */
static size_t find_deep_sleepers(const struct freeze *f, pid_t tids[MAX_SLEEPERS])
{
	DIR *dir = open_threads(f);
	struct dirent *d;
	size_t n = 0;

	while (dir && n < MAX_SLEEPERS && (d = readdir(dir))) {
		pid_t tid = (pid_t)strtol(d->d_name, NULL, 10);

		if (tid > 0 && state_of(f->process->pid, tid) == 'D')
			tids[n++] = tid;
	}
	if (dir)
		closedir(dir);
	return n;
}

/*
 * While one thread waits for a disk all others would stand still for nothing. Of a process that
 * always has one that does so each is seen to come back once: it will not be long again.
 */
static int wait_for_deep_sleepers(struct freeze *f, struct err *err)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	pid_t tids[MAX_SLEEPERS];
	size_t n = find_deep_sleepers(f, tids);

	while (n) {
		if (state_of(f->process->pid, tids[n - 1]) != 'D') {
			n--;
			continue;
		}
		if (is_late(f))
			return in_deep_sleep(f, tids[n - 1], err);
		nanosleep(&nap, NULL);
	}
	return 0;
}

static int stop_all(struct freeze *f, struct err *err)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	int found = look_for_threads(f, err);

	while (found > 0) {
		while (collect(f)) {
			if (is_late(f))
				return too_late(f, err);
			nanosleep(&nap, NULL);
		}
		if (is_late(f))
			return too_late(f, err);
		/* what stands still starts no thread: the last look finds none */
		found = look_for_threads(f, err);
	}
	return !found && !f->n ? has_ended(f, err) : found;
}

/* Nothing but a SIGKILL takes a thread out of its stop, and that takes all of them. */
static bool stands_still(const struct freeze *f)
{
	struct user_regs_struct regs;
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->threads[i].stopped)
			return !ptrace(PTRACE_GETREGS, f->threads[i].tid, NULL, &regs);
	return false;
}

/* The process that was looked at while it ran, and still its program: the id may be another's by
 * now. Asked when nothing of it can change any more. */
static int is_the_same(const struct freeze *f, struct err *err)
{
	bool same = true;

	if (process_ends_within(f->process, 0))
		return has_ended(f, err);
	if (!process_same_program(f->process, &same) && !same)
		return err_set(err, -ESRCH, "process %d has begun another program",
			       (int)f->process->pid);
	return 0;
}

static void fill_own_ids(struct freeze *f)
{
	pid_t pid = f->process->pid;
	size_t i;

	if (own_id(pid, pid) == pid)
		return;
	for (i = 0; i < f->n && !is_late(f); i++) /* in a container */
		f->threads[i].own = own_id(pid, f->threads[i].tid);
}

static void let_go(struct freeze *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->threads[i].stopped)
			ptrace(PTRACE_DETACH, f->threads[i].tid, NULL,
			       (void *)(intptr_t)f->threads[i].signal);
	f->ended_ns = clock_ns(CLOCK_MONOTONIC);
}

struct freezer {
	struct freeze *f;
	uint64_t max_ns;
	int (*look)(void *arg);
	void *arg;
	struct err *err;
	pid_t parent;
	volatile int result;
	volatile bool done;
};

/* Nothing outlives it, stopped or in a page fault as we may be. */
static int set_timer(uint64_t ns, struct err *err)
{
	struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec when = {.it_value = {.tv_sec = (time_t)(ns / 1000000000),
					       .tv_nsec = (long)(ns % 1000000000)}};
	timer_t timer;

	if (!timer_create(CLOCK_MONOTONIC, &how, &timer) && !timer_settime(timer, 0, &when, NULL))
		return 0;
	return err_set(err, -errno, "the timer that is to let the process go cannot be set: %s",
		       err_name(errno));
}

/*
 * Whom we have told to stop, and who has not yet, may find his call broken off when we are gone
 * already, and goes on with it by himself. Those whom that might kill are waited for.
 */
static void wait_for_filtered(struct freeze *f)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + GRACE_NS / 2;
	size_t i = 0;

	while (i < f->n && collect(f) && clock_ns(CLOCK_MONOTONIC) < until) {
		const struct frozen_thread *t = &f->threads[i];

		if (t->stopped || t->gone || !has_filter(f->process->pid, t->tid))
			i++;
		else
			nanosleep(&nap, NULL);
	}
}

static int freeze(struct freezer *z)
{
	struct freeze *f = z->f;
	int r;

	f->until_ns = clock_ns(CLOCK_MONOTONIC) + z->max_ns;
	r = wait_for_deep_sleepers(f, z->err);
	if (!r)
		r = set_timer(z->max_ns + GRACE_NS, z->err);
	if (r)
		return r;
	f->until_ns = clock_ns(CLOCK_MONOTONIC) + z->max_ns;
	r = stop_all(f, z->err);
	if (r)
		wait_for_filtered(f);
	else
		r = is_the_same(f, z->err);
	if (!r) {
		fill_own_ids(f);
		r = z->look(z->arg);
		if (!stands_still(f))
			r = err_set(z->err, -ESRCH, "process %d ended while it was looked at",
				    (int)f->process->pid);
	}
	/* what was seen counts, also where the timer is faster than we are with all these threads */
	f->ended_ns = clock_ns(CLOCK_MONOTONIC);
	z->result = r;
	z->done = true;
	let_go(f);
	return r;
}

/* The process whose end is the way out. */
static int freezer_main(void *arg)
{
	struct freezer *z = arg;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == z->parent) {
		errands_lend(getpid());
		/* on a busy machine it would stand still for as long as others keep us from
		 * working */
		setpriority(PRIO_PROCESS, 0, -20);
		z->result = freeze(z);
		z->done = true;
	}
	return 0;
}

static int run_freezer(struct freezer *z, void *stack)
{
	pid_t pid, r;

	errands_lend(getpid());
	pid = clone(freezer_main, (uint8_t *)stack + STACK_SIZE, CLONE_VM, z);
	if (pid < 0)
		return err_set(z->err, -errno, "no process can be made: %s", err_name(errno));
	do
		r = waitpid(pid, NULL, __WALL);
	while (r < 0 && errno == EINTR);
	errands_lend(getpid());
	if (z->done)
		return z->result;
	err_hint(z->err, "it was stopped, or a page of that process did not come: try again, with "
			 "more time by --max-freeze");
	return err_set(z->err, -ECANCELED,
		       "process %d was let go, and nothing was seen: maprace did not come to an "
		       "end in time",
		       (int)z->f->process->pid);
}

int freeze_look(struct freeze *f, const struct process *p, uint64_t max_ns, int (*look)(void *arg),
		void *arg, struct err *err)
{
	struct freezer z = {f, max_ns, look, arg, err, getpid(), 0, false};
	void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int r = -ENOMEM;

	*f = (struct freeze){.process = p, .seen = calloc(MAX_TID / 8, 1)};
	if (stack != MAP_FAILED && f->seen)
		r = run_freezer(&z, stack);
	if (stack != MAP_FAILED)
		munmap(stack, STACK_SIZE);
	return r;
}

void freeze_free(struct freeze *f)
{
	free(f->threads);
	free(f->seen);
	f->threads = NULL;
	f->seen = NULL;
	f->n = f->room = 0;
}
