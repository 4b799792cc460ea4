/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json_bpf.h"

#include <stdlib.h>

#include "report/escape.h"

static int put_text(json_t *o, const char *key, const char *s)
{
	char *utf8 = escape_utf8(s);
	int failed = !utf8 || json_object_set_new(o, key, json_string_nocheck(utf8));

	free(utf8);
	return failed;
}

static json_t *build_actor(const struct report_actor *actor)
{
	json_t *o = json_object();
	int failed =
		json_object_set_new(o, "kind", json_string(actor->program ? "program" : "process"));

	failed |= json_object_set_new(o, "pid", json_integer(actor->pid));
	failed |= put_text(o, "comm", actor->comm);
	failed |= put_text(o, "exe", actor->exe);
	failed |= put_text(o, "cgroup", actor->cgroup);
	failed |= json_object_set_new(o, "prog_id", json_integer(actor->prog_id));
	failed |= put_text(o, "prog_name", actor->prog_name);
	failed |= put_text(o, "prog_type", actor->prog_type);
	failed |= put_text(o, "prog_tag", actor->prog_tag);
	if (!failed)
		return o;
	json_decref(o);
	return NULL;
}

json_t *json_build_bpf(const struct report_bpf *bpf)
{
	json_t *o = json_object(), *actors = json_array();
	int failed = json_object_set_new(o, "map_id", json_integer(bpf->map_id));
	size_t i;

	failed |= put_text(o, "map_name", bpf->map_name);
	failed |= put_text(o, "map_type", bpf->map_type);
	failed |= put_text(o, "key", bpf->key);
	failed |= put_text(o, "key_typed", bpf->key_typed);
	failed |= put_text(o, "value", bpf->value);
	failed |= put_text(o, "value_typed", bpf->value_typed);
	failed |= json_object_set_new(o, "lost", json_integer(bpf->lost));
	failed |= json_object_set_new(
		o, "read_ns",
		json_integer((json_int_t)(bpf->read_ns > INT64_MAX ? INT64_MAX : bpf->read_ns)));
	failed |= json_object_set_new(o, "differs", json_boolean(bpf->differs));
	for (i = 0; i < 2; i++)
		failed |= json_array_append_new(actors, build_actor(&bpf->actor[i]));
	failed |= json_object_set_new(o, "actors", actors);
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
	for (i = 0; i < 2; i++) {
		actor = json_array_get(actors, i);
		if (actor && !json_is_object(actor))
			json_reader_fail(r, "actors", "not an array of objects");
		read_actor(r, actor, &bpf->actor[i]);
	}
	return bpf;
}
