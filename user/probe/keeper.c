/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/privileges.h"

enum command { PLACE, ADD, OPEN, CLOSE };

struct request {
	enum command command;
	union {
		bool cycled[MR_SITE_SLOTS];
		struct links_addition more;
	};
};

struct answer {
	int result;
	struct err err;
};

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
	}
	return -EINVAL;
}

static _Noreturn void keep(int fd, struct links *links, bool perf)
{
	struct request q;
	struct answer a;
	bool dropped = false;

	become();
	while (read(fd, &q, sizeof(q)) == (ssize_t)sizeof(q)) {
		memset(&a, 0, sizeof(a));
		a.result = obey(links, &q, &a.err);
		if (write(fd, &a, sizeof(a)) != (ssize_t)sizeof(a))
			break;
		if (!dropped)
			(void)privileges_drop(perf);
		dropped = true;
	}
	links_drop(links);
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
	if (a.result) {
		err_hint(err, "%s", a.err.hint);
		return err_set(err, a.result, "%s", a.err.text);
	}
	return 0;
}

int keeper_start(struct keeper *k, struct links *links, bool perf, struct err *err)
{
	struct request place = {.command = PLACE};
	int fds[2], r;

	k->pid = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return err_set(err, -errno, "cannot place probes: %s", err_name(errno));
	k->pid = fork();
	if (!k->pid) {
		close(fds[0]);
		keep(fds[1], links, perf);
	}
	close(fds[1]);
	k->fd = fds[0];
	if (k->pid < 0) {
		r = -errno;
		k->pid = 0;
		close(k->fd);
		return err_set(err, r, "cannot place probes: %s", err_name(r));
	}
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
	k->pid = 0;
}
