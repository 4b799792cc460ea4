/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lease.h"
#include "probe/attacher_wire.h"
#include "probe/release.h"
#include "base/helper.h"
#include "process/process.h"
#include "process/privileges.h"

#define HEARTBEAT_TIMEOUT_NS \
	10000000000ull /* without a sign of life; a busy machine may delay one */
#define LOOK_MS 200
#define RELEASE_NS 300000000ull /* after its time is up: maprace would have let it go */
#define THREAD_STACK (256u << 10)

/* As many files as may be: where there is no uprobe-multi each site takes two. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * The probes of one target. The main thread knows it as long as the slot is its own; each job that
 * is about it has it too, and the last one to let go of it frees it.
 */
struct kept {
	atomic_uint users;
	atomic_bool busy;     /* with a request */
	atomic_bool sleeping; /* is being put to sleep */
	atomic_bool yielding; /* somebody waits to write to its file */
	atomic_int lease;     /* on its file, as long as probes are in place; -1: none */
	bool executed;	      /* what is probed is what the process runs, no library */
	struct release release;
	pthread_mutex_t lock; /* of what follows; never held while a file is read */
	struct links links;
	bool gone;	    /* for good */
	bool written;	    /* its file was, since the probes were placed, or is about to be */
	uint64_t asleep_ns; /* since when they are gone by our own will; 0: they are not */
};

struct keeping { /* what the attacher itself knows */
	int fd;
	int asked; /* readable: a lease is asked for */
	const struct attacher_orders *orders;
	struct kept *kept[MR_TARGETS]; /* NULL: none */
	atomic_uint sleeps;	       /* how often it has fallen asleep */
	/* jobs that take probes away */
	pthread_mutex_t lock;
	pthread_cond_t all_gone;
	unsigned int dropping;
};

struct job {
	struct keeping *keeping;
	struct kept *kept;
	void (*run)(struct job *j);
	unsigned int sleeps; /* when it was asked for */
	struct attacher_request request;
};

/* Locked, or nobody else's. */
static void end_lease(struct kept *kept)
{
	int lease = atomic_exchange(&kept->lease, -1);

	if (lease >= 0)
		lease_end(lease);
}

static void let_go(struct kept *kept)
{
	if (atomic_fetch_sub(&kept->users, 1) > 1)
		return;
	end_lease(kept);
	links_close_files(&kept->links);
	release_free(&kept->release);
	pthread_mutex_destroy(&kept->lock);
	free(kept);
}

static void *run_job(void *arg)
{
	struct job *j = arg;

	j->run(j);
	let_go(j->kept);
	free(j);
	return NULL;
}

/* In a thread; in this one where there can be none. */
static void begin(struct keeping *k, struct kept *kept, const struct attacher_request *q,
		  void (*run)(struct job *j))
{
	struct job *j = calloc(1, sizeof(*j));
	pthread_attr_t attr;
	pthread_t thread;
	struct job here;

	if (!j)
		j = &here;
	*j = (struct job){k, kept, run, atomic_load(&k->sleeps), {}};
	if (q)
		j->request = *q;
	atomic_fetch_add(&kept->users, 1);
	if (j == &here) {
		j->run(j);
		let_go(kept);
		return;
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, run_job, j))
		run_job(j);
	pthread_attr_destroy(&attr);
}

static void reply(struct keeping *k, const struct attacher_answer *a)
{
	(void)!write(k->fd, a, sizeof(*a)); /* nobody is there: the main thread sees it too */
}

/* ---- requests: files first, then, locked, the probes ---- */

static int change(struct job *j, int file, struct err *err)
{
	struct links *links = &j->kept->links;
	const struct attacher_request *q = &j->request;

	switch (q->command) {
	case PLACE:
		return links_place(links, err);
	case ADD:
		return links_add(links, &q->more, file, err);
	case TAKE_BACK:
		links_take_back(links);
		return 0;
	case OPEN:
		return links_open(links, err);
	case CLOSE: /* the rest of it */
	case ROUSE:
		return links_settle(links, err);
	case CALLS:
		return links_change_calls(links, &q->calls, err);
	default:
		return -EINVAL;
	}
}

static int read_files(struct job *j, int *file, struct err *err)
{
	const struct attacher_request *q = &j->request;

	if (q->command == ADD)
		return links_open_more(&q->more, file, err);
	if (q->command == CALLS)
		links_read_calls(&j->kept->links, &q->calls);
	if (q->command != TAKE_BACK)
		links_read(&j->kept->links);
	return 0;
}

/* Whether it is too late for that: nobody asks for it any more. */
static int outlived(const struct job *j, struct err *err)
{
	if (j->kept->written)
		return err_set(err, -ESTALE, "its file was written to: no probe is safe in it");
	if (j->kept->gone)
		return err_set(err, -ESRCH, "the target is not watched any more");
	if (j->sleeps != atomic_load(&j->keeping->sleeps))
		return err_set(err, -EAGAIN, "maprace was stopped meanwhile");
	return 0;
}

/* Taking away needs no file. */
static int shut(struct job *j, struct err *err)
{
	int r;

	pthread_mutex_lock(&j->kept->lock);
	r = outlived(j, err);
	if (!r)
		links_shut(&j->kept->links, j->request.cycled);
	pthread_mutex_unlock(&j->kept->lock);
	return r;
}

/*
 * Before the first probe is in place: where none can be had it goes without. A process may execute
 * another program, which writes to the file and has it executed again before maprace knows of all
 * that: breakpoints of before would then be put into the midst of other instructions. A library may
 * be written to while it is watched, and that goes on.
 */
static int new_lease(const struct job *j)
{
	if (j->request.command != PLACE && j->request.command != ROUSE)
		return -1;
	return j->kept->executed && atomic_load(&j->kept->lease) < 0
		       ? lease_take(j->kept->links.files[0].fd)
		       : -1;
}

static void handle(struct job *j)
{
	struct attacher_answer a = {.slot = j->request.slot, .id = j->request.id};
	struct kept *kept = j->kept;
	int file = -1, lease = new_lease(j);

	if (j->request.command == CLOSE)
		a.result = shut(j, &a.err);
	if (!a.result)
		a.result = read_files(j, &file, &a.err);
	pthread_mutex_lock(&kept->lock);
	if (lease >= 0)
		atomic_store(&kept->lease, lease);
	if (!a.result)
		a.result = outlived(j, &a.err);
	if (!a.result) {
		a.unwatched_ns = kept->asleep_ns ? clock_ns(CLOCK_MONOTONIC) - kept->asleep_ns : 0;
		kept->asleep_ns = 0;
		a.result = change(j, file, &a.err);
	} else {
		if (file >= 0)
			close(file);
		if (lease >= 0)
			end_lease(kept);
	}
	pthread_mutex_unlock(&kept->lock);
	atomic_store(&kept->busy, false);
	reply(j->keeping, &a);
}

/* ---- processes that stand still ---- */

/*
 * Late: for longer than it was to be; or whoever has stopped it is gone. Not once only: a probe that
 * is under way may stop it after. Nobody is harmed by a SIGCONT that comes again, for a second.
 */
static void let_process_go(struct keeping *k, struct kept *kept, uint32_t slot, bool now)
{
	volatile struct mr_target *t = k->orders->targets;
	uint64_t stopped, for_ns, allowed;

	if (!t)
		return;
	t += slot & (MR_TARGETS - 1);
	stopped = t->stopped_ns;
	for_ns = clock_ns(CLOCK_MONOTONIC) - stopped;
	allowed = t->stop_at_fatal_ms * 1000000ull + RELEASE_NS;
	if (!stopped || (!now && for_ns < allowed))
		return;
	t->stop_at_fatal_ms = 0;
	process_continue(kept->links.pid, kept->release.pidfd);
	if (for_ns > allowed + 1000000000)
		__sync_bool_compare_and_swap(&t->stopped_ns, stopped, 0);
}

static void let_late_go(struct keeping *k, bool now)
{
	uint32_t slot;

	for (slot = 0; slot < MR_TARGETS; slot++)
		if (k->kept[slot])
			let_process_go(k, k->kept[slot], slot, now);
}

/* ---- taking away ---- */

static void drop_links(struct kept *kept)
{
	struct links *links = &kept->links;

	links_drop_all(&links, 1);
}

static void drop_for_good(struct job *j)
{
	struct kept *kept = j->kept;
	struct attacher_answer a = {.slot = j->request.slot, .id = j->request.id};

	let_process_go(j->keeping, kept, j->request.slot, true);
	pthread_mutex_lock(&kept->lock);
	if (!kept->gone)
		drop_links(kept);
	end_lease(kept);
	kept->gone = true;
	pthread_mutex_unlock(&kept->lock);
	/* now nobody can be in the program that stops it */
	let_process_go(j->keeping, kept, j->request.slot, true);
	release_disarm(&kept->release);
	if (j->request.command == WAIT)
		reply(j->keeping, &a);
	pthread_mutex_lock(&j->keeping->lock);
	if (!--j->keeping->dropping)
		pthread_cond_signal(&j->keeping->all_gone);
	pthread_mutex_unlock(&j->keeping->lock);
}

static void begin_dropping(struct keeping *k, struct kept *kept, const struct attacher_request *q)
{
	pthread_mutex_lock(&k->lock);
	k->dropping++;
	pthread_mutex_unlock(&k->lock);
	begin(k, kept, q, drop_for_good);
}

/* The last sign of life is too old. */
static bool heartbeat_expired(void)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC),
		 last = __atomic_load_n(attacher_life_ns, __ATOMIC_RELAXED);

	if (!last)
		return false;
	return now > last && now - last > HEARTBEAT_TIMEOUT_NS;
}

static void put_to_sleep(struct job *j)
{
	struct kept *kept = j->kept;

	pthread_mutex_lock(&kept->lock);
	if (!kept->gone && !kept->asleep_ns && heartbeat_expired()) {
		drop_links(kept);
		end_lease(kept);
		kept->asleep_ns = clock_ns(CLOCK_MONOTONIC);
	}
	pthread_mutex_unlock(&kept->lock);
	atomic_store(&kept->sleeping, false);
}

/* Then nothing happens to it (Linux 6.11 lets even that be written to). */
static bool runs_its_file(const struct kept *kept)
{
	const struct file_identity *was = &kept->links.files[0].was;
	struct file_identity now;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)kept->links.pid);
	return !file_identify(path, &now) && now.dev == was->dev && now.ino == was->ino;
}

static void yield(struct job *j)
{
	struct kept *kept = j->kept;
	int lease;

	pthread_mutex_lock(&kept->lock);
	lease = atomic_load(&kept->lease);
	if (lease >= 0 && lease_is_asked_for(lease)) {
		if (!runs_its_file(kept)) {
			drop_links(kept);
			kept->written = true;
		}
		end_lease(kept);
	}
	pthread_mutex_unlock(&kept->lock);
	atomic_store(&kept->yielding, false);
}

/* Somebody waits to write to a file that nobody runs any more: the probes in it go first. */
static void yield_leases(struct keeping *k)
{
	struct signalfd_siginfo si;
	size_t slot;
	int lease;

	if (k->asked >= 0)
		(void)!read(k->asked, &si, sizeof(si));
	for (slot = 0; slot < MR_TARGETS; slot++) {
		lease = k->kept[slot] ? atomic_load(&k->kept[slot]->lease) : -1;
		if (lease >= 0 && lease_is_asked_for(lease) &&
		    !atomic_exchange(&k->kept[slot]->yielding, true))
			begin(k, k->kept[slot], NULL, yield);
	}
}

/* Takes all probes away that there are; again and again, as what is under way may place some. */
static void fall_asleep(struct keeping *k)
{
	size_t slot;

	k->orders->before_sleep(k->orders->arg);
	atomic_fetch_add(&k->sleeps, 1);
	for (slot = 0; slot < MR_TARGETS; slot++)
		if (k->kept[slot] && !atomic_exchange(&k->kept[slot]->sleeping, true))
			begin(k, k->kept[slot], NULL, put_to_sleep);
}

/* What reads a file still may never end: nothing of it is waited for. */
static void drop_everything(struct keeping *k)
{
	size_t slot;

	k->orders->before_sleep(k->orders->arg);
	let_late_go(k, true);
	for (slot = 0; slot < MR_TARGETS; slot++)
		if (k->kept[slot])
			begin_dropping(k, k->kept[slot],
				       &(struct attacher_request){.command = REMOVE,
								  .slot = (uint32_t)slot});
	pthread_mutex_lock(&k->lock);
	while (k->dropping)
		pthread_cond_wait(&k->all_gone, &k->lock);
	pthread_mutex_unlock(&k->lock);
}

/* ---- the main thread, which never waits for anything but requests ---- */

static struct kept *new_kept(const struct keeping *k, const struct attacher_request *q, int fd)
{
	struct kept *new = calloc(1, sizeof(*new));

	if (!new)
		return NULL;
	pthread_mutex_init(&new->lock, NULL);
	atomic_init(&new->users, 1);
	atomic_init(&new->lease, -1);
	new->executed = q->target.executed;
	links_begin(&new->links, k->orders->base, &q->target, fd);
	release_arm(&new->release, q->target.pid, q->slot);
	return new;
}

static int place(struct keeping *k, const struct attacher_request *q, int fd, struct err *err)
{
	if (fd >= 0 && !k->kept[q->slot])
		k->kept[q->slot] = new_kept(k, q, fd);
	else if (k->kept[q->slot])
		return err_set(err, -EBUSY, "cannot place probes: the last ones are not gone");
	if (k->kept[q->slot])
		return 0;
	return err_set(err, -ENOMEM, "cannot place probes: no memory for them");
}

/* Who is not known any more is answered for here. */
static void answer_at_once(struct keeping *k, const struct attacher_request *q, int result,
			   struct attacher_answer *a)
{
	a->slot = q->slot;
	a->id = q->id;
	a->result = result;
	reply(k, a);
}

static void handle_request(struct keeping *k, struct attacher_request *q, int fd)
{
	struct kept *kept;
	struct attacher_answer a = {};
	int r = 0;

	q->slot &= MR_TARGETS - 1;
	if (q->command == PLACE)
		r = place(k, q, fd, &a.err);
	if (fd >= 0 && (q->command != PLACE || r))
		close(fd);
	kept = k->kept[q->slot];
	if (q->command == SETTLE) {
		answer_at_once(k, q, privileges_drop(k->orders->perf), &a);
	} else if (q->command == REMOVE || q->command == WAIT) {
		if (kept)
			begin_dropping(k, kept, q);
		else if (q->command == WAIT)
			answer_at_once(k, q, 0, &a);
		if (!kept || q->command == REMOVE)
			return;
		k->kept[q->slot] = NULL;
		let_go(kept); /* NOLINT: its users are counted */
	} else if (r || !kept) {
		if (!r)
			r = err_set(&a.err, -ESRCH, "the target is not watched any more");
		answer_at_once(k, q, r, &a);
	} else if (atomic_exchange(&kept->busy, true)) {
		answer_at_once(k, q, err_set(&a.err, -EAGAIN, "its probes are being moved"), &a);
	} else {
		begin(k, kept, q, handle);
	}
}

/* To the programs, which stop nobody without it. */
static void say_alive(const struct keeping *k)
{
	if (k->orders->keeper_ns)
		*k->orders->keeper_ns = clock_ns(CLOCK_MONOTONIC);
}

/* Waits for a request; *fd: what came with it, or -1. */
static bool wait_request(struct keeping *k, struct attacher_request *q, int *fd)
{
	struct pollfd p[2] = {{.fd = k->fd, .events = POLLIN}, {.fd = k->asked, .events = POLLIN}};
	bool none;
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {q, sizeof(*q)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.room,
			     .msg_controllen = sizeof(control.room)};
	const struct cmsghdr *c;
	ssize_t got;

	do {
		say_alive(k);
		none = poll(p, 2, LOOK_MS) < 1;
		if (none || p[1].revents)
			yield_leases(k);
		if (!none)
			continue;
		let_late_go(k, false);
		if (heartbeat_expired())
			fall_asleep(k);
	} while (none || !p[0].revents);
	got = recvmsg(k->fd, &msg, MSG_CMSG_CLOEXEC);
	*fd = -1;
	c = got > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return got == (ssize_t)sizeof(*q);
}

_Noreturn void attacher_run(int own_end, const struct attacher_orders *orders)
{
	static struct keeping mine;
	static struct attacher_request q;
	struct keeping *k = &mine;
	sigset_t io;
	int fd;

	k->fd = own_end;
	k->orders = orders;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->all_gone, NULL);

	helper_become("mr-attacher"); /* which blocks all signals */
	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	k->asked = signalfd(-1, &io, SFD_CLOEXEC | SFD_NONBLOCK);
	raise_file_limit();
	release_reserve(orders->targets ? orders->ntargets : 0);
	mallopt(M_ARENA_MAX, 1); /* many threads, little to do */
	while (wait_request(k, &q, &fd))
		handle_request(k, &q, fd);
	drop_everything(k);
	/* Who waits for us is told: what reads a file still may keep us here. */
	shutdown(k->fd, SHUT_RDWR);
	_exit(0);
}
