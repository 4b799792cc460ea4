/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdlib.h>
#include <string.h>

#include "report/json/json_parts.h"
#include "report/json/json_value.h"

static bool is_plain_stat(const char *key)
{
	static const char *const keys[] = {
		"operations", "reads",	      "writes",	     "deletes", "iterations",
		"clears",     "clones",	      "holds",	     "hold_ns", "probe_sites",
		"attach_ms",  "cost_percent", "events_lost", "watched",
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

/* The names and meanings of counters that came from a document live behind the counters, in one
 * allocation. */
static void read_losses(struct json_reader *r, json_t *o, struct report_stats *stats)
{
	const json_t *meanings = json_get_object(r, o, "meanings");
	size_t n = 0, bytes = 0;
	const char *key, *meaning;
	json_t *value;
	char *text;

	json_object_foreach(o, key, value) {
		if (!json_is_integer(value) || is_plain_stat(key))
			continue;
		meaning = json_string_value(json_object_get(meanings, key));
		bytes += strlen(key) + 1 + strlen(meaning ? meaning : "") + 1;
		n++;
	}
	if (r->rc || !n)
		return;
	stats->losses = calloc(1, n * sizeof(*stats->losses) + bytes);
	if (!stats->losses) {
		json_reader_nomem(r);
		return;
	}
	text = (char *)&stats->losses[n];
	json_object_foreach(o, key, value) {
		struct report_counter *loss = &stats->losses[stats->nlosses];

		if (!json_is_integer(value) || is_plain_stat(key))
			continue;
		meaning = json_string_value(json_object_get(meanings, key));
		loss->name = text;
		text = stpcpy(text, key) + 1;
		loss->meaning = text;
		text = stpcpy(text, meaning ? meaning : "") + 1;
		loss->value = json_get_u64(r, o, key);
		stats->nlosses++;
	}
}

static void read_budget(struct json_reader *r, const json_t *o, struct report_stats *stats)
{
	const json_t *budget = json_get_object(r, o, "budget");
	const json_t *functions = json_get_array(r, budget, "functions");
	size_t i, n = json_array_size(functions);

	stats->budget_percent = json_get_real(r, budget, "percent", 0);
	stats->least_cpus = json_get_real(r, budget, "least_cpus", 0);
	stats->advance_s = json_get_real(r, budget, "advance_s", 0);
	stats->slowdown = json_get_real(r, budget, "slowdown", 0);
	stats->lived_s = json_get_real(r, budget, "lived_s", 0);
	stats->waited_s = json_get_real(r, budget, "waited_s", 0);
	stats->hit_ns = json_get_real(r, budget, "hit_ns", 0);
	stats->trap_ns = json_get_u64(r, budget, "trap_ns");
	stats->windows = json_get_u64(r, budget, "windows");
	stats->cold_calls = json_get_u64(r, budget, "cold_calls");
	stats->coverage = n ? calloc(n, sizeof(*stats->coverage)) : NULL;
	if (n && !stats->coverage) {
		json_reader_nomem(r);
		return;
	}
	for (i = 0; i < n; i++) {
		const json_t *one = json_array_get(functions, i);
		struct report_coverage *coverage = &stats->coverage[stats->ncoverage++];

		coverage->pid = json_get_u32(r, one, "pid");
		coverage->function = json_get_text(r, one, "function");
		coverage->hits = json_get_u64(r, one, "hits");
		coverage->attached = json_get_real(r, one, "attached", 1);
	}
}

static void read_caveats(struct json_reader *r, const json_t *o, struct report_stats *stats)
{
	const json_t *list = json_get_array(r, o, "caveats"), *one;
	struct report_caveat *caveat;
	size_t i;

	stats->caveats =
		json_get_items(r, list, "caveats", sizeof(*stats->caveats), &stats->ncaveats);
	for (i = 0; i < stats->ncaveats; i++) {
		json_reader_enter(r, "caveats", i);
		one = json_array_get(list, i);
		caveat = &stats->caveats[i];
		caveat->code = json_get_text(r, one, "code");
		caveat->pid = json_get_u32(r, one, "pid");
		if (json_is_known(one, "target"))
			caveat->target = (uint64_t)json_get_u32(r, one, "target") + 1;
		caveat->blind = json_get_bool(r, one, "blind");
		caveat->text = json_get_text(r, one, "text");
	}
}

/* An older document has none: then its windows say it. */
static double read_unwatched(struct json_reader *r, const json_t *o,
			     const struct report_stats *stats)
{
	double watched = json_get_real(r, o, "watched", 1);

	if (!json_is_known(o, "watched"))
		return report_unwatched(stats);
	return watched > 0 ? watched < 1 ? 1 - watched : 0 : 1;
}

void json_read_stats(struct json_reader *r, json_t *o, struct report_stats *stats)
{
	strcpy(r->where, "stats");
	stats->operations = json_get_u64(r, o, "operations");
	stats->reads = json_get_u64(r, o, "reads");
	stats->writes = json_get_u64(r, o, "writes");
	stats->deletes = json_get_u64(r, o, "deletes");
	stats->iterations = json_get_u64(r, o, "iterations");
	stats->clears = json_get_u64(r, o, "clears");
	stats->clones = json_get_u64(r, o, "clones");
	stats->holds = json_get_u64(r, o, "holds");
	stats->hold_ns = json_get_u64(r, o, "hold_ns");
	stats->probe_sites = json_get_u32(r, o, "probe_sites");
	stats->attach_ms = json_get_real(r, o, "attach_ms", 0);
	stats->cost_percent = json_get_real(r, o, "cost_percent", -1);
	stats->events_lost = json_get_u64(r, o, "events_lost");
	read_budget(r, o, stats);
	stats->unwatched = read_unwatched(r, o, stats);
	read_losses(r, o, stats);
	read_caveats(r, o, stats);
	r->where[0] = '\0';
}
