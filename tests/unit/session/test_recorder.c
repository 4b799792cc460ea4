/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/load.h"
#include "session/recorder.h"
#include "report_sample.h"
#include "tmpdir.h"

static char path[128];

static int set_up(void **state)
{
	(void)state;
	if (tmpdir_make())
		return -1;
	snprintf(path, sizeof(path), "%s/run.mrec", dir);
	return 0;
}

static long size_of_file(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void load(struct report *report, struct mrec_note *note)
{
	struct err err = {0};

	if (report_load(path, report, note, &err))
		fail_msg("%s", err.text);
	assert_false(note->damaged);
}

/* Sightings by the hundred thousand, told at every tick for seven hours. */
static void test_many_sightings(void **state)
{
	struct output_options options = {.record = path};
	struct recorder *recorder;
	struct report report, copy;
	struct mrec_note note;
	struct err err = {0};
	uint64_t i;
	double now = 0;

	(void)state;
	sample_report(&report);
	strcpy(report.races[1].id, "0123456789abcdef"); /* the sample has one site twice */
	report.duration_s = 1;
	assert_int_equal(recorder_open(&recorder, &options, &err), 0);
	assert_int_equal(recorder_report(recorder, &report, false), 0);
	for (i = 1; i <= 100000; i++) {
		now = (double)i / 4;
		report.races[0].count = i;
		report.races[0].last_seen_s = now;
		report_sightings_add(&report.races[0].sightings, now, 1);
		assert_int_equal(recorder_races(recorder, &report, now, false), 0);
	}
	/* killed now, the count is at most half of the run behind */
	load(&copy, &note);
	assert_false(note.ended);
	assert_int_equal(copy.nraces, 2);
	assert_true(copy.races[0].count >= 50000);
	report_free(&copy);

	report.duration_s = now;
	assert_int_equal(recorder_report(recorder, &report, true), 0);
	assert_int_equal(recorder_close(recorder), 0);
	load(&copy, &note);
	assert_true(note.ended);
	assert_int_equal(copy.nraces, 2);
	assert_int_equal(copy.races[0].count, 100000);
	assert_int_equal(copy.races[1].count, 1);
	assert_true(size_of_file() < 100000);
	report_free(&copy);
	report_free(&report);
}

/* A suspect that turned out to be none is not in the recording's report. */
static void test_suspects_that_go(void **state)
{
	struct output_options options = {.record = path};
	struct recorder *recorder;
	struct report report, copy;
	struct mrec_note note;
	struct err err = {0};

	(void)state;
	sample_report(&report);
	assert_int_equal(recorder_open(&recorder, &options, &err), 0);
	assert_int_equal(recorder_report(recorder, &report, false), 0);
	load(&copy, &note);
	assert_int_equal(copy.nsuspects, 1);
	report_free(&copy);
	report.nsuspects = 0;
	assert_int_equal(recorder_report(recorder, &report, true), 0);
	assert_int_equal(recorder_close(recorder), 0);
	load(&copy, &note);
	assert_int_equal(copy.nsuspects, 0);
	report_free(&copy);
	report.nsuspects = 1;
	report_free(&report);
}

/* A process executes its program anew, and races at the same lines. */
static void test_one_site_twice(void **state)
{
	struct output_options options = {.record = path};
	struct recorder *recorder;
	struct report report, copy;
	struct mrec_note note;
	struct err err = {0};
	int first, second;

	(void)state;
	sample_report(&report);
	assert_true(report.nraces >= 2);
	strcpy(report.races[1].id, report.races[0].id);
	report.races[1].pid = report.races[0].pid;
	report.races[0].target = &first;
	report.races[1].target = &second;
	assert_int_equal(recorder_open(&recorder, &options, &err), 0);
	assert_int_equal(recorder_report(recorder, &report, true), 0);
	assert_int_equal(recorder_close(recorder), 0);
	load(&copy, &note);
	assert_int_equal(copy.nraces, report.nraces);
	report_free(&copy);
	report_free(&report);
}

static void test_several_files(void **state)
{
	struct output_options options = {.paths = {"/nonexistent/a.mrec"}, .n = 1};
	struct recorder *recorder;
	struct err err = {0};

	(void)state;
	assert_int_equal(recorder_open(&recorder, &options, &err), -ENOENT);
	assert_string_equal(err.text, "cannot write /nonexistent/a.mrec: ENOENT");
	options.paths[0] = "a.json";
	assert_int_equal(recorder_open(&recorder, &options, &err), 0);
	assert_null(recorder);
	assert_true(recorder_takes("a.mrec", &options));
	options.format_given = true;
	options.format = FORMAT_HTML;
	assert_false(recorder_takes("a.mrec", &options));
}

/* A disk that is full is told once, and makes the watch fail. */
static void test_full_disk(void **state)
{
	struct output_options options = {.record = "/dev/full"};
	struct recorder *recorder;
	struct err err = {0};

	(void)state;
	assert_int_equal(recorder_open(&recorder, &options, &err), -ENOSPC);
	assert_null(recorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_sightings, set_up, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_suspects_that_go, set_up, tmpdir_remove),
		cmocka_unit_test_setup_teardown(test_one_site_twice, set_up, tmpdir_remove),
		cmocka_unit_test(test_several_files),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
