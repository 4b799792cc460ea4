/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe/attacher_wire.h"
#include "base/helper.h"

/* How long answers are waited for. The kernel takes some 50 ms to take probes away. */
#define MOVE_MS 1000	   /* while others wait for us */
#define FILE_MS 5000	   /* a file more, which was just read */
#define PLACE_MS 30000	   /* the first ones */
#define GONE_MS 60000	   /* by perf events on a busy machine: seconds */
#define WAIT_SLICE_MS 1000 /* between signs of life while we wait */

uint64_t *attacher_life_ns;

/* fd: goes with it; -1: none. */
static bool say(const struct attacher *k, const struct attacher_request *q, int fd)
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
	struct attacher_answer a;
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

/* What became of the slot's last request. */
static int outcome(const struct attacher_slot *s, struct err *err)
{
	if (s->result == -EPIPE && !s->err.text[0])
		return err_set(err, -EPIPE, "the process that holds the probes is gone");
	if (!s->result)
		return 0;
	err_hint(err, "%s", s->err.hint);
	return err_set(err, s->result, "%s", s->err.text);
}

int attacher_finish(struct attacher *k, uint32_t slot, struct err *err)
{
	return wait_for_answer(k, slot, MOVE_MS) ? outcome(&k->slots[slot], err) : not_yet(err);
}

static int ask_with(struct attacher *k, struct attacher_request *q, int fd, int ms, struct err *err)
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
	return outcome(s, err);
}

static int ask(struct attacher *k, struct attacher_request *q, struct err *err)
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
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	k->pid = fork();
	if (k->pid > 0)
		helper_note(k->pid, true);
	if (!k->pid) {
		close(fds[0]);
		close_other_ends();
		attacher_run(fds[1], orders);
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
	if (!attacher_life_ns) {
		attacher_life_ns = mmap(NULL, sizeof(*attacher_life_ns), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (attacher_life_ns == MAP_FAILED) {
			attacher_life_ns = NULL;
			return err_set(err, -errno, "cannot place probes: %s", err_name(errno));
		}
	}
	r = start(k, orders);
	return r ? err_set(err, r, "cannot place probes: %s", err_name(r)) : 0;
}

int attacher_place(struct attacher *k, uint32_t slot, const struct links_target *target, int fd,
		   struct err *err)
{
	struct attacher_request q = {.command = PLACE, .slot = slot};

	q.target = *target;
	k->slots[slot] = (struct attacher_slot){};
	return ask_with(k, &q, fd, PLACE_MS, err);
}

int attacher_settle(struct attacher *k, struct err *err)
{
	struct attacher_request q = {.command = SETTLE};

	return ask(k, &q, err);
}

int attacher_add(struct attacher *k, uint32_t slot, const struct links_addition *more,
		 struct err *err)
{
	struct attacher_request q = {.command = ADD, .slot = slot};

	q.more = *more;
	return ask_with(k, &q, -1, FILE_MS, err);
}

int attacher_take_back(struct attacher *k, uint32_t slot, struct err *err)
{
	struct attacher_request q = {.command = TAKE_BACK, .slot = slot};

	return ask(k, &q, err);
}

int attacher_open(struct attacher *k, uint32_t slot, struct err *err)
{
	struct attacher_request q = {.command = OPEN, .slot = slot};

	return ask(k, &q, err);
}

int attacher_close(struct attacher *k, uint32_t slot, const bool *cycled, struct err *err)
{
	struct attacher_request q = {.command = CLOSE, .slot = slot};

	memcpy(q.cycled, cycled, sizeof(q.cycled));
	return ask_with(k, &q, -1, 0, err);
}

int attacher_change_calls(struct attacher *k, uint32_t slot, const struct links_calls *change,
			  struct err *err)
{
	struct attacher_request q = {.command = CALLS, .slot = slot};

	q.calls = *change;
	return ask_with(k, &q, -1, 0, err);
}

void attacher_beat(uint64_t when_ns)
{
	if (attacher_life_ns)
		__atomic_store_n(attacher_life_ns, when_ns, __ATOMIC_RELAXED);
}

int attacher_reattach(struct attacher *k, uint32_t slot, struct err *err)
{
	struct attacher_request q = {.command = ROUSE, .slot = slot};

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
	struct attacher_request q = {.command = REMOVE, .slot = slot};

	k->slots[slot].waits = 0; /* whatever becomes of that */
	if (k->pid)
		(void)say(k, &q, -1); /* it is gone, and the probes with it */
}

bool attacher_wait(struct attacher *k, uint32_t slot)
{
	struct attacher_request q = {.command = WAIT, .slot = slot};
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
