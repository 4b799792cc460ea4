/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/format.h"
#include "report/load.h"
#include "report/mrec/mrec.h"
#include "report/mrec/mrec_frame.h"
#include "report_sample.h"

static const struct print_options plain;

struct bytes {
	char *data;
	size_t len;
};

static struct bytes render(const struct report *report, enum report_format format)
{
	struct sample_stream s;
	struct bytes b;

	sample_open(&s);
	assert_int_equal(format_print(s.out, report, format, &plain), 0);
	b.data = sample_close(&s);
	b.len = s.len;
	return b;
}

static struct bytes record_sample(void)
{
	struct report report;
	struct bytes b;

	sample_report(&report);
	report_sightings_add(&report.races[0].sightings, 0.4, 3);
	report_sightings_add(&report.races[0].sightings, 2.9, 9);
	b = render(&report, FORMAT_MREC);
	report_free(&report);
	return b;
}

static int replay(const struct bytes *b, size_t len, struct report *report, struct mrec_note *note)
{
	struct err err = {0};
	/* a copy of that length, so that a read behind its end is seen */
	char *copy = malloc(len ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, b->data, len);
	rc = mrec_read_buffer(copy, len, report, note, &err);
	if (rc)
		assert_true(err.text[0]);
	free(copy);
	return rc;
}

static void test_every_rendering_is_the_same(void **state)
{
	struct bytes recording = record_sample(), live, again;
	struct report report, copy;
	struct mrec_note note;
	size_t i;

	(void)state;
	sample_report(&report);
	report.races[0].map.global = sample_text("main.state+16");
	report_sightings_add(&report.races[0].sightings, 0.4, 3);
	report_sightings_add(&report.races[0].sightings, 2.9, 9);
	sample_growths(&report);
	report.followed = sample_zero(1, sizeof(*report.followed));
	*report.followed = (struct report_followed){.processes = 63, .go = 3, .watched = 2};
	report.growths[0].began_s = 0.1 + 0.2;
	report.duration_s = 0.1 + 0.2; /* all 17 digits count */
	free(recording.data);
	recording = render(&report, FORMAT_MREC);
	assert_int_equal(replay(&recording, recording.len, &copy, &note), 0);
	assert_true(note.ended && !note.damaged);
	assert_true(copy.duration_s == report.duration_s);
	assert_non_null(copy.followed);
	assert_int_equal(copy.followed->processes, 63);
	assert_string_equal(copy.races[0].map.global, "main.state+16");
	assert_true(copy.growth && copy.growths[0].began_s == report.growths[0].began_s);
	for (i = 0; i < REPORT_FORMATS; i++) {
		live = render(&report, (enum report_format)i);
		again = render(&copy, (enum report_format)i);
		assert_int_equal(live.len, again.len);
		assert_memory_equal(live.data, again.data, live.len);
		free(live.data);
		free(again.data);
	}
	report_free(&report);
	report_free(&copy);
	free(recording.data);
}

/* Where the records of a recording begin; returns how many there are, the end counted as one. */
static size_t record_offsets(const struct bytes *b, size_t *offsets, size_t max)
{
	size_t at = MREC_FRAME, n = 0;

	while (n < max) {
		offsets[n++] = at;
		if (at >= b->len)
			return n;
		at += MREC_FRAME + mrec_get_u32((const unsigned char *)b->data + at + 4);
	}
	return n;
}

/* Cut at any byte, it gives all whole records and says that it has no end. */
static void test_cut_anywhere(void **state)
{
	struct bytes b = record_sample();
	size_t offsets[16], n = record_offsets(&b, offsets, 16), cut, whole;
	struct report report;
	struct mrec_note note;

	(void)state;
	assert_int_equal(n, 7); /* head, two races, a suspect, state, end */
	for (cut = 0; cut < b.len; cut++) {
		if (cut < offsets[1]) {
			assert_int_equal(replay(&b, cut, &report, &note), -EBADMSG);
			continue;
		}
		assert_int_equal(replay(&b, cut, &report, &note), 0);
		assert_false(note.ended);
		assert_false(note.damaged);
		for (whole = n - 1; offsets[whole] > cut; whole--)
			;
		assert_int_equal(note.good, offsets[whole]);
		assert_true(!note.why[0] == (cut == offsets[whole]));
		assert_int_equal(report.nraces, whole > 2 ? 2 : whole - 1);
		assert_int_equal(report.nsuspects, whole > 3);
		assert_int_equal(report.nmaps, whole > 4 ? 4 : 0);
		report_free(&report);
	}
	free(b.data);
}

/* One bit that is not as it was is always noticed; what stands before it is shown. */
static void test_flipped_anywhere(void **state)
{
	struct bytes b = record_sample();
	size_t offsets[16], at;
	struct report report;
	struct mrec_note note;
	int rc;

	(void)state;
	record_offsets(&b, offsets, 16);
	for (at = 8; at < b.len; at++) {
		b.data[at] ^= (char)(1 << (at % 8));
		rc = replay(&b, b.len, &report, &note);
		if (at < offsets[1]) {
			assert_int_equal(rc, -EBADMSG);
		} else {
			assert_int_equal(rc, 0);
			assert_true(note.damaged);
			assert_true(note.good <= at && at < b.len);
			assert_false(note.ended);
			report_free(&report);
		}
		b.data[at] ^= (char)(1 << (at % 8));
	}
	b.data[3] ^= 1; /* not even a recording */
	assert_false(mrec_is(b.data, b.len));
	free(b.data);
}

static void test_newer_version_is_refused(void **state)
{
	struct bytes b = record_sample();
	unsigned char *head = (unsigned char *)b.data;
	struct mrec_note note;
	struct report report;
	struct err err = {0};

	(void)state;
	mrec_put_u32(head + 8, MREC_VERSION + 1);
	mrec_put_u32(head + 12, mrec_crc(head, 12));
	assert_int_equal(mrec_read_buffer(b.data, b.len, &report, &note, &err), -ENOTSUP);
	assert_string_equal(err.text, "it is a recording of version 2, this version reads 1");
	assert_true(err.hint[0]);
	free(b.data);
}

/* A recording that grows by hand. */
struct growing {
	struct sample_stream s;
};

static void grow_open(struct growing *g)
{
	unsigned char head[MREC_FRAME];

	sample_open(&g->s);
	memcpy(head, MREC_MAGIC, 8);
	mrec_put_u32(head + 8, MREC_VERSION);
	mrec_put_u32(head + 12, mrec_crc(head, 12));
	fwrite(head, 1, sizeof(head), g->s.out);
}

static void grow(struct growing *g, uint32_t type, const char *payload)
{
	unsigned char head[MREC_FRAME];
	uint32_t len = (uint32_t)strlen(payload);

	mrec_put_u32(head, type);
	mrec_put_u32(head + 4, len);
	mrec_put_u32(head + 8, mrec_crc(payload, len));
	mrec_put_u32(head + 12, mrec_crc(head, 12));
	fwrite(head, 1, sizeof(head), g->s.out);
	fwrite(payload, 1, len, g->s.out);
}

static int grow_replay(struct growing *g, struct report *report, struct mrec_note *note)
{
	struct bytes b;
	int rc;

	b.data = sample_close(&g->s);
	b.len = g->s.len;
	rc = replay(&b, b.len, report, note);
	free(b.data);
	return rc;
}

#define HEAD "{\"schema\":\"maprace/1\",\"tool\":{\"version\":\"9\"}}"
#define A_RACE(n, goroutine)                                                    \
	"{\"n\":" #n ",\"id\":\"0123456789abcdef\",\"evidence\":\"collision\"," \
	"\"kind\":\"read-write\",\"count\":1,\"pid\":7,"                        \
	"\"accesses\":[{\"op\":\"write\",\"goroutine\":" #goroutine "},{\"op\":\"read\"}]}"

static void test_later_records_replace(void **state)
{
	struct growing g;
	struct report report;
	struct mrec_note note;

	(void)state;
	grow_open(&g);
	grow(&g, MREC_HEAD, HEAD);
	grow(&g, MREC_RACE, A_RACE(0, 1));
	grow(&g, MREC_RACE, A_RACE(1, 2));
	grow(&g, 4711, "{\"from\":\"a later version\"}");
	grow(&g, MREC_SEEN,
	     "{\"n\":1,\"id\":\"0123456789abcdef\",\"pid\":7,\"count\":100000,\"last_seen_s\":5}");
	grow(&g, MREC_RACE, A_RACE(0, 3));
	grow(&g, MREC_STATE,
	     "{\"duration_s\":1,\"maps\":[{\"verdict\":\"racy\"}],"
	     "\"growths\":[{\"kind\":\"split\"},{\"kind\":\"table\"}]}");
	grow(&g, MREC_STATE, "{\"duration_s\":2,\"growths\":[{\"kind\":\"table\"}]}");
	assert_int_equal(grow_replay(&g, &report, &note), 0);
	assert_false(note.damaged || note.ended);
	assert_int_equal(report.nraces, 2);
	assert_int_equal(report.races[0].access[1].goroutine, 3);
	assert_int_equal(report.races[0].count, 1);
	assert_int_equal(report.races[1].count, 100000);
	assert_true(report.races[1].last_seen_s == 5);
	assert_true(report.duration_s == 2);
	assert_int_equal(report.nmaps, 0);
	assert_true(report.growth);
	assert_int_equal(report.ngrowths, 1);
	assert_int_equal(report.growths[0].kind, REPORT_GROWTH_TABLE);
	assert_string_equal(report.version, "9");
	assert_string_equal(report.kernel, "");
	report_free(&report);
}

static void assert_spoilt(uint32_t type, const char *payload)
{
	struct growing g;
	struct report report;
	struct mrec_note note;

	grow_open(&g);
	grow(&g, MREC_HEAD, HEAD);
	grow(&g, type, payload);
	grow(&g, MREC_RACE, A_RACE(0, 1));
	assert_int_equal(grow_replay(&g, &report, &note), 0);
	assert_true(note.damaged);
	assert_int_equal(report.nraces, 0);
	report_free(&report);
}

/* A checksum that is right does not make a record right. */
static void test_wrong_payloads(void **state)
{
	(void)state;
	assert_spoilt(MREC_RACE, "");
	assert_spoilt(MREC_RACE, "[]");
	assert_spoilt(MREC_RACE, "{}");
	assert_spoilt(MREC_RACE, A_RACE(1, 1));
	assert_spoilt(MREC_SEEN, "{\"n\":0}");
	assert_spoilt(MREC_STATE, "{\"maps\":3}");
	assert_spoilt(MREC_STATE, "{\"maps\":[{\"verdict\":\"?\"}]}");
	assert_spoilt(MREC_STATE, "{\"growths\":3}");
	assert_spoilt(MREC_STATE, "{\"growths\":[{\"kind\":\"?\"}]}");
	assert_spoilt(MREC_HEAD, HEAD);
}

static void test_a_head_must_come_first(void **state)
{
	struct growing g;
	struct report report;
	struct mrec_note note;

	(void)state;
	grow_open(&g);
	grow(&g, MREC_RACE, A_RACE(0, 1));
	grow(&g, MREC_HEAD, HEAD);
	assert_int_equal(grow_replay(&g, &report, &note), -EBADMSG);
	grow_open(&g);
	grow(&g, MREC_HEAD, "{\"schema\":\"maprace/2\"}");
	assert_int_equal(grow_replay(&g, &report, &note), -ENOTSUP);
}

/* Each record is in the file as soon as its function has returned. */
static void test_writer_streams(void **state)
{
	char dir[] = "/tmp/maprace-test-XXXXXX", path[64];
	struct mrec_writer *w;
	struct report report, copy;
	struct mrec_note note;
	struct err err = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.mrec", dir);
	sample_report(&report);
	assert_int_equal(mrec_create(&w, path), 0);
	assert_int_equal(mrec_head(w, &report), 0);
	assert_int_equal(mrec_race(w, 0, &report.races[0], false), 0);
	report.races[0].count = 99;
	assert_int_equal(mrec_seen(w, 0, &report.races[0], false), 0);
	assert_int_equal(report_load(path, &copy, &note, &err), 0);
	assert_int_equal(copy.nraces, 1);
	assert_int_equal(copy.races[0].count, 99);
	assert_false(note.ended || note.damaged);
	report_free(&copy);
	assert_int_equal(mrec_race(w, 0, &report.suspects[0], true), 0);
	assert_int_equal(mrec_state(w, &report, NULL), 0);
	assert_int_equal(mrec_end(w), 0);
	assert_int_equal(mrec_close(w), 0);
	assert_int_equal(report_load(path, &copy, &note, &err), 0);
	assert_true(note.ended);
	report_free(&copy);
	report_free(&report);
	unlink(path);
	rmdir(dir);
}

static void test_writer_tells_of_failures(void **state)
{
	struct mrec_writer *w;
	struct report report;

	(void)state;
	sample_report(&report);
	assert_int_equal(mrec_create(&w, "/nonexistent/a.mrec"), -ENOENT);
	assert_int_equal(mrec_create(&w, "/dev/full"), -ENOSPC);
	report_free(&report);
}

/* The bins are as wide as they must be, and lose nothing. */
static void test_sightings(void **state)
{
	struct report_sightings s = {0};
	uint64_t sum = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 100000; i++)
		report_sightings_add(&s, (double)i / 100, 1);
	for (i = 0; i < s.nbins; i++) {
		sum += s.bins[i];
		if (i + 1 < s.nbins)
			assert_true(s.bins[i] == (uint64_t)(s.bin_s * 100));
	}
	assert_int_equal(sum, 100000);
	assert_true(s.bin_s == 16);
	assert_int_equal(s.nbins, 63);
	report_sightings_add(&s, -1, 1);
	report_sightings_add(&s, 1e300, 1);
	assert_true(s.bin_s == 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_rendering_is_the_same),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_flipped_anywhere),
		cmocka_unit_test(test_newer_version_is_refused),
		cmocka_unit_test(test_later_records_replace),
		cmocka_unit_test(test_wrong_payloads),
		cmocka_unit_test(test_a_head_must_come_first),
		cmocka_unit_test(test_writer_streams),
		cmocka_unit_test(test_writer_tells_of_failures),
		cmocka_unit_test(test_sightings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
