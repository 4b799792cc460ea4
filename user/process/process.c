/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/open_file.h"
#include "base/helper.h"
#include "process/limits.h"
#include "process/live_reader.h"
#include "process/mappings.h"
#include "process/proc_stat.h"

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* The last number of a line of /proc/PID/status; 0 where there is no such line. */
static pid_t status_id(pid_t pid, const char *name)
{
	char path[64], line[512]; /* namespaces are up to 32 deep */
	size_t len = strlen(name);
	long id = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, len))
			continue;
		line[strcspn(line, "\n")] = '\0';
		id = strtol(strrchr(line, '\t') + 1, NULL, 10);
		break;
	}
	fclose(f);
	return (pid_t)id;
}

static void look_at_layout(pid_t pid, uint64_t *code, uint64_t *stack)
{
	struct proc_stat stat;

	(void)proc_stat_read(pid, &stat); /* of one that is gone: 0 */
	*code = stat.code;
	*stack = stat.stack;
}

static int look_at_exe(struct process *p, struct err *err)
{
	struct file_identity of = {};
	ssize_t n;
	int r;

	n = readlink(p->exe_path, p->exe, sizeof(p->exe) - 1);
	r = n < 0 ? -errno : file_identify(p->exe_path, &of);
	if (r) {
		if (r == -ENOENT)
			return err_set(
				err, -ESRCH,
				"process %d has no executable: it is a kernel thread or has just ended",
				p->pid);
		if (r == -EACCES || r == -EPERM)
			err_hint(err,
				 "it is another user's, or has more privileges than maprace: run "
				 "maprace as root, or with CAP_SYS_PTRACE");
		return err_set(err, r, "cannot look at the executable of process %d: %s", p->pid,
			       err_name(r));
	}
	p->exe[n] = '\0';
	p->exe_dev = of.dev;
	p->exe_ino = of.ino;
	look_at_layout(p->pid, &p->code, &p->stack);
	return 0;
}

/* /proc does not show it. */
static int not_there(pid_t pid, struct err *err)
{
	int r = limits_proc(err);

	if (r)
		return r;
	if (kill(pid, 0) && errno != EPERM)
		return err_set(err, -ESRCH, "no process has the id %d", (int)pid);
	err_hint(err, "run maprace as root, or where /proc is mounted without hidepid");
	return err_set(err, -EACCES, "process %d is there, but /proc does not show it", (int)pid);
}

int process_open(struct process *p, pid_t pid, struct err *err)
{
	pid_t tgid;

	memset(p, 0, sizeof(*p));
	p->pid = pid;
	p->pidfd = -1;
	snprintf(p->exe_path, sizeof(p->exe_path), "/proc/%d/exe", (int)pid);
	/* so that a thread's id is refused with a sentence that helps */
	tgid = status_id(pid, "Tgid:\t");
	if (tgid == -ENOENT || tgid == -ESRCH)
		return not_there(pid, err);
	if (tgid < 0)
		return err_set(err, tgid, "cannot look at process %d: %s", (int)pid,
			       err_name(tgid));
	if (tgid != pid) {
		err_hint(err, "use -p %d", (int)tgid);
		return err_set(err, -ESRCH, "%d is a thread of process %d, not a process", (int)pid,
			       (int)tgid);
	}
	p->pidfd = pidfd_of(pid);
	if (p->pidfd < 0 && errno == ESRCH)
		return err_set(err, -ESRCH, "no process has the id %d", (int)pid);
	return look_at_exe(p, err);
}

/*
 * Waits until the child stands behind its execve(), or has ended. Signals stop a traced process
 * too, those that it ignores included: they are passed on. 0 or negative errno.
 */
static int wait_for_exec(pid_t pid, int *status)
{
	for (;;) {
		if (waitpid(pid, status, 0) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!WIFSTOPPED(*status) || WSTOPSIG(*status) == SIGTRAP)
			return 0;
		ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)WSTOPSIG(*status));
	}
}

void process_continue(pid_t pid, int pidfd)
{
	if (pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
	else if (pid > 0)
		(void)kill(pid, SIGCONT);
}

bool process_may_continue(const struct process *p)
{
	return !kill(p->pid, 0) || errno != EPERM;
}

pid_t process_tracer(const struct process *p)
{
	pid_t tracer = status_id(p->pid, "TracerPid:\t");

	return tracer > 0 && !p->stopped ? tracer : 0;
}

/* One that is traced already cannot be stopped by us at its first instruction. */
static int cannot_trace(const char *command, struct err *err)
{
	pid_t tracer = status_id(getpid(), "TracerPid:\t");

	err_hint(err, "start the command without maprace, and watch its process with -p");
	if (tracer > 0)
		return err_set(
			err, -EPERM,
			"cannot start %s to watch it: process %d (strace -f, a debugger) traces maprace and what it starts",
			command, (int)tracer);
	return err_set(
		err, -EPERM,
		"cannot start %s to watch it: ptrace is not allowed here (a seccomp filter?)",
		command);
}

int process_spawn(struct process *p, char *const argv[], struct err *err)
{
	int report[2], r, status;
	ssize_t n;
	pid_t pid;

	memset(p, 0, sizeof(*p));
	p->pidfd = -1;
	r = limits_proc(err);
	if (r)
		return r;
	if (pipe2(report, O_CLOEXEC))
		return err_set(err, -errno, "cannot start %s: %s", argv[0], err_name(errno));
	pid = fork();
	if (pid < 0) {
		r = -errno;
		close(report[0]);
		close(report[1]);
		return err_set(err, r, "cannot start %s: %s", argv[0], err_name(r));
	}
	if (!pid) {
		r = ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? -errno : 0;
		if (!r) {
			execvp(argv[0], argv);
			r = errno;
		}
		n = write(report[1], &r, sizeof(r));
		_exit(n == sizeof(r) ? 127 : 126);
	}
	close(report[1]);
	p->pid = pid;
	p->ours = true;
	r = wait_for_exec(pid, &status);
	if (r || !WIFSTOPPED(status)) {
		p->reaped = true;
		n = read(report[0], &r, sizeof(r)); /* it has ended: this does not wait */
		close(report[0]);
		if (n == sizeof(r) && r < 0)
			return cannot_trace(argv[0], err);
		if (n == sizeof(r))
			return err_set(err, -r, "cannot start %s: %s", argv[0], strerror(r));
		return err_set(err, -ECHILD, "%s ended before it could be watched", argv[0]);
	}
	close(report[0]);
	p->stopped = true;
	p->pidfd = pidfd_of(pid);
	snprintf(p->exe_path, sizeof(p->exe_path), "/proc/%d/exe", (int)pid);
	return look_at_exe(p, err);
}

int process_resume(struct process *p, struct err *err)
{
	if (!p->stopped)
		return 0;
	p->stopped = false;
	if (ptrace(PTRACE_DETACH, p->pid, NULL, NULL))
		return err_set(err, -errno, "cannot let process %d run: %s", (int)p->pid,
			       err_name(errno));
	return 0;
}

bool process_ends_within(const struct process *p, int ms)
{
	struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};

	return p->pidfd >= 0 && poll(&fd, 1, ms) == 1;
}

/* waitpid(2) would also tell of the stops of one that we trace. */
static bool reap(pid_t pid, int *status)
{
	siginfo_t si = {};

	if (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) || si.si_pid != pid)
		return false;
	if (si.si_code != CLD_EXITED && si.si_code != CLD_KILLED && si.si_code != CLD_DUMPED)
		return false;
	return waitpid(pid, status, WNOHANG) == pid;
}

bool process_reap(struct process *p)
{
	if (p->ours && !p->reaped && reap(p->pid, &p->wait_status))
		p->reaped = true;
	return p->reaped;
}

size_t process_reap_adopted(const struct process *except)
{
	char path[64];
	size_t living = 0;
	pid_t child;
	int status;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fscanf(f, "%d", &child) == 1)
		if (child != except->pid && !helper_is(child))
			living += !reap(child, &status);
	fclose(f);
	return living;
}

void process_abandon(struct process *p)
{
	if (!p->ours || p->reaped || p->pid <= 0)
		return;
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &p->wait_status, 0) == p->pid && WIFSTOPPED(p->wait_status))
		; /* of a stop that ptrace had to tell of */
	p->reaped = true;
	p->stopped = false;
}

void process_close(struct process *p)
{
	if (p->pidfd > 0)
		close(p->pidfd);
	p->pidfd = -1;
}

int process_namespace(const struct process *p, uint64_t *dev, uint64_t *ino, pid_t *tgid,
		      struct err *err)
{
	char path[64];
	struct stat st;
	pid_t id;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)p->pid);
	if (stat(path, &st)) {
		r = errno == ENOENT ? -ESRCH : -errno;
		return err_set(err, r, "cannot look at the PID namespace of process %d: %s",
			       (int)p->pid, err_name(r));
	}
	/* the process's id in each namespace, from that of /proc down to its own */
	id = status_id(p->pid, "NSpid:\t");
	if (id <= 0) {
		r = !id ? -ENOTSUP : id == -ENOENT ? -ESRCH : id;
		return err_set(err, r,
			       "cannot tell which id process %d has in its PID namespace: %s",
			       (int)p->pid, err_name(r));
	}
	*dev = st.st_dev;
	*ino = st.st_ino;
	*tgid = id;
	return 0;
}

int process_look_again(struct process *p, struct err *err)
{
	return look_at_exe(p, err);
}

int process_load_bias(const struct process *p, uint64_t first_vaddr, uint64_t first_offset,
		      uint64_t *bias, struct err *err)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *f = mappings_open(p->pid);
	struct mapping m;
	char *line = NULL;
	size_t cap = 0;
	int found = -ENOENT;

	if (!f)
		return err_set(err, -errno, "cannot read the memory map of process %d: %s",
			       (int)p->pid, err_name(errno));
	while (found && mappings_next(f, &line, &cap, &m)) {
		/* Some file systems (overlayfs, btrfs) show another device or inode here than
		 * stat() does: the name serves too. */
		if ((m.ino != p->exe_ino && strcmp(m.path, p->exe)) ||
		    m.offset != (first_offset & ~(page - 1)))
			continue;
		*bias = m.start - (first_vaddr & ~(page - 1));
		found = 0;
	}
	free(line);
	fclose(f);
	if (found)
		return err_set(err, found, "process %d does not have its executable mapped",
			       (int)p->pid);
	return 0;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* File systems that are put together of others may show another inode, and another path, than
 * stat() and readlink() do: what is called the same is taken for the same. */
static bool is_program(const struct process *p, const struct mapping *m)
{
	if (!m->ino || !mapping_has_file(m))
		return false;
	return m->ino == p->exe_ino || !strcmp(name_of(m->path), name_of(p->exe));
}

/* Whether it is of this library; one whose name is gone has something behind it. */
static bool is_library(const struct mapping *m, const char *library)
{
	const char *mapped = name_of(m->path), *name = name_of(library);
	size_t len = strlen(name);

	return m->ino && mapping_has_file(m) && !strncmp(mapped, name, len) &&
	       (!mapped[len] || !strcmp(mapped + len, " (deleted)"));
}

int process_foreign_code(const struct process *p, const char *library, const uint64_t *addrs,
			 size_t n, bool *barred)
{
	FILE *f = mappings_open(p->pid);
	size_t cap = 0, i, own = 0;
	struct mapping m;
	char *line = NULL;
	bool any = false;

	if (!f)
		return -errno;
	while (mappings_next(f, &line, &cap, &m)) {
		any = true;
		if (!(library ? is_library(&m, library) : is_program(p, &m)))
			continue;
		for (i = 0; i < n; i++) {
			if (addrs[i] < m.start || addrs[i] >= m.end)
				continue;
			/* the kernel puts no new probe there, as it can be written to */
			barred[i] = m.writable || m.shared;
			own++;
		}
	}
	free(line);
	fclose(f);
	return any ? (int)(n - own) : -ESRCH;
}

pid_t process_child(pid_t pid, size_t i)
{
	char path[64];
	pid_t child = 0;
	FILE *f;

	/* of its first thread: those that other threads started are not looked for */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	for (i++; i && fscanf(f, "%d", &child) == 1; i--)
		;
	fclose(f);
	return i ? 0 : child;
}

int process_read(const struct process *p, uint64_t addr, void *buf, size_t len)
{
	return live_read(p->pid, addr, buf, len);
}

static bool is_exe(const struct process *p, const struct file_identity *of)
{
	return of->dev == p->exe_dev && of->ino == p->exe_ino;
}

bool process_is_file(const struct process *p, int fd)
{
	struct file_identity of;

	return !file_identify_open(fd, &of) && is_exe(p, &of);
}

int process_same_program(const struct process *p, bool *same)
{
	uint64_t code, stack;
	struct file_identity of;
	int r = file_identify(p->exe_path, &of);

	if (r) {
		if (r != -ENOENT)
			return r;
		/* or the last thread is about to end */
		return p->pidfd < 0 || process_ends_within(p, 0) ? -ESRCH : -EOWNERDEAD;
	}
	*same = is_exe(p, &of);
	look_at_layout(p->pid, &code, &stack);
	if (p->code && code)
		*same &= code == p->code && stack == p->stack;
	return 0;
}

uint64_t process_cpu_ns(pid_t pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) ? 0 : clock_ns(clock);
}
