/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <jansson.h>

#include "report/escape.h"
#include "report/json_bpf.h"
#include "report/json_names.h"
#include "report/printers.h"

/*
 * Builders return NULL when memory is short. put() takes the value over and lets a NULL one fail,
 * so that each builder only has to look at the sum of its puts.
 */
static int put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static json_t *finish(json_t *object, int failed)
{
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *text(const char *s)
{
	char *utf8 = escape_utf8(s);
	json_t *value = utf8 ? json_string_nocheck(utf8) : NULL;

	free(utf8);
	return value;
}

/* JSON integers end at INT64_MAX here; a counter never gets there, a hostile goroutine id may. */
static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *known_number(uint64_t n)
{
	return n ? number(n) : json_null();
}

static json_t *real(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *hex(uint64_t n)
{
	return json_sprintf("0x%" PRIx64, n);
}

static int put_frame(json_t *o, const struct report_frame *frame)
{
	int failed = put(o, "function", text(frame->function));

	failed |= put(o, "file", text(frame->file));
	failed |= put(o, "line", json_integer(frame->line));
	failed |= put(o, "start_line", json_integer(frame->start_line));
	failed |= put(o, "pc", hex(frame->pc));
	failed |= put(o, "inlined", json_boolean(frame->inlined));
	failed |= put(o, "runtime", json_boolean(frame->runtime));
	return failed;
}

static json_t *build_stack(const struct report_access *access)
{
	json_t *stack = json_array(), *frame;
	int failed = 0;
	size_t i;

	for (i = 0; i < access->nframes && !failed; i++) {
		frame = json_object();
		failed |= put_frame(frame, &access->frames[i]);
		failed |= json_array_append_new(stack, frame);
	}
	return finish(stack, failed);
}

static json_t *build_creation(const struct report_creation *created)
{
	json_t *o;
	int failed;

	if (!created->known)
		return json_null();
	o = json_object();
	failed = put(o, "goroutine", known_number(created->goroutine));
	failed |= put_frame(o, &created->at);
	return finish(o, failed);
}

static json_t *build_access(const struct report_access *access, const char *role)
{
	json_t *o = json_object();
	int failed = put(o, "op", json_string(report_op_name(access->op)));

	failed |= put(o, "clone", json_boolean(access->op == REPORT_CLONE));
	failed |= put(o, "role", json_string(role));
	failed |= put(o, "goroutine", known_number(access->goroutine));
	failed |= put(o, "tid", json_integer(access->tid));
	failed |= put(o, "cpu", json_integer(access->cpu));
	failed |= put(o, "time_ns", number(access->time_ns));
	failed |= put(o, "stack", build_stack(access));
	failed |= put(o, "truncated", json_boolean(access->truncated));
	failed |= put(o, "partial", json_boolean(access->partial));
	failed |= put(o, "created_by", build_creation(&access->created_by));
	return finish(o, failed);
}

static json_t *build_map(const struct report_map *map)
{
	json_t *o = json_object();
	int failed = put(o, "addr", hex(map->addr));

	failed |= put(o, "seed", hex(map->seed));
	failed |= put(o, "type", text(map->type));
	failed |= put(o, "len", map->header_known ? number(map->len) : json_null());
	failed |= put(o, "buckets", map->header_known ? known_number(map->buckets) : json_null());
	failed |= put(o, "impl", json_string(map->swiss ? "swiss" : "classic"));
	failed |= put(o, "growing", map->header_known ? json_boolean(map->growing) : json_null());
	failed |= put(o, "on_stack", json_boolean(map->on_stack));
	return finish(o, failed);
}

/* The order of the text report: for a collision the held goroutine came first. */
static json_t *build_accesses(const struct report_race *race)
{
	size_t first = race->evidence == REPORT_COLLISION && race->has_other ? 1 : 0;
	json_t *accesses = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < (race->has_other ? 2u : 1u); i++) {
		size_t which = first ^ i;

		failed |= json_array_append_new(accesses,
						build_access(&race->access[which],
							     json_role(race->evidence, which)));
	}
	return finish(accesses, failed);
}

static json_t *build_race(const struct report_race *race)
{
	json_t *o = json_object();
	int failed = put(o, "id", text(race->id));

	failed |= put(o, "evidence", json_string(report_evidence_name(race->evidence)));
	failed |= put(o, "kind", json_string(report_kind_name(race->kind)));
	failed |= put(o, "count", number(race->count));
	failed |= put(o, "first_seen_s", real(race->first_seen_s));
	failed |= put(o, "last_seen_s", real(race->last_seen_s));
	failed |= put(o, "pid", json_integer(race->pid));
	failed |= put(o, "held_ns", number(race->held_ns));
	failed |= put(o, "message", text(race->message));
	failed |= put(o, "check_fired", json_boolean(race->check_fired));
	failed |= put(o, "map", build_map(&race->map));
	failed |= put(o, "accesses", build_accesses(race));
	if (race->bpf)
		failed |= put(o, "bpf", json_build_bpf(race->bpf));
	return finish(o, failed);
}

/* null while it runs; {"code": n}, {"signal": n}, or {} when it ended in a way that nobody could
 * see. */
static json_t *build_exit(const struct report_target *target)
{
	int status = target->exit_status;
	json_t *o;

	if (!target->exited)
		return json_null();
	o = json_object();
	if (status >= 0 && WIFEXITED(status))
		return finish(o, put(o, "code", json_integer(WEXITSTATUS(status))));
	if (status >= 0 && WIFSIGNALED(status))
		return finish(o, put(o, "signal", json_integer(WTERMSIG(status))));
	return o;
}

static json_t *build_target(const struct report_target *target)
{
	json_t *o = json_object();
	int failed = put(o, "pid", json_integer(target->pid));

	failed |= put(o, "exe", text(target->exe));
	failed |= put(o, "build_id", text(target->build_id));
	failed |= put(o, "go_version", text(target->go_version));
	failed |= put(o, "map_impl", json_string(target->swiss ? "swiss" : "classic"));
	failed |= put(o, "stripped", json_boolean(target->stripped));
	failed |= put(o, "pie", json_boolean(target->pie));
	failed |= put(o, "cgo", json_boolean(target->cgo));
	failed |= put(o, "exit", build_exit(target));
	return finish(o, failed);
}

static json_t *build_maprow(const struct report_maprow *row)
{
	json_t *o = json_object();
	int failed = put(o, "pid", json_integer(row->pid));

	failed |= put(o, "addr", hex(row->addr));
	failed |= put(o, "type", text(row->type));
	failed |= put(o, "goroutines", json_integer(row->goroutines));
	failed |= put(o, "reads", number(row->reads));
	failed |= put(o, "writes", number(row->writes));
	failed |= put(o, "holds", number(row->holds));
	failed |= put(o, "hold_ns", number(row->hold_ns));
	failed |= put(o, "expected_collisions", real(row->expected));
	failed |= put(o, "collisions", number(row->collisions));
	failed |= put(o, "p", real(row->p));
	failed |= put(o, "verdict", json_string(report_verdict_name(row->verdict)));
	return finish(o, failed);
}

static json_t *build_meanings(const struct report_stats *stats)
{
	json_t *o = json_object();
	int failed = 0;
	size_t i;

	for (i = 0; i < stats->nlosses; i++)
		failed |= put(o, stats->losses[i].name, text(stats->losses[i].meaning));
	return finish(o, failed);
}

static json_t *build_stats(const struct report_stats *stats)
{
	json_t *o = json_object();
	int failed = put(o, "operations", number(stats->operations));
	size_t i;

	failed |= put(o, "reads", number(stats->reads));
	failed |= put(o, "writes", number(stats->writes));
	failed |= put(o, "deletes", number(stats->deletes));
	failed |= put(o, "iterations", number(stats->iterations));
	failed |= put(o, "clears", number(stats->clears));
	failed |= put(o, "clones", number(stats->clones));
	failed |= put(o, "holds", number(stats->holds));
	failed |= put(o, "hold_ns", number(stats->hold_ns));
	failed |= put(o, "probe_sites", json_integer(stats->probe_sites));
	failed |= put(o, "attach_ms", real(stats->attach_ms));
	failed |= put(o, "cost_percent",
		      stats->cost_percent < 0 ? json_null() : real(stats->cost_percent));
	failed |= put(o, "events_lost", number(stats->events_lost));
	for (i = 0; i < stats->nlosses; i++)
		failed |= put(o, stats->losses[i].name, number(stats->losses[i].value));
	failed |= put(o, "meanings", build_meanings(stats));
	return finish(o, failed);
}

static json_t *build_time(int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	int ms = (int)(unix_ns / 1000000 % 1000);
	char date[64];
	struct tm tm;

	if (unix_ns < 0 || !gmtime_r(&seconds, &tm))
		return json_null();
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%03dZ", date, ms);
}

#define BUILD_LIST(name, type, build)                                            \
	static json_t *name(const type *items, size_t n)                         \
	{                                                                        \
		json_t *list = json_array();                                     \
		int failed = 0;                                                  \
		size_t i;                                                        \
                                                                                 \
		for (i = 0; i < n && !failed; i++)                               \
			failed |= json_array_append_new(list, build(&items[i])); \
		return finish(list, failed);                                     \
	}

BUILD_LIST(build_targets, struct report_target, build_target)
BUILD_LIST(build_races, struct report_race, build_race)
BUILD_LIST(build_maps, struct report_maprow, build_maprow)

static json_t *build_tool(const struct report *report)
{
	json_t *o = json_object();

	return finish(o, put(o, "version", text(report->version)));
}

static json_t *build_host(const struct report *report)
{
	json_t *o = json_object();
	int failed = put(o, "kernel", text(report->kernel));

	failed |= put(o, "arch", text(report->arch));
	failed |= put(o, "cpus", json_integer(report->cpus));
	return finish(o, failed);
}

static json_t *build_report(const struct report *report)
{
	json_t *o = json_object();
	int failed = put(o, "schema", json_string(JSON_SCHEMA));

	failed |= put(o, "tool", build_tool(report));
	failed |= put(o, "host", build_host(report));
	failed |= put(o, "started", build_time(report->started_unix_ns));
	failed |= put(o, "duration_s", real(report->duration_s));
	failed |= put(o, "targets", build_targets(report->targets, report->ntargets));
	failed |= put(o, "races", build_races(report->races, report->nraces));
	failed |= put(o, "suspects", build_races(report->suspects, report->nsuspects));
	failed |= put(o, "maps", build_maps(report->maps, report->nmaps));
	failed |= put(o, "stats", build_stats(&report->stats));
	return finish(o, failed);
}

/*
 * Takes value over. Pure ASCII leaves the encoder, because C1 controls and direction marks from a
 * target's strings must not reach a terminal through `--json` either.
 */
static int print_value(FILE *out, json_t *value, size_t flags)
{
	char *dump;
	int rc = 0;

	if (!value)
		return -ENOMEM;
	dump = json_dumps(value, flags | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));
	json_decref(value);
	if (!dump)
		return -ENOMEM;
	errno = 0;
	if (fputs(dump, out) == EOF || fputc('\n', out) == EOF || fflush(out) == EOF)
		rc = errno ? -errno : -EIO;
	free(dump);
	return rc;
}

int json_print_report(FILE *out, const struct report *report)
{
	return print_value(out, build_report(report), JSON_INDENT(2));
}

static int print_line(FILE *out, const char *type, json_t *data)
{
	json_t *line = json_object();
	int failed = put(line, "type", json_string(type));

	failed |= put(line, "data", data);
	return print_value(out, finish(line, failed), JSON_COMPACT);
}

int jsonl_print_race(FILE *out, const struct report_race *race, bool suspect)
{
	return print_line(out, suspect ? "suspect" : "race", build_race(race));
}

int jsonl_print_target(FILE *out, const struct report_target *target)
{
	return print_line(out, "target", build_target(target));
}

int jsonl_print_stats(FILE *out, const struct report_stats *stats)
{
	return print_line(out, "stats", build_stats(stats));
}
