/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_memory.h"

#include "report/json/json_make.h"
#include "report/json/json_parts.h"
#include "report/json/json_snapshot.h"

/* --- writing --- */

static json_t *build_limit(const struct report_memory *m)
{
	json_t *o = json_object();
	int failed = json_put(o, "kind", json_string(report_limit_name(m->kind)));

	failed |= json_put(o, "bytes", json_number(m->limit));
	failed |= json_put(o, "where", m->where[0] ? json_text(m->where) : json_null());
	return json_finish(o, failed);
}

static int put_use(json_t *o, const struct report_heap_use *u)
{
	int failed = json_put(o, "inuse_bytes", json_integer(u->inuse_bytes));

	failed |= json_put(o, "inuse_objects", json_integer(u->inuse_objects));
	failed |= json_put(o, "alloc_bytes", json_integer(u->alloc_bytes));
	return failed | json_put(o, "alloc_objects", json_integer(u->alloc_objects));
}

static json_t *build_site(const struct report_heap_site *s)
{
	json_t *o = json_object();
	int failed = json_put(o, "at", json_build_frame(&s->at));

	return json_finish(o, failed | put_use(o, &s->use));
}

JSON_BUILD_LIST(build_sites, struct report_heap_site, build_site)

static json_t *build_heap(const struct report_memory *m)
{
	json_t *o = json_object();
	int failed = json_put(o, "known", json_boolean(m->heap_known));

	failed |= json_put(o, "missing",
			   m->heap_missing[0] ? json_text(m->heap_missing) : json_null());
	failed |= json_put(o, "file", m->heap_file[0] ? json_text(m->heap_file) : json_null());
	failed |= json_put(o, "with_recent", json_boolean(m->heap_with_recent));
	failed |= put_use(o, &m->heap);
	failed |= json_put(o, "sites", build_sites(m->sites, m->nsites));
	return json_finish(o, failed);
}

json_t *json_build_memory(const struct report_memory *m, bool seen)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(m->pid));

	failed |= json_put(o, "exe", json_text(m->exe));
	failed |= json_put(o, "at_s", json_number_real(m->at_s));
	failed |= json_put(o, "event", json_string(m->percent > 0 ? "threshold" : "oom-kill"));
	failed |=
		json_put(o, "percent", m->percent > 0 ? json_number_real(m->percent) : json_null());
	failed |= json_put(o, "jumped", json_boolean(m->jumped));
	if (!(m->percent > 0))
		failed |= json_put(o, "alone", json_boolean(m->alone));
	failed |= json_put(o, "limit", build_limit(m));
	failed |= json_put(o, "used_bytes", json_number(m->used));
	if (m->heap_asked)
		failed |= json_put(o, "heap", build_heap(m));
	if (seen && m->has_snapshot)
		failed |= json_put(o, "snapshot", json_build_snapshot(&m->seen));
	return json_finish(o, failed);
}

json_t *json_build_memories(const struct report *report, bool seen)
{
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < report->nmemory && !failed; i++)
		failed |= json_array_append_new(list, json_build_memory(&report->memory[i], seen));
	return json_finish(list, failed);
}

/* --- reading --- */

static const char *kind_word(unsigned int i)
{
	return report_limit_name((enum report_limit)i);
}

static const char *event_word(unsigned int i)
{
	return i ? "oom-kill" : "threshold";
}

static void read_use(struct json_reader *r, const json_t *o, struct report_heap_use *u)
{
	u->inuse_bytes = (int64_t)json_get_u64(r, o, "inuse_bytes");
	u->inuse_objects = (int64_t)json_get_u64(r, o, "inuse_objects");
	u->alloc_bytes = (int64_t)json_get_u64(r, o, "alloc_bytes");
	u->alloc_objects = (int64_t)json_get_u64(r, o, "alloc_objects");
}

static void read_heap(struct json_reader *r, const json_t *o, struct report_memory *m)
{
	const json_t *sites = json_get_array(r, o, "sites"), *one;
	size_t n = json_array_size(sites);

	m->heap_asked = true;
	m->heap_known = json_get_bool(r, o, "known");
	m->heap_with_recent = json_get_bool(r, o, "with_recent");
	m->heap_missing = json_get_text(r, o, "missing");
	m->heap_file = json_get_text(r, o, "file");
	read_use(r, o, &m->heap);
	if (n > REPORT_HEAP_SITES) {
		json_reader_fail(r, "sites", "longer than any that is written");
		return;
	}
	for (; m->nsites < n; m->nsites++) {
		one = json_array_get(sites, m->nsites);
		if (!json_is_object(one)) {
			json_reader_fail(r, "sites", "not a list of objects");
			return;
		}
		json_read_frame(r, json_get_object(r, one, "at"), &m->sites[m->nsites].at);
		read_use(r, one, &m->sites[m->nsites].use);
	}
}

static void read_memory(struct json_reader *r, const json_t *o, struct report_memory *m)
{
	const json_t *limit = json_get_object(r, o, "limit");
	const json_t *heap = json_get_object(r, o, "heap"), *seen;
	bool killed = json_get_word(r, o, "event", event_word, 2) != 0;

	m->pid = json_get_u32(r, o, "pid");
	m->exe = json_get_text(r, o, "exe");
	m->at_s = json_get_real(r, o, "at_s", 0);
	m->percent = json_get_real(r, o, "percent", 0);
	if (killed != !(m->percent > 0))
		json_reader_fail(r, "percent", "not what the event has");
	m->jumped = json_get_bool(r, o, "jumped");
	m->alone = json_get_bool(r, o, "alone");
	m->kind = (enum report_limit)json_get_word(r, limit, "kind", kind_word, REPORT_LIMITS);
	m->limit = json_get_u64(r, limit, "bytes");
	m->where = json_get_text(r, limit, "where");
	m->used = json_get_u64(r, o, "used_bytes");
	if (heap) {
		read_heap(r, heap, m);
	} else {
		m->heap_missing = json_get_text(r, NULL, "missing");
		m->heap_file = json_get_text(r, NULL, "file");
	}
	seen = json_get_object(r, o, "snapshot");
	m->has_snapshot = seen != NULL;
	if (seen)
		json_read_snapshot(r, seen, &m->seen);
}

void json_read_memories(struct json_reader *r, const json_t *o, struct report *report)
{
	const json_t *list = json_get_array(r, o, "memory");
	size_t i;

	if (json_array_size(list) > JSON_MEMORIES_MAX) {
		json_reader_fail(r, "memory", "longer than any that is written");
		return;
	}
	report->memory_asked = list != NULL;
	report->memory =
		json_get_items(r, list, "memory", sizeof(*report->memory), &report->nmemory);
	for (i = 0; i < report->nmemory; i++) {
		json_reader_enter(r, "memory", i);
		read_memory(r, json_array_get(list, i), &report->memory[i]);
	}
	r->where[0] = '\0';
}
