/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdio.h>

#include <jansson.h>

#include "report/json/json_followed.h"
#include "report/json/json_growth.h"
#include "report/json/json_make.h"
#include "report/json/json_memory.h"
#include "report/json/json_names.h"
#include "report/json/json_panic.h"
#include "report/json/json_parts.h"
#include "report/json/json_snapshot.h"
#include "report/json/json_vitals.h"
#include "report/printers.h"

static int print_line(FILE *out, const char *type, json_t *data)
{
	json_t *line = json_object();
	int failed = json_put(line, "type", json_string(type));

	failed |= json_put(line, "data", data);
	return json_print_value(out, json_finish(line, failed), JSON_COMPACT);
}

int jsonl_print_race(FILE *out, const struct report_race *race, bool suspect)
{
	return print_line(out, suspect ? "suspect" : "race", json_build_race(race));
}

/* Which process it is in, and when that is told. o: NULL, no memory. */
static json_t *put_process(json_t *o, const struct report_process *process, int64_t unix_ns)
{
	int failed = o ? json_put(o, "process", json_build_process(process)) : -1;

	if (!failed)
		failed = json_put(o, "time", json_time(unix_ns));
	return json_finish(o, failed);
}

int jsonl_print_race_of(FILE *out, const struct report_race *race,
			const struct report_process *process, int64_t unix_ns)
{
	return print_line(out, "race", put_process(json_build_race(race), process, unix_ns));
}

int jsonl_print_growth(FILE *out, const struct report_growth *growth)
{
	return print_line(out, "growth", json_build_growth(growth));
}

int jsonl_print_panic(FILE *out, const struct report_panic *panic)
{
	return print_line(out, "panic", json_build_panic(panic));
}

int jsonl_print_panic_of(FILE *out, const struct report_panic *panic,
			 const struct report_process *process, int64_t unix_ns)
{
	return print_line(out, "panic", put_process(json_build_panic(panic), process, unix_ns));
}

int jsonl_print_vitals(FILE *out, const struct report_vitals *vitals)
{
	return print_line(out, "goroutines", json_build_vitals_of(vitals));
}

int jsonl_print_leak(FILE *out, const struct report_maker *maker,
		     const struct report_process *process, int64_t unix_ns)
{
	return print_line(out, "leak", json_build_leak(maker, process, unix_ns));
}

int jsonl_print_death(FILE *out, const struct report_death *death)
{
	return print_line(out, "death", json_build_death(death));
}

int jsonl_print_memory(FILE *out, const struct report_memory *m,
		       const struct report_process *process, int64_t unix_ns)
{
	json_t *o = json_build_memory(m, true);
	int failed = 0;

	if (o && process) {
		failed |= json_put(o, "process", json_build_process(process));
		failed |= json_put(o, "time", json_time(unix_ns));
	}
	return print_line(out, "memory", json_finish(o, failed));
}

static json_t *build_ending(enum report_death_cause cause, const char *message,
			    const struct report_access *at, const struct report_process *process,
			    int64_t unix_ns)
{
	json_t *o = json_object();
	int failed = json_put(o, "cause", json_string(report_death_cause_name(cause)));

	failed |= json_put(o, "message", message[0] ? json_text(message) : json_null());
	failed |= json_put(o, "goroutine", json_known_number(at->goroutine));
	failed |= json_put(o, "stack", json_build_stack(at));
	failed |= json_put(o, "truncated", json_boolean(at->truncated));
	failed |= json_put(o, "created_by", json_build_creation(&at->created_by));
	failed |= json_put(o, "process", json_build_process(process));
	failed |= json_put(o, "time", json_time(unix_ns));
	return json_finish(o, failed);
}

int jsonl_print_ending(FILE *out, enum report_death_cause cause, const char *message,
		       const struct report_access *at, const struct report_process *process,
		       int64_t unix_ns)
{
	return print_line(out, "ending", build_ending(cause, message, at, process, unix_ns));
}

int jsonl_print_target(FILE *out, const struct report_target *target)
{
	return print_line(out, "target", json_build_target(target));
}

int jsonl_print_stats(FILE *out, const struct report_stats *stats)
{
	return print_line(out, "stats", json_build_stats(stats));
}

int jsonl_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	int rc = 0;
	size_t i;

	(void)options;
	for (i = 0; i < report->ntargets && !rc; i++)
		rc = jsonl_print_target(out, &report->targets[i]);
	for (i = 0; i < report->ndeaths && !rc; i++)
		rc = jsonl_print_death(out, &report->deaths[i]);
	for (i = 0; i < report->nmemory && !rc; i++)
		rc = jsonl_print_memory(out, &report->memory[i], NULL, 0);
	for (i = 0; i < report->nraces && !rc; i++)
		rc = jsonl_print_race(out, &report->races[i], false);
	for (i = 0; i < report->nsuspects && !rc; i++)
		rc = jsonl_print_race(out, &report->suspects[i], true);
	for (i = 0; i < report->ngrowths && !rc; i++)
		rc = jsonl_print_growth(out, &report->growths[i]);
	for (i = 0; i < report->npanics && !rc; i++)
		rc = jsonl_print_panic(out, &report->panics[i]);
	for (i = 0; i < report->nvitals && !rc; i++)
		rc = jsonl_print_vitals(out, &report->vitals[i]);
	return rc ? rc : jsonl_print_stats(out, &report->stats);
}
