/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
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

#include "base/open_file.h"

static char dir[64];

static const char *below(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name)
{
	FILE *f = fopen(below(name), "w");

	assert_non_null(f);
	fputs(name, f);
	fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/maprace-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	write_file("inside");
	return mkfifo(below("fifo"), 0600);
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void test_only_regular_files_are_opened(void **state)
{
	int found, fd;
	char c;

	(void)state;
	found = file_find(below("inside"));
	assert_true(found >= 0);
	fd = file_open_found(found);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(c, 'i');
	close(fd);
	close(found);
	found = file_find(below("fifo"));
	assert_true(found >= 0);
	assert_int_equal(file_open_found(found), -EINVAL);
	close(found);
	found = file_find("/dev/null");
	assert_int_equal(file_open_found(found), -EINVAL);
	close(found);
	assert_int_equal(file_find(below("missing")), -ENOENT);
}

static void test_links_of_proc(void **state)
{
	int found = file_find("/proc/self/exe");

	(void)state;
	assert_true(found >= 0); /* we named it ourselves */
	close(found);
	assert_int_equal(file_find_strange("/proc/self/exe"), -ELOOP);
}

static uint64_t number_of(const char *path)
{
	int found = file_find(path);
	struct stat st;

	if (found < 0)
		return 0;
	assert_int_equal(fstat(found, &st), 0);
	close(found);
	return st.st_ino;
}

/* A process in a root of its own: what its links name is there, not here. */
static void test_links_stay_in_their_root(void **state)
{
	struct stat inside;
	char path[256];
	int ready[2];
	pid_t pid;
	char c;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(stat(below("inside"), &inside), 0);
	assert_int_equal(symlink("/inside", below("absolute")), 0);
	assert_int_equal(symlink("../../../../inside", below("upwards")), 0);
	assert_int_equal(symlink("/proc/self/exe", below("magic")), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		if (chroot(dir) || chdir("/") || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/root/absolute", (int)pid);
	assert_int_equal(number_of(path), inside.st_ino);
	snprintf(path, sizeof(path), "/proc/%d/root/upwards", (int)pid);
	assert_int_equal(number_of(path), inside.st_ino);
	snprintf(path, sizeof(path), "/proc/%d/root/magic", (int)pid);
	assert_int_equal(number_of(path), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_regular_files_are_opened),
		cmocka_unit_test(test_links_of_proc),
		cmocka_unit_test(test_links_stay_in_their_root),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
