/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_panic.h"

#include <stdio.h>

#include "report/json/json_make.h"
#include "report/json/json_parts.h"

static json_t *known_text(const char *s)
{
	return s[0] ? json_text(s) : json_null();
}

static json_t *build_outcomes(const struct report_panic *panic)
{
	json_t *o = json_object();
	int failed = 0;
	size_t i;

	for (i = 0; i < REPORT_PANIC_OUTCOMES; i++)
		failed |= json_put(o, report_panic_outcome_name((enum report_panic_outcome)i),
				   json_number(panic->outcomes[i]));
	failed |= json_put(o, "unknown", json_number(report_panic_unknown(panic)));
	return json_finish(o, failed);
}

json_t *json_build_panic(const struct report_panic *panic)
{
	const struct report_access *at = &panic->access;
	const struct report_frame *site = report_access_site(at);
	json_t *o = json_object();
	int failed = json_put(o, "pid", json_integer(panic->pid));

	failed |= json_put(o, "kind", json_string(report_panic_kind_name(panic->kind)));
	failed |= json_put(o, "value_type", known_text(panic->type));
	failed |= json_put(o, "message", known_text(panic->message));
	if (site)
		failed |= json_put(o, "site", json_build_frame(site));
	failed |= json_put(o, "count", json_number(panic->count));
	failed |= json_put(o, "outcomes", build_outcomes(panic));
	failed |= json_put(o, "recovered_in", known_text(panic->recovered_in));
	failed |= json_put(o, "recovered_elsewhere", json_boolean(panic->recovered_elsewhere));
	failed |= json_put(o, "watched", json_number_real(panic->watched));
	failed |= json_put(o, "first_seen_s", json_number_real(panic->first_seen_s));
	failed |= json_put(o, "last_seen_s", json_number_real(panic->last_seen_s));
	failed |= json_put(o, "goroutine", json_known_number(at->goroutine));
	failed |= json_put(o, "time_ns", json_number(at->time_ns));
	failed |= json_put(o, "stack", json_build_stack(at));
	failed |= json_put(o, "truncated", json_boolean(at->truncated));
	failed |= json_put(o, "partial", json_boolean(at->partial));
	failed |= json_put(o, "created_by", json_build_creation(&at->created_by));
	if (at->nlabels)
		failed |= json_put(o, "labels", json_build_labels(at->labels, at->nlabels));
	return json_finish(o, failed);
}

JSON_BUILD_LIST(build_panics, struct report_panic, json_build_panic)

json_t *json_build_panics(const struct report *report)
{
	return build_panics(report->panics, report->npanics);
}

/* --- reading --- */

static const char *kind_word(unsigned int i)
{
	return report_panic_kind_name((enum report_panic_kind)i);
}

/* "site" and what is unknown are not read: they follow from the rest. */
static void read_panic(struct json_reader *r, const json_t *o, struct report_panic *panic)
{
	const json_t *outcomes = json_get_object(r, o, "outcomes");
	size_t i;

	panic->pid = json_get_u32(r, o, "pid");
	panic->kind =
		(enum report_panic_kind)json_get_word(r, o, "kind", kind_word, REPORT_PANIC_KINDS);
	panic->type = json_get_text(r, o, "value_type");
	panic->message = json_get_text(r, o, "message");
	panic->count = json_get_u64(r, o, "count");
	for (i = 0; i < REPORT_PANIC_OUTCOMES; i++)
		panic->outcomes[i] = json_get_u64(
			r, outcomes, report_panic_outcome_name((enum report_panic_outcome)i));
	panic->recovered_in = json_get_text(r, o, "recovered_in");
	panic->recovered_elsewhere = json_get_bool(r, o, "recovered_elsewhere");
	panic->watched = json_get_real(r, o, "watched", 1);
	panic->first_seen_s = json_get_real(r, o, "first_seen_s", 0);
	panic->last_seen_s = json_get_real(r, o, "last_seen_s", 0);
	json_read_who(r, o, &panic->access);
}

void json_read_panics(struct json_reader *r, const json_t *o, struct report *report)
{
	const json_t *list = json_get_array(r, o, "panics");
	size_t i;

	if (json_array_size(list) > JSON_PANICS_MAX) {
		json_reader_fail(r, "panics", "longer than any that is written");
		return;
	}
	report->panics_watched = list != NULL;
	report->panics =
		json_get_items(r, list, "panics", sizeof(*report->panics), &report->npanics);
	for (i = 0; i < report->npanics; i++) {
		json_reader_enter(r, "panics", i);
		read_panic(r, json_array_get(list, i), &report->panics[i]);
	}
	r->where[0] = '\0';
}
