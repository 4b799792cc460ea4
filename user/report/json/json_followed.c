/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_followed.h"

#include <stdlib.h>
#include <string.h>

#include "report/json/json_make.h"

static json_t *build_reason(const struct report_reason *reason)
{
	json_t *o = json_object();
	int failed = json_put(o, "why", json_text(reason->why));

	failed |= json_put(o, "processes", json_number(reason->processes));
	return json_finish(o, failed);
}

static json_t *build_followed(const struct report_followed *followed)
{
	json_t *o = json_object(), *list = json_array();
	int failed = json_put(o, "processes", json_number(followed->processes));
	size_t i;

	failed |= json_put(o, "of", json_string(followed->host ? "host" : "command"));
	failed |= json_put(o, "go", json_number(followed->go));
	failed |= json_put(o, "watched", json_number(followed->watched));
	failed |= json_put(o, "unknown", json_number(followed->unknown));
	for (i = 0; i < followed->nreasons && !failed; i++)
		failed |= json_array_append_new(list, build_reason(&followed->reasons[i]));
	failed |= json_put(o, "not_watched", list);
	return json_finish(o, failed);
}

static json_t *name_or_null(const char *name)
{
	return name && *name ? json_text(name) : json_null();
}

json_t *json_build_process(const struct report_process *process)
{
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(process->pid));

	failed |= json_put(o, "exe", json_text(process->exe));
	failed |= json_put(o, "parent",
			   process->parent ? json_integer(process->parent) : json_null());
	failed |= json_put(o, "args", name_or_null(process->args));
	failed |= json_put(o, "container", name_or_null(process->container));
	failed |= json_put(o, "pod", name_or_null(process->pod));
	failed |= json_put(o, "unit", name_or_null(process->unit));
	failed |= json_put(o, "why_not", process->why ? json_text(process->why) : json_null());
	failed |= json_put(o, "from_s", json_real(process->from_s));
	failed |= json_put(o, "to_s", process->to_s < 0 ? json_null() : json_real(process->to_s));
	return json_finish(o, failed);
}

int json_put_followed(json_t *o, const struct report *report)
{
	json_t *list;
	int failed;
	size_t i;

	if (!report->followed)
		return 0;
	failed = json_put(o, "followed", build_followed(report->followed));
	list = json_array();
	for (i = 0; i < report->nprocesses && !failed; i++)
		failed |= json_array_append_new(list, json_build_process(&report->processes[i]));
	return failed | json_put(o, "processes", list);
}

static void read_reasons(struct json_reader *r, const json_t *o, struct report_followed *followed)
{
	const json_t *list = json_get_array(r, o, "not_watched");
	size_t i;

	followed->reasons = json_get_items(r, list, "not_watched", sizeof(*followed->reasons),
					   &followed->nreasons);
	for (i = 0; i < followed->nreasons; i++) {
		json_reader_enter(r, "not_watched", i);
		o = json_array_get(list, i);
		followed->reasons[i].why = json_get_text(r, o, "why");
		followed->reasons[i].processes = json_get_u64(r, o, "processes");
	}
	r->where[0] = '\0';
}

static char *read_name(struct json_reader *r, const json_t *o, const char *name)
{
	return json_is_known(o, name) ? json_get_text(r, o, name) : NULL;
}

static void read_process(struct json_reader *r, const json_t *o, struct report_process *p)
{
	p->pid = json_get_u32(r, o, "pid");
	p->exe = json_get_text(r, o, "exe");
	p->parent = json_is_known(o, "parent") ? json_get_u32(r, o, "parent") : 0;
	p->args = read_name(r, o, "args");
	p->container = read_name(r, o, "container");
	p->pod = read_name(r, o, "pod");
	p->unit = read_name(r, o, "unit");
	p->why = read_name(r, o, "why_not");
	p->from_s = json_get_real(r, o, "from_s", 0);
	p->to_s = json_get_real(r, o, "to_s", -1);
}

static bool is_of_host(const json_t *o)
{
	const char *of = json_string_value(json_object_get(o, "of"));

	return of && !strcmp(of, "host");
}

void json_read_followed(struct json_reader *r, const json_t *root, struct report *report)
{
	const json_t *o = json_get_object(r, root, "followed"), *list;
	size_t i;

	if (!o)
		return;
	report->followed = calloc(1, sizeof(*report->followed));
	if (!report->followed) {
		json_reader_nomem(r);
		return;
	}
	report->followed->host = is_of_host(o);
	report->followed->processes = json_get_u64(r, o, "processes");
	report->followed->go = json_get_u64(r, o, "go");
	report->followed->watched = json_get_u64(r, o, "watched");
	if (json_is_known(o, "unknown"))
		report->followed->unknown = json_get_u64(r, o, "unknown");
	read_reasons(r, o, report->followed);
	list = json_get_array(r, root, "processes");
	report->processes = json_get_items(r, list, "processes", sizeof(*report->processes),
					   &report->nprocesses);
	for (i = 0; i < report->nprocesses; i++) {
		json_reader_enter(r, "processes", i);
		read_process(r, json_array_get(list, i), &report->processes[i]);
	}
	r->where[0] = '\0';
}
