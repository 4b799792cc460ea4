/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/exec_gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/process.h"

#define GENERATIONS 256 /* from a descendant up to us: more is a loop in what we read */
#define WAITING 256	/* who waits for an answer of ours; more are let go */
#define PIDS (1u << 22) /* the most that Linux has, PID_MAX_LIMIT */

struct exec_gate {
	pid_t pid; /* of the process that answers */
	int fd;
	struct exec_counts *counts; /* shared with it */
};

struct waiting { /* inside an execve */
	uint32_t id;
	int fd; /* the file, by which the kernel knows the request */
	uint64_t until_ns;
};

struct keeping { /* what the answering process knows */
	pid_t ancestor;
	int notify, socket, mounts;
	bool (*of_interest)(int fd);
	struct exec_counts *counts;
	struct waiting waiting[WAITING];
	size_t nwaiting;
	uint32_t last_id;
	uint64_t namespace; /* of mounts, our own */
	uint8_t *seen;	    /* a bit for each process id */
};

/* ---- file systems ---- */

/* What no program is executed from; a mark would be refused, or cost something. */
static bool holds_programs(const char *type)
{
	static const char *const none[] = {
		"autofs",     "binfmt_misc", "bpf",    "cgroup",   "cgroup2",
		"configfs",   "debugfs",     "devpts", "efivarfs", "fusectl",
		"mqueue",     "nsfs",	     "proc",   "pstore",   "rpc_pipefs",
		"securityfs", "selinuxfs",   "sysfs",  "tracefs",
	};
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (!strcmp(type, none[i]))
			return false;
	return true;
}

/* proc(5): spaces and their like stand as \040 in a line of mountinfo. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
		    text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* The file system of a line of mountinfo, below that directory. */
static int mark_line(const struct keeping *k, const char *root, char *line)
{
	char *type = strstr(line, " - "), *save = NULL, *point = NULL, path[PROCESS_PATH];
	int i;

	if (!type)
		return -ENOENT;
	*type = '\0';
	type = strtok_r(type + 3, " ", &save);
	if (!type || !holds_programs(type))
		return -ENOENT;
	point = strtok_r(line, " ", &save);
	for (i = 0; point && i < 4; i++)
		point = strtok_r(NULL, " ", &save);
	if (!point)
		return -ENOENT;
	unescape(point);
	if (snprintf(path, sizeof(path), "%s%s", root, point) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return fanotify_mark(k->notify, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC_PERM,
			     AT_FDCWD, path)
		       ? -errno
		       : 0;
}

/* Those of a process's mount namespace. What its root does not reach cannot be executed there
 * either. 0, or why the first one was refused where all were. */
static int mark_mounts(struct keeping *k, const char *process, bool count)
{
	char path[64], root[64] = "", *line = NULL;
	int r = 0, refused;
	bool any = false;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", process);
	if (strcmp(process, "self") != 0)
		snprintf(root, sizeof(root), "/proc/%s/root", process);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (getline(&line, &cap, f) > 0) {
		refused = mark_line(k, root, line);
		any |= !refused;
		/* of no use, hidden below another mount, or gone since */
		if (!refused || refused == -ENOENT || refused == -ENOTDIR || refused == -EACCES)
			continue;
		if (count)
			__atomic_fetch_add(&k->counts->unmarked, 1, __ATOMIC_RELAXED);
		if (!r)
			r = refused;
	}
	free(line);
	fclose(f);
	return any ? 0 : r;
}

static uint64_t mount_namespace(const char *process)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", process);
	return stat(path, &st) ? 0 : st.st_ino;
}

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

static bool is_descendant(const struct keeping *k, pid_t parent)
{
	pid_t pid;
	int i;

	for (i = 0; i < GENERATIONS && parent > 0; i++) {
		if (parent == k->ancestor)
			return true;
		if (!look_up(parent, &pid, &parent))
			return false;
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
	__atomic_fetch_add(&k->counts->processes, 1, __ATOMIC_RELAXED);
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
	__atomic_fetch_add(&k->counts->impatient, 1, __ATOMIC_RELAXED);
	allow(k, fd);
}

/* Somebody of ours executes what is of interest: it waits for an answer. */
static void ask(struct keeping *k, int fd, pid_t tid, pid_t pid, pid_t parent)
{
	struct exec_request q = {.id = ++k->last_id, .tid = tid, .pid = pid, .parent = parent};
	struct stat st;

	if (k->nwaiting == WAITING || fstat(fd, &st)) {
		be_impatient(k, fd);
		return;
	}
	q.dev = st.st_dev;
	q.ino = st.st_ino;
	if (send(k->socket, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(q)) {
		be_impatient(k, fd);
		return;
	}
	k->waiting[k->nwaiting++] = (struct waiting){
		.id = q.id,
		.fd = fd,
		.until_ns = clock_ns(CLOCK_MONOTONIC) + EXEC_GATE_PATIENCE_MS * 1000000ull};
}

static void on_exec(struct keeping *k, int fd, pid_t tid)
{
	pid_t pid, parent;
	char name[16];

	if (tid <= 0 || !look_up(tid, &pid, &parent) || !is_descendant(k, parent)) {
		allow(k, fd);
		return;
	}
	note_process(k, pid);
	snprintf(name, sizeof(name), "%d", (int)tid);
	if (mount_namespace(name) != k->namespace)
		(void)mark_mounts(k, name, false);
	if (k->of_interest(fd))
		ask(k, fd, tid, pid, parent);
	else
		allow(k, fd);
}

static void on_notify(struct keeping *k)
{
	union {
		struct fanotify_event_metadata event;
		char bytes[4096];
	} buffer;
	const struct fanotify_event_metadata *e = &buffer.event;
	ssize_t n = read(k->notify, &buffer, sizeof(buffer));

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
			__atomic_fetch_add(&k->counts->impatient, 1, __ATOMIC_RELAXED);
			let_go(k, i);
		} else if (k->waiting[i].until_ns < soonest) {
			soonest = k->waiting[i].until_ns;
		}
	}
	return k->nwaiting ? (int)((soonest - now) / 1000000) + 1 : -1;
}

static void become(void)
{
	sigset_t all;
	int fd;

	/* not one that `pkill maprace` means, nor of our terminal: stopped, it would keep each
	 * execve of the machine waiting */
	prctl(PR_SET_NAME, "mr-execgate");
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "-1000", 5); /* refused: as killable as everybody */
		close(fd);
	}
	/* whoever reads what we print is not to wait for this process */
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		dup2(fd, STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
}

static _Noreturn void keep(struct keeping *k)
{
	struct pollfd fds[3] = {{.fd = k->notify, .events = POLLIN},
				{.fd = k->socket, .events = POLLIN},
				{.fd = k->mounts, .events = POLLPRI}};

	become();
	/* others that we have forked may keep the socket open when we are gone */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == k->ancestor) {
		if (poll(fds, 3, look_at_clock(k)) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			on_notify(k);
		if (fds[1].revents && !on_answer(k))
			break;
		if (fds[2].revents)
			(void)mark_mounts(k, "self", true);
	}
	_exit(0); /* the kernel lets all go that wait */
}

static int prepare(struct keeping *k, struct err *err)
{
	int r;

	k->ancestor = getpid();
	k->namespace = mount_namespace("self");
	k->seen = calloc(PIDS / 8, 1);
	if (!k->seen)
		return -ENOMEM;
	k->notify = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_TID |
					  FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
				  O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	if (k->notify < 0)
		return err_set(err, -errno, "fanotify: %s", err_name(errno));
	r = mark_mounts(k, "self", true);
	if (r)
		return err_set(err, r, "fanotify, FAN_OPEN_EXEC_PERM: %s", err_name(r));
	k->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	return 0;
}

static void forget(struct keeping *k)
{
	if (k->notify >= 0)
		close(k->notify);
	if (k->mounts >= 0)
		close(k->mounts);
	free(k->seen);
}

int exec_gate_open(struct exec_gate **out, bool (*of_interest)(int fd), struct err *err)
{
	struct keeping k = {.notify = -1, .mounts = -1, .of_interest = of_interest};
	struct exec_gate *gate = calloc(1, sizeof(*gate));
	int sockets[2] = {-1, -1}, r;

	if (!gate)
		return -ENOMEM;
	gate->counts = mmap(NULL, sizeof(*gate->counts), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (gate->counts == MAP_FAILED) {
		free(gate);
		return -ENOMEM;
	}
	k.counts = gate->counts;
	r = prepare(&k, err);
	if (!r && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		r = err_set(err, -errno, "socketpair: %s", err_name(errno));
	if (!r && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		r = err_set(err, -errno, "PR_SET_CHILD_SUBREAPER: %s", err_name(errno));
	if (!r) {
		gate->pid = fork();
		if (!gate->pid) {
			close(sockets[0]);
			k.socket = sockets[1];
			keep(&k);
		}
		if (gate->pid < 0)
			r = err_set(err, -errno, "fork: %s", err_name(errno));
	}
	if (sockets[1] >= 0)
		close(sockets[1]);
	gate->fd = sockets[0];
	forget(&k);
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
	counts->processes = __atomic_load_n(&gate->counts->processes, __ATOMIC_RELAXED);
	counts->impatient = __atomic_load_n(&gate->counts->impatient, __ATOMIC_RELAXED);
	counts->unmarked = __atomic_load_n(&gate->counts->unmarked, __ATOMIC_RELAXED);
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
	munmap(gate->counts, sizeof(*gate->counts));
	free(gate);
}
