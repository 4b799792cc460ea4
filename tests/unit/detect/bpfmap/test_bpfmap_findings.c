/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "detect/bpfmap/actors.h"
#include "detect/bpfmap/findings.h"
#include "detect/bpfmap/kernel_symbols.h"
#include "report/filter.h"
#include "report/json/json_read.h"
#include "report/printers.h"
#include "report/words/words.h"
#include "fixture.h"
#include "schema_check.h"
#include "process/process.h"

#define START 1000000000ull

static struct kernel_maps no_maps;
static struct programs programs;
static bool foreign;		       /* we are in a PID namespace of our own */
static struct process sleeper, gopher; /* who writes: programs in C and in Go, before they begin */

static struct mr_bpf_event_finding sample(void)
{
	struct mr_bpf_event_finding e = {
		.header = {MR_BPF_EVENT_FINDING, sizeof(e), START + 3000000},
		.tag = 0x1235,
		.finding = MR_BPF_LOST_UPDATE,
		.map_id = 0x7fffffff, /* no such map */
		.key_size = 4,
		.value_size = 8,
		.op = MR_BPF_UPDATE,
		.read_ns = START + 1000000,
		.other_ns = START + 2000000,
		.write_ns = START + 3000000,
		.read_digest = 20,
		.other_digest = 21,
		.write_digest = 22,
		.lost = 1,
		.writer = {.id = 1,
			   .kind = MR_BPF_TASK,
			   .cpu = 1,
			   .tgid = (uint32_t)sleeper.pid,
			   .tid = (uint32_t)sleeper.pid,
			   .comm = "sleep"},
		.other = {.id = 2, .kind = MR_BPF_PROGRAM, .cpu = 0, .prog_id = 42},
		.key = {7},
		.value = {9},
	};

	return e;
}

static struct findings *open_findings(void)
{
	struct bpf_known_program *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	*p = (struct bpf_known_program){
		.id = 42, .type = 6, .name = "count_packets", .tag = "0123456789abcdef"};
	free(programs.list);
	programs.list = p;
	programs.n = 1;
	return findings_new(START, &no_maps, &programs, foreign);
}

static void close_findings(struct findings *f)
{
	findings_free(f);
	programs_free(&programs);
	kernel_maps_free(&no_maps);
}

static void test_lost_update(void **state)
{
	struct findings *f = open_findings();
	struct mr_bpf_event_finding e = sample();
	const struct report_race *race;
	bool suspect;

	(void)state;
	assert_int_equal(findings_event(f, &e, sizeof(e)), 0);
	assert_int_equal(findings_event(f, &e, sizeof(e)), 0); /* the same again is the same */
	assert_int_equal(findings_proven(f), 1);
	assert_null(findings_take(f, 2000000, &suspect));
	race = findings_take(f, 3000000, &suspect);
	assert_non_null(race);
	assert_false(suspect);
	assert_int_equal(race->kind, REPORT_LOST_UPDATE);
	assert_string_equal(race->bpf->key, "07 00 00 00");
	assert_int_equal(race->bpf->doubt, REPORT_NO_DOUBT);
	assert_string_equal(race->bpf->actor[0].comm, "sleep");
	assert_true(race->bpf->actor[1].program);
	assert_string_equal(race->bpf->actor[1].prog_name, "count_packets");
	assert_string_equal(race->bpf->actor[1].prog_type, "xdp");
	assert_int_equal(race->bpf->read_ns, 1000000);
	assert_int_equal(race->access[1].time_ns, 2000000);
	assert_null(findings_take(f, 3000000, &suspect));
	close_findings(f);
}

/* By what a suppression says of a program, a process, a map; the document has it all the same. */
static void test_hidden(void **state)
{
	static const struct {
		const char *rule;
		bool hides;
	} rules[] = {{"race:^count_packets$", true}, {"race:^sleep$", true},
		     {"race_top:packets", true},     {"race:/sleep$", true},
		     {"race:^packets", false},	     {"map:counter", false}};
	struct mr_bpf_event_finding e = sample();
	struct report report;
	struct err err = {0};
	bool suspect;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct findings *f = open_findings();
		struct filter *filter = filter_new();

		assert_non_null(filter);
		assert_int_equal(filter_add_suppressions(filter, "it", rules[i].rule,
							 strlen(rules[i].rule), &err),
				 0);
		findings_set_filter(f, filter_hides, filter);
		assert_int_equal(findings_event(f, &e, sizeof(e)), 0);
		assert_int_equal(findings_proven(f), !rules[i].hides);
		assert_int_equal(findings_lost(f), !rules[i].hides);
		assert_int_equal(findings_doubted(f), 0);
		assert_int_equal(!findings_take(f, 3000000, &suspect), rules[i].hides);
		memset(&report, 0, sizeof(report));
		assert_int_equal(findings_lend(f, &report), 0);
		assert_int_equal(filter_apply(filter, &report), 0);
		assert_int_equal(report.nraces, !rules[i].hides);
		assert_int_equal(report.nhidden, rules[i].hides);
		free(report.races);
		free(report.suspects);
		report.races = report.suspects = NULL;
		report.nraces = report.nraces_hidden = 0;
		report_free(&report);
		filter_free(filter);
		close_findings(f);
	}
}

/* By whom, and what was seen of the other one. */
static enum report_doubt doubt_of(uint32_t writer, uint32_t other, uint32_t flags)
{
	struct findings *f = open_findings();
	struct mr_bpf_event_finding e = sample();
	struct report report = {.nraces = 0};
	const struct report_race *race;
	enum report_doubt doubt;
	bool suspect;

	e.writer.tgid = e.writer.tid = writer;
	e.writer.comm[0] = '\0';
	if (!writer)
		e.writer = e.other;
	if (other)
		e.other = (struct mr_bpf_actor){
			.id = 2, .kind = MR_BPF_TASK, .tgid = other, .tid = other};
	e.flags = flags;
	assert_int_equal(findings_event(f, &e, sizeof(e)), 0);
	race = findings_take(f, 3000000, &suspect);
	assert_non_null(race);
	assert_int_equal(race->kind, REPORT_LOST_UPDATE);
	doubt = race->bpf->doubt;
	assert_int_equal(suspect, doubt != REPORT_NO_DOUBT);
	assert_int_equal(findings_proven(f), doubt == REPORT_NO_DOUBT);
	assert_int_equal(findings_doubted(f), doubt != REPORT_NO_DOUBT);
	assert_int_equal(findings_lost(f), doubt == REPORT_NO_DOUBT);
	assert_int_equal(findings_lend(f, &report), 0);
	assert_int_equal(report.nraces, doubt == REPORT_NO_DOUBT);
	assert_int_equal(report.nsuspects, doubt != REPORT_NO_DOUBT);
	free(report.races);
	free(report.suspects);
	close_findings(f);
	return doubt;
}

/* Goroutines share threads: who wrote back need not have read. Whose write is overwritten may be
 * anybody, unless both of them must have read. */
static void test_goroutines(void **state)
{
	const uint32_t c = (uint32_t)sleeper.pid, go = (uint32_t)gopher.pid, gone = 0x7ffffffe;

	(void)state;
	assert_int_equal(doubt_of(c, 0, 0), REPORT_NO_DOUBT);
	assert_int_equal(doubt_of(go, 0, 0), REPORT_GOROUTINES);
	assert_int_equal(doubt_of(gone, 0, 0), REPORT_UNKNOWN_PROGRAM);
	assert_int_equal(doubt_of(c, go, 0), REPORT_NO_DOUBT);
	assert_int_equal(doubt_of(0, go, 0), REPORT_NO_DOUBT);
	assert_int_equal(doubt_of(c, gone, 0), REPORT_NO_DOUBT);
	assert_int_equal(doubt_of(c, c, MR_BPF_BOTH_READ), REPORT_NO_DOUBT);
	assert_int_equal(doubt_of(c, 0, MR_BPF_BOTH_READ), REPORT_NO_DOUBT);
	assert_int_equal(doubt_of(c, go, MR_BPF_BOTH_READ), REPORT_GOROUTINES);
	assert_int_equal(doubt_of(0, go, MR_BPF_BOTH_READ), REPORT_GOROUTINES);
	assert_int_equal(doubt_of(0, gone, MR_BPF_BOTH_READ), REPORT_UNKNOWN_PROGRAM);
	foreign = true; /* then the number is somebody else's */
	assert_int_equal(doubt_of(c, 0, 0), REPORT_UNKNOWN_PROGRAM);
	assert_int_equal(doubt_of(0, c, 0), REPORT_NO_DOUBT);
	foreign = false;
}

static void test_malformed(void **state)
{
	struct findings *f = open_findings();
	struct mr_bpf_event_finding e = sample();
	uint8_t *exact;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(e); n++) {
		exact = malloc(n ? n : 1);
		memcpy(exact, &e, n);
		assert_int_equal(findings_event(f, exact, n), 0);
		free(exact);
	}
	assert_int_equal(findings_bad_events(f), sizeof(e));
	e.finding = 77;
	assert_int_equal(findings_event(f, &e, sizeof(e)), 0);
	e.header.kind = 99;
	assert_int_equal(findings_event(f, &e, sizeof(e)), 0);
	assert_int_equal(findings_bad_events(f), sizeof(e) + 2);
	assert_int_equal(findings_proven(f), 0);
	close_findings(f);
}

static void test_counts_from_the_table(void **state)
{
	struct mr_bpf_finding *table = calloc(MR_BPF_FINDINGS, sizeof(*table));
	struct findings *f = open_findings();
	struct mr_bpf_event_finding e = sample();

	(void)state;
	assert_non_null(table);
	table[(e.tag & (MR_BPF_FINDINGS - MR_BPF_WAYS)) + 2] =
		(struct mr_bpf_finding){.tag = e.tag,
					.count = 10,
					.lost = 25,
					.first_ns = START + 1,
					.last_ns = START + 2000000000};
	findings_event(f, &e, sizeof(e));
	assert_int_equal(findings_lost(f), 1);
	assert_int_equal(findings_refresh(f, table), 0);
	assert_int_equal(findings_lost(f), 25);
	free(table);
	close_findings(f);
}

/* A program has one tag before it is known, and another one after: it is one finding all the same. */
static void test_program_known_later(void **state)
{
	struct mr_bpf_finding *table = calloc(MR_BPF_FINDINGS, sizeof(*table));
	struct bpf_code_range *range = calloc(1, sizeof(*range));
	struct findings *f = open_findings();
	struct mr_bpf_event_finding early = sample(), late = sample();
	const struct report_race *race;
	bool suspect;

	(void)state;
	assert_non_null(table);
	assert_non_null(range);
	early.other.kind = MR_BPF_CODE;
	early.other.prog_id = 0;
	early.other.caller = 0xffffffffc0001020;
	findings_event(f, &early, sizeof(early));
	*range = (struct bpf_code_range){0xffffffffc0001000, 0xffffffffc0001040, 42};
	programs.ranges = range;
	programs.nranges = 1;
	late.tag = 0x2221;
	late.header.time_ns += 1000;
	findings_event(f, &late, sizeof(late));
	/* another key is another finding */
	late.tag = 0x3331;
	late.key[0] = 8;
	findings_event(f, &late, sizeof(late));
	assert_int_equal(findings_proven(f), 2);
	table[early.tag & (MR_BPF_FINDINGS - MR_BPF_WAYS)] =
		(struct mr_bpf_finding){.tag = early.tag,
					.count = 2,
					.lost = 3,
					.first_ns = START + 3000000,
					.last_ns = START + 4000000};
	table[0x2221 & (MR_BPF_FINDINGS - MR_BPF_WAYS)] =
		(struct mr_bpf_finding){.tag = 0x2221,
					.count = 5,
					.lost = 7,
					.first_ns = START + 5000000,
					.last_ns = START + 6000000};
	assert_int_equal(findings_refresh(f, table), 0);
	assert_int_equal(findings_lost(f), 11);
	race = findings_take(f, 9000000, &suspect);
	assert_non_null(race);
	assert_int_equal(race->count, 7);
	assert_int_equal(race->bpf->lost, 10);
	assert_string_equal(race->bpf->actor[1].prog_name, "count_packets");
	assert_true(race->first_seen_s < 0.0031 && race->last_seen_s > 0.0059);
	free(table);
	close_findings(f);
}

/* What was lost in doubt stays in doubt when the same pair is proven to lose something else. */
static void test_proven_after_doubt(void **state)
{
	struct mr_bpf_finding *table = calloc(MR_BPF_FINDINGS, sizeof(*table));
	struct mr_bpf_event_finding e = sample();
	struct findings *f = open_findings();
	const struct report_race *race;
	bool suspect;

	(void)state;
	assert_non_null(table);
	e.writer.comm[0] = '\0';
	e.other = (struct mr_bpf_actor){.id = 2,
					.kind = MR_BPF_TASK,
					.tgid = (uint32_t)gopher.pid,
					.tid = (uint32_t)gopher.pid};
	e.flags = MR_BPF_BOTH_READ;
	findings_event(f, &e, sizeof(e));
	assert_int_equal(findings_doubted(f), 1);
	table[e.tag & (MR_BPF_FINDINGS - MR_BPF_WAYS)] =
		(struct mr_bpf_finding){.tag = e.tag, .count = 10, .lost = 25};
	assert_int_equal(findings_refresh(f, table), 0);
	race = findings_take(f, 9000000, &suspect);
	assert_true(suspect);
	assert_int_equal(race->count, 10);
	e.tag = 0x2221;
	e.flags = 0;
	findings_event(f, &e, sizeof(e));
	race = findings_take(f, 9000000, &suspect);
	assert_non_null(race);
	assert_false(suspect);
	assert_int_equal(race->count, 1);
	assert_int_equal(findings_lost(f), 1);
	table[0x2221 & (MR_BPF_FINDINGS - MR_BPF_WAYS)] =
		(struct mr_bpf_finding){.tag = 0x2221, .count = 2, .lost = 3};
	assert_int_equal(findings_refresh(f, table), 0);
	assert_int_equal(race->count, 2);
	assert_int_equal(findings_lost(f), 3);
	free(table);
	close_findings(f);
}

/* Only the process that it was is named: numbers are used again. */
static void test_process_named(void **state)
{
	struct mr_bpf_actor actor = {
		.kind = MR_BPF_TASK, .tgid = (uint32_t)getpid(), .tid = (uint32_t)getpid()};
	struct report_actor named;

	(void)state;
	assert_int_equal(actor_name(&named, &actor, &programs, false), 0);
	assert_non_null(strstr(named.comm, "test_bpfmap"));
	assert_non_null(strstr(named.exe, "test_bpfmap_findings"));
	report_actor_free(&named);
	strcpy(actor.comm, "somebody");
	assert_int_equal(actor_name(&named, &actor, &programs, false), 0);
	assert_string_equal(named.comm, "somebody");
	assert_string_equal(named.exe, "");
	assert_string_equal(named.cgroup, "");
	report_actor_free(&named);
}

/* What is written is what the schema says, and read back it renders the same. Free the text. */
static char *document_of(uint32_t writer)
{
	struct findings *f = open_findings();
	struct mr_bpf_event_finding e = sample();
	struct report report = {.version = "1", .kernel = "k", .arch = "a"}, again;
	struct text_style style = {0};
	struct schema_check check = {0};
	char *json = NULL, *text[2] = {NULL, NULL}, path[4096];
	size_t size, sizes[2];
	struct err err = {0};
	json_t *schema, *value;
	FILE *out;

	e.writer.tgid = e.writer.tid = writer;
	e.writer.comm[0] = '\0';
	findings_event(f, &e, sizeof(e));
	assert_int_equal(findings_lend(f, &report), 0);
	out = open_memstream(&json, &size);
	assert_int_equal(json_print_report(out, &report, NULL), 0);
	fclose(out);
	snprintf(path, sizeof(path), "%s/docs/maprace-1.schema.json",
		 getenv("MAPRACE_TOP") ? getenv("MAPRACE_TOP") : ".");
	schema = json_load_file(path, 0, NULL);
	value = json_loads(json, 0, NULL);
	assert_non_null(schema);
	check.root = schema;
	if (!schema_value(&check, schema, value, "$"))
		fail_msg("%s", check.why);
	assert_int_equal(json_read_buffer(json, size, &again, &err), 0);
	out = open_memstream(&text[0], &sizes[0]);
	text_print_race(out, report.nraces ? report.races : report.suspects, 1, &style);
	fclose(out);
	out = open_memstream(&text[1], &sizes[1]);
	text_print_race(out, again.nraces ? again.races : again.suspects, 1, &style);
	fclose(out);
	assert_string_equal(text[0], text[1]);
	report_free(&again);
	json_decref(schema);
	json_decref(value);
	free(text[1]);
	free(json);
	free(report.races);
	free(report.suspects);
	close_findings(f);
	return text[0];
}

static void expect_words(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in:\n%s", words, text);
}

static void test_document(void **state)
{
	char *text = document_of((uint32_t)sleeper.pid), first[128];

	(void)state;
	snprintf(
		first, sizeof(first),
		"WARNING: LOST UPDATE OF A BPF MAP (proven)\nRead at +0.001000 s by process sleep (pid %d",
		(int)sleeper.pid);
	expect_words(text, first);
	expect_words(
		text,
		"Overwritten at +0.002000 s by BPF program count_packets (id 42, xdp, tag 0123456789abcdef) on cpu 0\n");
	expect_words(
		text,
		"Written back at +0.003000 s by the first, 2.0ms after its read and 1.0ms after the other's update\n");
	expect_words(text, ", 1 update lost\n");
	assert_null(strstr(text, "not proven"));
	free(text);
	text = document_of((uint32_t)gopher.pid);
	expect_words(text, "WARNING: LOST UPDATE OF A BPF MAP (suspect)\n");
	expect_words(text, "\nnot proven: a process here is a Go program, whose goroutines share ");
	expect_words(text, ", 1 update lost if one did both\n");
	free(text);
	text = document_of(0x7ffffffe);
	expect_words(text, "\nnot proven: a process here could not be looked at, and may be a Go ");
	free(text);
}

/* Two updates of one key that overlap in time: a suspect, whatever shows it. */
static void test_overlap_proves_nothing(void **state)
{
	struct findings *f = open_findings();
	struct mr_bpf_event_finding e = sample();
	struct report report = {0};
	char *words;

	(void)state;
	e.finding = MR_BPF_CONCURRENT_WRITE;
	assert_int_equal(findings_event(f, &e, sizeof(e)), 0);
	assert_int_equal(findings_lend(f, &report), 0);
	assert_int_equal(report.nraces, 0);
	assert_int_equal(report.nsuspects, 1);
	assert_int_equal(report_proves(&report.suspects[0]), REPORT_PROVES_NOTHING);
	words = words_of(words_evidence, &report.suspects[0]);
	assert_string_equal(words, "not proven: the two updates overlapped in time");
	free(words);
	free(report.races);
	free(report.suspects);
	close_findings(f);
}

static void test_symbols(void **state)
{
	static const char table[] =
		"0000000000001000 T _stext\n0000000000001100 T bpf_map_lookup_elem\n0000000000001180 t next\n"
		"0000000000002000 T _etext\n0000000000001140 t bpf_prog_x\t[bpf]\nrubbish\n";
	static const char hidden[] = "0000000000000000 T _stext\n0000000000000000 T _etext\n";
	struct kernel_symbols s;
	FILE *file = fmemopen((void *)table, sizeof(table) - 1, "r");

	(void)state;
	assert_int_equal(kernel_symbols_parse(&s, file), 0);
	fclose(file);
	assert_int_equal(s.text.lo, 0x1000);
	assert_int_equal(s.text.hi, 0x2000);
	assert_int_equal(s.helper[0].lo, 0x1100);
	assert_int_equal(s.helper[0].hi, 0x1180);
	assert_int_equal(s.helper[1].hi, 0);
	file = fmemopen((void *)hidden, sizeof(hidden) - 1, "r");
	assert_int_equal(kernel_symbols_parse(&s, file), -EACCES);
	fclose(file);
	assert_int_equal(s.text.hi, 0);
}

static void test_chunks(void **state)
{
	struct mr_bpf_chunk *chunks = calloc(MR_BPF_CHUNKS, sizeof(*chunks));
	struct bpf_code_range ranges[2] = {{0xffffffffc0001000, 0xffffffffc0001041, 3},
					   {0xffffffffc0001080, 0xffffffffc00010c0, 4}};
	struct programs p = {.ranges = ranges, .nranges = 2};
	size_t i, found = 0;

	(void)state;
	assert_non_null(chunks);
	assert_int_equal(programs_publish(&p, chunks), 0);
	for (i = 0; i < MR_BPF_CHUNKS; i++)
		found += chunks[i].at != 0;
	assert_int_equal(found, 3);
	i = mr_bpf_chunk_slot(0xffffffffc0001040 >> 6);
	assert_int_equal(chunks[i].prog_id, 3);
	free(chunks);
}

static int start_writers(void **state)
{
	char *const sleep[] = {"/bin/sleep", "1000", NULL}, *go[] = {NULL, NULL};

	(void)state;
	go[0] = (char *)fixture_path("prog-1.24");
	return process_spawn(&sleeper, sleep, NULL) || process_spawn(&gopher, go, NULL);
}

static int end_writers(void **state)
{
	(void)state;
	process_abandon(&sleeper);
	process_abandon(&gopher);
	process_close(&sleeper);
	process_close(&gopher);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_update),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_goroutines),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_counts_from_the_table),
		cmocka_unit_test(test_program_known_later),
		cmocka_unit_test(test_proven_after_doubt),
		cmocka_unit_test(test_process_named),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_overlap_proves_nothing),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_chunks),
	};

	return cmocka_run_group_tests(tests, start_writers, end_writers);
}
