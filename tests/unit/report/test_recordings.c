/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Recordings of real runs (tests/recordings/NAME.mrec) and how they were rendered when somebody
 * looked at them (NAME.FORMAT.golden). After a change that is meant:
 * MAPRACE_GOLDEN=write make unit UNIT=recordings, and a look at git diff.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/format.h"
#include "report/input.h"
#include "report/load.h"

static const char *folder(void)
{
	const char *top = getenv("MAPRACE_TOP");
	static char path[512];

	snprintf(path, sizeof(path), "%s/tests/recordings", top ? top : ".");
	return path;
}

static void write_golden(const char *path, const char *text, size_t len)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static void compare(const char *path, const char *text, size_t len)
{
	const char *how = getenv("MAPRACE_GOLDEN");
	char *golden = NULL;
	size_t golden_len = 0;

	if (how && !strcmp(how, "write")) {
		write_golden(path, text, len);
		return;
	}
	if (input_read(path, 16u << 20, &golden, &golden_len))
		fail_msg("cannot read %s", path);
	if (golden_len != len || memcmp(golden, text, len) != 0)
		fail_msg("%s: rendered otherwise now", path);
	free(golden);
}

/* What is no text is not kept: nobody could look at it, and each zlib compresses otherwise. */
static void check_rendering(const struct report *report, const char *name,
			    enum report_format format)
{
	const struct print_options options = {.source_root = "/opt/shop"};
	char path[1024], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(format_print(out, report, format, &options), 0);
	assert_int_equal(fclose(out), 0);
	if (memchr(text, 0, len)) {
		free(text);
		return;
	}
	snprintf(path, sizeof(path), "%s/%s.%s.golden", folder(), name, format_name(format));
	compare(path, text, len);
	free(text);
}

static void check_recording(const char *file)
{
	char path[1024], name[256];
	struct mrec_note note;
	struct report report;
	struct err err = {0};
	size_t i;

	snprintf(path, sizeof(path), "%s/%s", folder(), file);
	snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - strlen(".mrec")), file);
	if (report_load(path, &report, &note, &err))
		fail_msg("%s: %s", file, err.text);
	assert_true(note.ended && !note.damaged);
	assert_true(report.nraces + report.nsuspects > 0);
	for (i = 0; i < REPORT_FORMATS; i++)
		check_rendering(&report, name, (enum report_format)i);
	report_free(&report);
}

static void test_recordings(void **state)
{
	DIR *dir = opendir(folder());
	struct dirent *entry;
	size_t n = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, ".mrec");

		if (!end || end[5])
			continue;
		check_recording(entry->d_name);
		n++;
	}
	closedir(dir);
	assert_true(n >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recordings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
