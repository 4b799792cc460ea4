/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A snapshot as text, as JSON of the schema, and as a profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "model/snapshot.h"
#include "report/format.h"
#include "report/json/json_read.h"
#include "report/load.h"
#include "report/mrec/mrec.h"
#include "report_sample.h"
#include "schema_check.h"

static void sample_group(struct report_group *g, const char *wait, uint64_t count)
{
	*g = (struct report_group){
		.count = count,
		.ids = {18, 19},
		.nids = count < 2 ? count : 2,
		.state = sample_text(wait[0] ? "waiting" : "running"),
		.wait = sample_text(wait),
		.waited_ns = {0, wait[0] ? 3000000000 : 0},
		.nframes = 3,
		.frames = sample_zero(3, sizeof(*g->frames)),
		.truncated = !wait[0],
		.approximate = !wait[0],
		.created_by = {.known = true, .goroutine = 1},
	};
	g->frames[0] = sample_frame("runtime.gopark", "runtime/proc.go", 402, 390);
	g->frames[1] = sample_frame("main.inlined", "/src/main.go", 7, 5);
	g->frames[1].inlined = true;
	g->frames[2] = sample_frame("main.worker\033[31m", "/src/main.go", 20, 15);
	g->created_by.at = sample_frame("main.main", "/src/main.go", 44, 40);
	g->label_sets = sample_zero(1, sizeof(*g->label_sets));
	g->nlabel_sets = 1;
	g->label_sets[0].count = count < 2 ? count : 2;
	g->label_sets[0].n = 1;
	g->label_sets[0].labels = sample_zero(1, sizeof(*g->label_sets[0].labels));
	g->label_sets[0].labels[0] =
		(struct report_label){sample_text("handler"), sample_text("add\033[0m")};
	g->labelled_more = count > 2;
}

static void sample_map(struct report_map_dump *m, bool swiss)
{
	*m = (struct report_map_dump){
		.map = {.addr = 0xc000094480,
			.type = sample_text("map[string]int"),
			.header_known = true,
			.len = 3,
			.swiss = swiss,
			.buckets = swiss ? 0 : 2},
		.entries = 4,
		.capacity = 16,
		.slots_seen = 8,
		.tables = swiss,
		.overflow = swiss ? 0 : 1,
		.lengths = {3, 1},
		.heat = {0.5, 1},
		.nheat = 2,
		.heat_seen = 1,
		.integrity = swiss ? REPORT_BROKEN : REPORT_INTACT,
		.reason = sample_text(""),
		.checked = 4,
	};
	if (!swiss)
		return;
	m->ndefects = m->nvalues = 1;
	m->all_defects = 3;
	m->defects = sample_zero(1, sizeof(*m->defects));
	m->defects[0] = (struct report_defect){sample_text("header"), sample_text("wrong")};
	m->values = sample_zero(1, sizeof(*m->values));
	m->values[0] = (struct report_entry){sample_text("\"\033k\""), sample_text("1")};
}

static void sample_death(struct report *report)
{
	struct report_death *d = sample_zero(1, sizeof(*d));

	report->deaths = d;
	report->ndeaths = 1;
	d->message = sample_text("concurrent map writes");
	d->map_known = true;
	d->map = (struct report_map){.addr = 0xc000094480, .type = sample_text("map[int]int")};
	d->not_identified = sample_text("");
	d->stopped_ns = 12000000;
	d->by_signal = true;
	d->nsides = 2;
	d->sides = sample_zero(2, sizeof(*d->sides));
	d->sides[0].in_operation = d->sides[1].in_operation = true;
	d->sides[0].op = REPORT_WRITE;
	d->sides[1].op = REPORT_DELETE;
	d->sides[1].role = REPORT_DEATH_INSIDE;
	sample_group(&d->sides[0].at, "", 1);
	sample_group(&d->sides[1].at, "", 1);
	d->nrunning = 1;
	d->running = sample_zero(1, sizeof(*d->running));
	d->running[0].role = REPORT_DEATH_RUNNING;
	sample_group(&d->running[0].at, "", 1);
	d->seen.pid = 4210;
	d->seen.exe = sample_text("/srv/app");
	d->seen.at_s = 1.5;
}

static void sample(struct report *report)
{
	struct report_snapshot *s = sample_zero(1, sizeof(*s));

	memset(report, 0, sizeof(*report));
	report->version = sample_text("1");
	report->kernel = sample_text("6");
	report->arch = sample_text("x86_64");
	report->started_unix_ns = 1800000000000000000;
	report->stats.cost_percent = -1;
	report->snapshots = s;
	report->nsnapshots = 1;
	s->pid = 4210;
	s->exe = sample_text("/srv/app");
	s->freeze_ns = 2300000;
	s->limit_ns = 250000000;
	s->threads = 5;
	s->goroutines = 8;
	s->ngroups = 2;
	s->groups = sample_zero(2, sizeof(*s->groups));
	sample_group(&s->groups[0], "", 1);
	sample_group(&s->groups[1], "chan receive", 7);
	s->nmaps = 2;
	s->maps = sample_zero(2, sizeof(*s->maps));
	sample_map(&s->maps[0], true);
	sample_map(&s->maps[1], false);
	s->core = (struct report_core){sample_text("now.core"), 46747648, 46714880, 307040256};
	assert_int_equal(report_snapshot_note(s, "%d goroutines were not read", 3), 0);
	assert_true(report_snapshot_broken(s));
	sample_death(report);
}

static char *render(enum report_format format, size_t *len)
{
	const struct print_options options = {.source_root = NULL};
	struct report report;
	char *text = NULL;
	FILE *out;

	sample(&report);
	out = open_memstream(&text, len);
	assert_non_null(out);
	assert_int_equal(format_print(out, &report, format, &options), 0);
	assert_int_equal(fclose(out), 0);
	report_free(&report);
	return text;
}

static void text_says_all_of_it(void **state)
{
	static const char *const parts[] = {
		"PROCESS 4210 DIED (/srv/app): fatal error: concurrent map writes\n",
		"Goroutine 18 died inside its write of the map at 0x00c000094480:\n",
		"Goroutine 18 stood inside its delete of the same map:\n",
		"Stood still for 12.0ms\n",
		"SNAPSHOT of process 4210 (/srv/app)\n",
		"Frozen for 2.3ms: 5 threads, 8 goroutines in 2 groups\n",
		"Core file now.core: 46.7 of 307.0 MB of its memory\n",
		"Note: 3 goroutines were not read\n",
		"Map at 0x00c000094480: map[string]int (by its contents)\n",
		"  3 entries (4 seen), 16 slots (8 seen), load 50%, 1 tables\n",
		"  BROKEN: 4 hashes computed anew\n    header: wrong\n    and 2 more\n",
		"  Intact: 4 hashes computed anew\n",
		"Goroutine 18: running\n  main.inlined()\n      /src/main.go:7\n",
		"7 goroutines: waiting, chan receive, for at least 3.0s\n",
		"Created by goroutine 1 at:\n  main.main()\n      /src/main.go:44\n",
		"Goroutines 18, 19, ...\n",
		"Labels: handler=add",
		"Labels of 2: handler=add",
		"Other labels: 1\n",
		"[inner callers may be missing",
	};
	size_t len, i;
	char *text = render(FORMAT_TEXT, &len);

	(void)state;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(text, parts[i]))
			fail_msg("\"%s\" is not in:\n%s", parts[i], text);
	assert_null(strchr(text, '\033'));
	assert_null(strstr(text, "gopark"));
	free(text);
}

static void json_is_of_the_schema(void **state)
{
	size_t len;
	char *text = render(FORMAT_JSON, &len);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *s;

	(void)state;
	assert_non_null(root);
	assert_valid(root);
	s = json_array_get(json_object_get(root, "snapshots"), 0);
	assert_int_equal(json_array_size(json_object_get(s, "groups")), 2);
	assert_int_equal(json_array_size(json_object_get(s, "maps")), 2);
	s = json_object_get(s, "core");
	assert_string_equal(json_string_value(json_object_get(s, "file")), "now.core");
	assert_int_equal(json_integer_value(json_object_get(s, "bytes")), 46747648);
	assert_int_equal(json_integer_value(json_object_get(s, "taken")), 46714880);
	assert_int_equal(json_integer_value(json_object_get(s, "of")), 307040256);
	json_decref(root);
	free(text);
}

static void the_page_has_the_pair_first(void **state)
{
	size_t len;
	char *text = render(FORMAT_HTML, &len), *pair, *groups;

	(void)state;
	pair = strstr(text, "stood inside its delete of the same map");
	groups = strstr(text, "<details");
	assert_true(pair && groups && pair < groups);
	assert_null(strchr(text, '\033'));
	free(text);
}

static void a_profile_has_the_groups(void **state)
{
	uint8_t plain[8192];
	size_t len, i, found = 0;
	char *packed = render(FORMAT_PPROF, &len);
	z_stream z = {.next_in = (uint8_t *)packed,
		      .avail_in = (uInt)len,
		      .next_out = plain,
		      .avail_out = sizeof(plain)};

	(void)state;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	inflateEnd(&z);
	for (i = 0; i + 12 < z.total_out; i++)
		found += !memcmp(plain + i, "\x32\x0cmain.inlined", 14);
	assert_int_equal(found, 1); /* each text once */
	free(packed);
}

/* Every rendering of what was read again is that of what was seen. */
static void assert_reads_back(enum report_format format)
{
	const struct print_options options = {.source_root = NULL};
	struct mrec_note note = {.damaged = false};
	struct report copy;
	struct err err = {.text = ""};
	size_t len, live_len, again_len, i;
	char *text = render(format, &len), *live, *again;
	FILE *out;
	int r;

	r = format == FORMAT_MREC ? mrec_read_buffer(text, len, &copy, &note, &err)
				  : json_read_buffer(text, len, &copy, &err);
	if (r || note.damaged)
		fail_msg("%s%s", err.text, note.why);
	for (i = 0; i < REPORT_FORMATS; i++) {
		live = render((enum report_format)i, &live_len);
		out = open_memstream(&again, &again_len);
		assert_non_null(out);
		assert_int_equal(format_print(out, &copy, (enum report_format)i, &options), 0);
		assert_int_equal(fclose(out), 0);
		assert_int_equal(live_len, again_len);
		assert_memory_equal(live, again, live_len);
		free(live);
		free(again);
	}
	report_free(&copy);
	free(text);
}

static void it_can_be_read_again(void **state)
{
	(void)state;
	assert_reads_back(FORMAT_JSON);
	assert_reads_back(FORMAT_MREC);
}

/* A record holds 16 MB: of ten thousand goroutines with long stacks there are fewer groups then. */
static void a_recording_has_what_there_is_room_for(void **state)
{
	const struct print_options options = {.source_root = NULL};
	struct mrec_note note = {.damaged = false};
	struct report report, copy;
	struct report_snapshot *s;
	struct err err = {.text = ""};
	char *text = NULL;
	size_t len, i;
	FILE *out;

	(void)state;
	sample(&report);
	s = &report.deaths[0].seen;
	s->ngroups = 60000;
	s->groups = sample_zero(s->ngroups, sizeof(*s->groups));
	for (i = 0; i < s->ngroups; i++)
		sample_group(&s->groups[i], "chan receive", 1);
	out = open_memstream(&text, &len);
	assert_non_null(out);
	assert_int_equal(format_print(out, &report, FORMAT_MREC, &options), 0);
	assert_int_equal(fclose(out), 0);
	report_free(&report);
	assert_int_equal(mrec_read_buffer(text, len, &copy, &note, &err), 0);
	assert_true(note.ended && !note.damaged);
	s = &copy.deaths[0].seen;
	assert_in_range(s->ngroups, 7000, 59999);
	assert_int_equal(s->ngroups + s->groups_cut, 60000);
	assert_int_equal(copy.nsnapshots, 1);
	report_free(&copy);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_says_all_of_it),
		cmocka_unit_test(json_is_of_the_schema),
		cmocka_unit_test(it_can_be_read_again),
		cmocka_unit_test(a_recording_has_what_there_is_room_for),
		cmocka_unit_test(the_page_has_the_pair_first),
		cmocka_unit_test(a_profile_has_the_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
