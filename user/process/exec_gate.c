/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/exec_gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/exec_mounts.h"
#include "base/helper.h"
#include "process/privileges.h"

#define GENERATIONS 256 /* from a descendant up to us: more is a loop in what we read */
#define WAITING 64	/* who waits for an answer of ours; more are let go */
#define AT_ONCE 32 /* events read, each with an open file: too few files and the kernel refuses */
#define FILES 256  /* open ones that all this takes at most */
#define LOOKS 10   /* for the ancestors of somebody whose parents are ending */
#define READY_MS 10000
#define PIDS (1u << 22) /* the most that Linux has, PID_MAX_LIMIT */

struct shared {
	struct exec_counts counts;
	uint64_t busy_ns; /* CLOCK_MONOTONIC, since when it is at work; 0: it waits */
};

struct exec_gate {
	pid_t pid; /* of the process that answers */
	int fd;
	struct shared *shared; /* with it */
};

struct waiting { /* inside an execve */
	uint32_t id;
	int fd; /* the file, by which the kernel knows the request */
	uint64_t until_ns;
};

struct keeping { /* what the answering process knows */
	pid_t ancestor;
	int notify, socket, mounts;
	enum exec_interest (*of_interest)(int fd);
	struct shared *shared;
	struct waiting waiting[WAITING];
	size_t nwaiting;
	uint32_t last_id;
	uint64_t namespace; /* of mounts, our own */
	uint8_t *seen;	    /* a bit for each process id */
};

/* ---- who executes ---- */

static long field(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

/* The process that a thread belongs to, and its parent. */
static bool look_up(pid_t tid, pid_t *pid, pid_t *parent)
{
	char path[64], status[1024]; /* the fields wanted are among the first ones */
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, status, sizeof(status) - 1);
	close(fd);
	if (n <= 0)
		return false;
	status[n] = '\0';
	*pid = (pid_t)field(status, "\nTgid:\t");
	*parent = (pid_t)field(status, "\nPPid:\t");
	return *pid > 0;
}

/* 1 it is, 0 it is not, -ESRCH a parent has ended meanwhile, and another one has its place. */
static int has_ancestor(const struct keeping *k, pid_t parent)
{
	pid_t pid;
	int i;

	for (i = 0; i < GENERATIONS && parent > 0; i++) {
		if (parent == k->ancestor)
			return 1;
		if (!look_up(parent, &pid, &parent))
			return -ESRCH;
	}
	return 0;
}

static bool is_descendant(const struct keeping *k, pid_t tid, pid_t *pid)
{
	pid_t parent;
	int i, r;

	for (i = 0; i < LOOKS; i++) {
		if (!look_up(tid, pid, &parent))
			return false;
		r = has_ancestor(k, parent);
		if (r != -ESRCH)
			return r;
	}
	return false;
}

static void note_process(struct keeping *k, pid_t pid)
{
	uint8_t bit = (uint8_t)(1u << (pid & 7));
	size_t at = (size_t)pid / 8;

	if ((uint32_t)pid >= PIDS || k->seen[at] & bit)
		return;
	k->seen[at] |= bit;
	__atomic_fetch_add(&k->shared->counts.processes, 1, __ATOMIC_RELAXED);
}

/* ---- answers ---- */

static void allow(const struct keeping *k, int fd)
{
	struct fanotify_response answer = {.fd = fd, .response = FAN_ALLOW};

	(void)!write(k->notify, &answer, sizeof(answer));
	close(fd);
}

static void let_go(struct keeping *k, size_t i)
{
	allow(k, k->waiting[i].fd);
	k->waiting[i] = k->waiting[--k->nwaiting];
}

static void be_impatient(struct keeping *k, int fd)
{
	__atomic_fetch_add(&k->shared->counts.impatient, 1, __ATOMIC_RELAXED);
	allow(k, fd);
}

/* Somebody of ours executes what is of interest: it waits for an answer. */
static void ask(struct keeping *k, int fd, pid_t tid, pid_t pid, enum exec_interest interest)
{
	struct exec_request q = {.id = ++k->last_id,
				 .tid = tid,
				 .pid = pid,
				 .interest = interest,
				 .since_ns = clock_ns(CLOCK_MONOTONIC)};
	struct file_identity of;

	if (k->nwaiting == WAITING || file_identify_open(fd, &of)) {
		be_impatient(k, fd);
		return;
	}
	q.file = file_version_of(&of);
	if (send(k->socket, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(q)) {
		be_impatient(k, fd);
		return;
	}
	k->waiting[k->nwaiting++] = (struct waiting){
		.id = q.id, .fd = fd, .until_ns = q.since_ns + EXEC_GATE_PATIENCE_MS * 1000000ull};
}

static void on_exec(struct keeping *k, int fd, pid_t tid)
{
	enum exec_interest interest;
	char name[16];
	pid_t pid;

	if (tid <= 0 || !is_descendant(k, tid, &pid)) {
		allow(k, fd);
		return;
	}
	note_process(k, pid);
	snprintf(name, sizeof(name), "%d", (int)tid);
	if (exec_mounts_namespace(name) != k->namespace)
		(void)exec_mounts_mark(k->notify, name, NULL);
	interest = k->of_interest(fd);
	if (interest)
		ask(k, fd, tid, pid, interest);
	else
		allow(k, fd);
}

static void on_notify(struct keeping *k)
{
	struct fanotify_event_metadata events[AT_ONCE];
	const struct fanotify_event_metadata *e = events;
	ssize_t n = read(k->notify, events, sizeof(events));

	for (; n > 0 && FAN_EVENT_OK(e, n); e = FAN_EVENT_NEXT(e, n))
		if (e->vers == FANOTIFY_METADATA_VERSION && e->fd >= 0)
			on_exec(k, e->fd, e->pid);
}

/* False: who asked is gone. */
static bool on_answer(struct keeping *k)
{
	uint32_t id;
	size_t i;

	if (recv(k->socket, &id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return false;
	for (i = 0; i < k->nwaiting; i++)
		if (k->waiting[i].id == id) {
			let_go(k, i);
			break;
		}
	return true;
}

/* Milliseconds until somebody has waited long enough; -1: nobody waits. */
static int look_at_clock(struct keeping *k)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), soonest = UINT64_MAX;
	size_t i;

	for (i = k->nwaiting; i--;) {
		if (k->waiting[i].until_ns <= now) {
			__atomic_fetch_add(&k->shared->counts.impatient, 1, __ATOMIC_RELAXED);
			let_go(k, i);
		} else if (k->waiting[i].until_ns < soonest) {
			soonest = k->waiting[i].until_ns;
		}
	}
	return k->nwaiting ? (int)((soonest - now) / 1000000) + 1 : -1;
}

/* ---- the process ---- */

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* Others wait for this process: neither what we were started with nor the group that we are in is
 * to make it slow, or freeze it. All as far as we may. */
static void be_quick(void)
{
	struct sched_param none = {};

	(void)sched_setscheduler(0, SCHED_OTHER, &none);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	write_to("/sys/fs/cgroup/cgroup.procs", "0");
	write_to("/sys/fs/cgroup/unified/cgroup.procs", "0");
	write_to("/sys/fs/cgroup/freezer/cgroup.procs", "0");
	write_to("/sys/fs/cgroup/cpu,cpuacct/cgroup.procs", "0");
	(void)mlockall(MCL_CURRENT);
}

static void set_busy(struct keeping *k, bool busy)
{
	__atomic_store_n(&k->shared->busy_ns, busy ? clock_ns(CLOCK_MONOTONIC) : 0,
			 __ATOMIC_RELAXED);
}

/* Ends us all when the other thread is held up: the kernel lets go whoever waits. */
static void *watch_over(void *arg)
{
	const struct keeping *k = arg;
	struct timespec ts = {.tv_nsec = 100000000};
	uint64_t busy_ns;

	for (;;) {
		nanosleep(&ts, NULL);
		busy_ns = __atomic_load_n(&k->shared->busy_ns, __ATOMIC_RELAXED);
		if (busy_ns &&
		    clock_ns(CLOCK_MONOTONIC) - busy_ns > EXEC_GATE_STUCK_MS * 1000000ull)
			kill(getpid(), SIGKILL);
	}
	return NULL;
}

static void serve(struct keeping *k)
{
	struct pollfd fds[3] = {{.fd = k->mounts, .events = POLLPRI},
				{.fd = k->notify, .events = POLLIN},
				{.fd = k->socket, .events = POLLIN}};

	while (getppid() == k->ancestor) {
		set_busy(k, false);
		if (poll(fds, 3, look_at_clock(k)) < 0 && errno != EINTR)
			break;
		set_busy(k, true);
		if (fds[0].revents)
			(void)exec_mounts_mark(k->notify, "self", &k->shared->counts.unmarked);
		if (fds[1].revents)
			on_notify(k);
		if (fds[2].revents && !on_answer(k))
			break;
	}
}

/* A file descriptor, or negative errno. */
static int new_notify(void)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_TID |
				       FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
			       O_RDONLY | O_LARGEFILE | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_notify(struct keeping *k)
{
	k->namespace = exec_mounts_namespace("self");
	k->seen = calloc(PIDS / 8, 1);
	if (!k->seen)
		return -ENOMEM;
	k->notify = new_notify();
	if (k->notify < 0)
		return k->notify;
	k->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	return exec_mounts_mark(k->notify, "self", &k->shared->counts.unmarked);
}

/* Says first whether there is a gate at all. */
static _Noreturn void keep(struct keeping *k)
{
	pthread_t watcher;
	int r;

	helper_become("mr-execgate");
	be_quick();
	/* others that we have forked may keep the socket open when we are gone */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_busy(k, true);
	r = -pthread_create(&watcher, NULL, watch_over, k);
	if (!r)
		r = open_notify(k);
	(void)privileges_drop(true);
	if (write(k->socket, &r, sizeof(r)) == (ssize_t)sizeof(r) && !r)
		serve(k);
	_exit(0); /* the kernel lets all go that wait */
}

static int refused(struct err *err, int r)
{
	return err_set(err, r, "fanotify, FAN_OPEN_EXEC_PERM: %s", err_name(r));
}

static int wait_until_ready(const struct exec_gate *gate, struct err *err)
{
	struct pollfd p = {.fd = gate->fd, .events = POLLIN};
	int r;

	if (poll(&p, 1, READY_MS) != 1 || recv(gate->fd, &r, sizeof(r), 0) != (ssize_t)sizeof(r))
		r = -ETIMEDOUT;
	return r ? refused(err, r) : 0;
}

/* The kernel refuses the execve of others when it finds no room for its file with us. */
static int enough_files(struct err *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	if (limit.rlim_cur >= FILES)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max >= FILES && !setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	return err_set(err, -EMFILE, "the limit of open files is %llu",
		       (unsigned long long)limit.rlim_max);
}

/* On our own file, which nobody executes meanwhile. */
int exec_gate_try(struct err *err)
{
	int r = enough_files(err), fd;

	if (r)
		return r;
	fd = new_notify();
	if (fd < 0)
		return refused(err, fd);
	if (fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, "/proc/self/exe"))
		r = -errno;
	close(fd);
	return r ? refused(err, r) : 0;
}

static int begin(struct exec_gate *gate, struct keeping *k, struct err *err)
{
	int sockets[2], r = enough_files(err);

	if (r)
		return r;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return err_set(err, -errno, "PR_SET_CHILD_SUBREAPER: %s", err_name(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return err_set(err, -errno, "socketpair: %s", err_name(errno));
	gate->fd = sockets[0];
	gate->pid = fork();
	if (!gate->pid) {
		close(sockets[0]);
		k->socket = sockets[1];
		keep(k);
	}
	r = gate->pid < 0 ? err_set(err, -errno, "fork: %s", err_name(errno)) : 0;
	close(sockets[1]);
	if (r)
		return r;
	helper_note(gate->pid, true);
	return wait_until_ready(gate, err);
}

int exec_gate_open(struct exec_gate **out, enum exec_interest (*of_interest)(int fd),
		   struct err *err)
{
	struct keeping k = {.ancestor = getpid(), .of_interest = of_interest};
	struct exec_gate *gate = calloc(1, sizeof(*gate));
	int r;

	if (!gate)
		return -ENOMEM;
	gate->fd = -1;
	gate->shared = mmap(NULL, sizeof(*gate->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (gate->shared == MAP_FAILED) {
		free(gate);
		return -ENOMEM;
	}
	k.shared = gate->shared;
	r = begin(gate, &k, err);
	if (r) {
		exec_gate_close(gate);
		return r;
	}
	*out = gate;
	return 0;
}

int exec_gate_fd(const struct exec_gate *gate)
{
	return gate->fd;
}

int exec_gate_next(struct exec_gate *gate, struct exec_request *q)
{
	ssize_t n = recv(gate->fd, q, sizeof(*q), MSG_DONTWAIT);

	if (n == (ssize_t)sizeof(*q))
		return 1;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
}

void exec_gate_allow(struct exec_gate *gate, uint32_t id)
{
	(void)!send(gate->fd, &id, sizeof(id), MSG_NOSIGNAL);
}

void exec_gate_count(const struct exec_gate *gate, struct exec_counts *counts)
{
	counts->processes = __atomic_load_n(&gate->shared->counts.processes, __ATOMIC_RELAXED);
	counts->impatient = __atomic_load_n(&gate->shared->counts.impatient, __ATOMIC_RELAXED);
	counts->unmarked = __atomic_load_n(&gate->shared->counts.unmarked, __ATOMIC_RELAXED);
}

void exec_gate_close(struct exec_gate *gate)
{
	if (!gate)
		return;
	if (gate->fd >= 0)
		close(gate->fd);
	/* others that we have forked since may have our end of the socket too */
	if (gate->pid > 0)
		kill(gate->pid, SIGKILL);
	if (gate->pid > 0)
		while (waitpid(gate->pid, NULL, 0) < 0 && errno == EINTR)
			;
	helper_note(gate->pid, false);
	munmap(gate->shared, sizeof(*gate->shared));
	free(gate);
}
