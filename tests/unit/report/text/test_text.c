/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/words/duration.h"
#include "base/escape.h"
#include "report/printers.h"
#include "report/words/words.h"
#include "report_sample.h"

static const struct text_style plain;

static char *print_race(const struct report_race *race, const struct text_style *style)
{
	struct sample_stream s;

	sample_open(&s);
	text_print_race(s.out, race, 3, style);
	return sample_close(&s);
}

static char *print_escaped(const char *hostile)
{
	struct sample_stream s;

	sample_open(&s);
	escape_text(s.out, hostile);
	return sample_close(&s);
}

static void assert_race_text(const struct report_race *race, const char *expected)
{
	char *text = print_race(race, &plain);

	assert_string_equal(text, expected);
	free(text);
}

static void test_collision(void **state)
{
	struct report_race race;

	(void)state;
	sample_race(&race);
	assert_race_text(
		&race,
		"==================\n"
		"WARNING: CONCURRENT MAP ACCESS (proven)\n"
		"Write at 0x00c000094480 by goroutine 18 (thread 4215, cpu 0):\n"
		"  runtime.mapassign_faststr()\n"
		"      runtime/map_faststr.go:203\n"
		"  main.(*cache).put()\n"
		"      /src/app/main.go:20\n"
		"Concurrent read at 0x00c000094480 by goroutine 19 (thread 4216, cpu 1):\n"
		"  runtime.mapaccess1_faststr()\n"
		"      runtime/map_faststr.go:203\n"
		"  main.(*cache).get()\n"
		"      /src/app/main.go:31\n"
		"Goroutine 18 created at:\n"
		"  main.main()\n"
		"      /src/app/main.go:44\n"
		"Map: map[string]int, 1024 entries, 128 buckets, growing\n"
		"Evidence: goroutine 19 entered while goroutine 18 was held inside its own operation (36.5us)\n"
		"Seen 12 times in 3.0s; the process's own check has not fired\n"
		"==================\n");
	report_race_free(&race);
}

static void test_fatal(void **state)
{
	struct report_race race;

	(void)state;
	sample_fatal(&race);
	assert_race_text(
		&race,
		"==================\n"
		"WARNING: CONCURRENT MAP ACCESS (proven)\n"
		"Write at 0x00c000094480 by goroutine 19 (thread 4216, cpu 1):\n"
		"  runtime.mapaccess1_faststr()\n"
		"      runtime/map_faststr.go:203\n"
		"  main.(*cache).get()\n"
		"      /src/app/main.go:31\n"
		"Last seen write at 0x00c000094480 by goroutine 18 (thread 4215, cpu 0):\n"
		"  runtime.mapassign_faststr()\n"
		"      runtime/map_faststr.go:203\n"
		"  main.(*cache).put()\n"
		"      /src/app/main.go:20\n"
		"  [only the innermost callers are known]\n"
		"Goroutine 18 created at:\n"
		"  main.main()\n"
		"      /src/app/main.go:44\n"
		"Map: map[string]int, 1024 entries, 128 buckets, growing\n"
		"Evidence: the runtime threw `concurrent map writes`; proven: the map was in conflict: "
		"goroutine 19 was inside, and so was goroutine 18\n"
		"Seen once in 3.0s; the process's own check has fired\n"
		"==================\n");
	report_race_free(&race);
}

/* What a fatal error proves, and what it does not. */
static void test_fatal_words(void **state)
{
	struct report_race race;
	char *said;

	(void)state;
	sample_fatal(&race);
	race.other_unsure = true;
	said = words_of(words_evidence, &race);
	assert_string_equal(
		said,
		"the runtime threw `concurrent map writes`; proven: the map was in conflict: "
		"goroutine 19 was inside, with whom is not known; it was last seen written by "
		"goroutine 18");
	free(said);
	race.has_other = false;
	race.damaged = true;
	said = words_of(words_evidence, &race);
	assert_string_equal(
		said, "the runtime threw `concurrent map writes`; proven: the map is damaged, "
		      "as by writes at the same time, now or long before, and by whom is not "
		      "known");
	free(said);
	said = words_of(words_title, &race);
	assert_string_equal(said, "DAMAGED MAP (proven)");
	free(said);
	race.damaged = false;
	race.caveat = sample_text("it may be wrong");
	said = words_of(words_title, &race);
	assert_string_equal(said, "CONCURRENT MAP ACCESS (suspect)");
	free(said);
	said = words_of(words_evidence, &race);
	assert_non_null(strstr(said, "; it says: the map was in conflict"));
	free(said);
	race.evidence = REPORT_COLLISION; /* met again */
	said = words_of(words_fired, &race);
	assert_string_equal(said,
			    "the process's own check has fired here: `concurrent map writes`");
	free(said);
	report_race_free(&race);
}

/* Nothing may be claimed that is not known. */
static void test_unknown_parts(void **state)
{
	struct report_race race = {.evidence = REPORT_FATAL, .count = 1, .check_fired = true};

	(void)state;
	race.access[0].op = REPORT_CLEAR;
	assert_race_text(
		&race,
		"==================\n"
		"WARNING: CONCURRENT MAP ACCESS (proven)\n"
		"Clear by an unknown goroutine:\n"
		"  [stack unknown]\n"
		"The other access is unknown\n"
		"Evidence: the runtime threw its concurrent map fatal error; proven: the map was "
		"in conflict: an unknown goroutine was inside, with whom is not known\n"
		"Seen once in 3.0s; the process's own check has fired\n"
		"==================\n");
}

static void test_in_flight_and_suspect(void **state)
{
	struct report_race race;
	char *text;

	(void)state;
	sample_race(&race);
	race.evidence = REPORT_IN_FLIGHT;
	text = print_race(&race, &plain);
	assert_has(text, "(proven)\nRead at 0x00c000094480 by goroutine 19");
	assert_has(text, "\nLast seen write at 0x00c000094480 by goroutine 18");
	assert_has(
		text,
		"Evidence: goroutine 19 entered while the map's writing flag was set by another goroutine\n");
	free(text);
	race.evidence = REPORT_WINDOW;
	text = print_race(&race, &plain);
	assert_has(text, "WARNING: CONCURRENT MAP ACCESS (suspect)\n");
	assert_has(text, "\nPrevious write at");
	assert_has(text, "Evidence: not proven: the two operations were 1.0ms apart");
	assert_has_not(text, "(proven)");
	free(text);
	report_race_free(&race);
}

static void test_operations(void **state)
{
	struct report_race race;
	char *text;

	(void)state;
	sample_race(&race);
	race.access[1].op = REPORT_DELETE;
	race.access[0].op = REPORT_ITERATE;
	text = print_race(&race, &plain);
	assert_has(text, "\nDelete at ");
	assert_has(text, "\nConcurrent iteration at ");
	free(text);
	race.access[0].op = REPORT_CLONE;
	text = print_race(&race, &plain);
	assert_has(text, "\nConcurrent clone at ");
	free(text);
	report_race_free(&race);
}

static void assert_map_line(struct report_race *race, const char *expected)
{
	char *text = print_race(race, &plain);

	if (expected)
		assert_has(text, expected);
	else
		assert_has_not(text, "Map: ");
	free(text);
}

static void test_map_line(void **state)
{
	struct report_race race;

	(void)state;
	sample_race(&race);
	race.map.global = sample_text("main.cache");
	assert_map_line(
		&race,
		"Map: map[string]int, 1024 entries, 128 buckets, growing, global variable main.cache\n");
	free(race.map.global);
	race.map.global = NULL;
	race.map.buckets = 1;
	race.map.len = 1;
	race.map.growing = false;
	assert_map_line(&race, "\nMap: map[string]int, 1 entry, 1 bucket\n");
	race.map.swiss = true;
	race.map.buckets = 16;
	assert_map_line(&race, "\nMap: map[string]int, 1 entry, 16 groups\n");
	race.map.buckets = 0;
	race.map.on_stack = true;
	assert_map_line(&race, "\nMap: map[string]int, 1 entry, on a goroutine's stack\n");
	race.map.on_stack = false;
	race.map.header_known = false;
	race.map.growing = true;
	assert_map_line(&race, "\nMap: map[string]int\n");
	race.map.type[0] = '\0';
	assert_map_line(&race, NULL);
	race.map.header_known = true;
	race.map.growing = false;
	assert_map_line(&race, "\nMap: type unknown, 1 entry\n");
	report_race_free(&race);
}

static void test_frames(void **state)
{
	const struct text_style verbose = {.verbose = true};
	struct report_race race;
	char *text;

	(void)state;
	sample_race(&race);
	text = print_race(&race, &verbose);
	assert_has(text, "  runtime.goexit()\n      runtime/asm_amd64.s:1700\n");
	free(text);
	race.access[0].truncated = true;
	race.access[0].frames[1].file[0] = '\0';
	race.access[1].frames[1].line = 0;
	text = print_race(&race, &plain);
	assert_has_not(text, "runtime.goexit");
	assert_has(text, "  main.(*cache).put()\n      /src/app/main.go\n");
	assert_has(text, "  main.(*cache).get()\n      0x40101f\n"
			 "  [outer callers are missing: the stack walk ended early]\n");
	free(text);
	report_race_free(&race);
}

/* Where Go was installed is noise, but not for the program's own files, and -v shows all. */
static void test_runtime_file_is_short(void **state)
{
	const struct text_style verbose = {.verbose = true};
	struct report_race race;
	char *text;

	(void)state;
	sample_race(&race);
	free(race.access[0].frames[0].file);
	free(race.access[0].frames[1].file);
	free(race.access[1].frames[0].file);
	race.access[0].frames[0].file = sample_text("/usr/lib/go-1.19/src/runtime/map.go");
	race.access[0].frames[1].file = sample_text("/home/me/src/runtime/main.go");
	race.access[1].frames[0].file = sample_text("/opt/go/src/internal/runtime/maps/map.go");
	text = print_race(&race, &plain);
	assert_has(text, "      runtime/map.go:203\n");
	assert_has(text, "      /home/me/src/runtime/main.go:31\n");
	assert_has(text, "      internal/runtime/maps/map.go:203\n");
	free(text);
	text = print_race(&race, &verbose);
	assert_has(text, "      /usr/lib/go-1.19/src/runtime/map.go:203\n");
	free(text);
	report_race_free(&race);
}

/* A stack that is all runtime (its own goroutines) must not vanish. */
static void test_runtime_only_stack(void **state)
{
	struct report_race race;
	char *text;

	(void)state;
	sample_race(&race);
	race.access[0].frames[1].runtime = true;
	text = print_race(&race, &plain);
	assert_has(text, "  main.(*cache).get()\n");
	assert_has(text, "  runtime.goexit()\n");
	free(text);
	report_race_free(&race);
}

static void test_color_only_when_asked(void **state)
{
	const struct text_style color = {.color = true};
	struct report_race race;
	char *text;

	(void)state;
	sample_race(&race);
	text = print_race(&race, &plain);
	assert_null(strchr(text, '\033'));
	free(text);
	text = print_race(&race, &color);
	assert_has(text, "\033[1;31mWARNING: CONCURRENT MAP ACCESS (proven)\033[0m\n");
	free(text);
	report_race_free(&race);
}

static void test_hostile_names(void **state)
{
	struct report_race race;
	char *text, *p;

	(void)state;
	sample_race(&race);
	free(race.access[0].frames[1].function);
	free(race.access[0].frames[1].file);
	free(race.map.type);
	free(race.message);
	race.access[0].frames[1].function =
		sample_text("main.\033]0;owned\007f\n==================\n");
	race.access[0].frames[1].file = sample_text("/a\rb\xc2\x9b"
						    "31m.go");
	race.map.type = sample_text("map[\xff\xfe]\xe2\x80\xaeint");
	race.message = sample_text("x");
	text = print_race(&race, &plain);
	assert_has(text, "main.\\x1b]0;owned\\x07f\\x0a==================\\x0a()\n");
	assert_has(text, "/a\\x0db\\u{9b}31m.go:31\n");
	assert_has(text, "Map: map[\\xff\\xfe]\\u{202e}int,");
	for (p = text; *p; p++)
		assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
	free(text);
	report_race_free(&race);
}

static void assert_escape(const char *hostile, const char *expected)
{
	char *text = print_escaped(hostile);

	assert_string_equal(text, expected);
	free(text);
}

static void test_escape(void **state)
{
	(void)state;
	assert_escape(NULL, "");
	assert_escape("main.f[go.shape.int]", "main.f[go.shape.int]");
	assert_escape("gr\xc3\xbc\xc3\x9f \xe5\xb0\x8f \xf0\x9f\x98\x80 a\\b",
		      "gr\xc3\xbc\xc3\x9f \xe5\xb0\x8f \xf0\x9f\x98\x80 a\\b");
	assert_escape("\x7f\t", "\\x7f\\x09");
	assert_escape("\xc0\xaf", "\\xc0\\xaf");		   /* overlong */
	assert_escape("\xed\xa0\x80", "\\xed\\xa0\\x80");	   /* surrogate */
	assert_escape("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	assert_escape("\xe5\xb0", "\\xe5\\xb0");		   /* cut off */
	assert_escape("\xc2\x85\xef\xbb\xbf\xf3\xa0\x80\x81", "\\u{85}\\u{feff}\\u{e0001}");
}

static void test_very_long_name(void **state)
{
	char *huge = malloc(1000001), *text;

	(void)state;
	assert_non_null(huge);
	memset(huge, 'a', 1000000);
	huge[1000000] = '\0';
	text = print_escaped(huge);
	assert_int_equal(strlen(text), ESCAPE_TEXT_MAX + 3);
	assert_string_equal(text + ESCAPE_TEXT_MAX, "...");
	free(text);
	/* a character of two bytes that would straddle the limit is left out as a whole */
	memcpy(huge + ESCAPE_TEXT_MAX - 1, "\xc3\xbc", 2);
	text = print_escaped(huge);
	assert_string_equal(text + ESCAPE_TEXT_MAX - 1, "...");
	free(text);
	free(huge);
}

static void assert_duration(double ns, const char *expected)
{
	assert_string_equal(duration_format(ns).s, expected);
}

static void test_durations(void **state)
{
	(void)state;
	assert_duration(0, "0ns");
	assert_duration(-5, "0ns");
	assert_duration(820, "820ns");
	assert_duration(999.7, "1.0us");
	assert_duration(36500, "36.5us");
	assert_duration(999949, "999.9us");
	assert_duration(999951, "1.0ms");
	assert_duration(1.2e6, "1.2ms");
	assert_duration(999.96e6, "1.0s");
	assert_duration(3e9, "3.0s");
	assert_duration(3600e9, "3600.0s");
	assert_duration(1e300, "1e+291s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_collision),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_fatal_words),
		cmocka_unit_test(test_unknown_parts),
		cmocka_unit_test(test_in_flight_and_suspect),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_map_line),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_runtime_file_is_short),
		cmocka_unit_test(test_runtime_only_stack),
		cmocka_unit_test(test_color_only_when_asked),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_very_long_name),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
