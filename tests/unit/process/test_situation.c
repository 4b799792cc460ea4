/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What keeps a process from running: control groups as files tell of them, and live processes. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/process.h"
#include "process/situation.h"

static char root[64];

static void file(const char *name, const char *text)
{
	char path[512], *p;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int begin(void **state)
{
	(void)state;
	strcpy(root, "/tmp/test_situation.XXXXXX");
	return !mkdtemp(root);
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

#define MOUNTED_2 "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

static struct cgroup look(void)
{
	struct cgroup cg;

	cgroup_look(root, 7, &cg);
	return cg;
}

static void nothing_known(void **state)
{
	(void)state;
	assert_true(look().cpus <= 0);
	file("proc/7/cgroup", "0::/a\n");
	assert_true(look().cpus <= 0);
	file("proc/self/mountinfo", MOUNTED_2);
	assert_true(look().cpus <= 0 && !look().frozen);
	file("proc/7/cgroup", "0::/../../a\nnonsense\n3:\n");
	file("sys/fs/cgroup/a/cpu.max", "50000 100000\n");
	assert_true(look().cpus <= 0); /* of another namespace */
}

static void version_2(void **state)
{
	(void)state;
	file("proc/7/cgroup", "0::/a/b\n");
	file("proc/self/mountinfo", MOUNTED_2);
	file("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	assert_true(look().cpus <= 0);
	file("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
	assert_float_equal(look().cpus, 1.5, 1e-9);
	file("sys/fs/cgroup/a/b/cpu.max", "25000 100000\n"); /* the tightest counts */
	assert_float_equal(look().cpus, 0.25, 1e-9);
	assert_float_equal(cgroup_cpus(root, 7), 0.25, 1e-9);
	assert_false(look().frozen);
	file("sys/fs/cgroup/a/b/cgroup.events", "populated 1\nfrozen 1\n");
	assert_true(look().frozen);
	/* a container shows its own group only */
	file("proc/self/mountinfo",
	     "30 23 0:26 /a /sys/fs/cgroup rw shared:4 - cgroup2 cgroup rw\n");
	file("sys/fs/cgroup/b/cpu.max", "75000 100000\n");
	assert_float_equal(look().cpus, 0.75, 1e-9);
	file("sys/fs/cgroup/b/cpu.max", "0 0\n");
	assert_true(look().cpus <= 0);
}

/* What its files could be dropped of counts as left; the tightest group does. */
static void memory_left(void **state)
{
	(void)state;
	file("proc/7/cgroup", "0::/a/b\n");
	file("proc/self/mountinfo", MOUNTED_2);
	assert_true(cgroup_memory_left(root, 7) == UINT64_MAX);
	file("sys/fs/cgroup/a/b/memory.max", "max\n");
	file("sys/fs/cgroup/a/memory.max", "1000000\n");
	file("sys/fs/cgroup/a/memory.current", "700000\n");
	assert_int_equal(cgroup_memory_left(root, 7), 300000);
	file("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 50000\nactive_file 9\n");
	assert_int_equal(cgroup_memory_left(root, 7), 350000);
	file("sys/fs/cgroup/a/b/memory.max", "100\n");
	file("sys/fs/cgroup/a/b/memory.current", "200\n");
	assert_int_equal(cgroup_memory_left(root, 7), 0);
	file("proc/7/cgroup", "4:memory:/x\n");
	file("proc/self/mountinfo", "31 23 0:27 / /cg/memory rw - cgroup cgroup rw,memory\n");
	file("cg/memory/x/memory.limit_in_bytes", "5000\n");
	file("cg/memory/x/memory.usage_in_bytes", "3000\n");
	file("cg/memory/x/memory.stat", "inactive_file 1\ntotal_inactive_file 2000\n");
	assert_int_equal(cgroup_memory_left(root, 7), 4000);
}

static void version_1(void **state)
{
	(void)state;
	file("proc/7/cgroup", "6:freezer:/f\n4:cpu,cpuacct:/x\n3:cpuset:/\n0::/\n");
	file("proc/self/mountinfo",
	     "31 23 0:27 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n"
	     "32 23 0:28 / /cg/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
	     "33 23 0:29 / /cg/freezer rw - cgroup cgroup rw,freezer\n");
	file("cg/cpu/x/cpu.cfs_quota_us", "-1\n");
	file("cg/cpu/x/cpu.cfs_period_us", "100000\n");
	file("cg/freezer/f/freezer.state", "THAWED\n");
	assert_true(look().cpus <= 0 && !look().frozen);
	file("cg/cpu/x/cpu.cfs_quota_us", "40000\n");
	file("cg/freezer/f/freezer.state", "FROZEN\n");
	assert_float_equal(look().cpus, 0.4, 1e-9);
	assert_true(look().frozen);
}

static struct process spawn(char *const argv[])
{
	struct process p;
	struct err err = {};

	if (process_spawn(&p, argv, &err))
		fail_msg("%s", err.text);
	return p;
}

static void a_live_process(void **state)
{
	static char *const sleeper[] = {"sleep", "100", NULL};
	struct process p = spawn(sleeper);
	struct situation s;
	cpu_set_t one;

	(void)state;
	assert_int_equal(process_resume(&p, NULL), 0);
	situation_look(p.pid, &s);
	assert_false(s.stopped);
	assert_int_equal(sched_getaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(s.cpus, CPU_COUNT(&one));
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(p.pid, sizeof(one), &one), 0);
	assert_int_equal(kill(p.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(p.pid, NULL, WUNTRACED), p.pid);
	situation_look(p.pid, &s);
	assert_true(s.stopped);
	assert_int_equal(s.cpus, 1);
	process_abandon(&p);
	process_close(&p);
	situation_look(p.pid, &s);
	assert_false(s.stopped);
	assert_int_equal(s.cpus, 0);
}

static unsigned int gomaxprocs_of(const char *value)
{
	static char *const sleeper[] = {"sleep", "100", NULL};
	struct process p;
	unsigned int n;

	setenv("GOMAXPROCS", value, 1);
	p = spawn(sleeper);
	n = situation_gomaxprocs(p.pid);
	unsetenv("GOMAXPROCS");
	process_abandon(&p);
	process_close(&p);
	return n;
}

static void what_it_was_started_with(void **state)
{
	(void)state;
	assert_int_equal(gomaxprocs_of("1"), 1);
	assert_int_equal(gomaxprocs_of("16"), 16);
	assert_int_equal(gomaxprocs_of("1x"), 0);
	assert_int_equal(gomaxprocs_of("-1"), 0);
	assert_int_equal(gomaxprocs_of(""), 0);
}

static void subcommand(char *const argv[], const char *expected)
{
	struct process p = spawn(argv);
	char word[32];

	situation_subcommand(p.pid, word, sizeof(word));
	assert_string_equal(word, expected);
	process_abandon(&p);
	process_close(&p);
}

static void subcommands_of_the_go_tool(void **state)
{
	(void)state;
	subcommand((char *const[]){"sleep", "test", "./...", NULL}, "test");
	subcommand((char *const[]){"sleep", "-C", "dir", "run", NULL}, "run");
	subcommand((char *const[]){"sleep", "-C=dir", "vet", NULL}, "vet");
	subcommand((char *const[]){"sleep", "-C", NULL}, "");
	subcommand((char *const[]){"sleep", NULL}, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_known, begin, end),
		cmocka_unit_test_setup_teardown(version_2, begin, end),
		cmocka_unit_test_setup_teardown(memory_left, begin, end),
		cmocka_unit_test_setup_teardown(version_1, begin, end),
		cmocka_unit_test(a_live_process),
		cmocka_unit_test(what_it_was_started_with),
		cmocka_unit_test(subcommands_of_the_go_tool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
