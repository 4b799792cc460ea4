/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_vitals.h"

#include "report/json/json_followed.h"
#include "report/json/json_make.h"
#include "report/json/json_parts.h"

/* --- writing --- */

static json_t *build_wait(const struct report_wait *wait)
{
	json_t *o = json_object();
	int failed = json_put(o, "reason", json_text(wait->reason));

	failed |= json_put(o, "goroutines", json_number(wait->goroutines));
	return json_finish(o, failed);
}

static int put_maker(json_t *o, const struct report_maker *maker)
{
	int failed = json_put(o, "created_by", json_build_frame(&maker->at));

	failed |= json_put(o, "goroutines", json_number(maker->goroutines));
	if (!maker->named)
		return failed;
	failed |= json_put(o, "grows", json_boolean(maker->grows));
	failed |= json_put(o, "named_s", json_number_real(maker->named_s));
	failed |= json_put(o, "from", json_number(maker->from));
	failed |= json_put(o, "seconds", json_number_real(maker->seconds));
	failed |= json_put(o, "per_second", json_number_real(maker->per_second));
	return failed;
}

static json_t *build_maker(const struct report_maker *maker)
{
	json_t *o = json_object();

	return json_finish(o, put_maker(o, maker));
}

json_t *json_build_leak(const struct report_maker *maker, const struct report_process *process,
			int64_t unix_ns)
{
	json_t *o = json_object();
	int failed = put_maker(o, maker);

	failed |= json_put(o, "process", json_build_process(process));
	failed |= json_put(o, "time", json_time(unix_ns));
	return json_finish(o, failed);
}

JSON_BUILD_LIST(build_waits, struct report_wait, build_wait)
JSON_BUILD_LIST(build_makers, struct report_maker, build_maker)

static json_t *build_states(const struct report_vitals *v)
{
	json_t *o = json_object();
	int failed = 0, i;

	for (i = 0; i < REPORT_GOROUTINE_STATES; i++)
		failed |= json_put(o, report_goroutine_state_name((enum report_goroutine_state)i),
				   json_number(v->states[i]));
	return json_finish(o, failed);
}

static json_t *build_oldest(const struct report_vitals *v)
{
	json_t *o;
	int failed;

	if (v->oldest_wait_s < 0)
		return json_null();
	o = json_object();
	failed = json_put(o, "seconds", json_number_real(v->oldest_wait_s));
	failed |= json_put(o, "reason", json_text(v->oldest_reason));
	failed |= json_put(o, "created_by", json_build_frame(&v->oldest));
	return json_finish(o, failed);
}

static json_t *build_ps(const struct report_vitals *v)
{
	json_t *o;
	int failed;

	if (!v->ps_known)
		return json_null();
	o = json_object();
	failed = json_put(o, "all", json_number(v->ps));
	failed |= json_put(o, "idle", json_number(v->ps_idle));
	failed |= json_put(o, "running", json_number(v->ps_running));
	failed |= json_put(o, "syscall", json_number(v->ps_syscall));
	return json_finish(o, failed);
}

static json_t *build_gc(const struct report_vitals *v)
{
	json_t *o;
	int failed;

	if (!v->gc_known)
		return json_null();
	o = json_object();
	failed = json_put(o, "cycles", json_number(v->gc_cycles));
	failed |= json_put(o, "forced", json_number(v->gc_forced));
	failed |= json_put(o, "pause_ns", json_number(v->gc_pause_ns));
	failed |= json_put(o, "last_unix_ns", json_known_number((uint64_t)v->gc_last_unix_ns));
	return json_finish(o, failed);
}

static json_t *build_heap(const struct report_vitals *v)
{
	json_t *o;
	int failed;

	if (!v->heap_known)
		return json_null();
	o = json_object();
	failed = json_put(o, "marked", json_number(v->heap_marked));
	failed |= json_put(o, "live", json_number(v->heap_live));
	failed |= json_put(o, "goal",
			   v->heap_goal == UINT64_MAX ? json_null() : json_number(v->heap_goal));
	failed |= json_put(o, "percent",
			   v->gc_percent < 0 ? json_null() : json_integer(v->gc_percent));
	failed |= json_put(o, "memory_limit",
			   v->memory_limit == INT64_MAX ? json_null()
							: json_integer(v->memory_limit));
	return json_finish(o, failed);
}

json_t *json_build_vitals_of(const struct report_vitals *v)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(v->pid));

	failed |= json_put(o, "exe", json_text(v->exe));
	failed |= json_put(o, "ended", json_boolean(v->ended));
	failed |= json_put(o, "at_s", json_number_real(v->at_s));
	failed |= json_put(o, "began_s", json_number_real(v->began_s));
	failed |= json_put(o, "looks", json_number(v->looks));
	failed |= json_put(o, "scale", json_number(v->scale));
	failed |= json_put(o, "goroutines", json_number(v->goroutines));
	failed |= json_put(o, "system", json_number(v->system));
	failed |= json_put(o, "unreadable", json_number(v->unreadable));
	failed |= json_put(o, "states", build_states(v));
	failed |= json_put(o, "waits", build_waits(v->waits, v->nwaits));
	failed |= json_put(o, "oldest_wait", build_oldest(v));
	failed |= json_put(o, "makers", build_makers(v->makers, v->nmakers));
	failed |= json_put(o, "ps", build_ps(v));
	failed |= json_put(o, "ms", v->ms_known ? json_number(v->ms) : json_null());
	failed |= json_put(o, "gc", build_gc(v));
	failed |= json_put(o, "heap", build_heap(v));
	return json_finish(o, failed);
}

JSON_BUILD_LIST(build_all, struct report_vitals, json_build_vitals_of)

json_t *json_build_vitals(const struct report *report)
{
	return build_all(report->vitals, report->nvitals);
}

/* --- reading --- */

static const json_t *get_list(struct json_reader *r, const json_t *o, const char *key, size_t max)
{
	const json_t *list = json_get_array(r, o, key);

	if (json_array_size(list) <= max)
		return list;
	json_reader_fail(r, key, "longer than any that is written");
	return NULL;
}

static void read_waits(struct json_reader *r, const json_t *o, struct report_vitals *v)
{
	const json_t *list = get_list(r, o, "waits", JSON_VITALS_PARTS_MAX), *one;
	size_t i;

	v->waits = json_get_items(r, list, "waits", sizeof(*v->waits), &v->nwaits);
	for (i = 0; i < v->nwaits; i++) {
		one = json_array_get(list, i);
		v->waits[i].reason = json_get_text(r, one, "reason");
		v->waits[i].goroutines = json_get_u64(r, one, "goroutines");
	}
}

static void read_makers(struct json_reader *r, const json_t *o, struct report_vitals *v)
{
	const json_t *list = get_list(r, o, "makers", JSON_VITALS_PARTS_MAX), *one;
	size_t i;

	v->makers = json_get_items(r, list, "makers", sizeof(*v->makers), &v->nmakers);
	for (i = 0; i < v->nmakers; i++) {
		struct report_maker *m = &v->makers[i];

		one = json_array_get(list, i);
		json_read_frame(r, json_get_object(r, one, "created_by"), &m->at);
		m->goroutines = json_get_u64(r, one, "goroutines");
		m->named = json_is_known(one, "named_s");
		m->grows = json_get_bool(r, one, "grows");
		m->named_s = json_get_real(r, one, "named_s", 0);
		m->from = json_get_u64(r, one, "from");
		m->seconds = json_get_real(r, one, "seconds", 0);
		m->per_second = json_get_real(r, one, "per_second", 0);
	}
}

static void read_states(struct json_reader *r, const json_t *o, struct report_vitals *v)
{
	int i;

	for (i = 0; i < REPORT_GOROUTINE_STATES; i++)
		v->states[i] = json_get_u64(
			r, o, report_goroutine_state_name((enum report_goroutine_state)i));
}

static void read_oldest(struct json_reader *r, const json_t *o, struct report_vitals *v)
{
	v->oldest_wait_s = json_get_real(r, o, "seconds", -1);
	v->oldest_reason = json_get_text(r, o, "reason");
	json_read_frame(r, json_get_object(r, o, "created_by"), &v->oldest);
}

static void read_ps(struct json_reader *r, const json_t *o, struct report_vitals *v)
{
	v->ps_known = o != NULL;
	v->ps = json_get_u64(r, o, "all");
	v->ps_idle = json_get_u64(r, o, "idle");
	v->ps_running = json_get_u64(r, o, "running");
	v->ps_syscall = json_get_u64(r, o, "syscall");
}

static void read_gc(struct json_reader *r, const json_t *o, struct report_vitals *v)
{
	v->gc_known = o != NULL;
	v->gc_cycles = json_get_u64(r, o, "cycles");
	v->gc_forced = json_get_u64(r, o, "forced");
	v->gc_pause_ns = json_get_u64(r, o, "pause_ns");
	v->gc_last_unix_ns = (int64_t)json_get_u64(r, o, "last_unix_ns");
}

static void read_heap(struct json_reader *r, const json_t *o, struct report_vitals *v)
{
	v->heap_known = o != NULL;
	v->heap_marked = json_get_u64(r, o, "marked");
	v->heap_live = json_get_u64(r, o, "live");
	v->heap_goal = json_is_known(o, "goal") ? json_get_u64(r, o, "goal") : UINT64_MAX;
	v->gc_percent = json_is_known(o, "percent") ? json_get_int(r, o, "percent") : -1;
	v->memory_limit = json_is_known(o, "memory_limit")
				  ? (int64_t)json_get_u64(r, o, "memory_limit")
				  : INT64_MAX;
}

static void read_one(struct json_reader *r, const json_t *o, struct report_vitals *v)
{
	v->pid = json_get_u32(r, o, "pid");
	v->exe = json_get_text(r, o, "exe");
	v->ended = json_get_bool(r, o, "ended");
	v->at_s = json_get_real(r, o, "at_s", 0);
	v->began_s = json_get_real(r, o, "began_s", 0);
	v->looks = json_get_u64(r, o, "looks");
	v->scale = json_get_u64(r, o, "scale");
	v->goroutines = json_get_u64(r, o, "goroutines");
	v->system = json_get_u64(r, o, "system");
	v->unreadable = json_get_u64(r, o, "unreadable");
	read_states(r, json_get_object(r, o, "states"), v);
	read_waits(r, o, v);
	read_oldest(r, json_get_object(r, o, "oldest_wait"), v);
	read_makers(r, o, v);
	read_ps(r, json_get_object(r, o, "ps"), v);
	v->ms_known = json_is_known(o, "ms");
	v->ms = json_get_u64(r, o, "ms");
	read_gc(r, json_get_object(r, o, "gc"), v);
	read_heap(r, json_get_object(r, o, "heap"), v);
}

void json_read_vitals(struct json_reader *r, const json_t *o, struct report *report)
{
	const json_t *list = get_list(r, o, "goroutines", JSON_VITALS_MAX);
	size_t i;

	report->goroutines = list != NULL;
	report->vitals =
		json_get_items(r, list, "goroutines", sizeof(*report->vitals), &report->nvitals);
	for (i = 0; i < report->nvitals; i++) {
		json_reader_enter(r, "goroutines", i);
		read_one(r, json_array_get(list, i), &report->vitals[i]);
	}
	r->where[0] = '\0';
}
