/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "report/json/json_parts.h"

static const char *op_word(unsigned int i)
{
	return report_op_name((enum report_op)i);
}

static const char *integrity_word(unsigned int i)
{
	return report_integrity_name((enum report_integrity)i);
}

static const char *role_word(unsigned int i)
{
	return report_death_role_name((enum report_death_role)i);
}

static const char *cause_word(unsigned int i)
{
	return report_death_cause_name((enum report_death_cause)i);
}

/* At most so many numbers; the others are left out, as they were when it was written. */
static size_t read_numbers(struct json_reader *r, const json_t *list, const char *name,
			   uint64_t *out, size_t most)
{
	const json_t *one;
	size_t i, n = 0;

	json_array_foreach((json_t *)list, i, one) {
		if (!json_is_integer(one) || json_integer_value(one) < 0)
			json_reader_fail(r, name, "not a list of counts");
		else if (n < most)
			out[n++] = (uint64_t)json_integer_value(one);
	}
	return n;
}

static void read_stack(struct json_reader *r, const json_t *o, struct report_group *g)
{
	const json_t *list = json_get_array(r, o, "stack");
	size_t i;

	g->frames = json_get_items(r, list, "stack", sizeof(*g->frames), &g->nframes);
	for (i = 0; i < g->nframes; i++)
		json_read_frame(r, json_array_get(list, i), &g->frames[i]);
	g->truncated = json_get_bool(r, o, "truncated");
	g->approximate = json_get_bool(r, o, "approximate");
	json_read_creation(r, json_get_object(r, o, "created_by"), &g->created_by);
	g->state = json_get_text(r, o, "state");
	g->wait = json_get_text(r, o, "wait");
}

static void read_label_sets(struct json_reader *r, const json_t *o, struct report_group *g)
{
	const json_t *list = json_get_array(r, o, "labels"), *one;
	size_t i;

	g->label_sets = json_get_items(r, list, "labels", sizeof(*g->label_sets), &g->nlabel_sets);
	for (i = 0; i < g->nlabel_sets; i++) {
		one = json_array_get(list, i);
		g->label_sets[i].count = json_get_u64(r, one, "count");
		g->label_sets[i].labels =
			json_read_labels(r, json_get_object(r, one, "labels"), &g->label_sets[i].n);
	}
	g->labelled_more = json_get_u64(r, o, "labelled_more");
}

/* Of one goroutine. */
static void read_labels(struct json_reader *r, const json_t *o, struct report_group *g)
{
	const json_t *labels = json_get_object(r, o, "labels");

	if (!labels)
		return;
	g->label_sets = calloc(1, sizeof(*g->label_sets));
	if (!g->label_sets) {
		json_reader_nomem(r);
		return;
	}
	g->nlabel_sets = 1;
	g->label_sets[0].count = 1;
	g->label_sets[0].labels = json_read_labels(r, labels, &g->label_sets[0].n);
}

static void read_groups(struct json_reader *r, const json_t *root, struct report_snapshot *s)
{
	const json_t *list = json_get_array(r, root, "groups"), *o;
	struct report_group *g;
	size_t i;

	s->groups = json_get_items(r, list, "groups", sizeof(*g), &s->ngroups);
	for (i = 0; i < s->ngroups; i++) {
		o = json_array_get(list, i);
		g = &s->groups[i];
		read_stack(r, o, g);
		g->count = json_get_u64(r, o, "count");
		g->nids = read_numbers(r, json_get_array(r, o, "goroutines"), "goroutines", g->ids,
				       REPORT_GROUP_IDS);
		g->waited_ns[0] = json_get_u64(r, o, "waited_ns_min");
		g->waited_ns[1] = json_get_u64(r, o, "waited_ns_max");
		g->in_map = json_get_bool(r, o, "in_map");
		g->system = json_get_bool(r, o, "system");
		read_label_sets(r, o, g);
	}
}

static void read_defects(struct json_reader *r, const json_t *o, struct report_map_dump *m)
{
	const json_t *list = json_get_array(r, o, "broken");
	size_t i;

	m->defects = json_get_items(r, list, "broken", sizeof(*m->defects), &m->ndefects);
	for (i = 0; i < m->ndefects; i++) {
		m->defects[i].where = json_get_text(r, json_array_get(list, i), "where");
		m->defects[i].what = json_get_text(r, json_array_get(list, i), "what");
	}
}

static void read_integrity(struct json_reader *r, const json_t *o, struct report_map_dump *m)
{
	m->integrity = REPORT_UNCHECKED;
	if (o)
		m->integrity = (enum report_integrity)json_get_word(r, o, "verdict", integrity_word,
								    REPORT_INTEGRITIES);
	m->reason = json_get_text(r, o, "reason");
	m->checked = json_get_u64(r, o, "checked");
	m->unchecked = json_get_u64(r, o, "not_checked");
	m->all_defects = json_get_u64(r, o, "broken_in_all");
	read_defects(r, o, m);
}

static void read_heat(struct json_reader *r, const json_t *map, struct report_map_dump *m)
{
	const json_t *list = json_get_array(r, map, "heat");
	const json_t *one;
	size_t i;

	json_array_foreach((json_t *)list, i, one) {
		if (!json_is_number(one))
			json_reader_fail(r, "heat", "not a list of numbers");
		else if (m->nheat < REPORT_MAP_HEAT)
			m->heat[m->nheat++] = json_number_value(one);
	}
	/* an older document does not have it, and had all of them */
	m->heat_seen = json_object_get(map, "heat_seen") ? json_get_u64(r, map, "heat_seen")
							 : m->nheat;
	if (m->heat_seen > m->nheat)
		json_reader_fail(r, "heat_seen", "more than there are");
}

static void read_values(struct json_reader *r, const json_t *o, struct report_map_dump *m)
{
	const json_t *list = json_get_array(r, o, "values");
	size_t i;

	m->values = json_get_items(r, list, "values", sizeof(*m->values), &m->nvalues);
	for (i = 0; i < m->nvalues; i++) {
		m->values[i].key = json_get_text(r, json_array_get(list, i), "key");
		m->values[i].value = json_get_text(r, json_array_get(list, i), "value");
	}
}

static void read_map(struct json_reader *r, const json_t *o, struct report_map_dump *m)
{
	json_read_map(r, json_get_object(r, o, "map"), &m->map);
	m->type_given = json_get_bool(r, o, "type_given");
	m->type_others = json_get_u32(r, o, "type_others");
	m->entries = json_get_u64(r, o, "entries");
	m->capacity = json_get_u64(r, o, "capacity");
	m->slots_seen = json_get_u64(r, o, "slots_seen");
	m->depth = json_get_u64(r, o, "depth");
	m->tables = json_get_u64(r, o, "tables");
	m->tombstones = json_get_u64(r, o, "tombstones");
	m->overflow = json_get_u64(r, o, "overflow");
	m->longest_chain = json_get_u64(r, o, "longest_chain");
	m->old_buckets = json_get_u64(r, o, "old_buckets");
	m->evacuated = json_get_u64(r, o, "evacuated");
	read_numbers(r, json_get_array(r, o, "lengths"), "lengths", m->lengths, REPORT_MAP_LENGTHS);
	read_heat(r, o, m);
	read_integrity(r, json_get_object(r, o, "integrity"), m);
	read_values(r, o, m);
}

static void read_maps(struct json_reader *r, const json_t *root, struct report_snapshot *s)
{
	const json_t *list = json_get_array(r, root, "maps");
	size_t i;

	s->maps = json_get_items(r, list, "maps", sizeof(*s->maps), &s->nmaps);
	for (i = 0; i < s->nmaps; i++)
		read_map(r, json_array_get(list, i), &s->maps[i]);
}

static void read_notes(struct json_reader *r, const json_t *list, struct report_snapshot *s)
{
	const json_t *one;
	size_t i;

	json_array_foreach((json_t *)list, i, one) {
		if (!json_is_string(one))
			json_reader_fail(r, "notes", "not a list of sentences");
		else if (report_snapshot_note(s, "%s", json_string_value(one)))
			json_reader_nomem(r);
	}
}

static uint64_t read_ms(struct json_reader *r, const json_t *o, const char *key)
{
	double ms = json_get_real(r, o, key, 0);

	return ms > 0 && ms < 1e12 ? (uint64_t)(ms * 1e6 + 0.5) : 0;
}

static void read_core(struct json_reader *r, const json_t *o, struct report_core *c)
{
	if (!o)
		return;
	c->file = json_get_text(r, o, "file");
	c->bytes = json_get_u64(r, o, "bytes");
	c->taken = json_get_u64(r, o, "taken");
	c->of = json_get_u64(r, o, "of");
}

void json_read_snapshot(struct json_reader *r, const json_t *o, struct report_snapshot *s)
{
	s->pid = json_get_u32(r, o, "pid");
	s->exe = json_get_text(r, o, "exe");
	s->at_s = json_get_real(r, o, "at_s", 0);
	s->freeze_ns = read_ms(r, o, "freeze_ms");
	s->limit_ns = read_ms(r, o, "max_freeze_ms");
	s->read_bytes = json_get_u64(r, o, "read_bytes");
	s->threads = json_get_u32(r, o, "threads");
	s->goroutines = json_get_u64(r, o, "goroutines");
	s->unread = json_get_u64(r, o, "unread");
	s->no_stack = json_get_u64(r, o, "without_stack");
	s->unreadable = json_get_u64(r, o, "unreadable");
	s->groups_cut = json_get_u64(r, o, "in_no_group");
	read_groups(r, o, s);
	read_maps(r, o, s);
	read_core(r, json_get_object(r, o, "core"), &s->core);
	read_notes(r, json_get_array(r, o, "notes"), s);
}

static struct report_death_side *read_sides(struct json_reader *r, const json_t *list,
					    const char *name, size_t *n)
{
	struct report_death_side *sides = json_get_items(r, list, name, sizeof(*sides), n), *side;
	const json_t *o;
	size_t i;

	for (i = 0; i < *n; i++) {
		o = json_array_get(list, i);
		side = &sides[i];
		side->role = (enum report_death_role)json_get_word(r, o, "role", role_word,
								   REPORT_DEATH_ROLES);
		side->in_operation = json_is_known(o, "op");
		if (side->in_operation)
			side->op = (enum report_op)json_get_word(r, o, "op", op_word,
								 REPORT_CLONE + 1);
		side->at.count = 1;
		side->at.ids[0] = json_get_u64(r, o, "goroutine");
		side->at.nids = 1;
		read_stack(r, o, &side->at);
		read_labels(r, o, &side->at);
	}
	return sides;
}

/* Documents of before do not say the cause: most often it was this one. */
void json_read_death(struct json_reader *r, const json_t *o, struct report_death *d)
{
	const json_t *map = json_get_object(r, o, "map");

	d->cause = REPORT_DEATH_CONFLICT;
	if (json_is_known(o, "cause"))
		d->cause = (enum report_death_cause)json_get_word(r, o, "cause", cause_word,
								  REPORT_DEATH_CAUSES);
	d->message = json_get_text(r, o, "message");
	d->map_known = map != NULL;
	if (map)
		json_read_map(r, map, &d->map);
	d->sides = read_sides(r, json_get_array(r, o, "conflict"), "conflict", &d->nsides);
	d->not_identified = json_get_text(r, o, "not_identified");
	if (json_is_known(o, "running"))
		d->running =
			read_sides(r, json_get_array(r, o, "running"), "running", &d->nrunning);
	d->stopped_ns = read_ms(r, o, "stopped_ms");
	d->by_signal = json_get_bool(r, o, "by_signal");
	json_read_snapshot(r, json_get_object(r, o, "snapshot"), &d->seen);
}

void json_read_snapshots(struct json_reader *r, const json_t *root, struct report *report)
{
	const json_t *list = json_get_array(r, root, "snapshots");
	size_t i;

	report->snapshots = json_get_items(r, list, "snapshots", sizeof(*report->snapshots),
					   &report->nsnapshots);
	for (i = 0; i < report->nsnapshots; i++) {
		json_reader_enter(r, "snapshots", i);
		json_read_snapshot(r, json_array_get(list, i), &report->snapshots[i]);
	}
	r->where[0] = '\0';
}

void json_read_deaths(struct json_reader *r, const json_t *root, struct report *report)
{
	const json_t *list = json_get_array(r, root, "deaths");
	size_t i;

	report->deaths =
		json_get_items(r, list, "deaths", sizeof(*report->deaths), &report->ndeaths);
	for (i = 0; i < report->ndeaths; i++) {
		json_reader_enter(r, "deaths", i);
		json_read_death(r, json_array_get(list, i), &report->deaths[i]);
	}
	r->where[0] = '\0';
}
