/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/helper.h"
#include "process/privileges.h"

#define PATIENCE_NS 10000000000ull /* without a sign of life; a busy machine may delay one */
#define LOOK_MS 1000

enum command { PLACE, ADD, OPEN, CLOSE, ROUSE, CALLS };

struct request {
	enum command command;
	union {
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

static int obey(struct links *links, const struct request *q, struct err *err)
{
	switch (q->command) {
	case PLACE:
		return links_place(links, err);
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
	}
	return -EINVAL;
}

struct keeping { /* what the keeper itself knows */
	int fd;
	struct links *links;
	const struct keeper_orders *orders;
	uint64_t asleep_ns; /* since when the probes are gone; 0: they are not */
};

/* The last sign of life is too old. */
static bool alone(void)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), last = __atomic_load_n(life_ns, __ATOMIC_RELAXED);

	if (!last)
		return false;
	return now > last && now - last > PATIENCE_NS;
}

/* Waits for a request. Asleep nothing is left to take away. */
static bool hear(struct keeping *k, struct request *q)
{
	struct pollfd p = {.fd = k->fd, .events = POLLIN};

	while (poll(&p, 1, k->asleep_ns ? -1 : LOOK_MS) < 1) {
		if (k->asleep_ns || !alone())
			continue;
		k->orders->before_sleep(k->orders->arg);
		links_drop(k->links);
		k->asleep_ns = clock_ns(CLOCK_MONOTONIC);
	}
	return read(k->fd, q, sizeof(*q)) == (ssize_t)sizeof(*q);
}

static _Noreturn void keep(struct keeping *k)
{
	struct request q;
	struct answer a;
	bool dropped = false;

	helper_become("mr-keeper");
	while (hear(k, &q)) {
		memset(&a, 0, sizeof(a));
		a.unwatched_ns = k->asleep_ns ? clock_ns(CLOCK_MONOTONIC) - k->asleep_ns : 0;
		a.result = obey(k->links, &q, &a.err);
		k->asleep_ns = 0;
		keeper_beat(clock_ns(CLOCK_MONOTONIC)); /* who asks is alive */
		if (write(k->fd, &a, sizeof(a)) != (ssize_t)sizeof(a))
			break;
		if (!dropped)
			(void)privileges_drop(k->orders->perf);
		dropped = true;
	}
	links_drop(k->links);
	_exit(0);
}

static int ask(struct keeper *k, const struct request *q, struct err *err)
{
	struct answer a;
	ssize_t got = -1;

	if (k->pid && send(k->fd, q, sizeof(*q), MSG_NOSIGNAL) == (ssize_t)sizeof(*q))
		do
			got = read(k->fd, &a, sizeof(a));
		while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(a))
		return err_set(err, -EPIPE, "the process that holds the probes is gone");
	k->unwatched_ns += a.unwatched_ns;
	if (a.result) {
		err_hint(err, "%s", a.err.hint);
		return err_set(err, a.result, "%s", a.err.text);
	}
	return 0;
}

static int start(struct keeper *k, struct links *links, const struct keeper_orders *orders)
{
	struct keeping mine = {.links = links, .orders = orders};
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	k->pid = fork();
	if (k->pid > 0)
		helper_note(k->pid, true);
	if (!k->pid) {
		close(fds[0]);
		mine.fd = fds[1];
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

int keeper_start(struct keeper *k, struct links *links, const struct keeper_orders *orders,
		 struct err *err)
{
	struct request place = {.command = PLACE};
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
	r = start(k, links, orders);
	if (r)
		return err_set(err, r, "cannot place probes: %s", err_name(r));
	r = ask(k, &place, err);
	if (r)
		keeper_end(k);
	return r;
}

int keeper_add(struct keeper *k, const struct links_addition *more, struct err *err)
{
	struct request q = {.command = ADD};

	q.more = *more;
	return ask(k, &q, err);
}

int keeper_open(struct keeper *k, struct err *err)
{
	struct request q = {.command = OPEN};

	return ask(k, &q, err);
}

int keeper_close(struct keeper *k, const bool *cycled, struct err *err)
{
	struct request q = {.command = CLOSE};

	memcpy(q.cycled, cycled, sizeof(q.cycled));
	return ask(k, &q, err);
}

int keeper_change_calls(struct keeper *k, const struct links_calls *change, struct err *err)
{
	struct request q = {.command = CALLS};

	q.calls = *change;
	return ask(k, &q, err);
}

void keeper_beat(uint64_t when_ns)
{
	if (life_ns)
		__atomic_store_n(life_ns, when_ns, __ATOMIC_RELAXED);
}

int keeper_rouse(struct keeper *k, uint64_t *unwatched_ns, struct err *err)
{
	struct request q = {.command = ROUSE};
	int r = ask(k, &q, err);

	*unwatched_ns = k->unwatched_ns;
	k->unwatched_ns = 0;
	return r;
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
	/* Keepers of other processes may have been forked with a copy of our end: closing it would
	 * not be noticed. */
	shutdown(k->fd, SHUT_RDWR);
	close(k->fd);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	helper_note(k->pid, false);
	k->pid = 0;
}
