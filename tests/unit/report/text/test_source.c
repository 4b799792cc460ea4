/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/printers.h"
#include "report/text/source.h"
#include "report_sample.h"
#include "tmpdir.h"

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	char path[128];

	(void)state;
	if (tmpdir_make())
		return -1;
	snprintf(path, sizeof(path), "%s/app", dir);
	if (mkdir(path, 0755))
		return -1;
	write_file("app/main.go", "package main\n\n\tc.items[key] = value \nlast");
	write_file("secret", "root:x\nline\n\tc.m[k] = 1\n");
	snprintf(path, sizeof(path), "%s/link.go", dir);
	return symlink("secret", path);
}

static void assert_line(const char *file, int line, const char *root, const char *expected)
{
	char out[SOURCE_LINE];
	int rc = source_line(file, line, root, out);

	if (!expected) {
		assert_int_equal(rc, -ENOENT);
		return;
	}
	assert_int_equal(rc, 0);
	assert_string_equal(out, expected);
}

static void test_lines(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/app/main.go", dir);
	assert_line(path, 1, NULL, "package main");
	assert_line(path, 2, NULL, NULL);
	assert_line(path, 3, NULL, "\tc.items[key] = value");
	assert_line(path, 4, NULL, "last");
	assert_line(path, 5, NULL, NULL);
	assert_line(path, 0, NULL, NULL);
	assert_line("app/main.go", 1, NULL, NULL);
	assert_line("app/main.go", 1, dir, "package main");
	assert_line("./app/main.go", 1, dir, "package main");
	assert_line("/build/x/src/app/main.go", 1, dir, "package main");
	assert_line("", 1, dir, NULL);
}

/* The name comes from the watched process: it must not make root read what is no source. */
static void test_only_sources_are_read(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/secret", dir);
	assert_line(path, 1, NULL, NULL);
	snprintf(path, sizeof(path), "%s/link.go", dir);
	assert_line(path, 1, NULL, NULL);
	assert_line("link.go", 1, dir, NULL);
	assert_line("app/../link.go", 1, dir, NULL);
	snprintf(path, sizeof(path), "%s/fifo.go", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_line(path, 1, NULL, NULL);
	snprintf(path, sizeof(path), "%s/dir.go", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_line(path, 1, NULL, NULL);
}

/* How often a file was opened since the last question. */
static int opens(int watch)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n, at;
	int seen = 0;

	while ((n = read(watch, buf, sizeof(buf))) > 0)
		for (at = 0; at < n; seen++)
			at += (ssize_t)(sizeof(struct inotify_event) +
					((struct inotify_event *)(buf + at))->len);
	return seen;
}

/* A device does things when it is opened, and a name that ends in .go may be a link to one. */
static void test_what_is_no_file_is_not_opened(void **state)
{
	char path[128], link[128];
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/pipe.go", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(opens(watch), 1); /* it would be seen */
	assert_line(path, 1, NULL, NULL);
	assert_line("pipe.go", 1, dir, NULL);
	snprintf(link, sizeof(link), "%s/device.go", dir);
	assert_int_equal(symlink(path, link), 0);
	assert_line(link, 1, NULL, NULL);
	assert_line("device.go", 1, dir, NULL);
	assert_int_equal(opens(watch), 0);
	close(watch);
}

/* The links of /proc lead out of every name. */
static void test_links_of_proc_are_not_followed(void **state)
{
	char path[128], here[4096];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	assert_line("/proc/self/cwd/app/main.go", 1, NULL, NULL);
	snprintf(path, sizeof(path), "/proc/self/root%s/app/main.go", dir);
	assert_line(path, 1, NULL, NULL);
	snprintf(path, sizeof(path), "%s/here", dir);
	assert_int_equal(symlink("/proc/self/cwd", path), 0);
	snprintf(path, sizeof(path), "%s/here/app/main.go", dir);
	assert_line(path, 1, NULL, NULL);
	assert_int_equal(chdir(here), 0);
	/* others are */
	snprintf(path, sizeof(path), "%s/linked", dir);
	assert_int_equal(symlink("app", path), 0);
	assert_line("linked/main.go", 1, dir, "package main");
}

static void assert_mark(const char *line, enum report_op op, const char *expected)
{
	size_t from, len;
	char got[SOURCE_LINE];

	source_mark(line, op, &from, &len);
	assert_true(from + len <= strlen(line));
	snprintf(got, sizeof(got), "%.*s", (int)len, line + from);
	if (strcmp(got, expected) != 0)
		fail_msg("%s: marked \"%s\", not \"%s\"", line, got, expected);
}

static void test_marks(void **state)
{
	(void)state;
	assert_mark("c.items[key] = value", REPORT_WRITE, "c.items[key]");
	assert_mark("c.items[key]++", REPORT_WRITE, "c.items[key]");
	assert_mark("c.n[k] += a[i]", REPORT_WRITE, "c.n[k]");
	assert_mark("c.n[k] = a[i]", REPORT_READ, "a[i]");
	assert_mark("if x, ok := c.m[f(a[1])]; ok {", REPORT_READ, "c.m[f(a[1])]");
	assert_mark("if m[k] == 3 {", REPORT_READ, "m[k]");
	assert_mark("if m[k] == 3 {", REPORT_WRITE, "");
	assert_mark("m := map[string]int{}", REPORT_READ, "");
	assert_mark("delete(c.items, f(k))", REPORT_DELETE, "delete(c.items, f(k))");
	assert_mark("clear(m) // all", REPORT_CLEAR, "clear(m)");
	assert_mark("for k, v := range c.items {", REPORT_ITERATE, "range c.items");
	assert_mark("n := maps.Clone(m)", REPORT_CLONE, "Clone(m)");
	assert_mark("delete(c.items, ", REPORT_DELETE, "");
	assert_mark("c.m[", REPORT_READ, "");
	assert_mark("[", REPORT_READ, "");
	assert_mark("", REPORT_WRITE, "");
}

static void test_in_the_text(void **state)
{
	struct text_style style = {.quote = true, .source_root = dir};
	struct sample_stream s;
	struct report_race race;
	char *text;

	(void)state;
	sample_race(&race);
	race.access[1].frames[1].line = 3;
	sample_open(&s);
	text_print_race(s.out, &race, 3, &style);
	text = sample_close(&s);
	assert_non_null(strstr(text, "  main.(*cache).put()\n"
				     "      /src/app/main.go:3\n"
				     "      | c.items[key] = value\n"
				     "      | ^^^^^^^^^^^^\n"
				     "Concurrent read"));
	free(text);
	report_race_free(&race);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_what_is_no_file_is_not_opened),
		cmocka_unit_test(test_links_of_proc_are_not_followed),
		cmocka_unit_test(test_only_sources_are_read),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_in_the_text),
	};

	return cmocka_run_group_tests(tests, set_up, tmpdir_remove);
}
