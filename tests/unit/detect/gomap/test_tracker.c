/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Events in, races out: what stays of a fatal error of the runtime. The process they are of is this
 * one. */
#include <elf.h>
#include <unistd.h>

#include "fixture.h"
#include "detect/gomap/tracker.h"
#include "probe/home.h"

#define START 5000000000ull
#define MAP 0xc000123000ull
#define HELD 36500ull
#define WRITES "concurrent map writes"
#define DAMAGED "small map with no empty slot (concurrent map writes?)"

struct world {
	struct tracker *tracker;
	struct process process;
	struct tracker_source source;
	struct report report;
	uint64_t site, caller[2], words;
};

/* Where the program has these words: the compiler packs strings without an end between them. */
static uint64_t address_of(const char *version, const char *words)
{
	size_t size, len = strlen(words);
	uint8_t *file = fixture_read(fixture_name(version), &size),
		*at = memmem(file, size, words, len);
	const Elf64_Ehdr *eh = (const void *)file;
	const Elf64_Phdr *ph = (const void *)(file + eh->e_phoff);
	uint64_t offset, found = 0;
	size_t i;

	assert_non_null(at);
	offset = (uint64_t)(at - file);
	for (i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && offset >= ph[i].p_offset &&
		    offset + len <= ph[i].p_offset + ph[i].p_filesz)
			found = ph[i].p_vaddr + offset - ph[i].p_offset;
	free(file);
	assert_true(found);
	return found;
}

static uint64_t function(const struct go_binary *bin, const char *name)
{
	struct go_func f;
	size_t i;

	for (i = 0; i < go_binary_func_count(bin); i++)
		if (!go_binary_func_at(bin, i, &f) && !strcmp(f.name, name))
			return f.entry + 1;
	fail_msg("no %s", name);
	return 0;
}

static void world_open(struct world *w, const char *version, const char *words)
{
	struct err err = {.text = ""};

	memset(w, 0, sizeof(*w));
	w->tracker = tracker_new(START);
	assert_non_null(w->tracker);
	assert_int_equal(process_open(&w->process, getpid(), &err), 0);
	w->source.resolver = (struct resolver){
		.bin = fixture_open(version), .process = &w->process, .start_ns = START};
	w->site = function(w->source.resolver.bin, "runtime.mapassign_faststr");
	w->caller[0] = function(w->source.resolver.bin, "main.main");
	w->caller[1] = function(w->source.resolver.bin, "main.newer");
	w->words = address_of(version, words);
}

static void world_close(struct world *w)
{
	free(w->report.races);
	free(w->report.suspects);
	tracker_free(w->tracker);
	go_binary_close((struct go_binary *)w->source.resolver.bin);
	process_close(&w->process);
}

static void access_at(const struct world *w, struct mr_access *a, uint64_t goid)
{
	memset(a, 0, sizeof(*a));
	a->g = 0xc000000000 + (goid << 12);
	a->goid = goid;
	a->time_ns = START + 1000;
	a->op = MR_OP_WRITE;
	a->nframes = 2;
	a->pcs[0] = w->site;
	a->pcs[1] = w->caller[goid & 1];
}

static void collide_on(struct world *w, uint32_t evidence, uint64_t map)
{
	struct mr_event_race e = {.header = {MR_EVENT_RACE, 0, sizeof(e), START + 2000},
				  .map = map,
				  .held_ns = HELD,
				  .evidence = evidence};

	access_at(w, &e.access[0], 1);
	access_at(w, &e.access[1], 2);
	assert_int_equal(tracker_event(w->tracker, &w->source, &e, sizeof(e)), 0);
}

static void collide(struct world *w, uint32_t evidence)
{
	collide_on(w, evidence, MAP);
}

/* It dies where pc is a return address. */
static void die_at(struct world *w, const char *words, uint64_t pc, uint8_t home_frame, __u32 other)
{
	struct mr_event_fatal e = {.home_frame = home_frame,
				   .home_reg = 1,
				   .header = {MR_EVENT_FATAL, 0, sizeof(e), START + 3000},
				   .message = w->words,
				   .message_len = strlen(words),
				   .map = MAP,
				   .site = w->site,
				   .op = MR_OP_WRITE};

	access_at(w, &e.access, 1);
	e.access.nframes = 3;
	e.access.pcs[1] = pc;
	e.access.pcs[2] = w->caller[1];
	access_at(w, &e.other, 2);
	e.other.flags = other;
	assert_int_equal(tracker_event(w->tracker, &w->source, &e, sizeof(e)), 0);
	assert_int_equal(w->source.bad_events, 0);
}

/* It dies inside the function at site, or, inside: false, of another one. */
static void die_by(struct world *w, const char *words, bool inside, __u32 other)
{
	die_at(w, words, inside ? w->site + 4 : w->caller[1], 0, other);
}

static void die(struct world *w, const char *words, bool inside)
{
	die_by(w, words, inside, MR_ACCESS_PARTIAL);
}

static const struct report_race *races(struct world *w, size_t n)
{
	free(w->report.races);
	free(w->report.suspects);
	memset(&w->report, 0, sizeof(w->report));
	assert_int_equal(tracker_borrow(w->tracker, &w->report), 0);
	assert_int_equal(w->report.nraces, n);
	return w->report.races;
}

static void a_fatal_error_proves_nothing_where_the_flag_stays(void **state)
{
	const struct report_race *race;
	struct world w;

	(void)state;
	world_open(&w, "1.24", WRITES);
	w.source.flag_stays = true;
	die(&w, WRITES, false);
	race = races(&w, 1);
	assert_int_equal(race->evidence, REPORT_FATAL);
	assert_non_null(strstr(race->caveat, "SetPanicOnFault"));
	assert_int_equal(report_proves(race), REPORT_PROVES_NOTHING);
	world_close(&w);
}

static void whom_nobody_has_looked_for_is_not_named(void **state)
{
	const struct report_race *race;
	struct world w;

	(void)state;
	world_open(&w, "1.24", WRITES);
	die_by(&w, WRITES, true, MR_ACCESS_PARTIAL | MR_ACCESS_UNBORNE);
	race = races(&w, 1);
	assert_false(race->has_other);
	assert_int_equal(report_proves(race), REPORT_PROVES_MAP);
	world_close(&w);
}

static void a_fatal_error_proves_a_pair(void **state)
{
	const struct report_race *race;
	struct world w;

	(void)state;
	world_open(&w, "1.24", WRITES);
	die(&w, WRITES, true);
	race = races(&w, 1);
	assert_int_equal(race->evidence, REPORT_FATAL);
	assert_string_equal(race->message, WRITES);
	assert_true(race->check_fired && race->has_other && !race->caveat);
	assert_int_equal(race->map.addr, MAP);
	assert_int_equal(report_proves(race), REPORT_PROVES_PAIR);
	assert_int_equal(race->access[1].goroutine, 2);
	world_close(&w);
}

/* A return address in the function at site: where the map is in its home for certain, or not. */
static uint64_t return_address(const struct world *w, bool filled)
{
	const struct go_binary *bin = w->source.resolver.bin;
	struct go_func f;
	uint64_t pc;

	assert_int_equal(go_binary_func_by_pc(bin, w->site, &f), 0);
	for (pc = f.entry + 1; pc < f.end; pc++)
		if (home_is_filled(bin, pc, true, 1) == filled)
			return pc;
	fail_msg("there is none");
	return 0;
}

/* The kernel may have left out the run of our program as it entered the function once more, with
 * another map: it is told only where the function has it still. */
static void an_earlier_operation_bears_out_nothing(void **state)
{
	static const struct {
		bool may_miss, filled;
		uint8_t home_frame;
		bool known;
	} cases[] = {
		{false, false, 0, true}, {true, true, 0, false},  {true, true, 1, true},
		{true, true, 2, false},	 {true, false, 1, false},
	};
	const struct report_race *race;
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world_open(&w, "1.24", WRITES);
		w.source.may_miss = cases[i].may_miss;
		die_at(&w, WRITES, return_address(&w, cases[i].filled), cases[i].home_frame,
		       MR_ACCESS_PARTIAL);
		race = races(&w, 1);
		assert_int_equal(race->evidence, REPORT_FATAL);
		assert_int_equal(race->map.addr, cases[i].known ? MAP : 0);
		assert_int_equal(race->has_other, cases[i].known);
		assert_int_equal(report_proves(race),
				 cases[i].known ? REPORT_PROVES_PAIR : REPORT_PROVES_MAP);
		world_close(&w);
	}
}

/* Which map that was is not known then, and nothing of it. */
static void unless_it_is_elsewhere(void **state)
{
	const struct report_race *race;
	struct world w;

	(void)state;
	world_open(&w, "1.24", WRITES);
	die(&w, WRITES, false);
	race = races(&w, 1);
	assert_false(race->has_other);
	assert_int_equal(race->map.addr, 0);
	assert_int_equal(report_proves(race), REPORT_PROVES_MAP);
	world_close(&w);
}

/* It may be of any time before. */
static void a_damaged_map_has_no_other(void **state)
{
	const struct report_race *race;
	struct world w;

	(void)state;
	world_open(&w, "1.24", DAMAGED);
	die(&w, DAMAGED, true);
	race = races(&w, 1);
	assert_string_equal(race->message, DAMAGED);
	assert_false(race->has_other);
	assert_int_equal(race->map.addr, MAP);
	assert_int_equal(report_proves(race), REPORT_PROVES_DAMAGE);
	world_close(&w);
}

/* Whatever comes later, and in whatever order: that the check has fired stays, and so do its words.
 */
static void what_it_said_stays(void **state)
{
	const struct report_race *race;
	struct world w;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		world_open(&w, "1.24", WRITES);
		if (i)
			collide(&w, MR_EVIDENCE_COLLISION);
		die(&w, WRITES, true);
		if (!i)
			collide(&w, MR_EVIDENCE_COLLISION);
		race = races(&w, 1);
		assert_int_equal(race->evidence, REPORT_COLLISION);
		assert_int_equal(race->count, 2);
		assert_true(race->check_fired);
		assert_string_equal(race->message, WRITES);
		world_close(&w);
	}
}

/* It is a fact about the process: other pairs, before it and after it, and suspects. */
static void all_of_the_process_have_it(void **state)
{
	const struct report_race *race;
	struct world w;
	size_t i;

	(void)state;
	world_open(&w, "1.24", WRITES);
	collide(&w, MR_EVIDENCE_COLLISION);
	w.caller[0] = w.caller[1];
	collide(&w, MR_EVIDENCE_WINDOW);
	die(&w, WRITES, true);
	w.caller[1] = function(w.source.resolver.bin, "main.spawn");
	collide(&w, MR_EVIDENCE_COLLISION);
	race = races(&w, 3);
	for (i = 0; i < 3; i++)
		assert_true(race[i].check_fired);
	assert_string_equal(race[0].message, "");
	assert_string_equal(race[2].message, "");
	world_close(&w);
}

/* And of the other runtime in it, that of a library say, before it and after it. */
static void whatever_runtime_it_was(void **state)
{
	const struct report_race *race;
	struct world w, library;
	int after;

	(void)state;
	for (after = 0; after < 2; after++) {
		world_open(&w, "1.24", WRITES);
		library = w;
		if (!after)
			collide(&library, MR_EVIDENCE_COLLISION);
		die(&w, WRITES, true);
		if (after)
			collide(&library, MR_EVIDENCE_COLLISION);
		race = races(&w, 2);
		assert_true(race[0].check_fired && race[1].check_fired);
		assert_string_equal(race[after].message, "");
		world_close(&w);
	}
}

/* Not of the program that ran under the same number before: it has ended, with a race or without. */
static void nor_of_who_had_its_number(void **state)
{
	const struct report_race *race;
	struct world w, later;
	int after;

	(void)state;
	for (after = 0; after < 2; after++) {
		world_open(&w, "1.24", WRITES);
		later = w;
		if (after)
			die(&w, WRITES, true);
		else
			collide(&w, MR_EVIDENCE_COLLISION);
		w.source.ended = true;
		if (after)
			collide(&later, MR_EVIDENCE_COLLISION);
		else
			die(&later, WRITES, true);
		race = races(&w, 2);
		assert_int_equal(race[0].check_fired, after);
		assert_int_equal(race[1].check_fired, !after);
		world_close(&w);
	}
}

/* What was mixed of two targets is told by none, and counted. */
static void of_two_targets_nothing_is_told(void **state)
{
	struct mr_event_race e = {.header = {MR_EVENT_RACE, 3, sizeof(e), START + 2000},
				  .evidence = MR_EVIDENCE_COLLISION};
	struct mr_event_fatal fatal = {.header = {MR_EVENT_FATAL, 3, sizeof(fatal), START}};
	struct world w;
	int i;

	(void)state;
	world_open(&w, "1.24", WRITES);
	for (i = 0; i < 5; i++) {
		access_at(&w, &e.access[0], 1);
		access_at(&w, &e.access[1], 2);
		e.map = mr_tagged(MAP, i == 0 ? 4 : 3);
		e.access[0].g = mr_tagged(e.access[0].g, i == 1 ? 4 : 3);
		e.access[1].g = mr_tagged(e.access[1].g, i == 2 ? 4 : 3);
		e.access[1].flags = i == 3 ? MR_ACCESS_UNKNOWN : 0;
		e.pair = (__u64)i;
		assert_int_equal(tracker_event(w.tracker, &w.source, &e, sizeof(e)), 0);
	}
	assert_int_equal(w.source.bad_events, 3);
	races(&w, 2);
	fatal.access = e.access[0];
	fatal.other = e.access[1];
	fatal.map = mr_tagged(MAP, 4);
	assert_int_equal(tracker_event(w.tracker, &w.source, &fatal, sizeof(fatal)), 0);
	fatal.map = 0;
	fatal.other.g = mr_tagged(fatal.other.g, 4);
	assert_int_equal(tracker_event(w.tracker, &w.source, &fatal, sizeof(fatal)), 0);
	assert_int_equal(w.source.bad_events, 5);
	world_close(&w);
}

/* Evidence that has no row is none, least of all a proof; it is counted. */
static void of_evidence_that_is_unknown_nothing_is_told(void **state)
{
	static const uint32_t unknown[] = {0, 1000, UINT32_MAX};
	struct world w;
	size_t i;

	(void)state;
	world_open(&w, "1.24", WRITES);
	for (i = 0; i < 3; i++)
		collide(&w, unknown[i]);
	races(&w, 0);
	assert_int_equal(w.source.bad_events, 3);
	world_close(&w);
}

/* Who was held is the one that was told so; what is close in time is a suspect. */
static void what_a_kind_is_says_its_row(void **state)
{
	const struct report_race *race;
	struct world w;

	(void)state;
	world_open(&w, "1.24", WRITES);
	collide(&w, MR_EVIDENCE_WINDOW);
	races(&w, 0);
	collide(&w, MR_EVIDENCE_IN_FLIGHT);
	race = races(&w, 1);
	assert_int_equal(race->evidence, REPORT_IN_FLIGHT);
	assert_int_equal(race->held_ns, 0);
	collide(&w, MR_EVIDENCE_COLLISION);
	collide(&w, MR_EVIDENCE_IN_FLIGHT);
	race = races(&w, 1);
	assert_int_equal(race->evidence, REPORT_COLLISION);
	assert_int_equal(race->held_ns, HELD);
	assert_int_equal(race->count, 3);
	world_close(&w);
}

/* One helper, by which two maps are used: with a lock, and without. */
static void what_is_ordered_on_one_map_is_a_suspect_on_another(void **state)
{
	struct report_maprow row = {
		.pid = (uint32_t)getpid(), .addr = MAP, .verdict = REPORT_ORDERED};
	struct world w;
	size_t i;

	(void)state;
	world_open(&w, "1.24", WRITES);
	collide(&w, MR_EVIDENCE_WINDOW);
	for (i = 0; i < 3; i++)
		collide_on(&w, MR_EVIDENCE_WINDOW, MAP + 48 * i);
	races(&w, 0);
	assert_int_equal(w.report.nsuspects, 1); /* once */
	assert_int_equal(w.report.suspects[0].map.addr, MAP);
	free(w.report.races);
	free(w.report.suspects);
	w.report = (struct report){.maps = &row, .nmaps = 1};
	assert_int_equal(tracker_borrow(w.tracker, &w.report), 0);
	assert_int_equal(w.report.nsuspects, 1);
	assert_int_equal(w.report.suspects[0].map.addr, MAP + 48);
	collide(&w, MR_EVIDENCE_COLLISION);
	races(&w, 1);
	assert_int_equal(w.report.nsuspects, 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fatal_error_proves_nothing_where_the_flag_stays),
		cmocka_unit_test(a_fatal_error_proves_a_pair),
		cmocka_unit_test(whom_nobody_has_looked_for_is_not_named),
		cmocka_unit_test(an_earlier_operation_bears_out_nothing),
		cmocka_unit_test(unless_it_is_elsewhere),
		cmocka_unit_test(a_damaged_map_has_no_other),
		cmocka_unit_test(what_it_said_stays),
		cmocka_unit_test(all_of_the_process_have_it),
		cmocka_unit_test(whatever_runtime_it_was),
		cmocka_unit_test(nor_of_who_had_its_number),
		cmocka_unit_test(of_two_targets_nothing_is_told),
		cmocka_unit_test(of_evidence_that_is_unknown_nothing_is_told),
		cmocka_unit_test(what_a_kind_is_says_its_row),
		cmocka_unit_test(what_is_ordered_on_one_map_is_a_suspect_on_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
