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
	for (i = 0; i < 2; i++) {
		actor = json_array_get(actors, i);
		if (actor && !json_is_object(actor))
			json_reader_fail(r, "actors", "not an array of objects");
		read_actor(r, actor, &bpf->actor[i]);
	}
	return bpf;
}
