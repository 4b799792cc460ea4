/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which limit is the fullest, from files as the kernel writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/cgroup.h"
#include "process/memory_limit.h"

#define PID 4215
#define MB (1ull << 20)

static char root[] = "/tmp/memory_limit.XXXXXX";

static void put(const char *name, const char *text)
{
	char path[512], *slash;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fwrite(text, 1, strlen(text), f) == strlen(text));
	assert_int_equal(fclose(f), 0);
}

static void put_bytes(const char *name, const char *data, size_t len)
{
	char path[512];
	FILE *f;

	put(name, "");
	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* 100 MB of address space, 40 MB resident, 10 of them of files, 60 MB of data. */
static int set_up(void **state)
{
	char text[128];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)state;
	snprintf(root, sizeof(root), "/tmp/memory_limit.XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(text, sizeof(text), "%llu %llu %llu 1 0 %llu 0\n", 100 * MB / page, 40 * MB / page,
		 10 * MB / page, 60 * MB / page);
	put("proc/4215/statm", text);
	put("proc/4215/limits",
	    "Limit                     Soft Limit           Hard Limit           Units     \n"
	    "Max data size             unlimited            unlimited            bytes     \n"
	    "Max address space         unlimited            unlimited            bytes     \n");
	put("proc/4215/environ", "");
	put("proc/4215/cgroup", "0::/a/b\n");
	put("proc/self/mountinfo",
	    "30 24 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
	put("sys/fs/cgroup/a/b/memory.max", "max\n");
	put("sys/fs/cgroup/a/b/memory.events.local", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n");
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void assert_fullest(uint64_t given, enum memory_limit_kind kind, uint64_t most,
			   uint64_t used)
{
	const struct memory_limit *fullest;
	struct memory_limits l;

	assert_int_equal(memory_limits_find(&l, root, PID, given), 0);
	fullest = memory_limits_look(&l, root, PID, 0.7, kind == MEMORY_LIMIT_GO);
	assert_non_null(fullest);
	assert_int_equal(fullest->kind, kind);
	assert_int_equal(fullest->most, most);
	assert_int_equal(fullest->used, used);
	memory_limits_free(&l);
}

static void nothing_where_there_is_no_limit(void **state)
{
	struct memory_limits l;

	(void)state;
	assert_int_equal(memory_limits_find(&l, root, PID, 0), 0);
	assert_int_equal(l.n, 0);
	assert_null(memory_limits_look(&l, root, PID, 0.7, false));
	assert_null(memory_limits_look(&l, root, PID, 0.7, true));
	assert_non_null(l.own_dir);
	memory_limits_free(&l);
	assert_true(memory_limits_find(&l, root, PID + 1, 0) < 0);
	memory_limits_free(&l);
}

/* The group above is fuller than its own, which is smaller. */
static void the_fullest_group_up_the_tree(void **state)
{
	(void)state;
	put("sys/fs/cgroup/a/b/memory.max", "104857600\n");
	put("sys/fs/cgroup/a/b/memory.current", "52428800\n");
	put("sys/fs/cgroup/a/memory.max", "209715200\n");
	put("sys/fs/cgroup/a/memory.current", "199229440\n");
	put("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 10485760\nactive_file 5\n");
	assert_fullest(0, MEMORY_LIMIT_CGROUP2, 200 * MB, 180 * MB);
}

/* What would be dropped is not looked for where little is used. */
static void files_count_where_it_is_far(void **state)
{
	(void)state;
	put("sys/fs/cgroup/a/b/memory.max", "104857600\n");
	put("sys/fs/cgroup/a/b/memory.current", "62914560\n");
	put("sys/fs/cgroup/a/b/memory.stat", "inactive_file 31457280\n");
	assert_fullest(0, MEMORY_LIMIT_CGROUP2, 100 * MB, 60 * MB);
}

static void version_1(void **state)
{
	struct memory_limits l;

	(void)state;
	put("proc/4215/cgroup", "4:memory:/c\n0::/\n");
	put("proc/self/mountinfo",
	    "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	    "30 24 0:26 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw\n");
	put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/memory/c/memory.limit_in_bytes", "104857600\n");
	put("sys/fs/cgroup/memory/c/memory.usage_in_bytes", "103809024\n");
	put("sys/fs/cgroup/memory/c/memory.stat", "inactive_file 1\ntotal_inactive_file 1048576\n");
	put("sys/fs/cgroup/memory/c/memory.oom_control",
	    "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	put("sys/fs/cgroup/memory/c/memory.failcnt", "17\n");
	assert_fullest(0, MEMORY_LIMIT_CGROUP1, 100 * MB, 98 * MB);
	assert_int_equal(memory_limits_find(&l, root, PID, 0), 0);
	assert_int_equal(l.n, 1);
	assert_true(l.own_old);
	assert_int_equal(cgroup_memory_oom_kills(l.own_dir, true), 3);
	assert_int_equal(cgroup_memory_hits(l.own_dir, true), 17);
	memory_limits_free(&l);
}

static void kills_of_version_2(void **state)
{
	struct memory_limits l;

	(void)state;
	assert_int_equal(memory_limits_find(&l, root, PID, 0), 0);
	assert_false(l.own_old);
	assert_int_equal(cgroup_memory_oom_kills(l.own_dir, false), 1);
	assert_int_equal(cgroup_memory_hits(l.own_dir, false), 2);
	put("sys/fs/cgroup/a/b/cgroup.procs", "4215\n");
	assert_true(cgroup_has_only(l.own_dir, PID));
	put("sys/fs/cgroup/a/b/cgroup.procs", "4215\n4216\n");
	assert_false(cgroup_has_only(l.own_dir, PID));
	put("sys/fs/cgroup/a/b/cgroup.procs", "");
	assert_false(cgroup_has_only(l.own_dir, PID));
	put("sys/fs/cgroup/a/b/memory.events.local", "low 0\n");
	assert_true(cgroup_memory_oom_kills(l.own_dir, false) == UINT64_MAX);
	memory_limits_free(&l);
}

static void limits_of_the_process(void **state)
{
	static const char env[] = "HOME=/\0GOMEMLIMIT=32MiB\0GOMEMLIMIT=1\0";

	(void)state;
	assert_fullest(50 * MB, MEMORY_LIMIT_GIVEN, 50 * MB, 40 * MB);
	put_bytes("proc/4215/environ", env, sizeof(env));
	assert_fullest(50 * MB, MEMORY_LIMIT_GO, 32 * MB, 30 * MB);
	put("proc/4215/limits", "Max data size             62914560            unlimited  bytes\n");
	assert_fullest(50 * MB, MEMORY_LIMIT_DATA, 60 * MB, 60 * MB);
	put("proc/4215/limits", "Max address space         94371840            unlimited  bytes\n");
	assert_fullest(50 * MB, MEMORY_LIMIT_ADDRESS_SPACE, 90 * MB, 100 * MB);
}

static void what_go_takes_for_a_limit(void **state)
{
	(void)state;
	assert_int_equal(memory_limit_of_go("512MiB"), 512 * MB);
	assert_int_equal(memory_limit_of_go("1TiB"), 1ull << 40);
	assert_int_equal(memory_limit_of_go("700B"), 700);
	assert_int_equal(memory_limit_of_go("700"), 700);
	assert_int_equal(memory_limit_of_go("off"), 0);
	assert_int_equal(memory_limit_of_go(""), 0);
	assert_int_equal(memory_limit_of_go("-1"), 0);
	assert_int_equal(memory_limit_of_go("512MB"), 0);
	assert_int_equal(memory_limit_of_go("1.5GiB"), 0);
	assert_int_equal(memory_limit_of_go("99999999999TiB"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_where_there_is_no_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_fullest_group_up_the_tree, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_count_where_it_is_far, set_up, tear_down),
		cmocka_unit_test_setup_teardown(version_1, set_up, tear_down),
		cmocka_unit_test_setup_teardown(kills_of_version_2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits_of_the_process, set_up, tear_down),
		cmocka_unit_test(what_go_takes_for_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
