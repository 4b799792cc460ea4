/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is needed to follow processes, taken away for real, one at a time, in children of ours. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/feature_following.h"

#define CANNOT 255 /* be tried with the rights that we have */

/* The line of a child's first check that failed is its status: below 255. */
#define CHECK(what)                      \
	do {                             \
		if (!(what))             \
			return __LINE__; \
	} while (0)

static void in_child(int (*check)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(check());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* From now on that system call fails. */
static bool refuse(uint32_t number, uint32_t error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static bool own_mounts(void)
{
	return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* ---- the kernel asks before a program runs ---- */

static int gate_refused(void)
{
	struct feature_answer a = {};

	CHECK(refuse(SYS_fanotify_init, EPERM));
	feature_ask_gate(&a);
	CHECK(!a.have && strstr(a.detail, "fanotify") && strstr(a.detail, "EPERM"));
	CHECK(strstr(a.fix, "CAP_SYS_ADMIN"));
	return 0;
}

static int gate_not_built_in(void)
{
	struct feature_answer a = {};

	CHECK(refuse(SYS_fanotify_mark, EINVAL));
	feature_ask_gate(&a);
	if (strstr(a.detail, "EPERM"))
		return CANNOT;
	CHECK(!a.have && strstr(a.detail, "EINVAL"));
	CHECK(strstr(a.fix, "CONFIG_FANOTIFY_ACCESS_PERMISSIONS"));
	return 0;
}

static int gate_without_files(void)
{
	struct rlimit few = {64, 64};
	struct feature_answer a = {};

	CHECK(!setrlimit(RLIMIT_NOFILE, &few));
	feature_ask_gate(&a);
	CHECK(!a.have && strstr(a.detail, "the limit of open files is 64"));
	CHECK(strstr(a.fix, "ulimit -n"));
	return 0;
}

static void a_gate_that_is_refused_wants_a_right(void **state)
{
	(void)state;
	in_child(gate_refused);
}

static void a_gate_that_there_is_not_wants_a_kernel(void **state)
{
	(void)state;
	in_child(gate_not_built_in);
}

static void a_gate_wants_files(void **state)
{
	(void)state;
	in_child(gate_without_files);
}

/* ---- stopping what a command starts ---- */

static int trace_refused(void)
{
	struct feature_answer a = {};

	feature_ask_trace(&a);
	if (!a.have)
		return CANNOT;
	CHECK(!a.detail[0] && !a.fix[0]);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	CHECK(refuse(SYS_ptrace, EPERM));
	feature_ask_trace(&a);
	CHECK(!a.have && strstr(a.detail, "PTRACE_SEIZE") && strstr(a.detail, "EPERM"));
	CHECK(strstr(a.fix, "ptrace_scope") && strstr(a.fix, "seccomp"));
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

static void tracing_is_tried_and_leaves_no_child(void **state)
{
	(void)state;
	in_child(trace_refused);
}

/* ---- processes ---- */

static int pidfd_refused(void)
{
	struct feature_answer a = {};

	feature_ask_pidfd(&a);
	CHECK(a.have);
	CHECK(refuse(SYS_pidfd_open, EPERM));
	feature_ask_pidfd(&a);
	CHECK(!a.have && strstr(a.detail, "pidfd_open(): EPERM") && strstr(a.fix, "seccomp"));
	return 0;
}

static int children_hidden(void)
{
	struct feature_answer a = {};
	char path[64];

	feature_ask_children(&a);
	if (!a.have || !own_mounts())
		return CANNOT;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)getpid());
	if (mount("none", path, "tmpfs", 0, NULL))
		return CANNOT;
	feature_ask_children(&a);
	CHECK(!a.have && strstr(a.detail, "ENOENT") && strstr(a.fix, "CONFIG_PROC_CHILDREN"));
	return 0;
}

static int cgroups_hidden(void)
{
	struct feature_answer a = {};

	feature_ask_cgroups(&a);
	if (!a.have || !own_mounts() ||
	    mount("/dev/null", "/proc/self/cgroup", NULL, MS_BIND, NULL))
		return CANNOT;
	a = (struct feature_answer){};
	feature_ask_cgroups(&a);
	CHECK(!a.have && strstr(a.detail, "names none") && strstr(a.fix, "mount -t cgroup2"));
	return 0;
}

static int cgroup_namespace(void)
{
	struct feature_answer a = {};

	if (unshare(CLONE_NEWCGROUP))
		return CANNOT;
	feature_ask_cgroups(&a);
	CHECK(a.have && strstr(a.detail, "control group namespace"));
	return 0;
}

static void ends_of_processes_may_be_refused(void **state)
{
	(void)state;
	in_child(pidfd_refused);
}

static void children_may_not_be_told(void **state)
{
	(void)state;
	in_child(children_hidden);
}

static void control_groups_may_be_none(void **state)
{
	(void)state;
	in_child(cgroups_hidden);
}

static void control_groups_may_be_seen_from_within(void **state)
{
	(void)state;
	in_child(cgroup_namespace);
}

/* ---- all of them ---- */

static int all_withheld(void)
{
	static const enum feature all[] = {FEATURE_EXECS, FEATURE_GATE,	    FEATURE_TRACE,
					   FEATURE_PIDFD, FEATURE_CHILDREN, FEATURE_CGROUPS};
	const struct feature_answer *a;
	size_t i;

	setenv("MAPRACE_WITHOUT", "execs,exec-gate,trace,pidfd,children,cgroups", 1);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		a = feature_ask(all[i]);
		CHECK(!a->have && a->what && a->without && a->fix[0]);
	}
	return 0;
}

static void each_says_what_is_lost(void **state)
{
	(void)state;
	in_child(all_withheld);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gate_that_is_refused_wants_a_right),
		cmocka_unit_test(a_gate_that_there_is_not_wants_a_kernel),
		cmocka_unit_test(a_gate_wants_files),
		cmocka_unit_test(tracing_is_tried_and_leaves_no_child),
		cmocka_unit_test(ends_of_processes_may_be_refused),
		cmocka_unit_test(children_may_not_be_told),
		cmocka_unit_test(control_groups_may_be_none),
		cmocka_unit_test(control_groups_may_be_seen_from_within),
		cmocka_unit_test(each_says_what_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
