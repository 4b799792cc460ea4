/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "top/top_json.h"

#include <errno.h>

#include "report/json/json_make.h"

struct source {
	const struct report *report;
	const struct top_work *work;
	size_t nwork;
};

static json_t *build_site(const struct report_access *access)
{
	const struct report_frame *site = report_access_site(access);
	json_t *o = json_object();
	int failed = json_put(o, "op", json_string(report_op_name(access->op)));

	failed |= json_put(o, "function", json_text(site && site->function ? site->function : ""));
	failed |= json_put(o, "file", json_text(site && site->file ? site->file : ""));
	failed |= json_put(o, "line", json_known_number(site ? (uint64_t)site->line : 0));
	return json_finish(o, failed);
}

static json_t *build_race(const struct report_race *race)
{
	json_t *o = json_object(), *sites = json_array();
	int failed = json_put(o, "id", json_string(race->id));

	failed |= json_put(o, "evidence", json_string(report_evidence_name(race->evidence)));
	failed |= json_put(o, "kind", json_string(report_kind_name(race->kind)));
	failed |= json_put(o, "count", json_number(race->count));
	failed |= json_put(o, "first_seen_s", json_number_real(race->first_seen_s));
	failed |= json_put(o, "last_seen_s", json_number_real(race->last_seen_s));
	failed |= json_put(o, "map", json_text(race->map.type));
	failed |= json_array_append_new(sites, build_site(&race->access[0]));
	if (race->has_other)
		failed |= json_array_append_new(sites, build_site(&race->access[1]));
	failed |= json_put(o, "sites", sites);
	return json_finish(o, failed);
}

static json_t *build_races(const struct top_row *row, const struct source *from)
{
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; row->races && i < from->report->nraces; i++)
		if (top_row_has(row, &from->report->races[i], from->work, from->nwork))
			failed |= json_array_append_new(list, build_race(&from->report->races[i]));
	return json_finish(list, failed);
}

static json_t *build_verdicts(const struct top_row *row)
{
	json_t *o = json_object();
	int failed = 0, i;

	for (i = 0; i <= REPORT_UNPROVEN; i++)
		failed |= json_put(o, report_verdict_name((enum report_verdict)i),
				   json_number(row->verdicts[i]));
	return json_finish(o, failed);
}

/* What a row and the sum of all have. */
static int put_figures(json_t *o, const struct top_row *row)
{
	int failed = json_put(o, "operations", json_number(row->operations));

	failed |= json_put(o, "operations_per_s", json_number_real(row->operations_per_s));
	failed |= json_put(o, "holds", json_number(row->holds));
	failed |= json_put(o, "known_maps", json_number(row->maps));
	failed |= json_put(o, "verdicts", build_verdicts(row));
	failed |= json_put(o, "race_count", json_number(row->races));
	failed |= json_put(o, "sightings", json_number(row->sightings));
	failed |= json_put(o, "unseen", json_number_real(row->unseen));
	failed |= json_put(o, "cost_percent", json_number_real(row->cost_percent));
	return failed;
}

static json_t *build_row(const struct top_row *row, const struct source *from)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_number(row->pid));

	failed |= json_put(o, "ended", json_boolean(row->ended));
	failed |= json_put(o, "exe", json_text(row->exe));
	failed |= json_put(o, "args", json_text(row->args));
	failed |= json_put(o, "go_version", json_text(row->go_version));
	failed |= json_put(o, "container", json_text(row->container));
	failed |= json_put(o, "pod", json_text(row->pod));
	failed |= json_put(o, "unit", json_text(row->unit));
	failed |= json_put(o, "from_s", json_number_real(row->from_s));
	failed |= put_figures(o, row);
	failed |= json_put(o, "races", build_races(row, from));
	return json_finish(o, failed);
}

static json_t *build_sum(const struct top_table *t)
{
	json_t *o = json_object();

	return json_finish(o, put_figures(o, &t->sum));
}

static json_t *build_table(const struct top_table *t, const struct source *from, int64_t now_ns)
{
	json_t *o = json_object(), *rows = json_array();
	int failed = json_put(o, "time", json_time(now_ns));
	size_t i;

	failed |= json_put(o, "elapsed_s", json_number_real(t->at_s));
	failed |= json_put(o, "interval_s", json_number_real(t->interval_s));
	if (from->report->followed) {
		failed |= json_put(o, "go", json_number(t->found));
		failed |= json_put(o, "watched", json_number(t->watched));
	}
	failed |= json_put(o, "all", build_sum(t));
	for (i = 0; i < t->nshown; i++)
		failed |= json_array_append_new(rows, build_row(&t->rows[t->shown[i]], from));
	failed |= json_put(o, "processes", rows);
	return json_finish(o, failed);
}

int top_json_print(FILE *out, const struct top_table *t, const struct report *report,
		   const struct top_work *work, size_t nwork, int64_t now_ns)
{
	const struct source from = {report, work, nwork};
	json_t *line = json_object();
	int failed = json_put(line, "type", json_string("top"));
	int r;

	failed |= json_put(line, "data", build_table(t, &from, now_ns));
	r = json_print_value(out, json_finish(line, failed), JSON_COMPACT);
	if (!r && fflush(out))
		r = -errno;
	return r;
}
