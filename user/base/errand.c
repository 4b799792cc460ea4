/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/helper.h"

#define SHORT_NS 50000000u /* a busy machine takes that long, too */
#define ALLOWED_NS 1000000000u
#define REGAINED 60 /* of what was waited, a part so large of the time since is forgotten */
#define ALL_ALLOWED_NS 3000000000u
#define ALL_REGAINED 20
#define LEAST_NS 50000000u /* whatever others have done, */
#define KNOWN_NS 25000000u /* for whoever has not kept us waiting so long himself */
#define DEBTORS 1024
#define LEFT_MAX 64 /* processes */

struct worker { /* shared with the process */
	sem_t asked, done;
	int (*do_it)(void *place, int fd);
	bool brings; /* a file descriptor comes along: with the errand, then with its result */
	uint64_t waited_ns; /* for what it did */
	_Alignas(16) uint8_t place[ERRAND_ROOM];
};

struct left { /* has been told to end */
	pid_t pid;
	uint64_t whom;
};

struct debtor { /* has kept us waiting */
	uint64_t whom, waited_ns, at_ns;
	uint64_t ever_ns; /* nothing of it forgotten */
};

static struct worker *worker; /* that waits for work */
static pid_t worker_pid;
static int worker_socket;
static struct left left[LEFT_MAX];
static size_t nleft;
static struct debtor debtors[DEBTORS], all;
static size_t ndebtors;
static pid_t owner; /* whose they are: one that we have forked has none of them */
static uint64_t given_up;

uint64_t errand_whom(enum errand_kind kind, uint64_t number)
{
	return (number << 2 | (uint64_t)kind) + 1;
}

static bool is_process(uint64_t whom)
{
	return ((whom - 1) & 3) == ERRAND_PROCESS;
}

/* --- a file descriptor that comes along --- */

union rights {
	struct cmsghdr header;
	char buf[CMSG_SPACE(sizeof(int))];
};

static int send_fd(int socket, int fd)
{
	char byte = 0;
	struct iovec io = {&byte, 1};
	union rights rights = {};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = rights.buf,
			   .msg_controllen = sizeof(rights.buf)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -errno;
}

/* It has been sent already. -1: that failed. */
static int receive_fd(int socket)
{
	char byte;
	struct iovec io = {&byte, 1};
	union rights rights = {};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = rights.buf,
			   .msg_controllen = sizeof(rights.buf)};
	const struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(socket, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* --- the process --- */

/* For what has been done so far: how often we slept, and all the time that we did not. */
struct awake {
	long sleeps;
	uint64_t ns;
};

/* Without the second one a busy machine's time counts as ours. */
static uint64_t kept_from_cpu_ns(int schedstat)
{
	unsigned long long delay = 0;
	char text[96];
	ssize_t n = schedstat >= 0 ? pread(schedstat, text, sizeof(text) - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%*u %llu", &delay) == 1 ? delay : 0;
}

static struct awake awake_so_far(int schedstat)
{
	struct rusage use;

	return (struct awake){getrusage(RUSAGE_THREAD, &use) ? 0 : use.ru_nvcsw,
			      clock_ns(CLOCK_THREAD_CPUTIME_ID) + kept_from_cpu_ns(schedstat)};
}

static int do_errand(struct worker *w, int fd, int schedstat)
{
	struct awake before = awake_so_far(schedstat), after;
	uint64_t from = clock_ns(CLOCK_MONOTONIC), took;
	int opened = w->do_it(w->place, fd);

	took = clock_ns(CLOCK_MONOTONIC) - from;
	after = awake_so_far(schedstat);
	w->waited_ns = after.sleeps != before.sleeps && took > after.ns - before.ns
			       ? took - (after.ns - before.ns)
			       : 0;
	return opened;
}

static void serve(struct worker *w, int socket)
{
	int schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

	for (;;) {
		int fd = -1, opened;

		while (sem_wait(&w->asked))
			;
		w->waited_ns = 0;
		if (w->brings)
			fd = receive_fd(socket);
		opened = w->brings && fd < 0 ? -1 : do_errand(w, fd, schedstat);
		w->brings = opened >= 0 && !send_fd(socket, opened);
		if (opened >= 0)
			close(opened);
		if (fd >= 0)
			close(fd);
		sem_post(&w->done);
	}
}

static void be_worker(struct worker *w, int socket, pid_t parent)
{
	helper_become("mr-reader");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* nothing of ours stays because it does */
	if (socket != STDERR_FILENO + 1 && dup2(socket, STDERR_FILENO + 1) < 0)
		_exit(1);
	close_range(STDERR_FILENO + 2, ~0u, 0);
	if (getppid() == parent)
		serve(w, STDERR_FILENO + 1);
	_exit(0);
}

static int begin(void)
{
	struct worker *w =
		mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid();
	int sockets[2], r;

	if (w == MAP_FAILED)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) {
		r = -errno;
		goto unmap;
	}
	sem_init(&w->asked, 1, 0);
	sem_init(&w->done, 1, 0);
	worker_pid = fork();
	if (!worker_pid)
		be_worker(w, sockets[1], parent);
	r = -errno;
	close(sockets[1]);
	if (worker_pid < 0)
		goto close;
	helper_note(worker_pid, true);
	worker = w;
	worker_socket = sockets[0];
	return 0;
close:
	close(sockets[0]);
unmap:
	munmap(w, sizeof(*w));
	return r;
}

static bool is_ours(void)
{
	if (!owner)
		owner = getpid();
	return owner == getpid();
}

void errands_lend(pid_t pid)
{
	if (is_ours())
		(void)errand_place();
	owner = pid;
}

void errands_by_ourselves(void)
{
	owner = -1;
}

void *errand_place(void)
{
	static _Alignas(16) uint8_t own[ERRAND_ROOM];
	int r;

	if (!is_ours())
		return own;
	r = worker ? 0 : begin();
	if (r) {
		errno = -r;
		return NULL;
	}
	return worker->place;
}

/* It ends when it comes back from where it is. */
static pid_t leave(void)
{
	close(worker_socket);
	kill(worker_pid, SIGKILL);
	munmap(worker, sizeof(*worker));
	worker = NULL;
	return worker_pid;
}

/* Whether one of those that are left is still there on this one's behalf. */
static bool is_stuck(uint64_t whom)
{
	bool found = false;
	size_t i;

	for (i = nleft; i--;) {
		if (!waitpid(left[i].pid, NULL, WNOHANG)) {
			found |= left[i].whom == whom;
			continue;
		}
		helper_note(left[i].pid, false);
		left[i] = left[--nleft];
	}
	return found;
}

/* --- what is waited for whom --- */

static void forget(struct debtor *d, uint64_t now, uint64_t part)
{
	uint64_t regained = (now - d->at_ns) / part;

	d->waited_ns -= regained < d->waited_ns ? regained : d->waited_ns;
	d->at_ns = now;
}

static struct debtor *find_debtor(uint64_t whom)
{
	size_t i;

	for (i = 0; i < ndebtors; i++)
		if (debtors[i].whom == whom)
			return &debtors[i];
	return NULL;
}

/* Its place, or the one that has been used least lately. */
static struct debtor *debtor_of(uint64_t whom, uint64_t now)
{
	struct debtor *d = find_debtor(whom);
	size_t i;

	if (!d && ndebtors < DEBTORS) {
		d = &debtors[ndebtors++];
		*d = (struct debtor){.whom = whom, .at_ns = now};
	} else if (!d) {
		d = &debtors[0];
		for (i = 1; i < DEBTORS; i++)
			if (debtors[i].at_ns < d->at_ns)
				d = &debtors[i];
		*d = (struct debtor){.whom = whom, .at_ns = now};
	}
	forget(d, now, REGAINED);
	return d;
}

static uint64_t what_is_left(const struct debtor *d, uint64_t allowed)
{
	return d->waited_ns < allowed ? allowed - d->waited_ns : 0;
}

static uint64_t allowance(uint64_t whom, uint64_t now)
{
	const struct debtor *d = find_debtor(whom) ? debtor_of(whom, now) : NULL;
	uint64_t one = d ? what_is_left(d, ALLOWED_NS) : ALLOWED_NS, together;

	forget(&all, now, ALL_REGAINED);
	together = what_is_left(&all, ALL_ALLOWED_NS);
	if (together < LEAST_NS)
		together = d && d->ever_ns >= KNOWN_NS ? 0 : LEAST_NS;
	return one < together ? one : together;
}

static void charge(uint64_t whom, uint64_t now, uint64_t waited)
{
	struct debtor *d = debtor_of(whom, now);

	d->waited_ns += waited;
	d->ever_ns += waited;
	all.waited_ns += waited;
}

/*
 * A slow disk is waited for. Who is a process is charged also for what comes in the end, however
 * soon: what it lets come late by little each time adds up. A busy machine is no reason to hurry
 * others.
 */
static void charge_done(uint64_t whom, uint64_t now, uint64_t waited)
{
	if (waited && is_process(whom))
		charge(whom, now, waited);
}

/* So little may be a busy machine's. */
static void charge_given_up(uint64_t whom, uint64_t now, uint64_t took)
{
	if (took > SHORT_NS)
		charge(whom, now, took);
	else
		all.waited_ns += took;
}

/* In the time of our own time namespace. */
static bool is_done_in(uint64_t ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns += (uint64_t)until.tv_nsec;
	until.tv_sec += (time_t)(ns / 1000000000u);
	until.tv_nsec = (long)(ns % 1000000000u);
	while (sem_clockwait(&worker->done, CLOCK_MONOTONIC, &until))
		if (errno != EINTR)
			return false;
	return true;
}

static int give_up(void)
{
	given_up++;
	return -ETIME;
}

static int run(int (*do_it)(void *place, int fd), uint64_t whom, int fd, uint64_t allowed_ns,
	       int *opened)
{
	uint64_t from = clock_ns(CLOCK_MONOTONIC), now;
	int r = fd >= 0 ? send_fd(worker_socket, fd) : 0;
	bool done;

	if (r) { /* somebody has killed it */
		left[nleft++] = (struct left){leave(), 0};
		return r;
	}
	worker->do_it = do_it;
	worker->brings = fd >= 0;
	sem_post(&worker->asked);
	done = is_done_in(allowed_ns);
	now = clock_ns(CLOCK_MONOTONIC);
	if (!done) {
		charge_given_up(whom, now, now - from);
		left[nleft++] = (struct left){leave(), whom};
		return give_up();
	}
	charge_done(whom, now, worker->waited_ns);
	if (worker->brings && opened)
		*opened = receive_fd(worker_socket);
	return 0;
}

int errand_run(uint64_t whom, uint64_t most_ns, int (*do_it)(void *place, int fd), int fd,
	       int *opened)
{
	uint64_t allowed_ns;
	int by_ourselves;

	if (opened)
		*opened = -1;
	if (!is_ours()) {
		by_ourselves = do_it(errand_place(), fd);
		if (opened)
			*opened = by_ourselves;
		return 0;
	}
	allowed_ns = allowance(whom, clock_ns(CLOCK_MONOTONIC));
	if (is_stuck(whom) || nleft == LEFT_MAX || !allowed_ns)
		return give_up();
	return run(do_it, whom, fd, allowed_ns < most_ns ? allowed_ns : most_ns, opened);
}

uint64_t errands_given_up(void)
{
	return given_up;
}

void errand_end(void)
{
	pid_t pid;

	if (!worker || !is_ours())
		return;
	pid = leave();
	waitpid(pid, NULL, 0); /* it waits for work, and ends at once */
	helper_note(pid, false);
}
