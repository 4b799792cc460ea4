/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MAPRACE_TESTS_REPORT_SAMPLE_H
#define MAPRACE_TESTS_REPORT_SAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/memory.h"
#include "model/model.h"
#include "report/format.h"

/* A small report by hand: the race that product.md shows, and one of everything else. To be freed
 * with report_free(). */

static inline char *sample_text(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	return copy;
}

static inline void *sample_zero(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

static inline struct report_frame sample_frame(const char *function, const char *file, int line,
					       int start_line)
{
	return (struct report_frame){
		.function = sample_text(function),
		.file = sample_text(file),
		.line = line,
		.start_line = start_line,
		.pc = 0x401000 + (uint64_t)line,
		.runtime = !strncmp(function, "runtime.", 8),
	};
}

/* A stack runtime.RUNTIME <- FUNCTION <- runtime.goexit */
static inline void sample_access(struct report_access *access, enum report_op op,
				 uint64_t goroutine, const char *runtime, const char *function,
				 int line)
{
	memset(access, 0, sizeof(*access));
	access->op = op;
	access->goroutine = goroutine;
	access->tid = 4197 + (uint32_t)goroutine;
	access->cpu = goroutine & 1;
	access->time_ns = 1000000000 + goroutine * 1000000;
	access->nframes = 3;
	access->frames = sample_zero(3, sizeof(*access->frames));
	access->frames[0] = sample_frame(runtime, "runtime/map_faststr.go", 203, 190);
	access->frames[1] = sample_frame(function, "/src/app/main.go", line, line - 3);
	access->frames[2] = sample_frame("runtime.goexit", "runtime/asm_amd64.s", 1700, 1699);
	access->created_by.at.function = sample_text("");
	access->created_by.at.file = sample_text("");
}

static inline void sample_label(struct report_access *access, const char *key, const char *value)
{
	access->labels = realloc(access->labels, (access->nlabels + 1) * sizeof(*access->labels));
	assert_non_null(access->labels);
	access->labels[access->nlabels++] =
		(struct report_label){sample_text(key), sample_text(value)};
}

static inline void sample_created(struct report_access *access)
{
	free(access->created_by.at.function);
	free(access->created_by.at.file);
	access->created_by.known = true;
	access->created_by.goroutine = 1;
	access->created_by.at = sample_frame("main.main", "/src/app/main.go", 44, 40);
}

/* Goroutine 19 reads and enters while 18 is held in its write. */
static inline void sample_race(struct report_race *race)
{
	memset(race, 0, sizeof(*race));
	race->evidence = REPORT_COLLISION;
	race->kind = REPORT_READ_WRITE;
	race->count = 12;
	race->first_seen_s = 0.4;
	race->last_seen_s = 2.9;
	race->pid = 4210;
	race->map = (struct report_map){
		.addr = 0xc000094480,
		.seed = 0xfeedface,
		.type = sample_text("map[string]int"),
		.header_known = true,
		.len = 1024,
		.buckets = 128,
		.growing = true,
	};
	sample_access(&race->access[0], REPORT_READ, 19, "runtime.mapaccess1_faststr",
		      "main.(*cache).get", 31);
	sample_access(&race->access[1], REPORT_WRITE, 18, "runtime.mapassign_faststr",
		      "main.(*cache).put", 20);
	sample_created(&race->access[1]);
	race->has_other = true;
	race->held_ns = 36500;
	race->message = sample_text("");
	report_race_identify(race);
}

static inline void sample_fatal(struct report_race *race)
{
	sample_race(race);
	race->evidence = REPORT_FATAL;
	race->kind = REPORT_WRITE_WRITE;
	race->access[0].op = REPORT_WRITE;
	race->count = 1;
	race->held_ns = 0;
	free(race->message);
	race->message = sample_text("concurrent map writes");
	race->check_fired = true;
	race->access[1].partial = true;
}

static inline void sample_rows(struct report *report)
{
	static const struct report_maprow rows[] = {
		{.pid = 1,
		 .addr = 0xc000000001,
		 .goroutines = 2,
		 .reads = 10,
		 .writes = 5,
		 .holds = 20,
		 .expected = 31.5,
		 .p = 2e-14,
		 .verdict = REPORT_ORDERED},
		{.pid = 1,
		 .addr = 0xc000000002,
		 .goroutines = 1,
		 .reads = 10,
		 .writes = 5,
		 .p = 1,
		 .verdict = REPORT_UNPROVEN},
		{.pid = 1,
		 .addr = 0xc000000003,
		 .goroutines = 3,
		 .reads = 10,
		 .writes = 5,
		 .p = 1,
		 .expected = 0.5,
		 .verdict = REPORT_UNPROVEN},
		{.pid = 1,
		 .addr = 0xc000094480,
		 .goroutines = 2,
		 .reads = 10,
		 .writes = 5,
		 .collisions = 12,
		 .hold_ns = 5000,
		 .p = 1,
		 .verdict = REPORT_RACY},
	};
	size_t i;

	report->nmaps = sizeof(rows) / sizeof(rows[0]);
	report->maps = sample_zero(report->nmaps, sizeof(*report->maps));
	for (i = 0; i < report->nmaps; i++) {
		report->maps[i] = rows[i];
		report->maps[i].type = sample_text(i == 2 ? "" : "map[string]int");
	}
}

static inline void sample_caveat(struct report *report, const char *code, uint32_t pid, bool blind,
				 const char *text)
{
	if (report_caveat_add(&report->stats, code, pid, blind, sample_text(text)))
		abort();
}

/* Passed at 92 percent, with its heap, and killed. */
static inline void sample_memory(struct report *report)
{
	struct report_memory *m = sample_zero(2, sizeof(*m));

	m[0] = (struct report_memory){
		.pid = 4210,
		.exe = sample_text("/srv/app"),
		.at_s = 2.25,
		.percent = 92,
		.jumped = true,
		.kind = REPORT_LIMIT_CGROUP2,
		.limit = 134217728,
		.used = 124000000,
		.where = sample_text("/a.slice"),
		.heap_asked = true,
		.heap_known = true,
		.heap_with_recent = true,
		.heap_missing = sample_text(""),
		.heap_file = sample_text("/tmp/heap-4210-92.pb.gz"),
		.heap = {300, 90000000, 200, 60000000},
		.nsites = 1,
	};
	m[0].sites[0].at = sample_frame("main.(*cache).put", "/src/app/main.go", 20, 17);
	m[0].sites[0].use = (struct report_heap_use){200, 80000000, 180, 59000000};
	m[1] = (struct report_memory){
		.pid = 4210,
		.exe = sample_text("/srv/app"),
		.at_s = 2.5,
		.alone = true,
		.kind = REPORT_LIMIT_CGROUP2,
		.limit = 134217728,
		.used = 134000000,
		.where = sample_text("/a.slice"),
		.heap_missing = sample_text(""),
		.heap_file = sample_text(""),
	};
	report->memory_asked = true;
	report->memory = m;
	report->nmemory = 2;
}

static inline void sample_report(struct report *report)
{
	static const struct report_counter losses[] = {
		{"ring_full", "the ring buffer was full; races may be missing", 3},
		{"stack_short", "stacks that end early", 0},
	};

	memset(report, 0, sizeof(*report));
	report->version = sample_text("1.0");
	report->kernel = sample_text("6.1.0");
	report->arch = sample_text("x86_64");
	report->cpus = 2;
	report->started_unix_ns = 1790000000123000000;
	report->duration_s = 3;
	report->ntargets = 1;
	report->targets = sample_zero(1, sizeof(*report->targets));
	report->targets[0] = (struct report_target){
		.pid = 4210,
		.exe = sample_text("/srv/app"),
		.build_id = sample_text("abc/def"),
		.go_version = sample_text("go1.24.4"),
		.swiss = true,
		.stripped = true,
		.exit_status = -1,
		.cost_percent = 0.8,
		.allowed_percent = 5,
	};
	report->nraces = 2;
	report->races = sample_zero(2, sizeof(*report->races));
	sample_race(&report->races[0]);
	sample_fatal(&report->races[1]);
	report->nsuspects = 1;
	report->suspects = sample_zero(1, sizeof(*report->suspects));
	sample_race(&report->suspects[0]);
	report->suspects[0].evidence = REPORT_WINDOW;
	report->suspects[0].held_ns = 0;
	report->suspects[0].distances[11] = 7;
	report->suspects[0].distances[REPORT_DISTANCES - 1] = 2;
	sample_rows(report);
	report->stats = (struct report_stats){
		.operations = 4711,
		.reads = 4000,
		.writes = 711,
		.holds = 312,
		.hold_ns = 98400000,
		.probe_sites = 38,
		.attach_ms = 120.4,
		.cost_percent = 0.8,
		.budget_percent = 5,
		.least_cpus = 1,
		.hit_ns = 881.5,
		.trap_ns = 4152746,
		.windows = 3,
		.unwatched = 0.75,
		.nlosses = 2,
		.ncoverage = 1,
	};
	sample_caveat(report, "one-p", 4210, false, "process 4210 may have one P");
	report->stats.caveats[0].target = 1;
	report->stats.coverage = sample_zero(1, sizeof(*report->stats.coverage));
	report->stats.coverage[0] =
		(struct report_coverage){.pid = 4711,
					 .function = sample_text("runtime.mapassign"),
					 .hits = 711,
					 .attached = 0.25};
	report->stats.losses = sample_zero(2, sizeof(losses[0]));
	memcpy(report->stats.losses, losses, sizeof(losses));
}

static inline void sample_payer(struct report_payer *payer, uint64_t goroutine, uint64_t steps,
				uint64_t ns)
{
	sample_access(&payer->access, REPORT_WRITE, goroutine, "runtime.mapassign_faststr",
		      "main.(*cache).put", 20);
	payer->steps = steps;
	payer->ns = ns;
}

/* Goroutines 7 and 9 pay for a map of 4096 buckets that becomes twice as large, while 12 iterates
 * it. */
static inline void sample_growth(struct report_growth *growth)
{
	*growth = (struct report_growth){
		.pid = 4210,
		.map = {.addr = 0xc000094480,
			.seed = 0xfeedface,
			.type = sample_text("map[string]int"),
			.global = sample_text("main.cache"),
			.header_known = true,
			.len = 26624,
			.buckets = 4096},
		.from = 4096,
		.to = 8192,
		.began_s = 1.5,
		.ended_s = 1.875,
		.steps = 4096,
		.busy_ns = 1100000,
		.npayers = 2,
		.niterators = 1,
	};
	growth->payers = sample_zero(2, sizeof(*growth->payers));
	sample_payer(&growth->payers[0], 7, 3700, 990000);
	sample_payer(&growth->payers[1], 9, 396, 110000);
	growth->iterators = sample_zero(1, sizeof(*growth->iterators));
	sample_access(&growth->iterators[0].access, REPORT_ITERATE, 12, "runtime.mapiternext",
		      "main.dump", 44);
	growth->iterators[0].since_s = 1.2;
}

/* A growth of Swiss maps, of which neither begin nor end were seen. */
static inline void sample_split(struct report_growth *growth)
{
	*growth = (struct report_growth){
		.pid = 4210,
		.map = {.addr = 0xc000012e00, .type = sample_text(""), .swiss = true},
		.kind = REPORT_GROWTH_SPLIT,
		.from = 1024,
		.began_s = -1,
		.ended_s = -1,
	};
}

static inline void sample_growths(struct report *report)
{
	report->growth = true;
	report->ngrowths = 2;
	report->growths = sample_zero(2, sizeof(*report->growths));
	sample_growth(&report->growths[0]);
	sample_split(&report->growths[1]);
}

/* Everything that was printed to a memory stream; malloc'ed. */
struct sample_stream {
	FILE *out;
	char *text;
	size_t len;
};

static inline void sample_open(struct sample_stream *s)
{
	s->out = open_memstream(&s->text, &s->len);
	if (!s->out)
		abort();
}

static inline char *sample_close(struct sample_stream *s)
{
	if (fclose(s->out))
		abort();
	return s->text;
}

static inline char *sample_render(const struct report *report, enum report_format format,
				  const char *root)
{
	const struct print_options options = {.source_root = root};
	struct sample_stream s;

	sample_open(&s);
	assert_int_equal(format_print(s.out, report, format, &options), 0);
	return sample_close(&s);
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static inline void assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in:\n%s", part, text);
}

#endif
