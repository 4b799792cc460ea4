/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table of maps, of one target among others; and when it has ended. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "detect/gomap/maprows.h"
#include "probe/attachment.h"

#define TAG 3
#define OTHER 4
#define MAP 0xc000123000ull
#define RECORDS 64

static struct mr_map maps[RECORDS];
static struct engine engine = {.maps = maps, .map_records = RECORDS};
static struct attachment attachment = {.engine = &engine, .tag = TAG};
static struct process process;

static void record(uint32_t i, uint16_t tag, uint32_t writes)
{
	maps[i] = (struct mr_map){.addr = mr_tagged(MAP + i * 48, tag),
				  .flags = MR_MAP_SHARED | MR_MAP_WRITTEN,
				  .writes = writes};
}

static void drop(struct report *report)
{
	size_t i;

	for (i = 0; i < report->nmaps; i++)
		free(report->maps[i].type);
	free(report->maps);
	*report = (struct report){};
}

static void what_has_ended_stays(void **state)
{
	struct tracker_source source = {.attachment = &attachment};
	struct report report = {};
	struct err err = {.text = ""};
	int i;

	(void)state;
	assert_int_equal(process_open(&process, getpid(), &err), 0);
	source.resolver = (struct resolver){.bin = fixture_open("1.24"), .process = &process};
	record(1, TAG, 10);
	record(2, OTHER, 20);
	record(3, TAG, 30);
	for (i = 0; i < 3; i++) {
		assert_int_equal(maprows_append(&report, &source, 10), 0);
		assert_int_equal(report.nmaps, 2);
		assert_int_equal(report.maps[0].addr, MAP + 3 * 48);
		assert_int_equal(report.maps[0].writes, 30);
		assert_int_equal(report.maps[1].addr, MAP + 48);
		assert_int_equal(maprows_count(&source), 2);
		drop(&report);
		if (i)
			continue;
		/* others take its records */
		assert_int_equal(maprows_keep(&source, 10), 0);
		record(1, OTHER, 77);
		record(3, OTHER, 77);
	}
	maprows_forget(&source);
	go_binary_close((struct go_binary *)source.resolver.bin);
	process_close(&process);
}

/* One that has lived for a moment ends right after a look at the table for another one. */
static void the_last_look_is_not_of_before(void **state)
{
	struct tracker_source other = {.attachment = &attachment}, source = {};
	struct attachment brief = {.engine = &engine, .tag = OTHER};
	struct report report = {};
	struct err err = {.text = ""};

	(void)state;
	memset(maps, 0, sizeof(maps));
	assert_int_equal(process_open(&process, getpid(), &err), 0);
	source.attachment = &brief;
	source.resolver = (struct resolver){.bin = fixture_open("1.24"), .process = &process};
	other.resolver = source.resolver;
	record(1, TAG, 10);
	assert_int_equal(maprows_append(&report, &other, 10), 0);
	drop(&report);
	record(5, OTHER, 20);
	assert_int_equal(maprows_keep(&source, 10), 0);
	assert_int_equal(source.nkept, 1);
	assert_int_equal(source.maps_at_end, 1);
	source.attachment = NULL; /* as past_take() leaves it */
	assert_int_equal(maprows_count(&source), 1);
	maprows_forget(&source);
	go_binary_close((struct go_binary *)source.resolver.bin);
	process_close(&process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_ended_stays),
		cmocka_unit_test(the_last_look_is_not_of_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
