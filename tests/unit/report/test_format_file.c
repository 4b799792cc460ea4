/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/output_file.h"
#include "report/json/json_read.h"
#include "report/format.h"
#include "report/mrec/mrec.h"
#include "report_sample.h"

/* Each test has a directory of its own, in which nothing but the document may be at the end. */
static char dir[64];
static char path[128];
static char long_path[400]; /* instead of path, unless it is empty */
static const struct print_options options;

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/maprace-test-XXXXXX");
	if (!mkdtemp(dir) || chmod(dir, 0755))
		return -1;
	snprintf(path, sizeof(path), "%s/out.json", dir);
	return 0;
}

static size_t count_files(void)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)))
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

static int tear_down(void **state)
{
	char name[600];
	struct dirent *entry;
	DIR *d = opendir(dir);

	(void)state;
	if (!d)
		return -1;
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", dir, entry->d_name);
			unlink(name);
		}
	closedir(d);
	return rmdir(dir);
}

static int write_sample(void)
{
	struct report report;
	int rc;

	sample_report(&report);
	rc = format_write(long_path[0] ? long_path : path, &report, FORMAT_JSON, &options);
	report_free(&report);
	return rc;
}

static void write_text(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_content(const char *text)
{
	char buf[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_non_null(fgets(buf, sizeof(buf), f));
	fclose(f);
	assert_string_equal(buf, text);
}

static void assert_document(void)
{
	struct report report;
	struct err err = {0};

	if (json_read_report(path, &report, &err))
		fail_msg("%s", err.text);
	assert_int_equal(report.nraces, 2);
	report_free(&report);
}

static void test_write(void **state)
{
	struct stat st;
	mode_t mask = umask(027);

	(void)state;
	assert_int_equal(write_sample(), 0);
	umask(mask);
	assert_document();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(count_files(), 1);
}

static void test_replaces_what_was_there(void **state)
{
	(void)state;
	write_text("old\n");
	assert_int_equal(write_sample(), 0);
	assert_document();
	assert_int_equal(count_files(), 1);
}

/* Somebody who reads the old document goes on reading the old document. */
static void test_reader_keeps_the_old_one(void **state)
{
	char buf[16] = "";
	int fd;

	(void)state;
	write_text("old\n");
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(write_sample(), 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 4);
	assert_string_equal(buf, "old\n");
	close(fd);
}

static void test_link_is_followed(void **state)
{
	char real[200], link[128];
	struct stat st;

	(void)state;
	strcpy(link, path);
	snprintf(real, sizeof(real), "%s/real.json", dir);
	strcpy(path, real);
	write_text("old\n");
	strcpy(path, link);
	assert_int_equal(symlink("real.json", link), 0);
	assert_int_equal(write_sample(), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_document();
	assert_int_equal(count_files(), 2);
}

/* ... as it was, for those who were allowed to read it and no others. */
static void test_keeps_mode_and_owner(void **state)
{
	struct stat st;

	(void)state;
	write_text("old\n");
	assert_int_equal(chmod(path, 0604), 0);
	if (!geteuid())
		assert_int_equal(chown(path, 65534, 65533), 0);
	assert_int_equal(write_sample(), 0);
	assert_document();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(st.st_uid, geteuid() ? geteuid() : 65534);
	if (!geteuid())
		assert_int_equal(st.st_gid, 65533);
}

/* A link to nothing yet, and one in the way; a name as long as they come. */
static void test_links_on_the_way(void **state)
{
	char link[128], name[400];
	struct stat st;

	(void)state;
	snprintf(link, sizeof(link), "%s/way", dir);
	assert_int_equal(symlink(".", link), 0);
	assert_int_equal(symlink("way/new.json", path), 0);
	assert_int_equal(write_sample(), 0);
	assert_document();
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(count_files(), 3);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("out.json", path), 0);
	assert_int_equal(write_sample(), -ELOOP);
	snprintf(name, sizeof(name), "%s/%0255d", dir, 7);
	strcpy(long_path, name);
	assert_int_equal(write_sample(), 0);
	long_path[0] = '\0';
	assert_int_equal(unlink(name), 0);
}

#define STRANGER 65534

/* What a stranger has put into a directory that is open to all is left alone; what its owner or we
 * have put there is not. */
static void test_strangers_are_not_followed(void **state)
{
	static const struct {
		const char *what;
		mode_t mode;
		uid_t owner, dir_owner;
		int rc;
	} cases[] = {
		{"link", 01777, STRANGER, 0, -EACCES}, {"link", 01777, 0, 0, 0},
		{"link", 01777, 65533, 65533, 0},      {"link", 0777, STRANGER, 0, 0},
		{"link", 01755, STRANGER, 0, 0},       {"file", 01777, STRANGER, 0, -EACCES},
		{"file", 01777, 0, 65533, 0},	       {"fifo", 01777, STRANGER, 0, -EACCES},
		{"way", 01777, STRANGER, 0, -EACCES},
	};
	char victim[128], recording[128];
	struct mrec_writer *writer;
	struct stat st;
	size_t i;
	int fd = -1, rc;

	(void)state;
	if (geteuid())
		skip();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(path, sizeof(path), "%s/victim", dir);
		strcpy(victim, path);
		write_text("precious\n");
		snprintf(path, sizeof(path), "%s/out.json", dir);
		unlink(path);
		if (!strcmp(cases[i].what, "link"))
			assert_int_equal(symlink("victim", path), 0);
		else if (!strcmp(cases[i].what, "way"))
			assert_int_equal(symlink(".", path), 0);
		else if (!strcmp(cases[i].what, "file"))
			write_text("old\n");
		else
			assert_int_equal(mkfifo(path, 0600), 0);
		assert_int_equal(lchown(path, cases[i].owner, cases[i].owner), 0);
		if (!strcmp(cases[i].what, "way"))
			snprintf(path, sizeof(path), "%s/out.json/victim", dir);
		if (!strcmp(cases[i].what, "fifo"))
			fd = open(path, O_RDONLY | O_NONBLOCK);
		assert_int_equal(chown(dir, cases[i].dir_owner, 0), 0);
		assert_int_equal(chmod(dir, cases[i].mode), 0);
		rc = write_sample();
		if (rc != cases[i].rc)
			fail_msg("case %zu: %d, not %d", i, rc, cases[i].rc);
		assert_int_equal(output_is_foreign(path), rc != 0);
		strcpy(recording, path);
		rc = mrec_create(&writer, recording);
		if (rc != cases[i].rc)
			fail_msg("recording, case %zu: %d, not %d", i, rc, cases[i].rc);
		if (!rc)
			mrec_close(writer);
		assert_int_equal(stat(victim, &st), 0);
		if (rc)
			assert_int_equal(st.st_size, strlen("precious\n"));
	}
	close(fd);
}

/* What is no file (a pipe here) is written to, never replaced by one. */
static void test_pipe(void **state)
{
	struct report report;
	struct err err = {0};
	struct stat st;
	char buf[32768];
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(write_sample(), 0);
	n = read(fd, buf, sizeof(buf));
	assert_true(n > 0);
	assert_int_equal(json_read_buffer(buf, (size_t)n, &report, &err), 0);
	report_free(&report);
	close(fd);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(count_files(), 1);
}

static void test_bad_paths(void **state)
{
	(void)state;
	strcpy(path, "/nonexistent/out.json");
	assert_int_equal(write_sample(), -ENOENT);
	strcpy(path, dir);
	assert_int_equal(write_sample(), -EISDIR);
	snprintf(path, sizeof(path), "/dev/null/out.json");
	assert_int_equal(write_sample(), -ENOTDIR);
	assert_int_equal(count_files(), 0);
}

/* Runs f in a process of its own, which it may spoil; what f returns, negated, as exit status. */
static int in_child(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(-f());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("died of signal %d", WTERMSIG(status));
	return -WEXITSTATUS(status);
}

static int write_as_nobody(void)
{
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		return -ECANCELED;
	return write_sample();
}

static void test_unwritable_directory(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	write_text("old\n");
	assert_int_equal(in_child(write_as_nobody), -EACCES);
	assert_content("old\n");
	assert_int_equal(count_files(), 1);
}

/* SIGXFSZ has its default action here: to kill. */
static int write_with_size_limit(void)
{
	struct rlimit limit = {1024, 1024};
	int rc;

	if (signal(SIGXFSZ, SIG_DFL) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit))
		return -ECANCELED;
	rc = write_sample();
	if (rc != -EFBIG)
		return rc;
	/* and it is still so for everything else */
	if (raise(SIGXFSZ))
		return -ECANCELED;
	return 0;
}

static void test_size_limit(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	write_text("old\n");
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(-write_with_size_limit());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		fail_msg("writing ended with %d, not EFBIG, or the signal stayed blocked",
			 WEXITSTATUS(status));
	assert_int_equal(WTERMSIG(status), SIGXFSZ);
	assert_content("old\n");
	assert_int_equal(count_files(), 1);
}

/* A file system of one page, which the document outgrows. */
static int write_to_full_disk(void)
{
	int rc;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=4k,nr_inodes=8"))
		return -ECANCELED;
	rc = write_sample();
	return count_files() ? -EEXIST : rc;
}

static void test_full_disk(void **state)
{
	int rc;

	(void)state;
	if (geteuid() != 0)
		skip();
	rc = in_child(write_to_full_disk);
	if (rc == -ECANCELED)
		skip(); /* no mounts in this container */
	assert_int_equal(rc, -ENOSPC);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_write),
		FILE_TEST(test_replaces_what_was_there),
		FILE_TEST(test_reader_keeps_the_old_one),
		FILE_TEST(test_link_is_followed),
		FILE_TEST(test_keeps_mode_and_owner),
		FILE_TEST(test_links_on_the_way),
		FILE_TEST(test_strangers_are_not_followed),
		FILE_TEST(test_pipe),
		FILE_TEST(test_bad_paths),
		FILE_TEST(test_unwritable_directory),
		FILE_TEST(test_size_limit),
		FILE_TEST(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
