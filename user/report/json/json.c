/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <jansson.h>

#include "base/escape.h"
#include "model/evidence.h"
#include "report/json/json_bpf.h"
#include "report/json/json_followed.h"
#include "report/json/json_growth.h"
#include "report/json/json_panic.h"
#include "report/json/json_make.h"
#include "report/json/json_memory.h"
#include "report/json/json_names.h"
#include "report/json/json_parts.h"
#include "report/json/json_snapshot.h"
#include "report/json/json_vitals.h"
#include "report/printers.h"

static int put_frame(json_t *o, const struct report_frame *frame)
{
	int failed = json_put(o, "function", json_text(frame->function));

	failed |= json_put(o, "file", json_text(frame->file));
	failed |= json_put(o, "line", json_integer(frame->line));
	failed |= json_put(o, "start_line", json_integer(frame->start_line));
	failed |= json_put(o, "pc", json_hex(frame->pc));
	failed |= json_put(o, "inlined", json_boolean(frame->inlined));
	failed |= json_put(o, "runtime", json_boolean(frame->runtime));
	return failed;
}

json_t *json_build_frame(const struct report_frame *frame)
{
	json_t *o = json_object();

	return json_finish(o, put_frame(o, frame));
}

json_t *json_build_stack(const struct report_access *access)
{
	json_t *stack = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < access->nframes && !failed; i++)
		failed |= json_array_append_new(stack, json_build_frame(&access->frames[i]));
	return json_finish(stack, failed);
}

json_t *json_build_creation(const struct report_creation *created)
{
	json_t *o;
	int failed;

	if (!created->known)
		return json_null();
	o = json_object();
	failed = json_put(o, "goroutine", json_known_number(created->goroutine));
	failed |= put_frame(o, &created->at);
	return json_finish(o, failed);
}

json_t *json_build_labels(const struct report_label *labels, size_t n)
{
	json_t *o = json_object();
	int failed = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		char *key = escape_utf8(labels[i].key);

		failed |= key ? json_put(o, key, json_text(labels[i].value)) : -ENOMEM;
		free(key);
	}
	return json_finish(o, failed);
}

json_t *json_build_access(const struct report_access *access, const char *role)
{
	json_t *o = json_object();
	int failed = json_put(o, "op", json_string(report_op_name(access->op)));

	failed |= json_put(o, "clone", json_boolean(access->op == REPORT_CLONE));
	failed |= json_put(o, "role", json_string(role));
	failed |= json_put(o, "goroutine", json_known_number(access->goroutine));
	failed |= json_put(o, "tid", json_integer(access->tid));
	failed |= json_put(o, "cpu", json_integer(access->cpu));
	failed |= json_put(o, "time_ns", json_number(access->time_ns));
	failed |= json_put(o, "stack", json_build_stack(access));
	failed |= json_put(o, "truncated", json_boolean(access->truncated));
	failed |= json_put(o, "partial", json_boolean(access->partial));
	failed |= json_put(o, "created_by", json_build_creation(&access->created_by));
	if (access->nlabels)
		failed |= json_put(o, "labels", json_build_labels(access->labels, access->nlabels));
	return json_finish(o, failed);
}

json_t *json_build_map(const struct report_map *map)
{
	json_t *o = json_object();
	int failed = json_put(o, "addr", json_hex(map->addr));

	failed |= json_put(o, "seed", json_hex(map->seed));
	failed |= json_put(o, "type", json_text(map->type));
	failed |= json_put(o, "len", map->header_known ? json_number(map->len) : json_null());
	failed |= json_put(o, "buckets",
			   map->header_known ? json_known_number(map->buckets) : json_null());
	failed |= json_put(o, "impl", json_string(map->swiss ? "swiss" : "classic"));
	failed |= json_put(o, "growing",
			   map->header_known ? json_boolean(map->growing) : json_null());
	if (map->writing)
		failed |= json_put(o, "writing", json_true());
	failed |= json_put(o, "on_stack", json_boolean(map->on_stack));
	if (map->global)
		failed |= json_put(o, "global", json_text(map->global));
	return json_finish(o, failed);
}

/* The order of the text report: for a collision the held goroutine came first. */
static json_t *build_accesses(const struct report_race *race)
{
	size_t first = report_first_access(race);
	json_t *accesses = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < (race->has_other ? 2u : 1u); i++) {
		size_t which = first ^ i;

		failed |= json_array_append_new(
			accesses, json_build_access(&race->access[which],
						    evidence_kind(race->evidence)->role[which]));
	}
	return json_finish(accesses, failed);
}

/* The powers of two of nanoseconds that occurred. */
static json_t *build_distances(const struct report_race *race)
{
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < REPORT_DISTANCES; i++) {
		json_t *o;

		if (!race->distances[i])
			continue;
		o = json_object();
		failed |= json_put(o, "from_ns", json_number(1ull << i));
		failed |= json_put(o, "count", json_number(race->distances[i]));
		failed |= json_array_append_new(list, o);
	}
	return json_finish(list, failed);
}

static int put_sightings(json_t *o, const struct report_sightings *sightings)
{
	json_t *list, *s;
	int failed = 0;
	size_t i;

	if (!sightings->nbins)
		return 0;
	list = json_array();
	for (i = 0; i < sightings->nbins; i++)
		failed |= json_array_append_new(list, json_number(sightings->bins[i]));
	s = json_object();
	failed |= json_put(s, "bin_s", json_number_real(sightings->bin_s));
	failed |= json_put(s, "counts", list);
	return failed | json_put(o, "sightings", s);
}

static int put_seen(json_t *o, const struct report_race *race)
{
	int failed = json_put(o, "count", json_number(race->count));

	failed |= json_put(o, "first_seen_s", json_number_real(race->first_seen_s));
	failed |= json_put(o, "last_seen_s", json_number_real(race->last_seen_s));
	failed |= json_put(o, "pid", json_integer(race->pid));
	failed |= json_put(o, "check_fired", json_boolean(race->check_fired));
	if (evidence_kind(race->evidence)->distances)
		failed |= json_put(o, "distances", build_distances(race));
	return failed | put_sightings(o, &race->sightings);
}

json_t *json_build_seen(const struct report_race *race)
{
	json_t *o = json_object();
	int failed = json_put(o, "id", json_text(race->id));

	return json_finish(o, failed | put_seen(o, race));
}

json_t *json_build_race(const struct report_race *race)
{
	json_t *o = json_object();
	int failed = json_put(o, "id", json_text(race->id));

	failed |= json_put(o, "evidence", json_string(report_evidence_name(race->evidence)));
	failed |= json_put(o, "proves", json_string(report_proof_name(report_proves(race))));
	failed |= json_put(o, "kind", json_string(report_kind_name(race->kind)));
	failed |= put_seen(o, race);
	failed |= json_put(o, "held_ns", json_number(race->held_ns));
	failed |= json_put(o, "message", json_text(race->message));
	if (race->caveat)
		failed |= json_put(o, "caveat", json_text(race->caveat));
	failed |= json_put(o, "map", json_build_map(&race->map));
	failed |= json_put(o, "accesses", build_accesses(race));
	if (race->bpf)
		failed |= json_put(o, "bpf", json_build_bpf(race->bpf));
	return json_finish(o, failed);
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
		return json_finish(o, json_put(o, "code", json_integer(WEXITSTATUS(status))));
	if (status >= 0 && WIFSIGNALED(status))
		return json_finish(o, json_put(o, "signal", json_integer(WTERMSIG(status))));
	return o;
}

json_t *json_build_target(const struct report_target *target)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(target->pid));

	failed |= json_put(o, "exe", json_text(target->exe));
	if (target->library && target->library[0])
		failed |= json_put(o, "library", json_text(target->library));
	if (target->late_s > 0)
		failed |= json_put(o, "watched_from_s", json_real(target->late_s));
	failed |= json_put(o, "build_id", json_text(target->build_id));
	failed |= json_put(o, "go_version", json_text(target->go_version));
	if (target->module && target->module[0])
		failed |= json_put(o, "module", json_text(target->module));
	failed |= json_put(o, "map_impl", json_string(target->swiss ? "swiss" : "classic"));
	failed |= json_put(o, "stripped", json_boolean(target->stripped));
	failed |= json_put(o, "pie", json_boolean(target->pie));
	failed |= json_put(o, "cgo", json_boolean(target->cgo));
	failed |= json_put(o, "exit", build_exit(target));
	if (target->allowed_percent > 0) {
		failed |= json_put(o, "cost_percent", json_number_real(target->cost_percent));
		failed |= json_put(o, "allowed_percent", json_number_real(target->allowed_percent));
	}
	return json_finish(o, failed);
}

static json_t *build_maprow(const struct report_maprow *row)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(row->pid));

	failed |= json_put(o, "addr", json_hex(row->addr));
	failed |= json_put(o, "type", json_text(row->type));
	failed |= json_put(o, "goroutines", json_integer(row->goroutines));
	failed |= json_put(o, "reads", json_number(row->reads));
	failed |= json_put(o, "writes", json_number(row->writes));
	failed |= json_put(o, "holds", json_number(row->holds));
	failed |= json_put(o, "hold_ns", json_number(row->hold_ns));
	failed |= json_put(o, "expected_collisions", json_number_real(row->expected));
	failed |= json_put(o, "collisions", json_number(row->collisions));
	failed |= json_put(o, "p", json_number_real(row->p));
	failed |= json_put(o, "verdict", json_string(report_verdict_name(row->verdict)));
	return json_finish(o, failed);
}

static json_t *build_meanings(const struct report_stats *stats)
{
	json_t *o = json_object();
	int failed = 0;
	size_t i;

	for (i = 0; i < stats->nlosses; i++)
		failed |= json_put(o, stats->losses[i].name, json_text(stats->losses[i].meaning));
	return json_finish(o, failed);
}

static json_t *build_coverage(const struct report_coverage *coverage)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(coverage->pid));

	failed |= json_put(o, "function", json_text(coverage->function));
	failed |= json_put(o, "hits", json_number(coverage->hits));
	failed |= json_put(o, "attached", json_number_real(coverage->attached));
	return json_finish(o, failed);
}

static json_t *build_budget(const struct report_stats *stats)
{
	json_t *o = json_object(), *functions = json_array();
	int failed = json_put(o, "percent", json_number_real(stats->budget_percent));
	size_t i;

	if (stats->least_cpus > 0)
		failed |= json_put(o, "least_cpus", json_number_real(stats->least_cpus));
	failed |= json_put(o, "advance_s", json_number_real(stats->advance_s));
	if (stats->slowdown > 0) {
		failed |= json_put(o, "slowdown", json_number_real(stats->slowdown));
		failed |= json_put(o, "lived_s", json_number_real(stats->lived_s));
		failed |= json_put(o, "waited_s", json_number_real(stats->waited_s));
	}
	failed |= json_put(o, "hit_ns", json_number_real(stats->hit_ns));
	failed |= json_put(o, "trap_ns", json_number(stats->trap_ns));
	failed |= json_put(o, "windows", json_number(stats->windows));
	if (stats->cold_calls)
		failed |= json_put(o, "cold_calls", json_number(stats->cold_calls));
	for (i = 0; i < stats->ncoverage; i++)
		failed |= json_array_append_new(functions, build_coverage(&stats->coverage[i]));
	failed |= json_put(o, "functions", functions);
	return json_finish(o, failed);
}

static json_t *build_caveat(const struct report_caveat *caveat)
{
	json_t *o = json_object();
	int failed = json_put(o, "code", json_text(caveat->code));

	failed |= json_put(o, "pid", json_known_number(caveat->pid));
	if (caveat->target)
		failed |= json_put(o, "target", json_number(caveat->target - 1));
	failed |= json_put(o, "blind", json_boolean(caveat->blind));
	failed |= json_put(o, "text", json_text(caveat->text));
	return json_finish(o, failed);
}

static json_t *build_caveats(const struct report_stats *stats)
{
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < stats->ncaveats && !failed; i++)
		failed |= json_array_append_new(list, build_caveat(&stats->caveats[i]));
	return json_finish(list, failed);
}

json_t *json_build_stats(const struct report_stats *stats)
{
	json_t *o = json_object();
	int failed = json_put(o, "operations", json_number(stats->operations));
	size_t i;

	failed |= json_put(o, "reads", json_number(stats->reads));
	failed |= json_put(o, "writes", json_number(stats->writes));
	failed |= json_put(o, "deletes", json_number(stats->deletes));
	failed |= json_put(o, "iterations", json_number(stats->iterations));
	failed |= json_put(o, "clears", json_number(stats->clears));
	failed |= json_put(o, "clones", json_number(stats->clones));
	failed |= json_put(o, "holds", json_number(stats->holds));
	failed |= json_put(o, "hold_ns", json_number(stats->hold_ns));
	failed |= json_put(o, "probe_sites", json_integer(stats->probe_sites));
	failed |= json_put(o, "attach_ms", json_number_real(stats->attach_ms));
	failed |= json_put(o, "cost_percent",
			   stats->cost_percent < 0 ? json_null()
						   : json_number_real(stats->cost_percent));
	if (stats->hit_ns > 0)
		failed |= json_put(o, "budget", build_budget(stats));
	failed |= json_put(o, "watched", json_number_real(1 - stats->unwatched));
	failed |= json_put(o, "caveats", build_caveats(stats));
	failed |= json_put(o, "events_lost", json_number(stats->events_lost));
	for (i = 0; i < stats->nlosses; i++)
		failed |= json_put(o, stats->losses[i].name, json_number(stats->losses[i].value));
	failed |= json_put(o, "meanings", build_meanings(stats));
	return json_finish(o, failed);
}

static json_t *build_hidden(const struct report_hidden *hidden)
{
	json_t *o = json_object();
	int failed = json_put(o, "by", json_text(hidden->by));

	failed |= json_put(o, "known", json_boolean(hidden->known));
	failed |= json_put(o, "races", json_number(hidden->races));
	failed |= json_put(o, "count", json_number(hidden->count));
	return json_finish(o, failed);
}

JSON_BUILD_LIST(build_targets, struct report_target, json_build_target)
JSON_BUILD_LIST(build_races, struct report_race, json_build_race)
JSON_BUILD_LIST(build_maps, struct report_maprow, build_maprow)
JSON_BUILD_LIST(build_hiddens, struct report_hidden, build_hidden)
JSON_BUILD_LIST(build_audits, struct report_audited, json_build_audited)

static json_t *build_tool(const struct report *report)
{
	json_t *o = json_object();

	return json_finish(o, json_put(o, "version", json_text(report->version)));
}

static json_t *build_host(const struct report *report)
{
	json_t *o = json_object();
	int failed = json_put(o, "kernel", json_text(report->kernel));

	failed |= json_put(o, "arch", json_text(report->arch));
	failed |= json_put(o, "cpus", json_integer(report->cpus));
	return json_finish(o, failed);
}

static int put_head(json_t *o, const struct report *report)
{
	int failed = json_put(o, "schema", json_string(JSON_SCHEMA));

	failed |= json_put(o, "tool", build_tool(report));
	failed |= json_put(o, "host", build_host(report));
	failed |= json_put(o, "started", json_time(report->started_unix_ns));
	return failed;
}

static int put_progress(json_t *o, const struct report *report)
{
	int failed = json_put(o, "duration_s", json_number_real(report->duration_s));

	failed |= json_put(o, "targets", build_targets(report->targets, report->ntargets));
	return failed | json_put_followed(o, report);
}

static int put_state(json_t *o, const struct report *report, bool seen)
{
	int failed = json_put(o, "maps", build_maps(report->maps, report->nmaps));

	if (report->nhidden)
		failed |= json_put(o, "hidden", build_hiddens(report->hidden, report->nhidden));
	if (report->naudited)
		failed |= json_put(o, "audited", build_audits(report->audited, report->naudited));
	if (report->growth)
		failed |= json_put(o, "growths", json_build_growths(report));
	if (report->panics_watched)
		failed |= json_put(o, "panics", json_build_panics(report));
	if (report->memory_asked)
		failed |= json_put(o, "memory", json_build_memories(report, seen));
	if (report->goroutines)
		failed |= json_put(o, "goroutines", json_build_vitals(report));
	if (seen && report->nsnapshots)
		failed |= json_put(o, "snapshots", json_build_snapshots(report));
	if (seen && report->ndeaths)
		failed |= json_put(o, "deaths", json_build_deaths(report));
	failed |= json_put(o, "stats", json_build_stats(&report->stats));
	return failed;
}

json_t *json_build_head(const struct report *report)
{
	json_t *o = json_object();

	return json_finish(o, put_head(o, report));
}

json_t *json_build_state(const struct report *report)
{
	json_t *o = json_object();
	int failed = put_progress(o, report);

	return json_finish(o, failed | put_state(o, report, false));
}

static json_t *build_report(const struct report *report)
{
	json_t *o = json_object();
	int failed = put_head(o, report);

	failed |= put_progress(o, report);
	failed |= json_put(o, "races", build_races(report->races, report->nraces));
	failed |= json_put(o, "suspects", build_races(report->suspects, report->nsuspects));
	failed |= put_state(o, report, true);
	return json_finish(o, failed);
}

int json_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	(void)options;
	return json_print_value(out, build_report(report), JSON_INDENT(2));
}
