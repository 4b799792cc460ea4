/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/privileges.h"

#define PATIENCE_NS 10000000000ull /* without a sign of life; a busy machine may delay one */
#define LOOK_MS 1000

enum command { PLACE, SETTLE, ADD, OPEN, CLOSE, ROUSE, CALLS, REMOVE, WAIT };

struct request {
	enum command command;
	uint32_t slot;
	union {
		struct links_target target;
		bool cycled[MR_SITE_SLOTS];
		struct links_addition more;
		struct links_calls calls;
	};
};

struct answer {
	int result;
	uint64_t unwatched_ns; /* it had taken the probes away by itself so long ago */
	struct err err;
};

/*
 * The last sign of life, CLOCK_MONOTONIC, shared with all keepers: while one of them changes its
 * probes, which may take seconds, nobody looks at the other targets, and still we live. 0: none yet.
 */
static uint64_t *life_ns;

static void become(void)
{
	sigset_t all;
	int fd;

	/* not one that `pkill maprace` means */
	prctl(PR_SET_NAME, "mr-keeper");
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "-1000", 5); /* refused: as killable as everybody */
		close(fd);
	}
	/* Whoever reads what we print is not to wait for the keeper. */
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		dup2(fd, STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
}

struct kept { /* the probes of one target */
	struct links links;
	bool leaving;
	pthread_t leaver;
	uint64_t asleep_ns; /* since when they are gone; 0: they are not */
};

struct keeping { /* what the keeper itself knows */
	int fd;
	const struct keeper_orders *orders;
	struct kept *kept[MR_TARGETS]; /* NULL: none */
};

static void forget(struct keeping *k, uint32_t slot)
{
	links_close_files(&k->kept[slot]->links);
	free(k->kept[slot]);
	k->kept[slot] = NULL;
}

static int place(struct keeping *k, uint32_t slot, const struct links_target *target, int fd,
		 struct err *err)
{
	struct kept *new = k->kept[slot] || fd < 0 ? NULL : calloc(1, sizeof(*new));
	int r;

	if (!new) {
		if (fd >= 0)
			close(fd);
		return err_set(err, -ENOMEM, "cannot place probes: no memory for them");
	}
	k->kept[slot] = new;
	links_begin(&new->links, k->orders->base, target, fd);
	r = links_place(&new->links, err);
	if (r)
		forget(k, slot);
	return r;
}

static void *leave(void *arg)
{
	struct kept *kept = arg;
	struct links *links = &kept->links;

	links_drop_all(&links, 1);
	return NULL;
}

/* They go while we hear what else is wanted. */
static void remove_kept(struct kept *kept)
{
	if (kept->leaving)
		return;
	kept->leaving = !pthread_create(&kept->leaver, NULL, leave, kept);
	if (!kept->leaving)
		leave(kept);
}

static void wait_for(struct keeping *k, uint32_t slot)
{
	if (k->kept[slot]->leaving)
		pthread_join(k->kept[slot]->leaver, NULL);
	forget(k, slot);
}

static int obey_kept(struct kept *kept, const struct request *q, struct err *err)
{
	struct links *links = &kept->links;

	switch (q->command) {
	case ADD:
		return links_add(links, &q->more, err);
	case OPEN:
		return links_open(links, err);
	case CLOSE:
		return links_close(links, q->cycled, err);
	case ROUSE:
		return links_settle(links, err);
	case CALLS:
		return links_change_calls(links, &q->calls, err);
	default:
		return -EINVAL;
	}
}

static int obey(struct keeping *k, const struct request *q, int fd, struct answer *a)
{
	uint32_t slot = q->slot & (MR_TARGETS - 1);
	struct kept *kept = k->kept[slot];
	int r;

	if (q->command == PLACE)
		return place(k, slot, &q->target, fd, &a->err);
	if (fd >= 0)
		close(fd);
	if (q->command == SETTLE)
		return privileges_drop(k->orders->perf);
	if (q->command == WAIT || q->command == REMOVE) {
		if (kept && q->command == WAIT)
			wait_for(k, slot);
		else if (kept)
			remove_kept(kept);
		return 0;
	}
	if (!kept || kept->leaving)
		return err_set(&a->err, -ESRCH, "the target is not watched any more");
	a->unwatched_ns = kept->asleep_ns ? clock_ns(CLOCK_MONOTONIC) - kept->asleep_ns : 0;
	r = obey_kept(kept, q, &a->err);
	kept->asleep_ns = 0;
	return r;
}

/* The last sign of life is too old. */
static bool alone(void)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), last = __atomic_load_n(life_ns, __ATOMIC_RELAXED);

	if (!last)
		return false;
	return now > last && now - last > PATIENCE_NS;
}

/* Takes all probes away that there are. */
static void fall_asleep(struct keeping *k)
{
	struct links *all[MR_TARGETS];
	size_t n = 0, slot;

	for (slot = 0; slot < MR_TARGETS; slot++)
		if (k->kept[slot] && !k->kept[slot]->leaving && !k->kept[slot]->asleep_ns)
			all[n++] = &k->kept[slot]->links;
	if (!n)
		return;
	k->orders->before_sleep(k->orders->arg);
	links_drop_all(all, n);
	for (slot = 0; slot < MR_TARGETS; slot++)
		if (k->kept[slot] && !k->kept[slot]->leaving && !k->kept[slot]->asleep_ns)
			k->kept[slot]->asleep_ns = clock_ns(CLOCK_MONOTONIC);
}

/* Waits for a request; *fd: what came with it, or -1. */
static bool hear(struct keeping *k, struct request *q, int *fd)
{
	struct pollfd p = {.fd = k->fd, .events = POLLIN};
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

	while (poll(&p, 1, LOOK_MS) < 1)
		if (alone())
			fall_asleep(k);
	got = recvmsg(k->fd, &msg, MSG_CMSG_CLOEXEC);
	*fd = -1;
	c = got > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return got == (ssize_t)sizeof(*q);
}

static void drop_everything(struct keeping *k)
{
	struct links *all[MR_TARGETS];
	size_t n = 0, slot;

	for (slot = 0; slot < MR_TARGETS; slot++)
		if (k->kept[slot] && !k->kept[slot]->leaving)
			all[n++] = &k->kept[slot]->links;
	links_drop_all(all, n);
	for (slot = 0; slot < MR_TARGETS; slot++)
		if (k->kept[slot])
			wait_for(k, (uint32_t)slot);
}

static _Noreturn void keep(struct keeping *k)
{
	static struct request q;
	struct answer a;
	int fd;

	become();
	while (hear(k, &q, &fd)) {
		memset(&a, 0, sizeof(a));
		a.result = obey(k, &q, fd, &a);
		keeper_beat(clock_ns(CLOCK_MONOTONIC)); /* who asks is alive */
		if (write(k->fd, &a, sizeof(a)) != (ssize_t)sizeof(a))
			break;
	}
	drop_everything(k);
	_exit(0);
}

/* fd: goes with it; -1: none. */
static bool say(const struct keeper *k, const struct request *q, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct iovec iov = {(void *)q, sizeof(*q)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(k->fd, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(*q);
}

static int ask_with(struct keeper *k, const struct request *q, int fd, struct err *err)
{
	struct answer a;
	ssize_t got = -1;

	if (k->pid && say(k, q, fd))
		do
			got = read(k->fd, &a, sizeof(a));
		while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(a))
		return err_set(err, -EPIPE, "the process that holds the probes is gone");
	k->unwatched_ns[q->slot] += a.unwatched_ns;
	if (a.result) {
		err_hint(err, "%s", a.err.hint);
		return err_set(err, a.result, "%s", a.err.text);
	}
	return 0;
}

static int ask(struct keeper *k, const struct request *q, struct err *err)
{
	return ask_with(k, q, -1, err);
}

static int start(struct keeper *k, const struct keeper_orders *orders)
{
	static struct keeping mine; /* of the child */
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	k->pid = fork();
	if (!k->pid) {
		close(fds[0]);
		mine.fd = fds[1];
		mine.orders = orders;
		keep(&mine);
	}
	r = k->pid < 0 ? -errno : 0;
	close(fds[1]);
	k->fd = fds[0];
	if (!r)
		return 0;
	k->pid = 0;
	close(k->fd);
	return r;
}

int keeper_start(struct keeper *k, const struct keeper_orders *orders, struct err *err)
{
	int r;

	memset(k, 0, sizeof(*k));
	if (!life_ns) {
		life_ns = mmap(NULL, sizeof(*life_ns), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (life_ns == MAP_FAILED) {
			life_ns = NULL;
			return err_set(err, -errno, "cannot place probes: %s", err_name(errno));
		}
	}
	r = start(k, orders);
	return r ? err_set(err, r, "cannot place probes: %s", err_name(r)) : 0;
}

int keeper_place(struct keeper *k, uint32_t slot, const struct links_target *target, int fd,
		 struct err *err)
{
	struct request q = {.command = PLACE, .slot = slot};

	q.target = *target;
	k->unwatched_ns[slot] = 0;
	return ask_with(k, &q, fd, err);
}

int keeper_settle(struct keeper *k, struct err *err)
{
	struct request q = {.command = SETTLE};

	return ask(k, &q, err);
}

int keeper_add(struct keeper *k, uint32_t slot, const struct links_addition *more, struct err *err)
{
	struct request q = {.command = ADD, .slot = slot};

	q.more = *more;
	return ask(k, &q, err);
}

int keeper_open(struct keeper *k, uint32_t slot, struct err *err)
{
	struct request q = {.command = OPEN, .slot = slot};

	return ask(k, &q, err);
}

int keeper_close(struct keeper *k, uint32_t slot, const bool *cycled, struct err *err)
{
	struct request q = {.command = CLOSE, .slot = slot};

	memcpy(q.cycled, cycled, sizeof(q.cycled));
	return ask(k, &q, err);
}

int keeper_change_calls(struct keeper *k, uint32_t slot, const struct links_calls *change,
			struct err *err)
{
	struct request q = {.command = CALLS, .slot = slot};

	q.calls = *change;
	return ask(k, &q, err);
}

void keeper_beat(uint64_t when_ns)
{
	if (life_ns)
		__atomic_store_n(life_ns, when_ns, __ATOMIC_RELAXED);
}

int keeper_rouse(struct keeper *k, uint32_t slot, uint64_t *unwatched_ns, struct err *err)
{
	struct request q = {.command = ROUSE, .slot = slot};
	int r = ask(k, &q, err);

	*unwatched_ns = k->unwatched_ns[slot];
	k->unwatched_ns[slot] = 0;
	return r;
}

void keeper_remove(struct keeper *k, uint32_t slot)
{
	struct request q = {.command = REMOVE, .slot = slot};
	struct err ignored = {};

	(void)ask(k, &q, &ignored); /* it is gone, and the probes with it */
}

void keeper_wait(struct keeper *k, uint32_t slot)
{
	struct request q = {.command = WAIT, .slot = slot};
	struct err ignored = {};

	(void)ask(k, &q, &ignored);
}

bool keeper_alive(const struct keeper *k)
{
	struct pollfd p = {.fd = k->fd, .events = 0};

	return k->pid && poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR));
}

void keeper_end(struct keeper *k)
{
	if (!k->pid)
		return;
	/* Keepers of other engines may have been forked with a copy of our end: closing it would
	 * not be noticed. */
	shutdown(k->fd, SHUT_RDWR);
	close(k->fd);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	k->pid = 0;
}
