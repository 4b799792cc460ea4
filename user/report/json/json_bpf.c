/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_bpf.h"

#include <stdlib.h>
#include <string.h>

#include "report/json/json_make.h"

static json_t *build_actor(const struct report_actor *actor)
{
	json_t *o = json_object();
	int failed = json_put(o, "kind", json_string(actor->program ? "program" : "process"));

	failed |= json_put(o, "pid", json_integer(actor->pid));
	failed |= json_put(o, "comm", json_text(actor->comm));
	failed |= json_put(o, "exe", json_text(actor->exe));
	failed |= json_put(o, "cgroup", json_text(actor->cgroup));
	failed |= json_put(o, "prog_id", json_integer(actor->prog_id));
	failed |= json_put(o, "prog_name", json_text(actor->prog_name));
	failed |= json_put(o, "prog_type", json_text(actor->prog_type));
	failed |= json_put(o, "prog_tag", json_text(actor->prog_tag));
	if (!failed)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *build_live(const struct report_live *live)
{
	json_t *o = json_object(), *cpus = json_array();
	int failed = json_put(o, "seconds", json_number_real(live->seconds));
	size_t i;

	failed |= json_put(o, "runs", live->counted ? json_number(live->runs) : json_null());
	for (i = 0; i < live->ncpus; i++)
		failed |= json_array_append_new(cpus, json_number(live->by_cpu[i]));
	failed |= json_put(o, "by_cpu", cpus);
	failed |= json_put(o, "overlaps", live->by_cpu ? json_number(live->overlaps) : json_null());
	failed |= json_put(o, "met", live->by_cpu ? json_number(live->met) : json_null());
	failed |= json_put(o, "confirmed", json_boolean(live->confirmed));
	failed |= json_put(o, "unseen", json_text(live->unseen));
	return json_finish(o, failed);
}

static json_t *build_audit(const struct report_audit *audit)
{
	json_t *o = json_object();
	int failed = json_put(o, "severity", json_string(report_severity_name(audit->severity)));

	failed |= json_put(o, "field", json_text(audit->field));
	failed |= json_put(o, "offset", json_integer(audit->offset));
	failed |= json_put(o, "size", json_integer(audit->size));
	failed |= json_put(o, "lost", json_text(audit->lost));
	failed |= json_put(o, "fix", json_text(audit->fix));
	failed |= json_put(o, "together", json_text(audit->together));
	failed |= json_put(o, "object", json_text(audit->object));
	failed |= json_put(o, "section", json_text(audit->section));
	failed |= json_put(o, "each_run", json_boolean(audit->each_run));
	if (audit->live)
		failed |= json_put(o, "live", build_live(audit->live));
	return json_finish(o, failed);
}

json_t *json_build_bpf(const struct report_bpf *bpf)
{
	json_t *o = json_object(), *actors = json_array();
	int failed = json_put(o, "map_id", json_integer(bpf->map_id));
	size_t i;

	failed |= json_put(o, "map_name", json_text(bpf->map_name));
	failed |= json_put(o, "map_type", json_text(bpf->map_type));
	failed |= json_put(o, "key", json_text(bpf->key));
	failed |= json_put(o, "key_typed", json_text(bpf->key_typed));
	failed |= json_put(o, "value", json_text(bpf->value));
	failed |= json_put(o, "value_typed", json_text(bpf->value_typed));
	failed |= json_put(o, "lost", json_integer(bpf->lost));
	failed |= json_put(o, "read_ns", json_number(bpf->read_ns));
	failed |= json_put(o, "differs", json_boolean(bpf->differs));
	if (bpf->doubt != REPORT_NO_DOUBT)
		failed |= json_put(o, "doubt", json_string(report_doubt_name(bpf->doubt)));
	if (bpf->audit)
		failed |= json_put(o, "audit", build_audit(bpf->audit));
	for (i = 0; i < 2; i++)
		failed |= json_array_append_new(actors, build_actor(&bpf->actor[i]));
	failed |= json_put(o, "actors", actors);
	if (!failed)
		return o;
	json_decref(o);
	return NULL;
}

static void read_actor(struct json_reader *r, const json_t *o, struct report_actor *actor)
{
	const char *kind = json_string_value(json_object_get(o, "kind"));

	actor->program = kind && kind[0] == 'p' && kind[1] == 'r' && kind[2] == 'o' &&
			 kind[3] == 'g';
	actor->pid = json_get_u32(r, o, "pid");
	actor->comm = json_get_text(r, o, "comm");
	actor->exe = json_get_text(r, o, "exe");
	actor->cgroup = json_get_text(r, o, "cgroup");
	actor->prog_id = json_get_u32(r, o, "prog_id");
	actor->prog_name = json_get_text(r, o, "prog_name");
	actor->prog_type = json_get_text(r, o, "prog_type");
	actor->prog_tag = json_get_text(r, o, "prog_tag");
}

/* A word that a later version may add is a doubt too. */
static enum report_doubt read_doubt(const json_t *o)
{
	const char *word = json_string_value(json_object_get(o, "doubt"));

	if (!word || !word[0])
		return REPORT_NO_DOUBT;
	return !strcmp(word, report_doubt_name(REPORT_GOROUTINES)) ? REPORT_GOROUTINES
								   : REPORT_UNKNOWN_PROGRAM;
}

static enum report_severity read_severity(const json_t *o)
{
	const char *word = json_string_value(json_object_get(o, "severity"));
	int i;

	for (i = REPORT_HIGH; word && i > REPORT_LOW; i--)
		if (!strcmp(word, report_severity_name((enum report_severity)i)))
			return (enum report_severity)i;
	return REPORT_LOW;
}

static void read_cpus(struct json_reader *r, const json_t *list, struct report_live *live)
{
	size_t i, n = json_array_size(list);

	if (!n || r->rc)
		return;
	live->by_cpu = calloc(n, sizeof(*live->by_cpu));
	if (!live->by_cpu) {
		json_reader_nomem(r);
		return;
	}
	live->ncpus = n;
	for (i = 0; i < n; i++) {
		const json_t *count = json_array_get(list, i);

		if (json_is_integer(count) && json_integer_value(count) >= 0)
			live->by_cpu[i] = (uint64_t)json_integer_value(count);
		else
			json_reader_fail(r, "by_cpu", "not an array of counts");
	}
}

static struct report_live *read_live(struct json_reader *r, const json_t *o)
{
	struct report_live *live;

	if (!o || r->rc)
		return NULL;
	live = calloc(1, sizeof(*live));
	if (!live) {
		json_reader_nomem(r);
		return NULL;
	}
	live->seconds = json_get_real(r, o, "seconds", 0);
	live->counted = json_is_known(o, "runs");
	if (live->counted)
		live->runs = json_get_u64(r, o, "runs");
	read_cpus(r, json_get_array(r, o, "by_cpu"), live);
	if (json_is_known(o, "overlaps"))
		live->overlaps = json_get_u64(r, o, "overlaps");
	if (json_is_known(o, "met"))
		live->met = json_get_u64(r, o, "met");
	live->confirmed = json_get_bool(r, o, "confirmed");
	live->unseen = json_get_text(r, o, "unseen");
	return live;
}

static struct report_audit *read_audit(struct json_reader *r, const json_t *o)
{
	struct report_audit *audit;

	if (!o || r->rc)
		return NULL;
	audit = calloc(1, sizeof(*audit));
	if (!audit) {
		json_reader_nomem(r);
		return NULL;
	}
	audit->severity = read_severity(o);
	audit->field = json_get_text(r, o, "field");
	audit->offset = json_get_u32(r, o, "offset");
	audit->size = json_get_u32(r, o, "size");
	audit->lost = json_get_text(r, o, "lost");
	audit->fix = json_get_text(r, o, "fix");
	audit->together = json_get_text(r, o, "together");
	audit->object = json_get_text(r, o, "object");
	audit->section = json_get_text(r, o, "section");
	audit->each_run = json_get_bool(r, o, "each_run");
	audit->live = read_live(r, json_get_object(r, o, "live"));
	return audit;
}

json_t *json_build_audited(const struct report_audited *audited)
{
	json_t *o = json_object();
	int failed = json_put(o, "program", json_text(audited->program));

	failed |= json_put(o, "type", json_text(audited->type));
	failed |= json_put(o, "id", json_integer(audited->prog_id));
	failed |= json_put(o, "tag", json_text(audited->tag));
	failed |= json_put(o, "object", json_text(audited->object));
	failed |= json_put(o, "section", json_text(audited->section));
	failed |= json_put(o, "instructions", json_integer(audited->instructions));
	failed |= json_put(o, "skipped",
			   audited->skipped ? json_text(audited->skipped) : json_null());
	return json_finish(o, failed);
}

void json_read_audited(struct json_reader *r, const json_t *o, struct report_audited *audited)
{
	audited->program = json_get_text(r, o, "program");
	audited->type = json_get_text(r, o, "type");
	audited->prog_id = json_get_u32(r, o, "id");
	audited->tag = json_get_text(r, o, "tag");
	audited->object = json_get_text(r, o, "object");
	audited->section = json_get_text(r, o, "section");
	audited->instructions = json_get_u32(r, o, "instructions");
	if (json_is_known(o, "skipped"))
		audited->skipped = json_get_text(r, o, "skipped");
}

struct report_bpf *json_read_bpf(struct json_reader *r, const json_t *o)
{
	const json_t *actors = json_get_array(r, o, "actors"), *actor;
	struct report_bpf *bpf;
	size_t i;

	if (!o || r->rc)
		return NULL;
	bpf = calloc(1, sizeof(*bpf));
	if (!bpf) {
		json_reader_nomem(r);
		return NULL;
	}
	bpf->map_id = json_get_u32(r, o, "map_id");
	bpf->map_name = json_get_text(r, o, "map_name");
	bpf->map_type = json_get_text(r, o, "map_type");
	bpf->key = json_get_text(r, o, "key");
	bpf->key_typed = json_get_text(r, o, "key_typed");
	bpf->value = json_get_text(r, o, "value");
	bpf->value_typed = json_get_text(r, o, "value_typed");
	bpf->lost = json_integer_value(json_object_get(o, "lost"));
	bpf->read_ns = json_get_u64(r, o, "read_ns");
	bpf->differs = json_get_bool(r, o, "differs");
	bpf->doubt = read_doubt(o);
	bpf->audit = read_audit(r, json_get_object(r, o, "audit"));
	for (i = 0; i < 2; i++) {
		actor = json_array_get(actors, i);
		if (actor && !json_is_object(actor))
			json_reader_fail(r, "actors", "not an array of objects");
		read_actor(r, actor, &bpf->actor[i]);
	}
	return bpf;
}
