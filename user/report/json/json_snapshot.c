/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_snapshot.h"

#include "report/json/json_make.h"
#include "report/json/json_parts.h"

static json_t *build_number(const uint64_t *n)
{
	return json_number(*n);
}

static json_t *build_real(const double *x)
{
	return json_number_real(*x);
}

static json_t *build_notes(const struct report_snapshot *s)
{
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < s->nnotes && !failed; i++)
		failed |= json_array_append_new(list, json_text(s->notes[i]));
	return json_finish(list, failed);
}

static json_t *build_defect(const struct report_defect *d)
{
	json_t *o = json_object();
	int failed = json_put(o, "where", json_text(d->where));

	failed |= json_put(o, "what", json_text(d->what));
	return json_finish(o, failed);
}

static json_t *build_entry(const struct report_entry *e)
{
	json_t *o = json_object();
	int failed = json_put(o, "key", json_text(e->key));

	failed |= json_put(o, "value", json_text(e->value));
	return json_finish(o, failed);
}

JSON_BUILD_LIST(build_numbers, uint64_t, build_number)
JSON_BUILD_LIST(build_reals, double, build_real)
JSON_BUILD_LIST(build_frames, struct report_frame, json_build_frame)
JSON_BUILD_LIST(build_defects, struct report_defect, build_defect)
JSON_BUILD_LIST(build_entries, struct report_entry, build_entry)

static json_t *build_integrity(const struct report_map_dump *m)
{
	json_t *o = json_object();
	int failed = json_put(o, "verdict", json_string(report_integrity_name(m->integrity)));

	failed |= json_put(o, "reason", json_text(m->reason));
	failed |= json_put(o, "checked", json_number(m->checked));
	failed |= json_put(o, "not_checked", json_number(m->unchecked));
	failed |= json_put(o, "broken", build_defects(m->defects, m->ndefects));
	failed |= json_put(o, "broken_in_all", json_number(m->all_defects));
	return json_finish(o, failed);
}

static json_t *build_map(const struct report_map_dump *m)
{
	json_t *o = json_object();
	int failed = json_put(o, "map", json_build_map(&m->map));

	failed |= json_put(o, "type_given", json_boolean(m->type_given));
	failed |= json_put(o, "type_others", json_number(m->type_others));
	failed |= json_put(o, "entries", json_number(m->entries));
	failed |= json_put(o, "capacity", json_number(m->capacity));
	failed |= json_put(o, "slots_seen", json_number(m->slots_seen));
	failed |= json_put(o, "depth", json_number(m->depth));
	if (m->map.swiss) {
		failed |= json_put(o, "tables", json_number(m->tables));
		failed |= json_put(o, "tombstones", json_number(m->tombstones));
	} else {
		failed |= json_put(o, "overflow", json_number(m->overflow));
		failed |= json_put(o, "longest_chain", json_number(m->longest_chain));
		failed |= json_put(o, "old_buckets", json_number(m->old_buckets));
		failed |= json_put(o, "evacuated", json_number(m->evacuated));
	}
	failed |= json_put(o, "lengths", build_numbers(m->lengths, REPORT_MAP_LENGTHS));
	failed |= json_put(o, "heat", build_reals(m->heat, m->nheat));
	failed |= json_put(o, "heat_seen", json_number(m->heat_seen));
	failed |= json_put(o, "integrity", build_integrity(m));
	if (m->nvalues)
		failed |= json_put(o, "values", build_entries(m->values, m->nvalues));
	return json_finish(o, failed);
}

static json_t *build_label_set(const struct report_label_set *s)
{
	json_t *o = json_object();
	int failed = json_put(o, "count", json_number(s->count));

	failed |= json_put(o, "labels", json_build_labels(s->labels, s->n));
	return json_finish(o, failed);
}

JSON_BUILD_LIST(build_label_sets, struct report_label_set, build_label_set)

static json_t *build_group(const struct report_group *g)
{
	json_t *o = json_object();
	int failed = json_put(o, "count", json_number(g->count));

	failed |= json_put(o, "goroutines", build_numbers(g->ids, g->nids));
	failed |= json_put(o, "state", json_text(g->state));
	failed |= json_put(o, "wait", json_text(g->wait));
	failed |= json_put(o, "waited_ns_min", json_known_number(g->waited_ns[0]));
	failed |= json_put(o, "waited_ns_max", json_known_number(g->waited_ns[1]));
	failed |= json_put(o, "in_map", json_boolean(g->in_map));
	failed |= json_put(o, "system", json_boolean(g->system));
	failed |= json_put(o, "stack", build_frames(g->frames, g->nframes));
	if (g->truncated)
		failed |= json_put(o, "truncated", json_true());
	if (g->approximate)
		failed |= json_put(o, "approximate", json_true());
	failed |= json_put(o, "created_by", json_build_creation(&g->created_by));
	if (g->nlabel_sets)
		failed |= json_put(o, "labels", build_label_sets(g->label_sets, g->nlabel_sets));
	if (g->labelled_more)
		failed |= json_put(o, "labelled_more", json_number(g->labelled_more));
	return json_finish(o, failed);
}

JSON_BUILD_LIST(build_maps, struct report_map_dump, build_map)
JSON_BUILD_LIST(build_groups, struct report_group, build_group)

static json_t *build_core(const struct report_core *c)
{
	json_t *o = json_object();
	int failed = json_put(o, "file", json_text(c->file));

	failed |= json_put(o, "bytes", json_number(c->bytes));
	failed |= json_put(o, "taken", json_number(c->taken));
	failed |= json_put(o, "of", json_number(c->of));
	return json_finish(o, failed);
}

json_t *json_build_snapshot(const struct report_snapshot *s)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(s->pid));

	failed |= json_put(o, "exe", json_text(s->exe));
	failed |= json_put(o, "at_s", json_number_real(s->at_s));
	failed |= json_put(o, "freeze_ms", json_number_real((double)s->freeze_ns / 1e6));
	failed |= json_put(o, "max_freeze_ms", json_number_real((double)s->limit_ns / 1e6));
	failed |= json_put(o, "read_bytes", json_number(s->read_bytes));
	failed |= json_put(o, "threads", json_integer(s->threads));
	failed |= json_put(o, "goroutines", json_number(s->goroutines));
	failed |= json_put(o, "unread", json_number(s->unread));
	failed |= json_put(o, "without_stack", json_number(s->no_stack));
	failed |= json_put(o, "unreadable", json_number(s->unreadable));
	failed |= json_put(o, "in_no_group", json_number(s->groups_cut));
	failed |= json_put(o, "groups", build_groups(s->groups, s->ngroups));
	failed |= json_put(o, "maps", build_maps(s->maps, s->nmaps));
	if (s->core.file)
		failed |= json_put(o, "core", build_core(&s->core));
	failed |= json_put(o, "notes", build_notes(s));
	return json_finish(o, failed);
}

static json_t *build_side(const struct report_death_side *s)
{
	json_t *o = json_object();
	int failed = json_put(o, "role", json_string(report_death_role_name(s->role)));

	failed |= json_put(o, "goroutine", json_number(s->at.nids ? s->at.ids[0] : 0));
	if (s->in_operation)
		failed |= json_put(o, "op", json_string(report_op_name(s->op)));
	failed |= json_put(o, "state", json_text(s->at.state));
	failed |= json_put(o, "stack", build_frames(s->at.frames, s->at.nframes));
	if (s->at.truncated)
		failed |= json_put(o, "truncated", json_true());
	if (s->at.approximate)
		failed |= json_put(o, "approximate", json_true());
	failed |= json_put(o, "created_by", json_build_creation(&s->at.created_by));
	if (s->at.nlabel_sets)
		failed |= json_put(o, "labels",
				   json_build_labels(s->at.label_sets[0].labels,
						     s->at.label_sets[0].n));
	return json_finish(o, failed);
}

JSON_BUILD_LIST(build_sides, struct report_death_side, build_side)

json_t *json_build_death(const struct report_death *d)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(d->seen.pid));

	failed |= json_put(o, "exe", json_text(d->seen.exe));
	failed |= json_put(o, "at_s", json_number_real(d->seen.at_s));
	failed |= json_put(o, "cause", json_string(report_death_cause_name(d->cause)));
	failed |= json_put(o, "message", json_text(d->message));
	failed |= json_put(o, "conflict", build_sides(d->sides, d->nsides));
	if (d->map_known)
		failed |= json_put(o, "map", json_build_map(&d->map));
	failed |= json_put(o, "not_identified", json_text(d->not_identified));
	if (d->nrunning)
		failed |= json_put(o, "running", build_sides(d->running, d->nrunning));
	failed |= json_put(o, "stopped_ms", json_number_real((double)d->stopped_ns / 1e6));
	failed |= json_put(o, "by_signal", json_boolean(d->by_signal));
	failed |= json_put(o, "snapshot", json_build_snapshot(&d->seen));
	return json_finish(o, failed);
}

JSON_BUILD_LIST(build_snapshots, struct report_snapshot, json_build_snapshot)
JSON_BUILD_LIST(build_deaths, struct report_death, json_build_death)

json_t *json_build_snapshots(const struct report *report)
{
	return build_snapshots(report->snapshots, report->nsnapshots);
}

json_t *json_build_deaths(const struct report *report)
{
	return build_deaths(report->deaths, report->ndeaths);
}
