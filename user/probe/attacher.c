/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/attacher.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/helper.h"
#include "process/privileges.h"

#define HEARTBEAT_TIMEOUT_NS \
	10000000000ull /* without a sign of life; a busy machine may delay one */
#define LOOK_MS 1000

/* How long answers are waited for. The kernel takes some 50 ms to take probes away. */
#define MOVE_MS 1000	   /* while others wait for us */
#define FILE_MS 5000	   /* a file more, which was just read */
#define PLACE_MS 30000	   /* the first ones */
#define GONE_MS 60000	   /* by perf events on a busy machine: seconds */
#define WAIT_SLICE_MS 1000 /* between signs of life while we wait */

#define THREAD_STACK (256u << 10)

enum command { PLACE, SETTLE, ADD, TAKE_BACK, OPEN, CLOSE, ROUSE, CALLS, REMOVE, WAIT };

struct request {
	enum command command;
	uint32_t slot, id;
	union {
		struct links_target target;
		bool cycled[MR_SITE_SLOTS];
		struct links_addition more;
		struct links_calls calls;
	};
};

struct answer {
	uint32_t slot, id;
	int result;
	uint64_t unwatched_ns; /* it had taken the probes away by itself so long ago */
	struct err err;
};

/*
 * The last sign of life, CLOCK_MONOTONIC, shared with all attachers: while one of them is waited
 * for nobody looks at the other targets, and still we live. 0: none yet.
 */
static uint64_t *life_ns;

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
	pthread_mutex_t lock; /* of what follows; never held while a file is read */
	struct links links;
	bool gone;	    /* for good */
	uint64_t asleep_ns; /* since when they are gone by our own will; 0: they are not */
};

struct keeping { /* what the attacher itself knows */
	int fd;
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
	struct request request;
};

static void let_go(struct kept *kept)
{
	if (atomic_fetch_sub(&kept->users, 1) > 1)
		return;
	links_close_files(&kept->links);
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
static void begin(struct keeping *k, struct kept *kept, const struct request *q,
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

static void reply(struct keeping *k, const struct answer *a)
{
	(void)!write(k->fd, a, sizeof(*a)); /* nobody is there: the main thread sees it too */
}

/* ---- requests: files first, then, locked, the probes ---- */

static int change(struct job *j, int file, struct err *err)
{
	struct links *links = &j->kept->links;
	const struct request *q = &j->request;

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
	const struct request *q = &j->request;

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

static void handle(struct job *j)
{
	struct answer a = {.slot = j->request.slot, .id = j->request.id};
	struct kept *kept = j->kept;
	int file = -1;

	if (j->request.command == CLOSE)
		a.result = shut(j, &a.err);
	if (!a.result)
		a.result = read_files(j, &file, &a.err);
	pthread_mutex_lock(&kept->lock);
	if (!a.result)
		a.result = outlived(j, &a.err);
	if (!a.result) {
		a.unwatched_ns = kept->asleep_ns ? clock_ns(CLOCK_MONOTONIC) - kept->asleep_ns : 0;
		kept->asleep_ns = 0;
		a.result = change(j, file, &a.err);
	} else if (file >= 0) {
		close(file);
	}
	pthread_mutex_unlock(&kept->lock);
	atomic_store(&kept->busy, false);
	reply(j->keeping, &a);
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
	struct answer a = {.slot = j->request.slot, .id = j->request.id};

	pthread_mutex_lock(&kept->lock);
	if (!kept->gone)
		drop_links(kept);
	kept->gone = true;
	pthread_mutex_unlock(&kept->lock);
	if (j->request.command == WAIT)
		reply(j->keeping, &a);
	pthread_mutex_lock(&j->keeping->lock);
	if (!--j->keeping->dropping)
		pthread_cond_signal(&j->keeping->all_gone);
	pthread_mutex_unlock(&j->keeping->lock);
}

static void begin_dropping(struct keeping *k, struct kept *kept, const struct request *q)
{
	pthread_mutex_lock(&k->lock);
	k->dropping++;
	pthread_mutex_unlock(&k->lock);
	begin(k, kept, q, drop_for_good);
}

/* The last sign of life is too old. */
static bool heartbeat_expired(void)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), last = __atomic_load_n(life_ns, __ATOMIC_RELAXED);

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
		kept->asleep_ns = clock_ns(CLOCK_MONOTONIC);
	}
	pthread_mutex_unlock(&kept->lock);
	atomic_store(&kept->sleeping, false);
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
	for (slot = 0; slot < MR_TARGETS; slot++)
		if (k->kept[slot])
			begin_dropping(k, k->kept[slot], &(struct request){.command = REMOVE});
	pthread_mutex_lock(&k->lock);
	while (k->dropping)
		pthread_cond_wait(&k->all_gone, &k->lock);
	pthread_mutex_unlock(&k->lock);
}

/* ---- the main thread, which never waits for anything but requests ---- */

static struct kept *new_kept(const struct keeping *k, const struct request *q, int fd)
{
	struct kept *new = calloc(1, sizeof(*new));

	if (!new)
		return NULL;
	pthread_mutex_init(&new->lock, NULL);
	atomic_init(&new->users, 1);
	links_begin(&new->links, k->orders->base, &q->target, fd);
	return new;
}

static int place(struct keeping *k, const struct request *q, int fd, struct err *err)
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
static void answer_at_once(struct keeping *k, const struct request *q, int result, struct answer *a)
{
	a->slot = q->slot;
	a->id = q->id;
	a->result = result;
	reply(k, a);
}

static void handle_request(struct keeping *k, struct request *q, int fd)
{
	struct kept *kept;
	struct answer a = {};
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
		let_go(kept);
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

/* Waits for a request; *fd: what came with it, or -1. */
static bool wait_request(struct keeping *k, struct request *q, int *fd)
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
		if (heartbeat_expired())
			fall_asleep(k);
	got = recvmsg(k->fd, &msg, MSG_CMSG_CLOEXEC);
	*fd = -1;
	c = got > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return got == (ssize_t)sizeof(*q);
}

static _Noreturn void keep(struct keeping *k)
{
	static struct request q;
	int fd;

	helper_become("mr-attacher");
	raise_file_limit();
	mallopt(M_ARENA_MAX, 1); /* many threads, little to do */
	while (wait_request(k, &q, &fd))
		handle_request(k, &q, fd);
	drop_everything(k);
	/* Who waits for us is told: what reads a file still may keep us here. */
	shutdown(k->fd, SHUT_RDWR);
	_exit(0);
}

/* ---- the other side ---- */

/* fd: goes with it; -1: none. */
static bool say(const struct attacher *k, const struct request *q, int fd)
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

/* Takes in what has been answered, of whichever slot. False: nobody is there any more. */
static bool take_answers(struct attacher *k)
{
	struct answer a;
	struct attacher_slot *s;
	ssize_t got;

	while ((got = recv(k->fd, &a, sizeof(a), MSG_DONTWAIT)) == (ssize_t)sizeof(a)) {
		s = &k->slots[a.slot & (MR_TARGETS - 1)];
		if (s->waits != a.id)
			continue; /* given up, or of an earlier owner of the slot */
		s->waits = 0;
		s->result = a.result;
		s->err = a.err;
		s->unwatched_ns += a.unwatched_ns;
	}
	return got < 0 && (errno == EAGAIN || errno == EINTR);
}

bool attacher_waits(struct attacher *k, uint32_t slot, int *result)
{
	struct attacher_slot *s = &k->slots[slot];

	if (s->waits && !take_answers(k)) {
		s->waits = 0;
		s->result = -EPIPE;
	}
	if (result)
		*result = s->result;
	return s->waits;
}

/* Whether it has come. */
static bool wait_for_answer(struct attacher *k, uint32_t slot, int ms)
{
	struct pollfd p = {.fd = k->fd, .events = POLLIN};
	uint64_t now = clock_ns(CLOCK_MONOTONIC), end = now + (uint64_t)ms * 1000000;

	while (attacher_waits(k, slot, NULL) && now < end) {
		ms = (int)((end - now) / 1000000) + 1;
		poll(&p, 1, ms < WAIT_SLICE_MS ? ms : WAIT_SLICE_MS);
		now = clock_ns(CLOCK_MONOTONIC);
		attacher_beat(now);
	}
	return !attacher_waits(k, slot, NULL);
}

static int not_yet(struct err *err)
{
	return err_set(err, -EAGAIN,
		       "its probes are not in place yet: its file, or the kernel, does not answer");
}

static int ask_with(struct attacher *k, struct request *q, int fd, int ms, struct err *err)
{
	struct attacher_slot *s = &k->slots[q->slot];

	attacher_beat(clock_ns(CLOCK_MONOTONIC)); /* who asks is alive */
	if (k->pid && attacher_waits(k, q->slot, NULL))
		return not_yet(err);
	s->result = -EPIPE;
	s->err = (struct err){};
	if (!++k->last_id)
		k->last_id = 1;
	q->id = k->last_id;
	if (k->pid && say(k, q, fd)) {
		s->waits = q->id;
		if (!wait_for_answer(k, q->slot, ms))
			return not_yet(err);
	}
	if (s->result == -EPIPE && !s->err.text[0])
		return err_set(err, -EPIPE, "the process that holds the probes is gone");
	if (s->result) {
		err_hint(err, "%s", s->err.hint);
		return err_set(err, s->result, "%s", s->err.text);
	}
	return 0;
}

static int ask(struct attacher *k, struct request *q, struct err *err)
{
	return ask_with(k, q, -1, MOVE_MS, err);
}

static struct attacher *attachers; /* all that there are */

/* Of the child: a copy of an end that another attacher waits to be closed. */
static void close_other_ends(void)
{
	const struct attacher *k;

	for (k = attachers; k; k = k->next)
		close(k->fd);
}

static int start(struct attacher *k, const struct attacher_orders *orders)
{
	static struct keeping mine; /* of the child */
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	k->pid = fork();
	if (k->pid > 0)
		helper_note(k->pid, true);
	if (!k->pid) {
		close(fds[0]);
		close_other_ends();
		mine.fd = fds[1];
		mine.orders = orders;
		pthread_mutex_init(&mine.lock, NULL);
		pthread_cond_init(&mine.all_gone, NULL);
		keep(&mine);
	}
	r = k->pid < 0 ? -errno : 0;
	close(fds[1]);
	k->fd = fds[0];
	if (r) {
		k->pid = 0;
		close(k->fd);
		return r;
	}
	k->next = attachers;
	attachers = k;
	return 0;
}

int attacher_start(struct attacher *k, const struct attacher_orders *orders, struct err *err)
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

int attacher_place(struct attacher *k, uint32_t slot, const struct links_target *target, int fd,
		   struct err *err)
{
	struct request q = {.command = PLACE, .slot = slot};

	q.target = *target;
	k->slots[slot] = (struct attacher_slot){};
	return ask_with(k, &q, fd, PLACE_MS, err);
}

int attacher_settle(struct attacher *k, struct err *err)
{
	struct request q = {.command = SETTLE};

	return ask(k, &q, err);
}

int attacher_add(struct attacher *k, uint32_t slot, const struct links_addition *more,
		 struct err *err)
{
	struct request q = {.command = ADD, .slot = slot};

	q.more = *more;
	return ask_with(k, &q, -1, FILE_MS, err);
}

int attacher_take_back(struct attacher *k, uint32_t slot, struct err *err)
{
	struct request q = {.command = TAKE_BACK, .slot = slot};

	return ask(k, &q, err);
}

int attacher_open(struct attacher *k, uint32_t slot, struct err *err)
{
	struct request q = {.command = OPEN, .slot = slot};

	return ask(k, &q, err);
}

int attacher_close(struct attacher *k, uint32_t slot, const bool *cycled, struct err *err)
{
	struct request q = {.command = CLOSE, .slot = slot};

	memcpy(q.cycled, cycled, sizeof(q.cycled));
	return ask(k, &q, err);
}

int attacher_change_calls(struct attacher *k, uint32_t slot, const struct links_calls *change,
			  struct err *err)
{
	struct request q = {.command = CALLS, .slot = slot};

	q.calls = *change;
	return ask(k, &q, err);
}

void attacher_beat(uint64_t when_ns)
{
	if (life_ns)
		__atomic_store_n(life_ns, when_ns, __ATOMIC_RELAXED);
}

int attacher_reattach(struct attacher *k, uint32_t slot, struct err *err)
{
	struct request q = {.command = ROUSE, .slot = slot};

	return ask(k, &q, err);
}

uint64_t attacher_unwatched(struct attacher *k, uint32_t slot)
{
	uint64_t ns = k->slots[slot].unwatched_ns;

	k->slots[slot].unwatched_ns = 0;
	return ns;
}

void attacher_remove(struct attacher *k, uint32_t slot)
{
	struct request q = {.command = REMOVE, .slot = slot};

	k->slots[slot].waits = 0; /* whatever becomes of that */
	if (k->pid)
		(void)say(k, &q, -1); /* it is gone, and the probes with it */
}

bool attacher_wait(struct attacher *k, uint32_t slot)
{
	struct request q = {.command = WAIT, .slot = slot};
	struct err ignored = {};

	k->slots[slot].waits = 0;
	return ask_with(k, &q, -1, GONE_MS, &ignored) != -EAGAIN;
}

bool attacher_alive(const struct attacher *k)
{
	struct pollfd p = {.fd = k->fd, .events = 0};

	return k->pid && poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR));
}

/* It says that all are gone by closing its end, which it does also when it is killed. */
static bool wait_for_close(struct attacher *k)
{
	struct pollfd p = {.fd = k->fd, .events = POLLIN};
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + (uint64_t)GONE_MS * 1000000;

	while (take_answers(k)) {
		if (clock_ns(CLOCK_MONOTONIC) > end)
			return false;
		poll(&p, 1, WAIT_SLICE_MS);
	}
	return true;
}

static void forget(const struct attacher *k)
{
	struct attacher **at = &attachers;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
}

bool attacher_end(struct attacher *k)
{
	uint64_t end;
	pid_t left;
	bool gone;

	if (!k->pid)
		return true;
	shutdown(k->fd, SHUT_WR);
	gone = wait_for_close(k);
	end = clock_ns(CLOCK_MONOTONIC) + (uint64_t)MOVE_MS * 1000000;
	while (!(left = waitpid(k->pid, NULL, WNOHANG)) && clock_ns(CLOCK_MONOTONIC) < end)
		poll(NULL, 0, 1);
	if (left)
		helper_note(k->pid, false);
	forget(k);
	close(k->fd);
	k->pid = 0;
	return gone;
}
