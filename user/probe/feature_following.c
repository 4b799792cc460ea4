/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "probe/feature_following.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "probe/execs.h"
#include "process/exec_gate.h"
#include "process/exec_stop.h"

#define CGROUP_NAMESPACE_INITIAL                                                                  \
	0xEFFFFFFBu /* PROC_CGROUP_INIT_INO, include/uapi/linux/nsfs.h since 6.17, the same since \
		       4.6 */

static void fix(struct feature_answer *a, const char *what)
{
	snprintf(a->fix, sizeof(a->fix), "%s", what);
}

void feature_ask_execs(struct feature_answer *a)
{
	struct execs *x = NULL;
	struct err err = {};
	int r = execs_open(&x, &err);

	execs_close(x);
	a->have = !r;
	if (!r)
		return;
	snprintf(a->detail, sizeof(a->detail), "%.150s", err.text);
	feature_fix_privileges(
		a, r, "use a kernel built with CONFIG_BPF_EVENTS and CONFIG_DEBUG_INFO_BTF");
}

/* The rights that bpf(2) asks for do not do here, nor is lockdown in the way. */
void feature_ask_gate(struct feature_answer *a)
{
	struct err err = {};
	int r = exec_gate_try(&err);

	a->have = !r;
	if (!r && exec_stop_is_late())
		snprintf(
			a->detail, sizeof(a->detail),
			"before Linux 6.8 a program may have done its first instructions when it is stopped");
	if (!r)
		return;
	snprintf(a->detail, sizeof(a->detail), "%.150s", err.text);
	if (r == -EPERM || r == -EACCES)
		fix(a,
		    "run as root, or add CAP_SYS_ADMIN, in the first user namespace; else look at seccomp");
	else if (r == -EMFILE)
		fix(a, "raise the limit of open files (ulimit -n)");
	else
		fix(a, "use a kernel built with CONFIG_FANOTIFY_ACCESS_PERMISSIONS");
}

void feature_ask_trace(struct feature_answer *a)
{
	int r = exec_stop_try();

	a->have = !r;
	if (!r)
		return;
	snprintf(a->detail, sizeof(a->detail), "ptrace(PTRACE_SEIZE) of a child: %s", err_name(r));
	fix(a,
	    "look at kernel.yama.ptrace_scope (2 wants CAP_SYS_PTRACE, 3 forbids it to all) and seccomp");
}

void feature_ask_pidfd(struct feature_answer *a)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	a->have = fd >= 0;
	if (fd >= 0) {
		close(fd);
		return;
	}
	snprintf(a->detail, sizeof(a->detail), "pidfd_open(): %s", err_name(errno));
	fix(a, "look at seccomp: a container's runtime may be older than the system call");
}

void feature_ask_children(struct feature_answer *a)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
	a->have = !access(path, R_OK);
	if (a->have)
		return;
	snprintf(a->detail, sizeof(a->detail), "/proc/PID/task/PID/children: %s", err_name(errno));
	fix(a, "use a kernel built with CONFIG_PROC_CHILDREN");
}

void feature_ask_cgroups(struct feature_answer *a)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	int error = errno;
	char line[4096];
	struct stat ns;

	/* "0::/path", "4:cpu:/path" */
	while (file && !a->have && fgets(line, sizeof(line), file))
		a->have = strstr(line, ":/") != NULL;
	if (file)
		fclose(file);
	if (a->have) {
		if (!stat("/proc/self/ns/cgroup", &ns) && ns.st_ino != CGROUP_NAMESPACE_INITIAL)
			snprintf(
				a->detail, sizeof(a->detail),
				"in a control group namespace: what is above it has no names, --cgroup takes paths as seen from here");
		return;
	}
	if (file) {
		snprintf(a->detail, sizeof(a->detail), "/proc/PID/cgroup names none");
		fix(a, "mount -t cgroup2 none /sys/fs/cgroup");
	} else {
		snprintf(a->detail, sizeof(a->detail), "/proc/PID/cgroup: %s", err_name(error));
		fix(a, "use a kernel built with CONFIG_CGROUPS");
	}
}
