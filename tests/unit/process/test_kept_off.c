/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Threads that want to run and cannot, as files of /proc tell of them. */
#include <inttypes.h>
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

#include "process/kept_off.h"

#define MS 1000000ull

static char root[64];
static struct kept_off k;

static void file(const char *name, const char *text)
{
	char path[512], *p;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%s", root, name);
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

static void waited(uint64_t ms)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "some avg10=0.00 avg60=0.00 avg300=0.00 total=%" PRIu64 "\nfull\n",
		 1000000 + ms * 1000);
	file("pressure/cpu", text);
}

static void thread(int tid, char state, uint64_t cpu_ms, int switches)
{
	char name[64], text[128];

	snprintf(name, sizeof(name), "7/task/%d/stat", tid);
	snprintf(text, sizeof(text), "%d (a) R b) %c 1 2 3\n", tid, state);
	file(name, text);
	snprintf(name, sizeof(name), "7/task/%d/schedstat", tid);
	snprintf(text, sizeof(text), "%llu 5 6\n", (unsigned long long)(cpu_ms * MS));
	file(name, text);
	snprintf(name, sizeof(name), "7/task/%d/status", tid);
	snprintf(text, sizeof(text),
		 "Name:\ta\nvoluntary_ctxt_switches:\t%d\nnonvoluntary_ctxt_switches:\t9\n",
		 switches);
	file(name, text);
}

static bool look(uint64_t ms)
{
	return kept_off_look(&k, root, 7, ms * MS);
}

static int begin(void **state)
{
	(void)state;
	k.cpus = 1;
	strcpy(root, "/tmp/test_kept_off.XXXXXX");
	return !mkdtemp(root);
}

static int end(void **state)
{
	char command[128];

	(void)state;
	kept_off_free(&k);
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

/* Since 1000 ms, when it had used 10 ms and had slept three times: 250 ms later. */
static bool after(char state, uint64_t cpu_ms, int switches, uint64_t waited_ms)
{
	waited(0);
	thread(8, 'S', 0, 1);
	thread(9, state, 10, 3);
	assert_false(look(1000));
	waited(waited_ms);
	thread(9, state, cpu_ms, switches);
	return look(1250);
}

static void one_that_wants_to_run_and_cannot(void **state)
{
	(void)state;
	assert_true(after('R', 60, 3, 200));
}

static void one_that_has_run(void **state)
{
	(void)state;
	assert_false(after('R', 230, 3, 200));
}

static void one_that_has_slept(void **state)
{
	(void)state;
	assert_false(after('R', 60, 4, 200));
}

static void one_that_waits_for_a_page(void **state)
{
	(void)state;
	assert_true(after('D', 10, 4, 200));
}

static void nobody_waited(void **state)
{
	(void)state;
	assert_false(after('R', 60, 3, 10));
}

/* The kernel's figure is a mean of all CPUs. */
static void one_of_many_cpus(void **state)
{
	(void)state;
	k.cpus = 16;
	assert_true(after('R', 60, 3, 5));
	assert_false(after('R', 60, 3, 3));
}

/* Alone, and nobody waits for a CPU. */
static void one_that_is_stopped(void **state)
{
	(void)state;
	waited(0);
	thread(8, 'S', 0, 1);
	thread(9, 'S', 10, 3);
	assert_false(look(10000));
	waited(1);
	thread(9, 't', 10, 3);
	assert_false(look(10250)); /* not each time */
	waited(2);
	assert_true(look(12100));
	thread(9, 'S', 10, 3);
	waited(3);
	assert_false(look(14200));
}

static void kernels_without_pressure_figures(void **state)
{
	(void)state;
	thread(9, 'R', 10, 3);
	assert_false(look(1000));
	thread(9, 'R', 60, 3);
	assert_true(look(1250));
}

static void more_than_can_be_asked(void **state)
{
	int tid;

	(void)state;
	for (tid = 100; tid < 400; tid++)
		thread(tid, 'R', 1, 1);
	assert_true(look(1000));
}

static void one_that_is_gone(void **state)
{
	(void)state;
	assert_false(look(1000));
	assert_false(look(1250));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_wants_to_run_and_cannot, begin, end),
		cmocka_unit_test_setup_teardown(one_that_has_run, begin, end),
		cmocka_unit_test_setup_teardown(one_that_has_slept, begin, end),
		cmocka_unit_test_setup_teardown(one_that_waits_for_a_page, begin, end),
		cmocka_unit_test_setup_teardown(nobody_waited, begin, end),
		cmocka_unit_test_setup_teardown(one_of_many_cpus, begin, end),
		cmocka_unit_test_setup_teardown(one_that_is_stopped, begin, end),
		cmocka_unit_test_setup_teardown(kernels_without_pressure_figures, begin, end),
		cmocka_unit_test_setup_teardown(more_than_can_be_asked, begin, end),
		cmocka_unit_test_setup_teardown(one_that_is_gone, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
