/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What runs have learnt of pairs of call sites: kept, merged, and not believed when it is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <errno.h>

#include <cmocka.h>

#include "session/statebook.h"
#include "tmpdir.h"

static char path[128];

static int begin(void **state)
{
	(void)state;
	if (tmpdir_make())
		return -1;
	snprintf(path, sizeof(path), "%s/state", dir);
	return 0;
}

static struct statebook *opened(void)
{
	struct statebook *b = NULL;
	struct err err = {};

	assert_int_equal(statebook_open(&b, path, &err), 0);
	return b;
}

static void refused(int code, const char *why)
{
	struct statebook *b = NULL;
	struct err err = {};

	assert_int_equal(statebook_open(&b, path, &err), code);
	assert_null(b);
	assert_non_null(strstr(err.text, why));
	assert_non_null(strstr(err.text, path));
}

static struct statebook_pair pair_of(uint64_t one, uint64_t two, enum statebook_status status)
{
	return (struct statebook_pair){
		.status = status,
		.site = {{.name = one, .op = REPORT_READ, .text = "main.get+1"},
			 {.name = two, .op = REPORT_CLONE, .text = "main.(*x[...]).put +2\n"}},
		.build = 7};
}

static void note(struct statebook *b, uint64_t one, uint64_t two, enum statebook_status status)
{
	struct statebook_pair pair = pair_of(one, two, status);

	assert_int_equal(statebook_note(b, &pair), 0);
}

static void written(struct statebook *b)
{
	struct err err = {};
	size_t dropped = 1;

	assert_int_equal(statebook_write(b, &dropped, &err), 0);
	assert_int_equal(dropped, 0);
	statebook_close(b);
}

static const struct statebook_pair *find(const struct statebook *b, uint64_t one, uint64_t two)
{
	size_t i;

	for (i = 0; i < statebook_count(b); i++)
		if (statebook_pair(b, i)->site[0].name == one &&
		    statebook_pair(b, i)->site[1].name == two)
			return statebook_pair(b, i);
	return NULL;
}

static size_t read_file(char *text, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
	return n;
}

static void write_file(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void what_a_run_has_learnt_is_there_in_the_next(void **state)
{
	struct statebook *b = opened();
	struct statebook_site site = {.name = 9, .op = REPORT_CLONE};
	struct stat st;

	(void)state;
	assert_int_equal(statebook_count(b), 0);
	note(b, 0xfedcba9876543210, 5, STATEBOOK_ARMED);
	note(b, 9, 4, STATEBOOK_PROVED);
	written(b);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	b = opened();
	assert_int_equal(statebook_count(b), 2);
	/* whichever of the two came first */
	assert_non_null(find(b, 5, 0xfedcba9876543210));
	assert_int_equal(find(b, 5, 0xfedcba9876543210)->site[0].op, REPORT_CLONE);
	assert_string_equal(find(b, 5, 0xfedcba9876543210)->site[0].text, "main.(*x[...]).put?+2?");
	assert_int_equal(find(b, 5, 0xfedcba9876543210)->build, 7);
	assert_int_equal(find(b, 4, 9)->status, STATEBOOK_PROVED);
	/* nothing more is learnt: the file stays as it is */
	assert_int_equal(chmod(path, 0444), 0);
	written(b);
	/* a site's holds add up, whichever pair it is in */
	b = opened();
	site = find(b, 4, 9)->site[1];
	assert_int_equal(site.tried, 0);
	statebook_tried(b, &site, 200);
	written(b);
	b = opened();
	statebook_tried(b, &site, 200);
	note(b, 9, 4, STATEBOOK_ARMED);
	written(b);
	b = opened();
	assert_int_equal(find(b, 4, 9)->site[1].tried, 255);
	assert_int_equal(find(b, 4, 9)->status, STATEBOOK_PROVED); /* and stays so */
	assert_int_equal(find(b, 5, 0xfedcba9876543210)->site[1].tried, 0);
	statebook_close(b);
}

static void what_is_ordered_is_so_in_one_build(void **state)
{
	struct statebook_pair pair = pair_of(1, 2, STATEBOOK_ORDERED);
	struct statebook *b = opened();

	(void)state;
	note(b, 1, 2, STATEBOOK_ORDERED);
	note(b, 1, 2, STATEBOOK_ARMED);
	written(b);
	b = opened();
	assert_int_equal(find(b, 1, 2)->status, STATEBOOK_ORDERED);
	pair.status = STATEBOOK_ARMED;
	pair.build = 8;
	assert_int_equal(statebook_note(b, &pair), 0);
	written(b);
	b = opened();
	assert_int_equal(find(b, 1, 2)->status, STATEBOOK_ARMED);
	assert_int_equal(find(b, 1, 2)->build, 8);
	pair.build = 0; /* whether it is the same one cannot be told */
	pair.status = STATEBOOK_ORDERED;
	assert_int_equal(statebook_note(b, &pair), 0);
	pair.status = STATEBOOK_ARMED;
	assert_int_equal(statebook_note(b, &pair), 0);
	assert_int_equal(find(b, 1, 2)->status, STATEBOOK_ARMED);
	statebook_close(b);
}

static void parallel_runs_lose_nothing(void **state)
{
	enum { RUNS = 8, EACH = 20 };
	unsigned int i, k;
	struct statebook *b;
	int status;

	(void)state;
	for (i = 0; i < RUNS; i++) {
		if (fork())
			continue;
		for (k = 0; k < EACH; k++) {
			b = opened();
			note(b, 1000 + i, 2000 + k, STATEBOOK_ARMED);
			written(b);
		}
		_exit(0);
	}
	for (i = 0; i < RUNS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	b = opened();
	assert_int_equal(statebook_count(b), RUNS * EACH);
	statebook_close(b);
}

static void damaged_files_are_refused(void **state)
{
	struct statebook *b = opened();
	static char text[4096], other[4096];
	struct err err = {};
	size_t n, cut, dropped;

	(void)state;
	note(b, 1, 2, STATEBOOK_ARMED);
	note(b, 3, 4, STATEBOOK_ARMED);
	written(b);
	n = read_file(text, sizeof(text));
	for (cut = 1; cut < n; cut++) {
		struct statebook *none = NULL;
		struct err why = {};
		int r;

		write_file(text, cut);
		r = statebook_open(&none, path, &why);
		assert_true(r == -EBADMSG || r == -EINVAL);
		assert_non_null(strstr(why.text, path));
	}
	memcpy(other, text, n);
	other[n - 3] ^= 1;
	write_file(other, n);
	refused(-EBADMSG, "checksum");
	memcpy(other, text, n);
	other[n] = 'x';
	write_file(other, n + 1);
	refused(-EBADMSG, "checksum");
	memcpy(other, text, n);
	*strchr(other, '1') = '2';
	write_file(other, n);
	refused(-EPROTO, "version 2");
	write_file("race:main.*\n", 12);
	refused(-EINVAL, "no state of maprace's");
	write_file("", 0);
	b = opened(); /* where nobody has written to it yet */
	note(b, 1, 2, STATEBOOK_ARMED);
	write_file("something else", 14);
	assert_int_equal(statebook_write(b, &dropped, &err), -EINVAL);
	statebook_close(b);
	read_file(other, sizeof(other));
	assert_string_equal(other, "something else"); /* and is left alone */
}

static void what_is_no_file_is_refused(void **state)
{
	struct statebook *b = NULL;
	struct err err = {};
	char link[160];

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(statebook_open(&b, path, &err), -EINVAL);
	assert_int_equal(unlink(path), 0);
	snprintf(link, sizeof(link), "%s/elsewhere", dir);
	assert_int_equal(symlink(link, path), 0);
	err = (struct err){};
	assert_int_equal(statebook_open(&b, path, &err), -ELOOP);
}

static void the_oldest_go_where_there_is_no_room(void **state)
{
	struct statebook *b = opened();
	struct err err = {};
	size_t i, dropped;

	(void)state;
	for (i = 0; i < STATEBOOK_MOST + 3; i++)
		note(b, i, 1u << 20, STATEBOOK_ARMED);
	assert_int_equal(statebook_write(b, &dropped, &err), 0);
	assert_int_equal(dropped, 3);
	statebook_close(b);
	b = opened();
	assert_int_equal(statebook_count(b), STATEBOOK_MOST);
	statebook_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, tmpdir_remove)
		T(what_a_run_has_learnt_is_there_in_the_next),
		T(what_is_ordered_is_so_in_one_build),
		T(parallel_runs_lose_nothing),
		T(damaged_files_are_refused),
		T(what_is_no_file_is_refused),
		T(the_oldest_go_where_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
