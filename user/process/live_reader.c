/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/live_reader.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

#define PIECE (64u << 10)
#define SHORT_NS 50000000u /* nothing that is counted: a busy machine takes that long, too */
#define ALLOWED_NS 1000000000u
#define REGAINED 60 /* of what was waited, a part so large of the time since is forgotten */
#define DEBTORS 64

struct worker {
	sem_t asked, done;
	pid_t pid;
	uint64_t addr;
	size_t len;
	int result;
	bool end;	  /* instead of a read */
	atomic_bool over; /* the thread does not touch this any more */
	struct worker *next;
	uint8_t data[PIECE];
};

struct debtor { /* has kept us waiting */
	pid_t pid;
	uint64_t waited_ns, at_ns;
};

static struct worker *worker; /* that waits for work */
static struct worker *left;   /* those that are told to end */
static struct debtor debtors[DEBTORS];
static pid_t owner; /* whose threads they are: one that we have forked has none of them */
static uint64_t given_up;

int live_read_here(pid_t pid, uint64_t addr, void *buf, size_t len)
{
	struct iovec to = {.iov_base = buf, .iov_len = len};
	struct iovec from = {.iov_base = (void *)(uintptr_t)addr, .iov_len = len};
	ssize_t n = process_vm_readv(pid, &to, 1, &from, 1, 0);

	if (n < 0)
		return errno == ESRCH || errno == EPERM || errno == ENOMEM ? -errno : -EFAULT;
	return (size_t)n == len ? 0 : -EFAULT;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (;;) {
		while (sem_wait(&w->asked))
			;
		if (w->end)
			break;
		w->result = live_read_here(w->pid, w->addr, w->data, w->len);
		sem_post(&w->done);
	}
	atomic_store(&w->over, true);
	return NULL;
}

static int begin(void)
{
	int r;

	if (worker)
		return 0;
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	sem_init(&worker->asked, 0, 0);
	sem_init(&worker->done, 0, 0);
	r = thread_start(work, worker);
	if (r) {
		free(worker);
		worker = NULL;
	}
	return r;
}

/* It ends when it has come back from where it is. */
static void leave(void)
{
	worker->end = true;
	sem_post(&worker->asked);
	worker->next = left;
	left = worker;
	worker = NULL;
}

/* Whether one of those that are left still reads there. */
static bool is_stuck(pid_t pid)
{
	struct worker **at = &left, *w;
	bool found = false;

	while ((w = *at)) {
		if (atomic_load(&w->over)) {
			*at = w->next;
			free(w);
			continue;
		}
		found |= w->pid == pid;
		at = &w->next;
	}
	return found;
}

/* The process's place, or the one that has been used least lately. */
static struct debtor *debtor_of(pid_t pid, uint64_t now)
{
	struct debtor *d = &debtors[0];
	uint64_t regained;
	size_t i;

	for (i = 0; i < DEBTORS && debtors[i].pid != pid; i++)
		if (debtors[i].at_ns < d->at_ns)
			d = &debtors[i];
	if (i < DEBTORS)
		d = &debtors[i];
	else
		*d = (struct debtor){.pid = pid};
	regained = (now - d->at_ns) / REGAINED;
	d->waited_ns -= regained < d->waited_ns ? regained : d->waited_ns;
	d->at_ns = now;
	return d;
}

static uint64_t allowance(pid_t pid, uint64_t now)
{
	const struct debtor *d;
	size_t i;

	for (i = 0; i < DEBTORS && debtors[i].pid != pid; i++)
		;
	if (i == DEBTORS)
		return ALLOWED_NS;
	d = debtor_of(pid, now);
	return d->waited_ns < ALLOWED_NS ? ALLOWED_NS - d->waited_ns : 0;
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

static int read_piece(pid_t pid, uint64_t addr, void *buf, size_t len, uint64_t allowed_ns)
{
	uint64_t from = clock_ns(CLOCK_MONOTONIC), took;
	int r = begin();

	if (r)
		return r;
	worker->pid = pid;
	worker->addr = addr;
	worker->len = len;
	sem_post(&worker->asked);
	if (is_done_in(allowed_ns)) {
		r = worker->result;
		if (!r)
			memcpy(buf, worker->data, len);
	} else {
		leave();
		given_up++;
		r = -ETIME;
	}
	took = clock_ns(CLOCK_MONOTONIC) - from;
	if (took > SHORT_NS)
		debtor_of(pid, from + took)->waited_ns += took;
	return r;
}

int live_read(pid_t pid, uint64_t addr, void *buf, size_t len)
{
	size_t done, n;
	int r = 0;

	if (!owner)
		owner = getpid();
	if (owner != getpid())
		return live_read_here(pid, addr, buf, len);
	for (done = 0; !r && done < len; done += n) {
		uint64_t allowed_ns = allowance(pid, clock_ns(CLOCK_MONOTONIC));

		if (!allowed_ns || is_stuck(pid)) {
			given_up++;
			return -ETIME;
		}
		n = len - done < PIECE ? len - done : PIECE;
		r = read_piece(pid, addr + done, (uint8_t *)buf + done, n, allowed_ns);
	}
	return r;
}

uint64_t live_reads_given_up(void)
{
	return given_up;
}

void live_reader_end(void)
{
	if (!worker || owner != getpid())
		return;
	worker->pid = 0;
	leave();
}
