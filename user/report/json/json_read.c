/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "model/evidence.h"
#include "report/json/json_bpf.h"
#include "report/json/json_followed.h"
#include "report/json/json_growth.h"
#include "report/json/json_panic.h"
#include "report/json/json_vitals.h"
#include "report/json/json_names.h"
#include "report/json/json_memory.h"
#include "report/json/json_parts.h"
#include "report/json/json_snapshot.h"
#include "report/json/json_value.h"

static const char *op_word(unsigned int i)
{
	return report_op_name((enum report_op)i);
}

static const char *evidence_word(unsigned int i)
{
	return report_evidence_name((enum report_evidence)i);
}

static const char *kind_word(unsigned int i)
{
	return report_kind_name((enum report_kind)i);
}

static const char *proof_word(unsigned int i)
{
	return report_proof_name((enum report_proof)i);
}

static const char *verdict_word(unsigned int i)
{
	return report_verdict_name((enum report_verdict)i);
}

static const char *impl_word(unsigned int i)
{
	return i ? "swiss" : "classic";
}

static bool read_impl(struct json_reader *r, const json_t *o, const char *key)
{
	return json_is_known(o, key) && json_get_word(r, o, key, impl_word, 2);
}

void json_read_frame(struct json_reader *r, const json_t *o, struct report_frame *frame)
{
	frame->function = json_get_text(r, o, "function");
	frame->file = json_get_text(r, o, "file");
	frame->line = json_get_int(r, o, "line");
	frame->start_line = json_get_int(r, o, "start_line");
	frame->pc = json_get_hex(r, o, "pc");
	frame->inlined = json_get_bool(r, o, "inlined");
	frame->runtime = json_get_bool(r, o, "runtime");
}

void json_read_creation(struct json_reader *r, const json_t *o, struct report_creation *created)
{
	/* Strings of the model are never NULL, so that printers need not ask. */
	json_read_frame(r, o, &created->at);
	created->known = o != NULL;
	created->goroutine = json_get_u64(r, o, "goroutine");
}

struct report_label *json_read_labels(struct json_reader *r, const json_t *o, size_t *n)
{
	struct report_label *labels;
	const char *key;
	json_t *value;

	*n = 0;
	if (!json_object_size(o))
		return NULL;
	labels = calloc(json_object_size(o), sizeof(*labels));
	if (!labels) {
		r->rc = r->rc ? r->rc : -ENOMEM;
		return NULL;
	}
	json_object_foreach((json_t *)o, key, value) {
		struct report_label *label = &labels[(*n)++];

		label->key = strdup(key);
		label->value = strdup(json_is_string(value) ? json_string_value(value) : "");
		if (!label->key || !label->value)
			r->rc = r->rc ? r->rc : -ENOMEM;
	}
	return labels;
}

void json_read_who(struct json_reader *r, const json_t *o, struct report_access *access)
{
	const json_t *stack = json_get_array(r, o, "stack");
	size_t i;

	access->goroutine = json_get_u64(r, o, "goroutine");
	access->tid = json_get_u32(r, o, "tid");
	access->cpu = json_get_u32(r, o, "cpu");
	access->time_ns = json_get_u64(r, o, "time_ns");
	access->truncated = json_get_bool(r, o, "truncated");
	access->partial = json_get_bool(r, o, "partial");
	access->frames =
		json_get_items(r, stack, "stack", sizeof(*access->frames), &access->nframes);
	for (i = 0; i < access->nframes; i++)
		json_read_frame(r, json_array_get(stack, i), &access->frames[i]);
	json_read_creation(r, json_get_object(r, o, "created_by"), &access->created_by);
	access->labels = json_read_labels(r, json_get_object(r, o, "labels"), &access->nlabels);
}

void json_read_access(struct json_reader *r, const json_t *o, struct report_access *access)
{
	if (o) {
		access->op = (enum report_op)json_get_word(r, o, "op", op_word, REPORT_CLEAR + 1);
		if (access->op == REPORT_ITERATE && json_get_bool(r, o, "clone"))
			access->op = REPORT_CLONE;
	}
	json_read_who(r, o, access);
}

void json_read_map(struct json_reader *r, const json_t *o, struct report_map *map)
{
	map->addr = json_get_hex(r, o, "addr");
	map->seed = json_get_hex(r, o, "seed");
	map->type = json_get_text(r, o, "type");
	map->header_known = json_is_known(o, "len");
	map->len = json_get_u64(r, o, "len");
	map->buckets = json_get_u64(r, o, "buckets");
	map->swiss = read_impl(r, o, "impl");
	map->growing = json_get_bool(r, o, "growing");
	map->writing = json_get_bool(r, o, "writing");
	map->on_stack = json_get_bool(r, o, "on_stack");
	if (json_is_known(o, "global"))
		map->global = json_get_text(r, o, "global");
}

/*
 * Which of the model's two accesses the first one of the document is: its role says so. Without
 * roles the order is the text report's, where a collision begins with the goroutine that was held.
 */
static size_t first_access(const struct report_race *race, const json_t *list)
{
	const char *role = json_string_value(json_object_get(json_array_get(list, 0), "role"));
	const struct evidence_kind *kind = evidence_kind(race->evidence);
	size_t i;

	for (i = 0; race->has_other && role && i < 2; i++)
		if (!strcmp(role, kind->role[i]))
			return i;
	return report_first_access(race);
}

static void read_accesses(struct json_reader *r, const json_t *list, struct report_race *race)
{
	size_t n = json_array_size(list), first, i;

	if (r->rc)
		return;
	if (n < 1 || n > 2 || !json_is_object(json_array_get(list, 0)) ||
	    (n == 2 && !json_is_object(json_array_get(list, 1)))) {
		json_reader_fail(r, "accesses", "not one or two objects");
		return;
	}
	race->has_other = n == 2;
	first = first_access(race, list);
	for (i = 0; i < 2; i++)
		json_read_access(r, json_array_get(list, i), &race->access[first ^ i]);
}

static void read_id(struct json_reader *r, const json_t *o, char id[17])
{
	const char *s = json_string_value(json_object_get(o, "id"));

	if (!s || strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16) {
		json_reader_fail(r, "id", "not 16 hexadecimal digits");
		return;
	}
	memcpy(id, s, 17);
}

static void read_distances(struct json_reader *r, const json_t *list, struct report_race *race)
{
	uint64_t from, count;
	const json_t *o;
	size_t i, n;

	json_array_foreach((json_t *)list, i, o) {
		if (!json_is_object(o)) {
			json_reader_fail(r, "distances", "not an array of objects");
			return;
		}
		from = json_get_u64(r, o, "from_ns");
		count = json_get_u64(r, o, "count");
		for (n = 0; n < REPORT_DISTANCES - 1 && from >> (n + 1); n++)
			;
		race->distances[n] = count;
	}
}

static void read_sightings(struct json_reader *r, const json_t *o, struct report_sightings *s)
{
	const json_t *list = json_get_array(r, o, "counts"), *one;
	size_t i;

	memset(s, 0, sizeof(*s));
	if (r->rc || !o)
		return;
	s->bin_s = json_get_real(r, o, "bin_s", 0);
	if (s->bin_s <= 0 || json_array_size(list) > REPORT_BINS) {
		json_reader_fail(r, "sightings", "not a histogram of at most 64 bins");
		return;
	}
	json_array_foreach(list, i, one) {
		if (!json_is_integer(one) || json_integer_value(one) < 0)
			json_reader_fail(r, "sightings", "not a list of counts");
		else
			s->bins[s->nbins++] = (uint64_t)json_integer_value(one);
	}
}

void json_read_seen(struct json_reader *r, const json_t *o, struct report_race *race)
{
	race->count = json_get_u64(r, o, "count");
	race->first_seen_s = json_get_real(r, o, "first_seen_s", 0);
	race->last_seen_s = json_get_real(r, o, "last_seen_s", 0);
	race->pid = json_get_u32(r, o, "pid");
	race->check_fired = json_get_bool(r, o, "check_fired");
	memset(race->distances, 0, sizeof(race->distances));
	read_distances(r, json_get_array(r, o, "distances"), race);
	read_sightings(r, json_get_object(r, o, "sightings"), &race->sightings);
}

/* Older documents say nothing of it, and show whoever wrote last as the other. */
static void read_proof(struct json_reader *r, const json_t *o, struct report_race *race)
{
	enum report_proof proves = REPORT_PROVES_MAP;

	if (json_is_known(o, "caveat"))
		race->caveat = json_get_text(r, o, "caveat");
	if (!evidence_kind(race->evidence)->own_check)
		return;
	if (json_is_known(o, "proves"))
		proves =
			(enum report_proof)json_get_word(r, o, "proves", proof_word, REPORT_PROOFS);
	race->other_unsure = race->has_other && proves == REPORT_PROVES_MAP;
	race->damaged = race->message && strstr(race->message, "no empty slot");
}

void json_read_race(struct json_reader *r, const json_t *o, struct report_race *race)
{
	const json_t *map = json_get_object(r, o, "map");

	read_id(r, o, race->id);
	race->evidence = (enum report_evidence)json_get_word(r, o, "evidence", evidence_word,
							     REPORT_EVIDENCES);
	race->kind = (enum report_kind)json_get_word(r, o, "kind", kind_word, REPORT_KINDS);
	json_read_seen(r, o, race);
	race->held_ns = json_get_u64(r, o, "held_ns");
	race->message = json_get_text(r, o, "message");
	race->bpf = json_read_bpf(r, json_get_object(r, o, "bpf"));
	json_read_map(r, map, &race->map);
	read_accesses(r, json_get_array(r, o, "accesses"), race);
	read_proof(r, o, race);
}

static struct report_race *read_races(struct json_reader *r, const json_t *root, const char *key,
				      size_t *n)
{
	const json_t *list = json_get_array(r, root, key);
	struct report_race *races = json_get_items(r, list, key, sizeof(*races), n);
	size_t i;

	for (i = 0; i < *n; i++) {
		json_reader_enter(r, key, i);
		json_read_race(r, json_array_get(list, i), &races[i]);
	}
	r->where[0] = '\0';
	return races;
}

static void read_audited(struct json_reader *r, const json_t *root, struct report *report)
{
	const json_t *list = json_get_array(r, root, "audited");
	size_t i;

	report->audited =
		json_get_items(r, list, "audited", sizeof(*report->audited), &report->naudited);
	for (i = 0; i < report->naudited; i++) {
		json_reader_enter(r, "audited", i);
		json_read_audited(r, json_array_get(list, i), &report->audited[i]);
	}
	r->where[0] = '\0';
}

/* {"code": n}, {"signal": n}, or {}: ended, nobody knows how. */
static int read_exit(struct json_reader *r, const json_t *o)
{
	uint32_t code = json_get_u32(r, o, "code"), sig = json_get_u32(r, o, "signal");

	if (code > 255 || sig > 126)
		json_reader_fail(r, "exit", "not an exit status");
	if (json_is_known(o, "signal") && sig)
		return W_EXITCODE(0, (int)sig);
	return json_is_known(o, "code") ? W_EXITCODE((int)code, 0) : -1;
}

static void read_targets(struct json_reader *r, const json_t *root, struct report *report)
{
	const json_t *list = json_get_array(r, root, "targets"), *o, *end;
	struct report_target *target;
	size_t i;

	report->targets = json_get_items(r, list, "targets", sizeof(*target), &report->ntargets);
	for (i = 0; i < report->ntargets; i++) {
		json_reader_enter(r, "targets", i);
		o = json_array_get(list, i);
		target = &report->targets[i];
		target->pid = json_get_u32(r, o, "pid");
		target->exe = json_get_text(r, o, "exe");
		target->library = json_get_text(r, o, "library");
		target->late_s = json_get_real(r, o, "watched_from_s", 0);
		target->build_id = json_get_text(r, o, "build_id");
		target->go_version = json_get_text(r, o, "go_version");
		target->module = json_get_text(r, o, "module");
		target->swiss = read_impl(r, o, "map_impl");
		target->stripped = json_get_bool(r, o, "stripped");
		target->pie = json_get_bool(r, o, "pie");
		target->cgo = json_get_bool(r, o, "cgo");
		end = json_get_object(r, o, "exit");
		target->exited = end != NULL;
		target->exit_status = end ? read_exit(r, end) : -1;
		target->cost_percent = json_get_real(r, o, "cost_percent", 0);
		target->allowed_percent = json_get_real(r, o, "allowed_percent", 0);
	}
	r->where[0] = '\0';
}

static void read_maps(struct json_reader *r, const json_t *root, struct report *report)
{
	const json_t *list = json_get_array(r, root, "maps"), *o;
	struct report_maprow *row;
	size_t i;

	report->maps = json_get_items(r, list, "maps", sizeof(*row), &report->nmaps);
	for (i = 0; i < report->nmaps; i++) {
		json_reader_enter(r, "maps", i);
		o = json_array_get(list, i);
		row = &report->maps[i];
		row->pid = json_get_u32(r, o, "pid");
		row->addr = json_get_hex(r, o, "addr");
		row->type = json_get_text(r, o, "type");
		row->goroutines = json_get_u32(r, o, "goroutines");
		row->reads = json_get_u64(r, o, "reads");
		row->writes = json_get_u64(r, o, "writes");
		row->holds = json_get_u64(r, o, "holds");
		row->hold_ns = json_get_u64(r, o, "hold_ns");
		row->collisions = json_get_u64(r, o, "collisions");
		row->expected = json_get_real(r, o, "expected_collisions", 0);
		row->p = json_get_real(r, o, "p", 1);
		row->verdict = (enum report_verdict)json_get_word(r, o, "verdict", verdict_word,
								  REPORT_UNPROVEN + 1);
	}
	r->where[0] = '\0';
}

static void read_hidden(struct json_reader *r, const json_t *root, struct report *report)
{
	const json_t *list = json_get_array(r, root, "hidden"), *o;
	size_t i;

	report->hidden =
		json_get_items(r, list, "hidden", sizeof(*report->hidden), &report->nhidden);
	for (i = 0; i < report->nhidden; i++) {
		json_reader_enter(r, "hidden", i);
		o = json_array_get(list, i);
		report->hidden[i].by = json_get_text(r, o, "by");
		report->hidden[i].known = json_get_bool(r, o, "known");
		report->hidden[i].races = json_get_u64(r, o, "races");
		report->hidden[i].count = json_get_u64(r, o, "count");
	}
	r->where[0] = '\0';
}

/* "2026-11-21T10:52:23.123Z"; the fraction may be missing. Only UTC. */
static int64_t read_time(struct json_reader *r, const json_t *root, const char *key)
{
	const char *s = json_string_value(json_object_get(root, key)), *end;
	int64_t scale = 100000000, fraction = 0;
	struct tm tm = {0};
	time_t seconds;

	if (!json_is_known(root, key))
		return 0;
	end = s ? strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (end && *end == '.')
		for (end++; *end >= '0' && *end <= '9'; end++, scale /= 10)
			fraction += (*end - '0') * scale;
	seconds = end && !strcmp(end, "Z") ? timegm(&tm) : -1;
	if (seconds < 0 || seconds > INT64_MAX / 1000000000 - 1) {
		json_reader_fail(r, key, "not a time like \"2026-01-31T12:00:00Z\"");
		return 0;
	}
	return (int64_t)seconds * 1000000000 + fraction;
}

void json_read_head(struct json_reader *r, const json_t *o, struct report *report)
{
	const json_t *host = json_get_object(r, o, "host");

	report->version = json_get_text(r, json_get_object(r, o, "tool"), "version");
	report->kernel = json_get_text(r, host, "kernel");
	report->arch = json_get_text(r, host, "arch");
	report->cpus = json_get_u32(r, host, "cpus");
	report->started_unix_ns = read_time(r, o, "started");
}

void json_read_state(struct json_reader *r, const json_t *o, struct report *report)
{
	report->duration_s = json_get_real(r, o, "duration_s", 0);
	read_targets(r, o, report);
	json_read_followed(r, o, report);
	read_maps(r, o, report);
	read_hidden(r, o, report);
	json_read_growths(r, o, report);
	json_read_panics(r, o, report);
	json_read_memories(r, o, report);
	json_read_vitals(r, o, report);
	read_audited(r, o, report);
	json_read_stats(r, json_get_object(r, o, "stats"), &report->stats);
}

static void read_root(struct json_reader *r, const json_t *root, struct report *report)
{
	json_read_head(r, root, report);
	report->races = read_races(r, root, "races", &report->nraces);
	report->suspects = read_races(r, root, "suspects", &report->nsuspects);
	json_read_state(r, root, report);
	json_read_snapshots(r, root, report);
	json_read_deaths(r, root, report);
}

int json_check_schema(const json_t *root, struct err *err)
{
	const char *schema = json_string_value(json_object_get(root, "schema"));

	if (!schema || strncmp(schema, JSON_SCHEMA_FAMILY, strlen(JSON_SCHEMA_FAMILY)) != 0)
		return err_set(err, -EBADMSG, "it is JSON, but not a report of maprace");
	if (strcmp(schema, JSON_SCHEMA) != 0) {
		err_hint(err,
			 "render it with the version of maprace that wrote it, or a newer one");
		return err_set(err, -ENOTSUP, "it is of schema %.40s, this version reads %s",
			       schema, JSON_SCHEMA);
	}
	return 0;
}

/* What the parser quotes from the document must not reach a terminal as it is. */
void json_scrub(struct err *err)
{
	char *p;

	for (p = err ? err->text : ""; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}

int json_read_buffer(const char *data, size_t len, struct report *report, struct err *err)
{
	struct json_reader r = {.err = err};
	json_error_t where;
	json_t *root;
	int rc;

	memset(report, 0, sizeof(*report));
	if (len > JSON_READ_MAX)
		return err_set(err, -EFBIG, "it is larger than %u MiB", JSON_READ_MAX >> 20);
	root = json_loadb(data, len, JSON_REJECT_DUPLICATES, &where);
	if (!root) {
		err_set(err, -EBADMSG, "it is not valid JSON: line %d, column %d: %s", where.line,
			where.column, where.text);
		json_scrub(err);
		return -EBADMSG;
	}
	rc = json_check_schema(root, err);
	if (!rc) {
		read_root(&r, root, report);
		rc = r.rc;
	}
	json_decref(root);
	if (rc) {
		json_scrub(err);
		report_free(report);
	}
	return rc;
}
